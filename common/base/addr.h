/* IP addresses, prefixes and port numbers: parsing, printing, comparing. Pure; ports in host byte order. */
#ifndef NM_BASE_ADDR_H
#define NM_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum nm_family { NM_IPV4, NM_IPV6, NM_FAMILY_MAX };

#define NM_IPV4_BIT      (1u << NM_IPV4)
#define NM_IPV6_BIT      (1u << NM_IPV6)
#define NM_BOTH_FAMILIES (NM_IPV4_BIT | NM_IPV6_BIT)

/* Runs the statement behind it with f as each of the families in the mask of bits. */
#define nm_each_family(f, families)                              \
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) \
		if (!((families)&1u << f)) {                     \
		} else

struct nm_addr {
	enum nm_family family;
	uint8_t bytes[16]; /* network byte order; the last 12 are zero for IPv4 */
};

struct nm_prefix {
	struct nm_addr addr; /* host bits are kept as given */
	uint8_t len;         /* in bits */
};

struct nm_prefixes {
	struct nm_prefix *v; /* owned */
	size_t n;
};

/* A set of port numbers. */
struct nm_port_set {
	uint8_t bits[65536 / 8];
};

extern const struct nm_prefix nm_prefix_ipv6_link_local; /* fe80::/10 */

/* "10.0.0.1/32": longest is 45 bytes of IPv6, "/128" and the NUL. */
#define NM_ADDR_STRLEN   INET6_ADDRSTRLEN
#define NM_PREFIX_STRLEN (INET6_ADDRSTRLEN + 4)

/* Bytes of an address (4 or 16), and its length in bits. */
size_t nm_addr_size(enum nm_family family);
uint8_t nm_addr_bits(enum nm_family family);

/* Parses text (not NUL-terminated) as an address without zone, prefix or brackets. 0, or -1 when it is none.
 */
int nm_addr_parse(const char *text, size_t len, struct nm_addr *ret) NM_MUST_USE;

/* Parses "ADDRESS[/LEN]"; without LEN the prefix is the whole address. 0, or -1 when it is none. */
int nm_prefix_parse(const char *text, size_t len, struct nm_prefix *ret) NM_MUST_USE;

/* Parses a comma-separated list of prefixes, blanks around commas allowed, at most max of them.
 * 0 with *ret owned by the caller, or -1 with an error of the given kind that names what. */
int nm_prefixes_parse(const char *text, size_t max, const char *what, enum nm_err_kind kind,
	struct nm_prefixes *ret, struct nm_err *err) NM_MUST_USE;

void nm_prefixes_done(struct nm_prefixes *p);

/* Print into buf, which is also returned: RFC 5952 for IPv6; a prefix always with its length. */
const char *nm_addr_print(const struct nm_addr *a, char buf[static NM_ADDR_STRLEN]);
const char *nm_prefix_print(const struct nm_prefix *p, char buf[static NM_PREFIX_STRLEN]);

bool nm_addr_equal(const struct nm_addr *a, const struct nm_addr *b);
/* True when a lies in p; false across families. */
bool nm_prefix_has(const struct nm_prefix *p, const struct nm_addr *a);
/* All of the address, /32 or /128. */
struct nm_prefix nm_prefix_whole(const struct nm_addr *a);
/* p with its host bits cleared. */
struct nm_prefix nm_prefix_network(const struct nm_prefix *p);

/* Writes the netmask of a prefix length: its first len bits. */
void nm_prefix_mask(uint8_t len, uint8_t ret[static 16]);

bool nm_addr_is_unspecified(const struct nm_addr *a);
bool nm_addr_is_loopback(const struct nm_addr *a); /* 127.0.0.0/8, ::1, and IPv4-mapped 127.0.0.0/8 */
/* NULL when a may be a container's or a host's published address, else why not: "unspecified", "loopback",
 * "multicast", "broadcast" (255.255.255.255 and the rest of 240.0.0.0/4), "link-local", "IPv4-mapped". */
const char *nm_addr_unusable(const struct nm_addr *a);

/* Parses a decimal number without sign, blanks or leading zeros, at most max. 0, or -1 when it is none. */
int nm_text_number(const char *text, size_t len, uint64_t max, uint64_t *ret) NM_MUST_USE;

/* Parses "80" or "80-90", ports 1 to 65535 in order. 0, or -1 when it is neither. */
int nm_port_range_parse(const char *text, size_t len, uint16_t *ret_first, uint16_t *ret_last) NM_MUST_USE;

/* Parses "80", "1-65535" or a comma-separated list of both, ports 1 to 65535, blanks around commas allowed,
 * "" is the empty set. 0, or -1 when it is none of these. */
int nm_port_set_parse(const char *text, struct nm_port_set *ret) NM_MUST_USE;
bool nm_port_set_has(const struct nm_port_set *s, uint16_t port);

/* Elements of the comma-separated list text: commas and one. */
size_t nm_text_list_count(const char *text);

/* Takes the next element of such a list off *text, which becomes NULL with the last one, and returns it
 * (borrowed, *ret_len bytes) without the blanks around it; NULL when *text is NULL. */
const char *nm_text_list_next(const char **text, size_t *ret_len);

#endif
