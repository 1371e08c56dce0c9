/* Rules of natmap's own tables under construction, and lists of them. */
#ifndef NM_NFTABLES_RULE_BUILDER_H
#define NM_NFTABLES_RULE_BUILDER_H

#include <libmnl/libmnl.h>
#include <stdalign.h>

#include "nft/encode.h"
#include "nft/expr.h"

/* A rule as it is sent. */
struct nm_own_rule {
	enum nm_family family;
	const char *chain; /* borrowed, of static storage */
	char *comment;     /* owned; "": none */
	void *expressions; /* owned: contents of NFTA_RULE_EXPRESSIONS */
	size_t len;
};

struct nm_own_rules {
	struct nm_own_rule *v; /* owned */
	size_t n, capacity;
};

void nm_own_rules_done(struct nm_own_rules *rules);

/* Registers of 4 bytes, by number. Whatever is compared goes to the first, as nft has it, and is not needed
 * after that; a key's fields begin there, too, one after the other. */
enum { NM_OWN_FIRST = 0 };
/* As the kernel dumps its number. */
uint32_t nm_own_register(size_t word);

/* Of a packet behind its translation, and of its connection as the client has begun it. nft takes
 * NM_OWN_DPORT and NM_OWN_HOST_PORT only in rules that match a protocol first (nm_own_match_protocol()). */
enum nm_own_field {
	NM_OWN_SADDR,
	NM_OWN_DADDR,
	NM_OWN_PROTOCOL,
	NM_OWN_DPORT,
	NM_OWN_HOST,      /* destination address of the connection's first packet, before the translation */
	NM_OWN_HOST_PORT, /* ... and port */
};

struct nm_own_builder {
	alignas(struct nlmsghdr) char bytes[NM_NFT_RULE_SIZE];
	struct nlmsghdr *msg;
	struct nlattr *nest;
	enum nm_family family;
};

/* Begin a rule, append to it (also by nft/expr.h, to b->msg), and end it by appending it to the list. -1 with
 * *err (memory). */
void nm_own_begin(struct nm_own_builder *b, enum nm_family family);
int nm_own_end(struct nm_own_builder *b, const char *chain, const char *comment, struct nm_own_rules *ret,
	struct nm_err *err) NM_MUST_USE;

/* Loads the field into the register and returns the number of the one behind it. */
size_t nm_own_load(struct nm_own_builder *b, enum nm_own_field field, size_t word);
/* Cuts the address in the register to its network. */
void nm_own_mask(struct nm_own_builder *b, uint8_t len, size_t word);
/* Goes on only if the address is in the network, or not; with any other, if it has a length. */
void nm_own_match_prefix(
	struct nm_own_builder *b, enum nm_own_field field, const struct nm_prefix *p, bool negate);
/* key: NFT_META_IIFNAME or NFT_META_OIFNAME; the name may be "eth+": all that begin with eth */
void nm_own_match_interface(struct nm_own_builder *b, uint32_t key, const char *name, bool negate);
void nm_own_match_protocol(struct nm_own_builder *b, uint8_t protocol);
/* ... if these bits of a ct key or of the mark (NFT_CT_*, NFT_META_MARK) are set, or none of them is. */
void nm_own_match_ct(struct nm_own_builder *b, uint32_t key, uint32_t bits, bool set);
void nm_own_match_mark(struct nm_own_builder *b, uint32_t bits);
/* Ends with a jump, goto or verdict. */
int nm_own_end_verdict(struct nm_own_builder *b, const char *chain, int code, const char *to,
	struct nm_own_rules *ret, struct nm_err *err) NM_MUST_USE;

#endif
