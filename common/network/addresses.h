/* Which addresses a container gets from natmap: the same ones for an id as long as nobody else has them. */
#ifndef NM_NETWORK_ADDRESSES_H
#define NM_NETWORK_ADDRESSES_H

#include "model/network.h"
#include "state/search.h"

/*
 * Sets *ret to the address that the container of this id is to have when the first n ones that it may have
 * are taken: they begin at a hash of the id, and go round all addresses of the subnet but the network's own,
 * the gateway's and the broadcast address. False: there are no more than n. Pure.
 */
bool nm_addresses_candidate(
	const struct nm_prefix *subnet, const char *id, uint64_t n, struct nm_prefix *ret);

/* Sets the addresses of a to those that io.natmap.address has, if it is not NULL. NM_ERR_REFUSED for more
 * than one of each family of a. */
int nm_addresses_ask(const char *annotation, struct nm_attachment *a, struct nm_err *err) NM_MUST_USE;

/*
 * Fills in the addresses of a, in the families of network->subnet that it has: one that is set is asked for.
 * st NULL: no address is taken. known: an older record of the container, whose addresses stay if they are of
 * the subnets; NULL: none. Addresses on record are taken, whether their container lives or not. 0, or -1 with
 * *err: NM_ERR_REFUSED when an address that is asked for is not in the subnet or taken, or the subnet is
 * full.
 */
int nm_addresses_allocate(struct nm_state *st, const char *id, const struct nm_network *network,
	const struct nm_record *known, struct nm_attachment *a, struct nm_err *err) NM_MUST_USE;

#endif
