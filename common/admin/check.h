/* Compares kernel, state and configuration. Changes nothing. */
#ifndef NM_ADMIN_CHECK_H
#define NM_ADMIN_CHECK_H

#include "admin/differences.h"
#include "input/config.h"

/* Every kind of difference, as natmap(8) has them; ends with NULL. */
extern const char *const nm_check_kinds[];

/* Finds what nm_reload() would change, drops by others, and services that published ports hide. Releases the
 * state's lock. 0, or -1 with *err. *ret, zeros before, needs nm_differences_done() in both cases. */
int nm_check(struct nm_config *c, const char *state_dir, struct nm_differences *ret,
	struct nm_err *err) NM_MUST_USE;

#endif
