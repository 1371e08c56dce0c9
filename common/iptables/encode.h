/* nm_rule as nf_tables attributes, in the form that every iptables-nft since 1.8.4 reads back as its own. */
#ifndef NM_IPTABLES_ENCODE_H
#define NM_IPTABLES_ENCODE_H

#include "host/message.h"
#include "model/rule.h"
#include "nft/rules.h"

/* The chain as nf_tables names it. */
struct nm_nft_place nm_iptables_encode_place(enum nm_family family, enum nm_table table, enum nm_chain chain);

/* Appends NFTA_RULE_EXPRESSIONS, NFTA_RULE_COMPAT and NFTA_RULE_USERDATA of the rule to the message. */
void nm_iptables_encode(struct nm_message *m, const struct nm_rule *rule);

/* Who has written a rule of natmap's, by its form. */
enum nm_iptables_form {
	NM_FORM_OWN,      /* natmap */
	NM_FORM_IPTABLES, /* iptables-restore or `iptables -Z` */
	NM_FORM_NFT, /* nft, from a saved ruleset: iptables refuses the whole table, or takes it for another
			rule */
};
enum nm_iptables_form nm_iptables_encode_form(const struct nm_nft_rule *read);

/* True when the rule that was read has the comment and the effect of the other one: nft/meaning.h. equal: and
 * iptables reads it. Of a rule with a mark its native form counts, too. */
bool nm_iptables_encode_means(const struct nm_rule *rule, const struct nm_nft_rule *read);
bool nm_iptables_encode_equal(const struct nm_rule *rule, const struct nm_nft_rule *read);

#endif
