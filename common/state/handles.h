/*
 * Which rules of iptables' chains a container has, by the kernel's handles, as its record tells them, so that
 * a withdraw need not read chains of thousands of rules. Pure.
 *
 * A handle is a number in its table: when somebody has made the table or the rule anew, it is nobody's or
 * that of another rule. So a handle proves nothing; who deletes by it has to look at the rule first.
 */
#ifndef NM_STATE_HANDLES_H
#define NM_STATE_HANDLES_H

#include "model/rule.h"

/* More are not recorded: to find a rule by its handle the kernel walks the chain, so that for many rules it
 * is cheaper to read all of it. */
#define NM_HANDLES_MAX 64

/* The chains in which a container may have rules, of either family: which one it is, or -1. */
#define NM_HANDLES_CHAINS 5
ssize_t nm_handles_find_chain(const struct nm_rule_place *place);
struct nm_rule_place nm_handles_chain(enum nm_family family, size_t i);

struct nm_handle {
	struct nm_rule_place place;
	uint32_t number; /* 0: unknown */
};

/* Begins as zeros. */
struct nm_handles {
	struct nm_handle *v; /* owned */
	size_t n;
};

void nm_handles_done(struct nm_handles *h);

/* Makes room for the owner's rules among these, a pointer that they borrow, which are unknown; none if they
 * are too many or in other chains than a container's. */
int nm_handles_reserve(struct nm_handles *h, const struct nm_rules *rules, const char *owner,
	struct nm_err *err) NM_MUST_USE;

/* Fills them in for the same rules, of each of which there is a number. */
void nm_handles_fill(
	struct nm_handles *h, const struct nm_rules *rules, const char *owner, const uint64_t *numbers);

/* True when all are known, and no two are the same. */
bool nm_handles_known(const struct nm_handles *h);

/* True when there is one for each of the owner's rules among those from the given one on. */
bool nm_handles_fit(const struct nm_handles *h, const struct nm_rules *rules, size_t from, const char *owner);

/* Makes all unknown. */
void nm_handles_forget(struct nm_handles *h);

/* "n0000002a o0000002b": a letter for each chain, small for IPv4, and eight hexadecimal digits. The length
 * depends on the number of rules alone. */
#define NM_HANDLES_STRLEN (10 * NM_HANDLES_MAX)
const char *nm_handles_print(const struct nm_handles *h, char buf[static NM_HANDLES_STRLEN]);

/* Reads that; *h stays empty if it is something else. -1 with *err (memory). */
int nm_handles_parse(const char *text, size_t len, struct nm_handles *h, struct nm_err *err) NM_MUST_USE;

#endif
