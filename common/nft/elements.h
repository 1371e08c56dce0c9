/* Reading the elements of nf_tables sets. */
#ifndef NM_NFT_ELEMENTS_H
#define NM_NFT_ELEMENTS_H

#include "host/attrs.h"
#include "nft/rules.h"

/* An element, borrowed during the call of the handler. */
struct nm_nft_element {
	const char *set;
	struct nm_attrs key, data; /* bytes; data is empty but in maps */
	const char *tag;           /* its comment, not NUL-terminated; NULL: none */
	size_t tag_len;
	struct nm_counters counters; /* zeros without a counter */
};

typedef int nm_nft_element_handler(void *ctx, const struct nm_nft_element *element, struct nm_err *err);

/* Calls handler for each element of the table's set; none when it is missing. Interrupted as
 * nm_nft_dump(). */
int nm_nft_elements_each(struct nm_netlink *nl, struct nm_nft_place table, const char *set,
	nm_nft_element_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* Appends to *r, which has room, the request for one element by its key; nm_nft_elements_get() sends all of
 * them and calls handler for those that are there; a set of other keys has none of them. */
void nm_nft_elements_request(struct nm_netlink_request *r, struct nm_nft_place table, const char *set,
	const void *key, size_t len);
int nm_nft_elements_get(struct nm_netlink *nl, struct nm_netlink_request *r, nm_nft_element_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;

#endif
