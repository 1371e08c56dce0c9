/* The interfaces on which natmap has switched forwarding on, for all that is published together: a file
 * beside the state, under its lock. It names at least all of them, from before a setting is changed. */
#ifndef NM_STATE_FORWARDED_H
#define NM_STATE_FORWARDED_H

#include "model/backend.h"
#include "state/state.h"

struct nm_forwarded_interface {
	enum nm_family family;
	char name[IF_NAMESIZE];
	unsigned index; /* 0: unknown */
	bool bridged;   /* its guard lets pass what goes out by it, too */
};

/* Begins as zeros. */
struct nm_forwarded {
	struct nm_forwarded_interface *v; /* owned */
	size_t n, capacity;
	enum nm_backend backend; /* that has their guards */
	unsigned statics;        /* families in which static NAT needs them, too: NM_IPV4_BIT, NM_IPV6_BIT */
	bool damaged;            /* there may be more: the guards in the kernel tell */
};

void nm_forwarded_done(struct nm_forwarded *f);

/* Appends a copy. -1 with *err (memory). */
int nm_forwarded_add(
	struct nm_forwarded *f, const struct nm_forwarded_interface *i, struct nm_err *err) NM_MUST_USE;
/* The entry of this family and name, or, where both know it, this number; NULL: none. */
const struct nm_forwarded_interface *nm_forwarded_find(
	const struct nm_forwarded *f, const struct nm_forwarded_interface *like);

/* A hash of the entries, whatever their order, and of what they have in common. */
uint64_t nm_forwarded_fingerprint(const struct nm_forwarded *f);

/* Reads the file into *ret, zeros before: nothing when there is none, or one of another boot. What cannot be
 * read is a notice, and sets ret->damaged. -1 with *err (memory). */
int nm_forwarded_read(const struct nm_state *st, struct nm_forwarded *ret, struct nm_err *err) NM_MUST_USE;
/* Replaces the file by one with these, or removes it when there are none. */
int nm_forwarded_write(
	const struct nm_state *st, const struct nm_forwarded *f, struct nm_err *err) NM_MUST_USE;

#endif
