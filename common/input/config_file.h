/* The configuration's file: natmap.json(5). */
#ifndef NM_INPUT_CONFIG_FILE_H
#define NM_INPUT_CONFIG_FILE_H

#include "input/config.h"

#define NM_CONFIG_PATH "/etc/natmap/natmap.json"

/*
 * Reads path into *c; path NULL is NM_CONFIG_PATH, which may be missing. After a failure everything has its
 * default. The file must belong to the effective user or root and be writable by nobody else. Else as
 * nm_config_parse().
 */
int nm_config_file_load(struct nm_config *c, const char *path, struct nm_err *err) NM_MUST_USE;

/* True when the file can be read and may have the key "sources": annotations of other tools may count. Reads
 * bytes and parses nothing. */
bool nm_config_file_may_have_sources(const char *path);

#endif
