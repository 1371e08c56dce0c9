/* The filter of system calls. Its table is generate/sandbox_calls.def. */
#ifndef NM_HOST_SANDBOX_FILTER_H
#define NM_HOST_SANDBOX_FILTER_H

#include <linux/filter.h>

#include "base/err.h"

/* Sets no_new_privs and has the kernel judge each further call by the filter. */
int nm_sandbox_filter_load(struct nm_err *err) NM_MUST_USE;

/* The filter for this process; borrowed for ever. */
struct sock_fprog nm_sandbox_filter_program(void);

/* The name of a system call of this machine, or "unknown". */
const char *nm_sandbox_filter_name(int number);

#endif
