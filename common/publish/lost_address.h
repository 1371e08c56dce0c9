/* Addresses on record that their containers no longer have: a network was plugged in again. */
#ifndef NM_PUBLISH_LOST_ADDRESS_H
#define NM_PUBLISH_LOST_ADDRESS_H

#include "host/rtnl.h"
#include "input/config.h"
#include "state/record.h"

/* The families of the record whose address is not among all of its container's, nor in policy.address. One of
 * a network that natmap has made is never lost: it stays the container's, which a reload gives it again. */
unsigned nm_lost_address_among(
	const struct nm_rtnl_addresses *all, const struct nm_record *r, const struct nm_policy *policy);

/*
 * Sets *ret to the families whose address no interface of a live container has any more, asking over rtnl, an
 * rtnetlink socket of the host. An address that policy.address has need not be on an interface, and one that
 * was given without a process is not judged. -1 with *err when the container's network namespace cannot be
 * looked into.
 */
int nm_lost_address_find(struct nm_netlink *rtnl, const struct nm_record *r, const struct nm_policy *policy,
	unsigned *ret, struct nm_err *err) NM_MUST_USE;

#endif
