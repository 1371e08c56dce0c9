/* The iptables layout: which rules a container's mappings need. Pure: DESIGN section 5 as code. */
#ifndef NM_IPTABLES_LAYOUT_H
#define NM_IPTABLES_LAYOUT_H

#include "model/publication.h"
#include "model/rule.h"

/* Appends to *rules all rules of the publication, both families, in the order in which they are to be
 * written; heads come such that the later one stands above. They borrow from *pub. 0, or -1 with *err
 * (memory). */
int nm_iptables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

/* Appends the rule that guards 127.0.0.0/8 on an interface with route_localnet; owner, borrowed, is
 * nm_publication_guard_owner(). */
int nm_iptables_layout_guard(const char *owner, struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

/* Whether the layout has rules of the owner there: a container, one of the guards, or a bridge of natmap's;
 * of others it is not known. */
bool nm_iptables_layout_may_have(const char *owner, const struct nm_rule_place *place);

/* The jump FORWARD -> DOCKER-USER. */
struct nm_rule nm_iptables_layout_jump(enum nm_family family);

/* Appends the rules that the layout needs once in each of the families: the jumps FORWARD -> DOCKER-USER ->
 * NATMAP and PREROUTING -> NATMAP (without owner), and the ACCEPT for replies at the head of filter NATMAP
 * (owner "@established"). */
int nm_iptables_layout_base(unsigned families, struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;
/* True for one of these, and not for the jump of nm_iptables_layout_forward_base(), which comes by itself. */
bool nm_iptables_layout_is_base(const struct nm_rule *rule);

/* Link-local clients cannot be forwarded: a rule that translates leaves them to the host. */
void nm_iptables_layout_exclude_link_local(struct nm_rule *rule);

#endif
