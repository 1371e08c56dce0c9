/* Local services that a published port hides: its rules take the packets before a socket gets them. */
#ifndef NM_PUBLISH_HIDDEN_H
#define NM_PUBLISH_HIDDEN_H

#include "host/listener.h"
#include "host/process.h"
#include "input/config.h"
#include "state/records.h"

/* How to judge, and what has been read for it. */
struct nm_hidden {
	bool exact;     /* only a service on the very address counts: "listener_check": "exact" */
	bool localhost; /* wildcard mappings are reached through 127.0.0.1 */
	struct nm_netlink diag;
	struct nm_rtnl_addresses addresses; /* owned; those of the host that a wildcard mapping takes */
};

#define NM_HIDDEN_INIT(exact_, localhost_)                                        \
	{                                                                         \
		.exact = (exact_), .localhost = (localhost_), .diag = {.fd = -1 } \
	}
#define nm_autohidden NM_CLEANUP(nm_hidden_done)
void nm_hidden_done(struct nm_hidden *h);

/* Finds a service that the mapping hides where its container has these families. 0 with *ret, -1 with *err.
 */
int nm_hidden_find(struct nm_hidden *h, const struct nm_mapping *m, unsigned families,
	struct nm_listener *ret, struct nm_err *err) NM_MUST_USE;

#define NM_HIDDEN_STRLEN (NM_PROCESS_STRLEN + NM_ADDR_STRLEN + NM_MAPPING_STRLEN + 64)

/* "port mapping '22:22/tcp': process 812 (sshd) listens on 0.0.0.0, port 22" */
const char *nm_hidden_print(
	const struct nm_mapping *m, const struct nm_listener *listener, char buf[static NM_HIDDEN_STRLEN]);

/* Called for a mapping of r and the service that it hides, with the text of nm_hidden_print(). -1 with *err
 * ends the search. */
typedef int nm_hidden_handler(void *ctx, const struct nm_record *r, const char *text, struct nm_err *err);

/* Calls the handler for each mapping of the records that hides a service, by listener_check: never for
 * "off". */
int nm_hidden_each(const struct nm_records *records, const struct nm_config *c, nm_hidden_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;

#endif
