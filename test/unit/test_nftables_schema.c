/* nftables/schema.c: what creates a table, exactly, and a message for each object a line. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/dump.h"
#include "nft/rules.h"
#include "nftables/chains.h"
#include "kernel.h"
#include "tap.h"

enum { TEXT_MAX = 8192, NAME_SIZE = 64 };

struct text {
	char v[TEXT_MAX];
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->used += (size_t)vsnprintf(t->v + t->used, sizeof(t->v) - t->used, fmt, ap);
	va_end(ap);
}

static void say_string(struct text *t, struct nm_attrs attrs, uint16_t type)
{
	char name[NAME_SIZE];

	if (nm_attrs_string(attrs, type, name, sizeof(name)))
		say(t, " %s", name);
}

static void say_number(struct text *t, struct nm_attrs attrs, uint16_t type, const char *what)
{
	uint32_t value;

	if (nm_attrs_get(attrs, type, &value, sizeof(value)))
		say(t, " %s %d", what, (int)ntohl(value));
}

static void say_comment(struct text *t, struct nm_attrs userdata)
{
	size_t len = 0;
	const char *comment = nm_nft_dump_comment(userdata, &len);

	if (comment)
		say(t, " # %.*s", (int)len, comment);
}

static void say_chain(struct text *t, struct nm_attrs attrs)
{
	struct nm_attrs hook = nm_attrs_nested(attrs, NFTA_CHAIN_HOOK);

	say_string(t, attrs, NFTA_CHAIN_NAME);
	say_string(t, attrs, NFTA_CHAIN_TYPE);
	say_number(t, hook, NFTA_HOOK_HOOKNUM, "hook");
	say_number(t, hook, NFTA_HOOK_PRIORITY, "priority");
	say_number(t, attrs, NFTA_CHAIN_POLICY, "policy");
}

static void say_type(struct text *t, struct nm_attrs attrs, uint16_t type, uint16_t len)
{
	uint32_t bits, size;

	if (!nm_attrs_get(attrs, type, &bits, sizeof(bits)) || !nm_attrs_get(attrs, len, &size, sizeof(size)))
		return;
	say(t, " {");
	for (int shift = 24; shift >= 0; shift -= 6)
		if (ntohl(bits) >> shift & 63)
			say(t, " %u", ntohl(bits) >> shift & 63);
	say(t, " } of %u", ntohl(size));
}

static void say_set(struct text *t, struct nm_attrs attrs)
{
	const struct nm_attrs userdata = nm_attrs_nested(attrs, NFTA_SET_USERDATA);
	uint32_t order;

	say_string(t, attrs, NFTA_SET_NAME);
	say_number(t, attrs, NFTA_SET_ID, "id");
	say_number(t, attrs, NFTA_SET_FLAGS, "flags");
	say_type(t, attrs, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN);
	say_type(t, attrs, NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN);
	say_string(t, nm_attrs_nested(attrs, NFTA_SET_EXPR), NFTA_EXPR_NAME);
	if (userdata.len == 2 + sizeof(order)) {
		memcpy(&order, (const char *)userdata.data + 2, sizeof(order));
		say(t, " userdata %d %d %u", ((const uint8_t *)userdata.data)[0],
			((const uint8_t *)userdata.data)[1], order);
	}
}

static void say_message(struct text *t, const struct nlmsghdr *msg, uint8_t nfproto)
{
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct nfgenmsg));
	const struct nfgenmsg *nfg = NLMSG_DATA(msg);

	if (nfg->nfgen_family != nfproto || (msg->nlmsg_flags & NLM_F_CREATE) == 0)
		say(t, "! ");
	switch (msg->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		say(t, "table");
		say_string(t, attrs, NFTA_TABLE_NAME);
		say_comment(t, nm_attrs_nested(attrs, NFTA_TABLE_USERDATA));
		break;
	case NFT_MSG_NEWCHAIN:
		say(t, "chain");
		say_string(t, attrs, NFTA_CHAIN_TABLE);
		say_chain(t, attrs);
		break;
	case NFT_MSG_NEWSET:
		say(t, "set");
		say_string(t, attrs, NFTA_SET_TABLE);
		say_set(t, attrs);
		break;
	default:
		say(t, "! %u", msg->nlmsg_type);
	}
	say(t, "\n");
}

/* Hooks: 0 prerouting, 2 forward, 3 output, 4 postrouting. iptables' raw is at -300, dstnat at -100, filter
 * at 0, srcnat at 100. */
#define TABLE                                               \
	"table natmap # natmap:@made\n"                     \
	"chain natmap guard filter hook 0 priority -300\n"  \
	"chain natmap prerouting nat hook 0 priority -99\n" \
	"chain natmap output nat hook 3 priority -99\n"     \
	"chain natmap translate\n"                          \
	"chain natmap loopback\n"                           \
	"chain natmap forward filter hook 2 priority -1\n"  \
	"chain natmap origin\n"                             \
	"chain natmap network\n"                            \
	"chain natmap inbound\n"                            \
	"chain natmap foreign\n"                            \
	"chain natmap closed\n"                             \
	"chain natmap restricted\n"                         \
	"chain natmap allowed\n"                            \
	"chain natmap pass\n"                               \
	"chain natmap forwarded filter hook 2 priority 1\n" \
	"chain natmap postrouting nat hook 4 priority 99\n" \
	"chain natmap masqueraded\n"                        \
	"chain natmap leaving nat hook 4 priority 101\n"    \
	"chain natmap static_prerouting\n"                  \
	"chain natmap static_output\n"                      \
	"chain natmap static_translate\n"                   \
	"chain natmap static_forward\n"                     \
	"chain natmap static_closed\n"                      \
	"chain natmap static_postrouting\n"

/* Flag 8: NFT_SET_MAP; user data: NFTNL_UDATA_SET_KEYBYTEORDER, that of the machine. */
static const char *const expected[NM_FAMILY_MAX] = {
	[NM_IPV4] = TABLE "set natmap ports id 1 flags 8 { 12 13 } of 8 { 7 13 } of 8 counter\n"
			  "set natmap host_ports id 2 flags 8 { 7 12 13 } of 12 { 7 13 } of 8 counter\n"
			  "set natmap masqueraded id 3 flags 0 { 7 7 12 13 13 } of 20\n"
			  "set natmap open id 4 flags 0 { 7 12 13 13 } of 16\n"
			  "set natmap host_open id 5 flags 0 { 7 7 12 13 13 } of 20\n"
			  "set natmap restricted id 6 flags 0 { 7 12 13 13 } of 16\n"
			  "set natmap host_restricted id 7 flags 0 { 7 7 12 13 13 } of 20\n"
			  "set natmap allowed id 8 flags 0 { 7 12 13 } of 12\n"
			  "set natmap host_allowed id 9 flags 0 { 7 7 12 13 } of 16\n"
			  "set natmap guarded id 10 flags 0 { 7 12 13 } of 12\n"
			  "set natmap localnet id 11 flags 0 { 41 } of 16 userdata 0 4 1\n"
			  "set natmap forwarding id 12 flags 0 { 41 } of 16 userdata 0 4 1\n"
			  "set natmap bridged id 13 flags 0 { 41 41 } of 32\n",
	[NM_IPV6] = TABLE "set natmap ports id 1 flags 8 { 12 13 } of 8 { 8 13 } of 20 counter\n"
			  "set natmap host_ports id 2 flags 8 { 8 12 13 } of 24 { 8 13 } of 20 counter\n"
			  "set natmap masqueraded id 3 flags 0 { 8 8 12 13 13 } of 44\n"
			  "set natmap open id 4 flags 0 { 8 12 13 13 } of 28\n"
			  "set natmap host_open id 5 flags 0 { 8 8 12 13 13 } of 44\n"
			  "set natmap restricted id 6 flags 0 { 8 12 13 13 } of 28\n"
			  "set natmap host_restricted id 7 flags 0 { 8 8 12 13 13 } of 44\n"
			  "set natmap allowed id 8 flags 0 { 8 12 13 } of 24\n"
			  "set natmap host_allowed id 9 flags 0 { 8 8 12 13 } of 40\n"
			  "set natmap forwarding id 12 flags 0 { 41 } of 16 userdata 0 4 1\n"
			  "set natmap bridged id 13 flags 0 { 41 41 } of 32\n",
};

static const struct nm_nftables_prefix_lengths no_lengths;

static void check(enum nm_family family)
{
	static const uint8_t nfprotos[] = {[NM_IPV4] = 2, [NM_IPV6] = 10};
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
	const struct nlmsghdr *msg = NULL;
	static struct reply sent;
	struct text got = {.used = 0};
	struct nm_err err;

	if (!tap_ok(txn && nm_nftables_schema_ensure(txn, family, &no_lengths, &err) == 0,
		    "a table is ensured"))
		return;
	tap_ok(nm_nft_batch_is_idle(txn), "that alone changes nothing");
	if (!tap_ok(kernel_commit(txn, &sent), "it is sent"))
		return;
	while ((msg = reply_next(&sent, msg)))
		say_message(&got, msg, nfprotos[family]);
	tap_is(got.v, expected[family], "table of IPv%c", family == NM_IPV4 ? '4' : '6');
}

int main(void)
{
	check(NM_IPV4);
	check(NM_IPV6);
	return tap_done();
}
