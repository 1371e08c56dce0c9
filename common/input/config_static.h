/* "static" of the configuration, for input/config.c only. */
#ifndef NM_INPUT_CONFIG_STATIC_H
#define NM_INPUT_CONFIG_STATIC_H

#include "input/config_schema.h"

/* The keys of "static". Their readers append to the struct nm_static_nats that is their ctx. */
extern const struct nm_config_row nm_config_static_rows[];

/* Checks what needs all entries: members that are missing, entries that contradict each other. Sets family,
 * has_external and has_lan of each entry. 0, or -1 with *err (NM_ERR_CONFIG). */
int nm_config_static_check(struct nm_static_nats *s, struct nm_err *err) NM_MUST_USE;

#endif
