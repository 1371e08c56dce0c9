/* The directories in which podman and CRI-O look for hook files. */
#ifndef NM_INPUT_HOOK_DIRS_H
#define NM_INPUT_HOOK_DIRS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What podman, root's, and CRI-O read where nobody says anything else: podman 4.3 to 5.8. Its manual names
 * /etc/containers/oci/hooks.d, too, which it does not read. */
#define NM_HOOK_DIR "/usr/share/containers/oci/hooks.d"

enum nm_hook_engine { NM_HOOK_ENGINE_PODMAN, NM_HOOK_ENGINE_CRIO };

struct nm_hook_dirs {
	char **v; /* owned; a later one goes first where both have a file of one name */
	size_t n, capacity;
	bool is_sure; /* false: its versions do not agree on what its configuration says, or we do not
			 understand it */
};

/* Reads the engine's configuration, containers.conf(5) or crio.conf(5), with its directory. 0 with *ret to be
 * released with nm_hook_dirs_done(), or -1 with *err: memory. */
int nm_hook_dirs_read(enum nm_hook_engine engine, struct nm_hook_dirs *ret, struct nm_err *err) NM_MUST_USE;
void nm_hook_dirs_done(struct nm_hook_dirs *dirs);

#endif
