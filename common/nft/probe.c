#include "nft/probe.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* Whatever the kernel says instead of an answer means that deleting entries would fail, too. */
void nm_nft_probe_conntrack(struct nm_netlink *nl, nm_nft_probe_handler *handler, void *ctx)
{
	const struct nm_netlink_handler nothing = {.reply = NULL};
	struct nm_netlink_request r;
	struct nm_err err;

	nm_netlink_request_init(&r);
	(void)nm_netlink_request_begin(
		&r, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, 0, sizeof(struct nfgenmsg));
	if (nm_netlink_talk(nl, &r, &nothing, &err) < 0)
		handler(ctx, "ctnetlink", "nf_conntrack_netlink");
}
