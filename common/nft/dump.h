/* Asking nf_tables for its objects: one request and reader for tables, chains, rules, sets and elements. */
#ifndef NM_NFT_DUMP_H
#define NM_NFT_DUMP_H

#include "host/attrs.h"
#include "host/netlink.h"

/* A table, or a chain of it. The names are borrowed. */
struct nm_nft_place {
	uint8_t nfproto;
	const char *table, *chain; /* chain NULL: the table */
};

/* Begins a request, NFT_MSG_GET*, about the place, or, without table, about all tables of nfproto; flags:
 * NLM_F_DUMP for all objects. */
void nm_nft_dump_begin(struct nm_netlink_request *r, uint16_t get, uint16_t flags, struct nm_nft_place place);
void nm_nft_dump_put_name(struct nm_netlink_request *r, uint16_t type, const char *name);

/* Called with the attributes of each object, borrowed during the call, and NFPROTO_* of its table. 0, -1 with
 * *err, or 1: the rest is not wanted (nm_netlink_talk()). */
typedef int nm_nft_dump_handler(void *ctx, uint8_t nfproto, struct nm_attrs attrs, struct nm_err *err);

/*
 * Sends the requests and calls handler for each object of the kind get that comes back. tolerate: refusals
 * that mean "no such object" (NM_NETLINK_ERRORS()); NULL: none. 0, or -1 with *err: NM_ERR_INTERRUPTED
 * when others changed the ruleset while it was dumped, so that objects may have been passed over or come
 * twice; nm_nft_transaction_run() and nm_nft_transaction_read() then read again.
 */
int nm_nft_dump(struct nm_netlink *nl, struct nm_netlink_request *r, uint16_t get, const int *tolerate,
	nm_nft_dump_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* Of any comment, with NUL: its length is a byte. */
#define NM_NFT_COMMENT_SIZE 256

/* Returns the comment in the user data of a table, chain, rule or element, *ret_len bytes without NUL,
 * borrowed. NULL: none. */
const char *nm_nft_dump_comment(struct nm_attrs userdata, size_t *ret_len);

/* Called with what the kernel lacks ("match 'addrtype'...") and the module that has it. */
typedef void nm_nft_probe_handler(void *ctx, const char *what, const char *module);

#endif
