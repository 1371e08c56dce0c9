/* IP prefixes, single and in lists: parsing, printing, matching. Pure. */
#ifndef NM_BASE_PREFIX_H
#define NM_BASE_PREFIX_H

#include "base/addr.h"

struct nm_prefix {
	struct nm_addr addr; /* with its host bits as given */
	uint8_t len;         /* in bits */
};

struct nm_prefixes {
	struct nm_prefix *v; /* owned */
	size_t n, capacity;
};

extern const struct nm_prefix nm_prefix_ipv6_link_local; /* fe80::/10 */
extern const struct nm_prefix nm_prefix_multicast[NM_FAMILY_MAX];

#define NM_PREFIX_STRLEN (NM_ADDR_STRLEN + 4) /* with "/128" */

/* Parses "ADDRESS[/LEN]"; without LEN the prefix is the whole address. 0, or -1 for anything else. */
int nm_prefix_parse(const char *text, size_t len, struct nm_prefix *ret) NM_MUST_USE;

/* Parses a comma-separated list of at most max prefixes; blanks around commas are allowed. 0 with *ret owned
 * by the caller, or -1 with an error of the given kind that names what. */
int nm_prefixes_parse(const char *text, size_t max, const char *what, enum nm_err_kind kind,
	struct nm_prefixes *ret, struct nm_err *err) NM_MUST_USE;

void nm_prefixes_done(struct nm_prefixes *p); /* accepts NULL */
#define nm_autoprefixes NM_CLEANUP(nm_prefixes_done)

/* Prints into buf, always with the length. Returns buf. */
const char *nm_prefix_print(const struct nm_prefix *p, char buf[static NM_PREFIX_STRLEN]);

/* True when a lies in p; false across families. */
bool nm_prefix_has(const struct nm_prefix *p, const struct nm_addr *a);
/* The address as a prefix, /32 or /128. */
struct nm_prefix nm_prefix_whole(const struct nm_addr *a);
/* p with its host bits cleared. */
struct nm_prefix nm_prefix_network(const struct nm_prefix *p);
/* p with its host bits set: in IPv4 the broadcast address. */
struct nm_prefix nm_prefix_last(const struct nm_prefix *p);

/* Writes the netmask of a prefix length. */
void nm_prefix_mask(uint8_t len, uint8_t ret[static 16]);

#endif
