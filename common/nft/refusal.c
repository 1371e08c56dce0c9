/* NFTA_TABLE_NAME and the attributes NFTA_*_TABLE of chains, rules, sets and elements are all 1. */
#include "nft/refusal.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "host/netlink.h"
#include "nft/comment.h"
#include "nft/rules.h"

enum { NAME_SIZE = 64 };

static void name_of(struct nm_attrs attrs, uint16_t type, char ret[static NAME_SIZE])
{
	memcpy(ret, "?", sizeof("?"));
	(void)nm_attrs_string(attrs, type, ret, NAME_SIZE); /* "?" */
}

/* Of several elements in the message the first is named. */
static int refuse_element(struct nm_attrs attrs, const char *table, int error, struct nm_err *err)
{
	struct nm_attrs list = nm_attrs_nested(attrs, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nm_attrs element = nm_attrs_nested(list, NFTA_LIST_ELEM);
	size_t len = 0;
	const char *tag = nm_nft_comment_read(nm_attrs_nested(element, NFTA_SET_ELEM_USERDATA), &len);
	char set[NAME_SIZE];

	name_of(attrs, NFTA_SET_ELEM_LIST_SET, set);
	if (!tag)
		return nm_fail_errno(err, error, "deleting an element of set '%s' of table '%s'", set, table);
	(void)nm_attrs_next(&list);
	return nm_fail_errno(err, error, "adding element '%.*s'%s to set '%s' of table '%s'", (int)len, tag,
		nm_attrs_next(&list) ? " or another" : "", set, table);
}

static int refuse_chain_or_set(struct nm_attrs attrs, uint16_t name_type, const char *verb, const char *what,
	const char *table, int error, struct nm_err *err)
{
	char name[NAME_SIZE];

	name_of(attrs, name_type, name);
	return nm_fail_errno(err, error, "%s %s '%s' in table '%s'", verb, what, name, table);
}

int nm_nft_refusal_fail(const struct nlmsghdr *msg, const char *rule, int error, struct nm_err *err)
{
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct nfgenmsg));
	char table[NAME_SIZE];

	name_of(attrs, NFTA_RULE_TABLE, table);
	switch (msg->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		return nm_fail_errno(err, error, "creating table '%s'", table);
	case NFT_MSG_DELTABLE:
		return nm_fail_errno(err, error, "deleting table '%s'", table);
	case NFT_MSG_NEWCHAIN:
		return refuse_chain_or_set(attrs, NFTA_CHAIN_NAME, "creating", "chain", table, error, err);
	case NFT_MSG_DELCHAIN:
		return refuse_chain_or_set(attrs, NFTA_CHAIN_NAME, "deleting", "chain", table, error, err);
	case NFT_MSG_NEWSET:
		return refuse_chain_or_set(attrs, NFTA_SET_NAME, "creating", "set", table, error, err);
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		return refuse_element(attrs, table, error, err);
	case NFT_MSG_NEWRULE:
		if (rule)
			return nm_fail_errno(err, error, "adding rule '%s' to table '%s'", rule, table);
		return refuse_chain_or_set(
			attrs, NFTA_RULE_CHAIN, "adding a rule to", "chain", table, error, err);
	default:
		return refuse_chain_or_set(
			attrs, NFTA_RULE_CHAIN, "deleting a rule from", "chain", table, error, err);
	}
}
