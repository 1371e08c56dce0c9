/* The container's network namespace: its identity and its addresses. Only host/netns.c uses setns(). */
#ifndef NM_HOST_NETNS_H
#define NM_HOST_NETNS_H

#include <net/if.h>
#include <sys/types.h>

#include "base/prefix.h"

/* Identity of a namespace: st_dev and st_ino of its file under /proc/PID/ns (namespaces(7)). */
struct nm_nsid {
	uint64_t dev, ino;
};

static inline bool nm_nsid_equal(const struct nm_nsid *a, const struct nm_nsid *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* The address of one family inside the container. */
struct nm_netns_address {
	bool found;
	struct nm_prefix address; /* the primary global address, with the interface's prefix length */
	unsigned ifindex;         /* of the interface that carries it, inside the container */
	unsigned peer_ifindex;    /* of the veth peer in another namespace; 0: none */
};

struct nm_netns {
	struct nm_nsid id;
	struct nm_netns_address family[NM_FAMILY_MAX];
	struct nm_prefixes all; /* every address of every interface; owned */
};

/* The caller's own namespace of the kind, "net" or "pid". 0, or -1 with *err. */
int nm_netns_self(const char *kind, struct nm_nsid *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Reads the addresses in the network namespace of process pid through rtnetlink. interface: the interface to
 * take them from; NULL: for each family that of its default route (nm_route_default()), else the first that
 * is up and has a global address. Needs CAP_SYS_ADMIN and CAP_SYS_PTRACE. Errors, each with its own message:
 * /proc belongs to another PID namespace, or has no process pid; pid is in the caller's network namespace
 * ("host network", NM_ERR_REFUSED); there is no such interface (NM_ERR_REFUSED). A namespace without
 * addresses is not an error. 0 with *ret for nm_netns_done(); -1 with *err, and then the caller must end
 * without changing the network: the return to its own namespace may have failed.
 */
int nm_netns_read(pid_t pid, const char *interface, struct nm_netns *ret, struct nm_err *err) NM_MUST_USE;

void nm_netns_done(struct nm_netns *ns);

#endif
