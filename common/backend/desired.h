/* What should be in the kernel, in the layout of each backend, collected from those who need it. */
#ifndef NM_BACKEND_DESIRED_H
#define NM_BACKEND_DESIRED_H

#include "nftables/layout.h"
#include "state/record.h"

/* Rules borrow from the records they were made for. */
struct nm_desired {
	struct nm_rules rules;                /* of records in iptables */
	struct nm_nftables_elements elements; /* of records in nftables */
	char **guards; /* owners of the guard rules of interfaces with route_localnet, one for each; owned */
	size_t n_guards;
};

/* Appends all rules or elements of the record; the guard of its interface only once for all. options are
 * NULL for all elements that it may have, whatever they were when it was published: for nftables only. */
int nm_desired_add_record(struct nm_desired *w, const struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err) NM_MUST_USE;

/* The guard of an interface alone: appends it, or tells whether it is there. */
int nm_desired_add_guard(
	struct nm_desired *w, const char *interface, enum nm_backend backend, struct nm_err *err) NM_MUST_USE;
bool nm_desired_has_guard(const struct nm_desired *w, const char *interface);

/* True when some mapping of the record reaches the container from 127.0.0.0/8, which takes route_localnet on
 * the interface towards it. */
bool nm_desired_needs_localnet(const struct nm_record *r, const struct nm_layout_options *options);

void nm_desired_done(struct nm_desired *w);

#endif
