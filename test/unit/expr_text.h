/* Expressions of natmap's own rules as text, for unit tests. */
#ifndef NM_UNIT_EXPR_TEXT_H
#define NM_UNIT_EXPR_TEXT_H

#include "host/attrs.h"
#include "host/netlink.h"

#define NM_EXPR_TEXT_SIZE 1024

/* Loads are not shown, but what is in the registers when they are used: "ports { l4proto dport } dnat to
 * ports.address : ports.port". What nf_tables would not take, or dump in another form, is marked by a '!'.
 * Returns ret. */
const char *expr_text(enum nm_family family, struct nm_attrs list, char ret[static NM_EXPR_TEXT_SIZE]);

#endif
