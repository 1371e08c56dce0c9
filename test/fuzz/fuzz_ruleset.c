/* The whole ruleset of nf_tables, read to follow packets through it. */
#include <netinet/in.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "follow/ruleset_read.h"
#include "replies.h"

static bool leave_nothing_out(const struct nm_nft_place *place)
{
	(void)place;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { NFT = NFNL_SUBSYS_NFTABLES << 8 };
	static const uint16_t types[] = {NFT | NFT_MSG_NEWRULE, NFT | NFT_MSG_NEWCHAIN,
		NFT | NFT_MSG_NEWTABLE, NFT | NFT_MSG_NEWSET, NFT | NFT_MSG_NEWSETELEM};
	struct nm_ruleset ruleset = {0};
	struct nm_err err;
	struct kernel k;

	if (!replies_open(&k, types, sizeof(types) / sizeof(*types), data, size))
		return 0;
	if (nm_ruleset_read(&k.nl, leave_nothing_out, &ruleset, &err) == 0)
		nm_ruleset_done(&ruleset);
	kernel_close(&k);
	return 0;
}
