/* JSON of others that names natmap as a hook: a hook file in the form of oci-hooks(5), or the configuration
 * of a container. */
#ifndef NM_INPUT_HOOK_FILE_H
#define NM_INPUT_HOOK_FILE_H

#include <stdbool.h>

#include "base/err.h"

struct nm_hook_file {
	bool is_ours;  /* a hook is a program of this name, or asks for an annotation of ours */
	char *program; /* its path, owned; NULL: it has none */
};

/* Reads the file, of at most 1 MiB. 0 with *ret to be released with nm_hook_file_done(), or -1 with *err: it
 * is not there, no file, or no JSON. */
int nm_hook_file_read(const char *path, struct nm_hook_file *ret, struct nm_err *err) NM_MUST_USE;
void nm_hook_file_done(struct nm_hook_file *file);

#endif
