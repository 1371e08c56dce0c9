/* Forwarding in the caller's network namespace. The kernel decides it by the interface that a packet comes in
 * by: for IPv4 by that interface's own setting alone, which a change of ip_forward sets for all; for IPv6 by
 * the setting for all, and where that is 0 by the interface's force_forwarding (Linux 6.17). */
#ifndef NM_HOST_FORWARDING_H
#define NM_HOST_FORWARDING_H

#include <net/if.h>

#include "host/rtnl.h"

/* The setting for all interfaces, "net/ipv4/ip_forward", and as sysctl(8) writes it. */
extern const char *const nm_forwarding_global[NM_FAMILY_MAX];
extern const char *const nm_forwarding_global_key[NM_FAMILY_MAX];

/* Sets *ret to whether packets that come in by this interface are forwarded. */
int nm_forwarding_get(
	enum nm_family family, const char *interface, bool *ret, struct nm_err *err) NM_MUST_USE;

/* Sets *ret to whether it is on for all interfaces. */
int nm_forwarding_read_global(enum nm_family family, bool *ret, struct nm_err *err) NM_MUST_USE;

/* The same, for who only tells it: what cannot be read is off. */
bool nm_forwarding_is_global(enum nm_family family);

/* Sets *ret to whether this kernel can forward by interface where it does not for all. */
int nm_forwarding_has_interfaces(enum nm_family family, bool *ret, struct nm_err *err) NM_MUST_USE;

/* An interface by which packets may come. */
struct nm_forwarding_interface {
	char name[IF_NAMESIZE];
	unsigned index;
	bool bridge;
};

struct nm_forwarding_interfaces {
	struct nm_forwarding_interface *v; /* owned */
	size_t n, capacity;
};

/* The interfaces, but for the loopback interface, that have an address of the family; a link-local one counts
 * for none. -1 with *err. */
int nm_forwarding_list(struct nm_netlink *rtnl, enum nm_family family, struct nm_forwarding_interfaces *ret,
	struct nm_err *err) NM_MUST_USE;
void nm_forwarding_interfaces_done(struct nm_forwarding_interfaces *list);

#endif
