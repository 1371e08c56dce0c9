/* The iptables layout: which rules a container's mappings need. Pure: DESIGN section 5 as code. */
#ifndef NM_IPTABLES_LAYOUT_H
#define NM_IPTABLES_LAYOUT_H

#include "model/mapping.h"
#include "model/rule.h"

/* What is published for one container. All pointers are borrowed. */
struct nm_publication {
	const char *id;
	unsigned families;                       /* which of the addresses below there are */
	struct nm_prefix address[NM_FAMILY_MAX]; /* the container's, with the length of its network */
	const struct nm_mapping *mappings;       /* host ports chosen already, none is 0 */
	size_t n_mappings;
	bool restricted; /* only sources in allow may pass the FORWARD chain */
	const struct nm_prefix *allow;
	size_t n_allow;
};

/* The settings that decide about rules: natmap.json(5). */
struct nm_layout_options {
	bool localhost;
	bool hairpin;
	bool masquerade_all;
};

/* True when the mapping reaches the container from 127.0.0.0/8, so that route_localnet is needed. */
bool nm_mapping_needs_localnet(const struct nm_mapping *m, const struct nm_layout_options *opt);

/* Appends to *rules all rules of the publication, both families, in the order in which they are to be
 * written; heads come such that the later one stands above. They borrow from *pub. 0, or -1 with *err
 * (memory). */
int nm_iptables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

#define NM_PUBLICATION_GUARD "@localnet/"
/* Appends the rule that guards 127.0.0.0/8 on an interface with route_localnet; owner is NM_PUBLICATION_GUARD
 * and the interface's name, and borrowed. */
int nm_iptables_layout_guard(const char *owner, struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

/* Appends the rules that the layout needs once in each of the families: the jumps FORWARD -> DOCKER-USER ->
 * NATMAP and PREROUTING -> NATMAP (without owner), and the ACCEPT for replies at the head of filter NATMAP
 * (owner "@established"). */
int nm_iptables_layout_base(unsigned families, struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

#endif
