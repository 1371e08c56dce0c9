/* The rules that should be in the kernel, in the iptables layout, collected from those who need them. */
#ifndef NM_WANTED_H
#define NM_WANTED_H

#include "layout.h"
#include "record.h"

/* Rules borrow from the records they were made for. */
struct nm_wanted {
	struct nm_rules rules;
	char **guards; /* owners of the guard rules of interfaces with route_localnet, one for each; owned */
	size_t n_guards;
};

/* Appends all rules of the record; the guard of its interface only once for all. */
int nm_wanted_add_record(struct nm_wanted *w, const struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err) NM_MUST_USE;

/* The guard of an interface alone: appends it, or tells whether it is there. */
int nm_wanted_add_guard(struct nm_wanted *w, const char *interface, struct nm_err *err) NM_MUST_USE;
bool nm_wanted_has_guard(const struct nm_wanted *w, const char *interface);

/* True when some mapping of the record reaches the container from 127.0.0.0/8, which takes route_localnet on
 * the interface towards it. */
bool nm_wanted_needs_localnet(const struct nm_record *r, const struct nm_layout_options *options);

void nm_wanted_done(struct nm_wanted *w);

#endif
