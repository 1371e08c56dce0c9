/* NFTA_TABLE_NAME and the attributes NFTA_*_TABLE of chains, rules, sets and elements are all 1. */
#include "nft/refusal.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

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
	const char *tag = nm_nft_dump_comment(nm_attrs_nested(element, NFTA_SET_ELEM_USERDATA), &len);
	char set[NAME_SIZE];

	name_of(attrs, NFTA_SET_ELEM_LIST_SET, set);
	if (!tag)
		return nm_fail_errno(err, error, "deleting an element of set '%s' of table '%s'", set, table);
	(void)nm_attrs_next(&list);
	return nm_fail_errno(err, error, "adding element '%.*s'%s to set '%s' of table '%s'", (int)len, tag,
		nm_attrs_next(&list) ? " or another" : "", set, table);
}

/* What is tried on a chain or set of a table. */
static const struct attempt {
	const char *what;
	uint16_t name; /* attribute */
} attempts[] = {
	[NFT_MSG_NEWCHAIN] = {"creating chain", NFTA_CHAIN_NAME},
	[NFT_MSG_DELCHAIN] = {"deleting chain", NFTA_CHAIN_NAME},
	[NFT_MSG_NEWSET] = {"creating set", NFTA_SET_NAME},
	[NFT_MSG_NEWRULE] = {"adding a rule to chain", NFTA_RULE_CHAIN},
	[NFT_MSG_DELRULE] = {"deleting a rule from chain", NFTA_RULE_CHAIN},
};

int nm_nft_refusal_fail(const struct nlmsghdr *msg, const char *rule, int error, struct nm_err *err)
{
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct nfgenmsg));
	unsigned type = msg->nlmsg_type & 0xff;
	char table[NAME_SIZE], name[NAME_SIZE];

	name_of(attrs, NFTA_RULE_TABLE, table);
	if (type == NFT_MSG_NEWTABLE || type == NFT_MSG_DELTABLE)
		return nm_fail_errno(err, error, "%s table '%s'",
			type == NFT_MSG_NEWTABLE ? "creating" : "deleting", table);
	if (type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM)
		return refuse_element(attrs, table, error, err);
	if (rule)
		return nm_fail_errno(err, error, "adding rule '%s' to table '%s'", rule, table);
	name_of(attrs, attempts[type].name, name);
	return nm_fail_errno(err, error, "%s '%s' in table '%s'", attempts[type].what, name, table);
}
