/* "static" of the configuration, for input/config.c only. */
#ifndef NM_INPUT_CONFIG_STATIC_H
#define NM_INPUT_CONFIG_STATIC_H

#include "input/config_schema.h"

/* The keys of "static". Their readers append to statics of the configuration. */
extern const struct nm_config_table nm_config_static_table;

/* Checks what needs all entries: members that are missing, entries that contradict each other. Sets the
 * family of each entry. 0, or -1 with *err (NM_ERR_CONFIG). */
int nm_config_static_check(struct nm_static_nats *s, struct nm_err *err) NM_MUST_USE;

#endif
