/* The container's network namespace: which one it is and what addresses it has. host/netns.c is the only user
 * of setns(). */
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

/* What one family looks like inside the container. */
struct nm_netns_address {
	bool found;
	struct nm_prefix address; /* the primary global address, with the interface's prefix length */
	unsigned ifindex;         /* of the interface that carries it, inside the container */
	unsigned peer_ifindex;    /* of its peer, for a veth whose peer is elsewhere; 0: none */
};

struct nm_netns {
	struct nm_nsid id;
	struct nm_netns_address family[NM_FAMILY_MAX];
	struct nm_prefixes all; /* every address of every interface; owned */
};

/* The caller's own namespace of the kind, "net" or "pid". 0, or -1 with *err. */
int nm_netns_self(const char *kind, struct nm_nsid *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Looks into the network namespace of process pid through rtnetlink, and comes back to the caller's.
 * interface picks the interface to take the addresses from; NULL: that of the default route of each family
 * (the lowest metric), else the first that is up and has a global address. Needs CAP_SYS_ADMIN and
 * CAP_SYS_PTRACE. Errors, each its own message: /proc is of another PID namespace (readlink /proc/self is not
 * getpid()) or pid is no process there; pid is in the caller's network namespace ("host network",
 * NM_ERR_REFUSED); no such interface (NM_ERR_REFUSED). That no family has an address is no error here. 0 with
 * *ret to be released with nm_netns_done(); -1 with *err, and the caller must end without touching the
 * network: the way back may have failed.
 */
int nm_netns_read(pid_t pid, const char *interface, struct nm_netns *ret, struct nm_err *err) NM_MUST_USE;

void nm_netns_done(struct nm_netns *ns);

#endif
