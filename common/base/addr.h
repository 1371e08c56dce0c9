/* IP addresses: parsing, printing, comparing. Pure. */
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

/* Runs the statement after it once for each family f of the mask. */
#define nm_each_family(f, families)                              \
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) \
		if (!((families)&1u << f)) {                     \
		} else

struct nm_addr {
	enum nm_family family;
	uint8_t bytes[16]; /* network byte order; the last 12 are zero for IPv4 */
};

#define NM_ADDR_STRLEN INET6_ADDRSTRLEN

/* AF_INET or AF_INET6, which NFPROTO_IPV4 and NFPROTO_IPV6 equal, and back: false for any other. */
uint8_t nm_addr_family_to_af(enum nm_family family);
bool nm_addr_family_of_af(unsigned af, enum nm_family *ret);

/* "IPv4", "IPv6" */
const char *nm_addr_family_name(enum nm_family family);

/* Size of an address in bytes (4 or 16) and in bits. */
size_t nm_addr_size(enum nm_family family);
uint8_t nm_addr_bits(enum nm_family family);

/* Parses len bytes of text as an address without zone, prefix length or brackets. 0, or -1 for anything else.
 */
int nm_addr_parse(const char *text, size_t len, struct nm_addr *ret) NM_MUST_USE;

/* Prints into buf, which is also returned; IPv6 as RFC 5952 says. */
const char *nm_addr_print(const struct nm_addr *a, char buf[static NM_ADDR_STRLEN]);

bool nm_addr_equal(const struct nm_addr *a, const struct nm_addr *b);
bool nm_addr_is_unspecified(const struct nm_addr *a);
bool nm_addr_is_loopback(const struct nm_addr *a); /* 127.0.0.0/8, ::1, and IPv4-mapped 127.0.0.0/8 */

/* Says why a cannot be the address of a container or a published address of the host: "unspecified",
 * "loopback", "multicast", "broadcast" (240.0.0.0/4), "link-local", "IPv4-mapped". NULL: it can. */
const char *nm_addr_unusable(const struct nm_addr *a);

#endif
