/*
 * A container's whole network: the bridge and its pair. A record says all that is needed to make it and to
 * remove it. Making is repairing: what is there stays.
 */
#ifndef NM_NETWORK_ATTACH_H
#define NM_NETWORK_ATTACH_H

#include "network/container.h"
#include "network/pair.h"
#include "state/records.h"

/* How it is to be where the record does not say. */
struct nm_attach_options {
	unsigned mtu; /* of a new bridge: natmap.json(5) */
	bool hairpin; /* of the container's port */
};

/* A container whose network is to be made. Begins as NM_ATTACH_TARGET. */
struct nm_attach_target {
	struct nm_netns ns; /* open */
	struct nm_pair_view view;
	struct nm_netlink rtnl; /* of the host, once it is open */
	struct nm_bridge bridge;
	bool begun; /* the pair: until then one of its name is that of another process with the same id */
};

#define NM_ATTACH_TARGET                           \
	{                                          \
		.ns = NM_NETNS_INIT, .rtnl.fd = -1 \
	}

void nm_attach_target_done(struct nm_attach_target *t);

/* Sets what r, which has its id, is to have of the network, but for addresses. Without IPv6 where the kernel
 * has none of its settings, if there is a subnet of IPv4: a notice says so. */
int nm_attach_plan(struct nm_record *r, const struct nm_network *network, struct nm_err *err) NM_MUST_USE;

/* Looks into the namespace of the container of r, which was opened with settings and becomes t's. Prepares an
 * empty one for the families of r's network: nm_netns_prepare_ipv6(). */
int nm_attach_examine(struct nm_attach_target *t, struct nm_container *container, const struct nm_record *r,
	struct nm_err *err) NM_MUST_USE;

/* Makes the bridge that r is to be on, and takes possession of what the container has already. -1 with *err
 * when that is somebody else's: NM_ERR_REFUSED, and nothing is left. */
int nm_attach_prepare(
	struct nm_attach_target *t, const struct nm_record *r, unsigned mtu, struct nm_err *err) NM_MUST_USE;

/* Makes the pair of r, whose record has been written. */
int nm_attach_make(
	struct nm_attach_target *t, const struct nm_record *r, bool hairpin, struct nm_err *err) NM_MUST_USE;

/* Removes what the two above have made. *err stays what it is, and says more if this fails. */
void nm_attach_undo(struct nm_attach_target *t, const struct nm_record *r, struct nm_err *err);

/* Makes what is missing of the network of a live container, which has this namespace, nm_netns_open(), and
 * had this view of it; NULL: its pair is there, and all that is in the container. r is its record. 0, or -1
 * with *err. */
int nm_attach_repair(struct nm_netlink *rtnl, struct nm_netns *ns, struct nm_pair_view *view,
	const struct nm_record *r, const struct nm_attach_options *options, struct nm_err *err) NM_MUST_USE;

/* Who still needs what removed records have. */
struct nm_attach_others {
	const struct nm_record *new;    /* NULL: none */
	const struct nm_records *peers; /* one of each bridge that is needed, at least */
	const struct nm_records *held;
};

/* Whether the bridge of that name goes with the removed records: nobody of the others is on it. */
bool nm_attach_bridge_goes(
	const struct nm_records *removed, const struct nm_attach_others *others, const char *name);

/* Removes the pairs of the removed records but for those that new and held have, and each bridge that nobody
 * of the others is on, as network/aside.h says: what is slow is done at the end of the process. */
int nm_attach_remove(const struct nm_records *removed, const struct nm_attach_others *others,
	struct nm_err *err) NM_MUST_USE;

#endif
