/* nft/refusal.c: each refusal names what was tried, on which object; and what a message lacks is a '?'. */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdalign.h>

#include "nft/expr.h"
#include "nft/dump.h"
#include "nft/refusal.h"
#include "tap.h"

/* NFTA_*_TABLE is always 1; the name is another attribute. NULL: it is missing. */
struct row {
	uint16_t type, name_type;
	const char *table, *name, *comment;
	bool element, rule;
	int error;
	const char *expected;
};

static const struct row rows[] = {
	{NFT_MSG_NEWTABLE, 0, "natmap", NULL, NULL, false, false, EPERM,
		"creating table 'natmap': Operation not permitted"},
	{NFT_MSG_DELTABLE, 0, "natmap", NULL, NULL, false, false, EPERM,
		"deleting table 'natmap': Operation not permitted"},
	{NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, "natmap", "pass", NULL, false, false, EEXIST,
		"creating chain 'pass' in table 'natmap': File exists"},
	{NFT_MSG_DELCHAIN, NFTA_CHAIN_NAME, "natmap", "pass", NULL, false, false, EPERM,
		"deleting chain 'pass' in table 'natmap': Operation not permitted"},
	{NFT_MSG_NEWSET, NFTA_SET_NAME, "natmap", "ports", NULL, false, false, EINVAL,
		"creating set 'ports' in table 'natmap': Invalid argument"},
	{NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, "natmap", "pass", NULL, false, false, ENOENT,
		"adding a rule to chain 'pass' in table 'natmap': No such file or directory"},
	{NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, "nat", "NATMAP", NULL, false, true, ENOENT,
		"adding rule '-A NATMAP -j ACCEPT' to table 'nat': No such file or directory"},
	{NFT_MSG_DELRULE, NFTA_RULE_CHAIN, "natmap", "pass", NULL, false, false, ENOENT,
		"deleting a rule from chain 'pass' in table 'natmap': No such file or directory"},
	{NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_SET, "natmap", "ports", "natmap:web:80", true, false, EEXIST,
		"adding element 'natmap:web:80' to set 'ports' of table 'natmap': File exists"},
	{NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_SET, "natmap", "open", NULL, true, false, ENOENT,
		"deleting an element of set 'open' of table 'natmap': No such file or directory"},
	{NFT_MSG_DELSETELEM, NFTA_SET_ELEM_LIST_SET, "natmap", "open", NULL, false, false, ENOENT,
		"deleting an element of set 'open' of table 'natmap': No such file or directory"},
	{NFT_MSG_NEWTABLE, 0, NULL, NULL, NULL, false, false, EPERM,
		"creating table '?': Operation not permitted"},
	{NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, NULL, NULL, NULL, false, false, EPERM,
		"creating chain '?' in table '?': Operation not permitted"},
	{NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_SET, "natmap", NULL, "natmap:web:80", true, false, EPERM,
		"adding element 'natmap:web:80' to set '?' of table 'natmap': Operation not permitted"},
	{NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, "natmap",
		"a-name-of-63-bytes-01234567890123456789012345678901234567890123", NULL, false, false, EPERM,
		"creating chain 'a-name-of-63-bytes-01234567890123456789012345678901234567890123' in table "
		"'natmap': Operation not permitted"},
	{NFT_MSG_NEWCHAIN, NFTA_CHAIN_NAME, "natmap",
		"a-name-of-64-bytes-012345678901234567890123456789012345678901234", NULL, false, false, EPERM,
		"creating chain '?' in table 'natmap': Operation not permitted"},
};

static void put_element(struct nm_message *msg, const char *comment)
{
	struct nlattr *list = nm_message_nest(msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *element = nm_message_nest(msg, NFTA_LIST_ELEM);

	if (comment)
		nm_expr_put_comment(msg, NFTA_SET_ELEM_USERDATA, comment);
	nm_message_nest_end(msg, element);
	nm_message_nest_end(msg, list);
}

static void run(const struct row *row)
{
	alignas(struct nlmsghdr) char buf[1024];
	struct nm_message m = nm_message_begin(buf, sizeof(buf), sizeof(struct nfgenmsg)), *msg = &m;
	struct nm_err err = {0};

	msg->header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | row->type);
	if (row->table)
		nm_message_put_string(msg, NFTA_TABLE_NAME, row->table);
	if (row->name)
		nm_message_put_string(msg, row->name_type, row->name);
	if (row->element)
		put_element(msg, row->comment);
	tap_ok(nm_nft_refusal_fail(msg->header, row->rule ? "-A NATMAP -j ACCEPT" : NULL, row->error, &err) ==
				-1 &&
			err.kind == NM_ERR_FAILED,
		"a refusal");
	tap_is(err.msg, row->expected, "of a message of type %u", row->type);
}

int main(void)
{
	nm_each(row, rows)
		run(row);
	return tap_done();
}
