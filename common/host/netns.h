/* The container's network namespace: its identity and its addresses. Only host/netns.c uses setns(). */
#ifndef NM_HOST_NETNS_H
#define NM_HOST_NETNS_H

#include <errno.h>
#include <sys/types.h>

#include "host/netlink.h"
#include "host/rtnl.h"
#include "host/sysctl.h"

/* Identity of a namespace: st_dev and st_ino of its file under /proc/PID/ns (namespaces(7)). */
struct nm_nsid {
	uint64_t dev, ino;
};

static inline bool nm_nsid_equal(const struct nm_nsid *a, const struct nm_nsid *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* The cookie of the socket's network namespace: unlike an inode's number, it is not given out again before
 * the next boot. False: Linux before 5.14. */
bool nm_netns_cookie(int socket, uint64_t *ret);

/* A network namespace that is being looked into. Begins as NM_NETNS_INIT. */
struct nm_netns {
	struct nm_nsid id;
	int fd;               /* of its file, by which interfaces are put there; -1: likewise */
	struct nm_netlink nl; /* rtnetlink of that namespace; fd -1: it has not been opened */
	struct nm_sysctl accept_ra, disable_ipv6; /* of interfaces to come: nm_netns_prepare_ipv6() */
	struct nm_rtnl_addresses addresses;       /* of all its interfaces; owned */
	struct nm_rtnl_link link;                 /* what nm_netns_look_at() has found last */
	bool knows_home;                          /* nm_netns_home() has been asked: */
	int32_t home;
};

#define NM_NETNS_INIT                                                                            \
	{                                                                                        \
		.fd = -1, .nl.fd = -1, .accept_ra = {-1, ENOENT}, .disable_ipv6 = { -1, ENOENT } \
	}

/* The caller's own namespace of the kind, "net" or "pid". 0, or -1 with *err. */
int nm_netns_self(const char *kind, struct nm_nsid *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Opens the network namespace of process pid: its file, an rtnetlink socket there and, with settings, what
 * nm_netns_prepare_ipv6() writes to. Reads nothing of it. Needs CAP_SYS_ADMIN and CAP_SYS_PTRACE, and after
 * it neither is needed for *ret.
 * Errors, each with its own message: /proc belongs to another PID namespace, or has no process pid; pid is in
 * the caller's network namespace ("host network", NM_ERR_REFUSED). 0 with *ret for nm_netns_done(); -1 with
 * *err, and then the caller must end without changing the network: the return to its own namespace may have
 * failed.
 */
int nm_netns_connect(pid_t pid, bool settings, struct nm_netns *ret, struct nm_err *err) NM_MUST_USE;

/* Reads the addresses of ns, which nm_netns_connect() has opened for pid. A namespace without addresses is
 * not an error. */
int nm_netns_read(struct nm_netns *ns, pid_t pid, struct nm_err *err) NM_MUST_USE;

/* Both of these, without settings. */
int nm_netns_open(pid_t pid, struct nm_netns *ret, struct nm_err *err) NM_MUST_USE;

/* Lets interfaces that come into the namespace from now on have IPv6, if that is required, and ignore router
 * advertisements, which any neighbour may send. Where the kernel has no IPv6 and none is required, that is no
 * error. Of a namespace that was opened with settings. */
int nm_netns_prepare_ipv6(const struct nm_netns *ns, bool required, struct nm_err *err) NM_MUST_USE;

/* Sets ns->link to the interface, found == false if there is none. */
int nm_netns_look_at(struct nm_netns *ns, unsigned ifindex, struct nm_err *err) NM_MUST_USE;

/* Sets *ret to the id that the namespace has for the caller's own; NM_RTNL_HERE: none, no interface leads
 * there. */
int nm_netns_home(struct nm_netns *ns, int32_t *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Calls take(ctx, address) for the primary global address of each interface that may be the container's, and
 * stops when it returns 1; -1 with *err is an error. The first is the interface of the default route
 * (nm_route_default()); then come others that are up, of at most 256, in the kernel's order, without
 * loopback. With interface (a name; NULL: none) only that one's: NM_ERR_REFUSED when there is no such
 * interface.
 */
int nm_netns_each_address(struct nm_netns *ns, enum nm_family family, const char *interface,
	int (*take)(void *ctx, const struct nm_rtnl_address *address, struct nm_err *err), void *ctx,
	struct nm_err *err) NM_MUST_USE;

void nm_netns_done(struct nm_netns *ns);

#endif
