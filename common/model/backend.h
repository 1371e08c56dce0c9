/* The two ways of writing mappings into nf_tables. */
#ifndef NM_MODEL_BACKEND_H
#define NM_MODEL_BACKEND_H

#include <stdbool.h>

enum nm_backend {
	NM_BACKEND_IPTABLES, /* rules in iptables' tables: iptables/layout.h */
	NM_BACKEND_NFTABLES, /* elements in tables of natmap's own: nftables/layout.h */
	NM_BACKEND_MAX,
	NM_BACKEND_AUTO /* of a configuration only: settled to one of these by nm_backend_choose() */
};

/* "iptables" or "nftables", as in the configuration and in records; not "auto". */
const char *nm_backend_name(enum nm_backend backend);
enum nm_backend nm_backend_other(enum nm_backend backend);
bool nm_backend_parse(const char *name, enum nm_backend *ret);

#endif
