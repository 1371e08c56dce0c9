/* What should be in the kernel, collected from records in the layout of their backends. */
#ifndef NM_BACKEND_DESIRED_H
#define NM_BACKEND_DESIRED_H

#include "host/netlink.h"
#include "model/network_part.h"
#include "nftables/layout.h"
#include "state/record.h"

/* Begins as zeros. Rules and elements borrow from the records that they were made for. */
struct nm_desired {
	struct nm_rules rules; /* in iptables' tables */
	size_t n_accept;       /* the last of them: nm_desired_read_accept() */
	bool accept_natively;  /* nm_iptables_accept() */
	struct {
		const char **v; /* owned */
		size_t n, capacity;
	} owners;                             /* that identify rules in iptables' tables */
	struct nm_nftables_elements elements; /* in natmap's own tables */
	struct nm_rules statics;              /* of static NAT, in natmap's own tables */
	struct {
		struct nm_network_part **v; /* owned, each alone: rules and elements borrow from it */
		size_t n, capacity;
	} networks[NM_BACKEND_MAX];   /* parts of bridges of natmap's, each once */
	void *guards[NM_BACKEND_MAX]; /* owners of guards, one for each interface: tsearch(3); owned */
	void *forwards;               /* the same for interfaces from which packets are not forwarded */
};

/* Appends an owner, borrowed. */
int nm_desired_add_owner(struct nm_desired *d, const char *owner, struct nm_err *err) NM_MUST_USE;

/* Appends all rules or elements of the record, and the guard of its interface and what its bridge needs
 * unless these are there already. options NULL: what identifies all that the record may have, whatever the
 * options were. */
int nm_desired_add_record(struct nm_desired *d, const struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err) NM_MUST_USE;

/* The host ports of some records, by protocol. Begins as zeros. */
struct nm_desired_ports {
	struct nm_port_set tcp, udp, sctp;
};
void nm_desired_note_ports(struct nm_desired_ports *ports, const struct nm_record *r);

/* Appends of a record the guard, and the mappings that may share an element with those: on one of the ports.
 */
int nm_desired_add_sharing(struct nm_desired *d, const struct nm_record *r, struct nm_desired_ports *ports,
	struct nm_err *err) NM_MUST_USE;

/* From now on, what the record's bridge needs counts as there. */
int nm_desired_keep_network(struct nm_desired *d, const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Appends what the record's bridge needs: rules that are far from the head of a chain count as there where
 * the others are. */
int nm_desired_know_network(struct nm_desired *d, const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* The guard of an interface alone: appends it unless it is there, or tells whether it is there. */
int nm_desired_add_guard(
	struct nm_desired *d, const char *interface, enum nm_backend backend, struct nm_err *err) NM_MUST_USE;
bool nm_desired_has_guard(const struct nm_desired *d, const char *interface, enum nm_backend backend);

/* Appends what keeps packets that come in by an interface from being forwarded, unless they are natmap's.
 * bridged: it is a bridge whose own packets are seen as forwarded ones, too (br_netfilter). */
int nm_desired_add_forward(struct nm_desired *d, enum nm_family family, const char *interface, bool bridged,
	enum nm_backend backend, struct nm_err *err) NM_MUST_USE;

/* Appends the rules in iptables' tables that let the packets of the backend through, if its own rules are
 * elsewhere; called again, in the place of those that it appended before. */
int nm_desired_read_accept(struct nm_desired *d, enum nm_backend backend, struct nm_netlink *nl,
	unsigned families, struct nm_err *err) NM_MUST_USE;

/* True when some mapping of the record reaches the container from 127.0.0.0/8, which takes route_localnet on
 * the interface towards it. */
bool nm_desired_needs_localnet(const struct nm_record *r, const struct nm_layout_options *options);

void nm_desired_done(struct nm_desired *d);

#endif
