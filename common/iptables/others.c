#include "iptables/others.h"

#include <string.h>

#include "iptables/encode.h"

/* A rule of another owner of natmap's matches that owner's ports only; a static SNAT may match any packet. */
static bool may_decide(const struct nm_nft_rule *rule)
{
	static const char snat[] = "natmap:@snat/";
	bool is_snat = rule->tag_len >= sizeof(snat) && !memcmp(rule->tag, snat, sizeof(snat) - 1);

	if (rule->tag && nm_tag_is_ours(rule->tag, rule->tag_len) && !is_snat)
		return false;
	return nm_nft_rule_decides(rule);
}

int nm_iptables_others_note(struct nm_iptables_others *others, const struct nm_nft_rule *rule, size_t index,
	struct nm_iptables_ends *ends, struct nm_err *err)
{
	static const struct nm_rule bare_return = {.verdict = NM_VERDICT_RETURN};
	bool is_return = nm_iptables_encode_equal(&bare_return, rule);

	others->decide = others->decide || may_decide(rule);
	if (!is_return || !others->last_is_return) {
		others->last_index = index;
		others->last_handle = rule->handle;
	}
	others->last_is_return = is_return;
	return ends ? nm_iptables_ends_note(ends, rule, err) : 0;
}

void nm_iptables_others_done(struct nm_iptables_others *others)
{
	nm_iptables_ends_done(&others->before);
	nm_iptables_ends_done(&others->behind);
}
