/* Networks whose members a container answers without the host: it would answer directly, untranslated, what
 * they send to a published port, so they are masqueraded. */
#ifndef NM_PUBLISH_CLIENT_NETWORKS_H
#define NM_PUBLISH_CLIENT_NETWORKS_H

#include "host/netlink.h"
#include "state/record.h"

/* At most so many of a container beside that of its address: each port takes a rule or an element for each.
 */
#define NM_CLIENT_NETWORKS_MAX 16

/* Sets the record's networks to those of its namespace's addresses, in the record's families, but for that of
 * the record's own address. Where the host's route to such an address is longer than its network, that
 * counts: who is not in it comes through the host. More than NM_CLIENT_NETWORKS_MAX are a notice. */
int nm_client_networks_find(
	struct nm_netlink *rtnl, struct nm_netns *ns, struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Sets the networks of *to, which may have another address, from a record of the same container that
 * nm_client_networks_find() was called for; if that one has looked into no namespace, they stay. */
int nm_client_networks_copy(
	struct nm_record *to, const struct nm_record *from, struct nm_err *err) NM_MUST_USE;

#endif
