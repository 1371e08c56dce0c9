/* The bridge of natmap's containers on the host. */
#ifndef NM_NETWORK_BRIDGE_H
#define NM_NETWORK_BRIDGE_H

#include "host/rtnl.h"
#include "host/sysctl.h"
#include "model/network.h"

struct nm_bridge {
	unsigned ifindex, mtu;
	bool made; /* just now */
};

/*
 * Makes the bridge of a, with its address in each subnet of a, if it is not there or not complete. mtu: of a
 * new one; 0: that of the interface of the host's default route. 0, or -1 with *err and what has been made is
 * gone again: NM_ERR_REFUSED when another interface has the name, or a subnet overlaps a route or address of
 * the host.
 */
int nm_bridge_ensure(struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned mtu,
	struct nm_bridge *ret, struct nm_err *err) NM_MUST_USE;

/* Whether it can be made, or works as it is: NM_ERR_REFUSED for the same reasons. Changes nothing. */
int nm_bridge_check(struct nm_netlink *rtnl, const struct nm_attachment *a, struct nm_err *err) NM_MUST_USE;

/* What a bridge is set to: bridge.c says why. */
enum nm_bridge_setting { NM_BRIDGE_ACCEPT_RA, NM_BRIDGE_DISABLE_IPV6, NM_BRIDGE_SETTING_MAX };

/* Prints its name, and returns the value that it is to have. */
int nm_bridge_setting(
	const struct nm_attachment *a, enum nm_bridge_setting which, char name[static NM_SYSCTL_NAME_MAX]);

/* Sets all of them. One that is not new may have containers with IPv6 where this one has none: it stays on. A
 * kernel without IPv6 has none of them. */
int nm_bridge_set(const struct nm_attachment *a, bool is_new, struct nm_err *err) NM_MUST_USE;

/* Removes the bridge of a, as network/aside.h says; none, and one that is not natmap's, is no error. */
int nm_bridge_remove(struct nm_netlink *rtnl, const struct nm_attachment *a, struct nm_err *err) NM_MUST_USE;

#endif
