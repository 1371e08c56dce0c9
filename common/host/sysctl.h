/* Integer settings of the caller's network namespace, under /proc/sys/net. */
#ifndef NM_HOST_SYSCTL_H
#define NM_HOST_SYSCTL_H

#include "base/addr.h"
#include "base/err.h"

#define NM_SYSCTL_NAME_MAX 96
/* Print "net/ipv4/conf/IF/route_localnet", "net/ipv4/conf/IF/rp_filter", "net/ipv4/conf/IF/forwarding" or
 * "net/ipv6/conf/IF/force_forwarding", and "net/ipv6/conf/IF/accept_ra" into buf, which is also returned. A
 * dot in the interface's name stays a dot. */
const char *nm_sysctl_route_localnet(const char *interface, char buf[static NM_SYSCTL_NAME_MAX]);
const char *nm_sysctl_rp_filter(const char *interface, char buf[static NM_SYSCTL_NAME_MAX]);
const char *nm_sysctl_forwarding(
	enum nm_family family, const char *interface, char buf[static NM_SYSCTL_NAME_MAX]);
const char *nm_sysctl_accept_ra(const char *interface, char buf[static NM_SYSCTL_NAME_MAX]);

/* Reads /proc/sys/NAME. 0, or -1 with *err ("reading net/ipv4/...: No such file or directory"), whose kind is
 * NM_ERR_MISSING when there is no such setting; so do those below. */
int nm_sysctl_get(const char *name, int *ret, struct nm_err *err) NM_MUST_USE;

/* Writes value unless the setting has it already: a read-only /proc/sys is not an error then. */
int nm_sysctl_set(const char *name, int value, struct nm_err *err) NM_MUST_USE;

/* Does all of nm_sysctl_set() but the write itself: reads the setting, and opens it for writing. */
int nm_sysctl_can_set(const char *name, int value, struct nm_err *err) NM_MUST_USE;

/* An open setting, of the namespace in which it was opened, wherever the process goes. fd -1: there is none,
 * or it cannot be read; why: errno value, 0 when it can be written. */
struct nm_sysctl {
	int fd, why;
};

/* Opens /proc/sys/NAME. The caller closes ret->fd. */
void nm_sysctl_open(const char *name, struct nm_sysctl *ret);
/* What nm_sysctl_set() does, for the setting that is open as this. */
int nm_sysctl_set_open(
	const struct nm_sysctl *s, const char *name, int value, struct nm_err *err) NM_MUST_USE;

#endif
