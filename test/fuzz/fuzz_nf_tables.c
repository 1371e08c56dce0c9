/* Tables, chains, rules, sets and elements, which any program of the host's may have made. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "iptables/compare.h"
#include "iptables/layout.h"
#include "nftables/compare_rules.h"
#include "nftables/schema.h"
#include "replies.h"

static int on_edit(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	(void)ctx;
	(void)edit;
	(void)err;
	return 0;
}

static void compare_iptables(struct nm_netlink *nl)
{
	static const struct nm_mapping mapping = {.families = NM_BOTH_FAMILIES,
		.any_host = true,
		.protocol = IPPROTO_TCP,
		.host_port = 8080,
		.container_port = 80,
		.count = 1};
	static const struct nm_publication pub = {.id = "web",
		.families = NM_IPV4_BIT,
		.address = {{.addr = {NM_IPV4, {10, 88, 7, 2}}, .len = 24}},
		.mappings = &mapping,
		.n_mappings = 1};
	static const struct nm_layout_options options = {.localhost = true, .hairpin = true};
	const struct nm_iptables_compare_handler handler = {.edit = on_edit};
	NM_CLEANUP(nm_rules_done) struct nm_rules desired = {0};
	const struct nm_iptables_scope scope = {
		.desired = &desired, .everything = true, .look_for_old = true};
	struct nm_err err;

	if (nm_iptables_layout_base(NM_IPV4_BIT, &desired, &err) == 0 &&
		nm_iptables_layout(&pub, &options, &desired, &err) == 0)
		(void)!nm_iptables_compare(nl, &scope, NM_IPV4_BIT, &handler, &err);
}

static int note(void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	(void)ctx;
	(void)edit;
	(void)err;
	return 0;
}

static void compare_nftables(struct nm_netlink *nl)
{
	static const struct nm_nftables_prefix_lengths lengths;
	const struct nm_nftables_diff_output output = {.note = note};
	struct nm_err err;

	(void)!nm_nftables_compare_rules(nl, NM_IPV4, &lengths, NULL, false, &output, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { NFT = NFNL_SUBSYS_NFTABLES << 8 };
	static const uint16_t types[] = {NFT | NFT_MSG_NEWRULE, NFT | NFT_MSG_NEWCHAIN,
		NFT | NFT_MSG_NEWTABLE, NFT | NFT_MSG_NEWSET, NFT | NFT_MSG_NEWSETELEM};
	struct nm_nftables_schema schema;
	struct nm_err err;
	struct kernel k;

	if (!size || !replies_open(&k, types, sizeof(types) / sizeof(*types), data + 1, size - 1))
		return 0;
	if (data[0] % 3 == 0)
		compare_iptables(&k.nl);
	else if (data[0] % 3 == 1)
		compare_nftables(&k.nl);
	else
		(void)!nm_nftables_schema_read(&k.nl, NM_IPV4, &schema, &err);
	kernel_close(&k);
	return 0;
}
