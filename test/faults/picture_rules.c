/* nf_tables: tables, chains, rules, sets and elements. What counts or is a number of the kernel's is left
 * out; rules are compared as the bytes of their expressions. */
#include <errno.h>
#include <error.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "picture.h"

struct request {
	struct nlmsghdr head;
	struct nfgenmsg of;
	struct {
		struct nlattr head;
		char text[60];
	} table, set;
};

struct set {
	uint8_t family;
	char table[60], name[60];
};

/* What of one kind is collected, since a dump may begin anew. */
struct view {
	struct picture *picture;
	size_t from; /* of the picture's lines */
	struct set *sets;
	size_t n_sets;
	char chain[160]; /* of the last rule */
	unsigned number; /* and its number there */
	const struct set *set;
};

static uint64_t hash(uint64_t h, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

static uint64_t hash_attr(uint64_t h, const struct nlattr *attr)
{
	return attr ? hash(h, picture_data(attr), picture_len(attr)) : hash(h, "-", 1);
}

#define HASH_BEGIN 0xcbf29ce484222325

/* Of each expression, but for what a counter has counted. */
static uint64_t hash_expressions(const struct nlattr *list)
{
	const struct nlattr *of[NFTA_EXPR_MAX + 1];
	const char *at = list ? picture_data(list) : NULL, *end = list ? at + picture_len(list) : NULL;
	uint64_t h = HASH_BEGIN;

	for (; at < end; at = picture_next(at)) {
		const struct nlattr *expression = (const struct nlattr *)at;

		picture_attrs(picture_data(expression), picture_len(expression), of, NFTA_EXPR_MAX + 1);
		h = hash_attr(h, of[NFTA_EXPR_NAME]);
		if (strcmp(picture_text(of[NFTA_EXPR_NAME]), "counter") != 0)
			h = hash_attr(h, of[NFTA_EXPR_DATA]);
	}
	return h;
}

/* natmap's comment in it, or "". */
static const char *tag_of(const void *bytes, size_t len)
{
	static char tag[160];
	const char *found = memmem(bytes, len, "natmap:", 7);

	snprintf(tag, sizeof(tag), "%.*s", found ? (int)((const char *)bytes + len - found) : 0,
		found ? found : "");
	return tag;
}

static const char *family_name(const struct nlmsghdr *message)
{
	static char other[16];
	const struct nfgenmsg *of = NLMSG_DATA(message);

	snprintf(other, sizeof(other), "%u", of->nfgen_family);
	return of->nfgen_family == NFPROTO_IPV4 ? "ip" : of->nfgen_family == NFPROTO_IPV6 ? "ip6" : other;
}

static uint32_t number_in(const struct nlattr *attr)
{
	uint32_t number = 0;

	if (attr)
		memcpy(&number, picture_data(attr), sizeof(number));
	return be32toh(number);
}

static void keep_table(void *ctx, const struct nlmsghdr *message)
{
	const struct nlattr *of[NFTA_TABLE_MAX + 1];

	picture_attrs_of(message, sizeof(struct nfgenmsg), of, NFTA_TABLE_MAX + 1);
	picture_add(((struct view *)ctx)->picture, "table %s %s flags %u", family_name(message),
		picture_text(of[NFTA_TABLE_NAME]), number_in(of[NFTA_TABLE_FLAGS]));
}

static void keep_chain(void *ctx, const struct nlmsghdr *message)
{
	const struct nlattr *of[NFTA_CHAIN_MAX + 1];
	uint64_t hook;

	picture_attrs_of(message, sizeof(struct nfgenmsg), of, NFTA_CHAIN_MAX + 1);
	hook = hash_attr(HASH_BEGIN, of[NFTA_CHAIN_HOOK]);
	hook = hash_attr(hook, of[NFTA_CHAIN_USERDATA]);
	picture_add(((struct view *)ctx)->picture, "chain %s %s %s type '%s' policy %u hook %llx",
		family_name(message), picture_text(of[NFTA_CHAIN_TABLE]), picture_text(of[NFTA_CHAIN_NAME]),
		picture_text(of[NFTA_CHAIN_TYPE]), number_in(of[NFTA_CHAIN_POLICY]),
		(unsigned long long)hook);
}

static void keep_rule(void *ctx, const struct nlmsghdr *message)
{
	const struct nlattr *of[NFTA_RULE_MAX + 1];
	struct view *view = ctx;
	char chain[sizeof(view->chain)];
	uint64_t h;

	picture_attrs_of(message, sizeof(struct nfgenmsg), of, NFTA_RULE_MAX + 1);
	snprintf(chain, sizeof(chain), "%s %.60s %.60s", family_name(message),
		picture_text(of[NFTA_RULE_TABLE]), picture_text(of[NFTA_RULE_CHAIN]));
	view->number = strcmp(chain, view->chain) ? 0 : view->number + 1;
	memcpy(view->chain, chain, sizeof(chain));
	h = hash_expressions(of[NFTA_RULE_EXPRESSIONS]);
	h = hash_attr(h, of[NFTA_RULE_USERDATA]);
	picture_add(view->picture, "rule %s %u %s %llx", chain, view->number,
		tag_of(message, message->nlmsg_len), (unsigned long long)h);
}

static void keep_set(void *ctx, const struct nlmsghdr *message)
{
	const struct nlattr *of[NFTA_SET_MAX + 1];
	const struct nfgenmsg *head = NLMSG_DATA(message);
	struct view *view = ctx;
	struct set set = {.family = head->nfgen_family};

	picture_attrs_of(message, sizeof(*head), of, NFTA_SET_MAX + 1);
	snprintf(set.table, sizeof(set.table), "%s", picture_text(of[NFTA_SET_TABLE]));
	snprintf(set.name, sizeof(set.name), "%s", picture_text(of[NFTA_SET_NAME]));
	picture_add(view->picture, "set %s %s %s flags %u key %u data %u", family_name(message), set.table,
		set.name, number_in(of[NFTA_SET_FLAGS]), number_in(of[NFTA_SET_KEY_LEN]),
		number_in(of[NFTA_SET_DATA_LEN]));
	view->sets = reallocarray(view->sets, view->n_sets + 1, sizeof(set));
	if (!view->sets)
		error(2, errno, "a picture");
	view->sets[view->n_sets++] = set;
}

static void keep_element(struct view *view, const char *family, const struct nlattr *element)
{
	const struct nlattr *of[NFTA_SET_ELEM_MAX + 1];
	uint64_t h;

	picture_attrs(picture_data(element), picture_len(element), of, NFTA_SET_ELEM_MAX + 1);
	h = hash_attr(HASH_BEGIN, of[NFTA_SET_ELEM_KEY]);
	h = hash_attr(h, of[NFTA_SET_ELEM_KEY_END]);
	h = hash_attr(h, of[NFTA_SET_ELEM_DATA]);
	h = hash_attr(h, of[NFTA_SET_ELEM_FLAGS]);
	h = hash_attr(h, of[NFTA_SET_ELEM_USERDATA]);
	picture_add(view->picture, "element %s %s %s %s %llx", family, view->set->table, view->set->name,
		tag_of(element, element->nla_len), (unsigned long long)h);
}

static void keep_elements(void *ctx, const struct nlmsghdr *message)
{
	const struct nlattr *of[NFTA_SET_ELEM_LIST_MAX + 1], *list;
	const char *at, *end;

	picture_attrs_of(message, sizeof(struct nfgenmsg), of, NFTA_SET_ELEM_LIST_MAX + 1);
	list = of[NFTA_SET_ELEM_LIST_ELEMENTS];
	at = list ? picture_data(list) : NULL;
	end = list ? at + picture_len(list) : NULL;
	for (; at < end; at = picture_next(at))
		keep_element(ctx, family_name(message), (const struct nlattr *)at);
}

static void restart(void *ctx)
{
	struct view *view = ctx;

	while (view->picture->n > view->from)
		free(view->picture->line[--view->picture->n]);
	view->n_sets = view->set ? view->n_sets : 0;
	view->chain[0] = '\0';
}

static void put(struct request *request, struct nlattr *attr, char text[60], unsigned type, const char *value)
{
	attr->nla_type = (uint16_t)type;
	attr->nla_len = sizeof(request->table);
	snprintf(text, 60, "%s", value);
	request->head.nlmsg_len += sizeof(request->table);
}

static void look(int fd, struct view *view, unsigned type, void (*keep)(void *, const struct nlmsghdr *))
{
	struct request request = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
					  .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
					  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};

	if (view->set) {
		request.of.nfgen_family = view->set->family;
		put(&request, &request.table.head, request.table.text, NFTA_SET_ELEM_LIST_TABLE,
			view->set->table);
		put(&request, &request.set.head, request.set.text, NFTA_SET_ELEM_LIST_SET, view->set->name);
	}
	view->from = view->picture->n;
	picture_dump(fd, &request.head, keep, restart, view);
}

void picture_add_rules(struct picture *p)
{
	static int fd = -1;
	struct view view = {.picture = p};

	if (fd < 0)
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	look(fd, &view, NFT_MSG_GETTABLE, keep_table);
	look(fd, &view, NFT_MSG_GETCHAIN, keep_chain);
	look(fd, &view, NFT_MSG_GETRULE, keep_rule);
	look(fd, &view, NFT_MSG_GETSET, keep_set);
	for (size_t i = 0; i < view.n_sets; i++) {
		view.set = &view.sets[i];
		look(fd, &view, NFT_MSG_GETSETELEM, keep_elements);
	}
	free(view.sets);
}
