/*
 * How a transaction works.
 *
 * All messages stand in one buffer between NFNL_MSG_BATCH_BEGIN, which carries the generation id that the
 * decision was made on, and NFNL_MSG_BATCH_END, and go out in one sendmsg(): the kernel takes a batch from
 * one buffer only. It works through all of them, sends an error for each that fails and, if there was any,
 * undoes the rest. Only the last change asks for an acknowledgement, which comes even when an earlier one
 * failed: success is that acknowledgement and no error. The replies are queued before sendmsg() returns, so
 * they are read without waiting. If the generation has passed, the error is ERESTART on the first message.
 * Nothing else sees a state between before and after, and a kill in the middle means before.
 *
 * Sequence numbers count the messages: the error with number n is about change n, whose object the message
 * names.
 */
#include "nft/batch.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host/netlink.h"
#include "nft/comment.h"
#include "nft/encode.h"
#include "nft/refusal.h"

#define MESSAGE(type) ((uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | (type)))

enum {
	INITIAL_SIZE = 16 * 1024,
	REPLY_SIZE = 8192,
	SNDBUF_SLACK = 4096, /* netlink_sendmsg() wants some bytes more than the message */
};

struct change {
	size_t offset;              /* of the message */
	const struct nm_rule *rule; /* that it adds, or NULL */
};

struct nm_nft_batch {
	char *buf;
	size_t used, capacity;
	struct change *changes;
	size_t n, changes_capacity;
	size_t effective; /* changes that add a rule or delete anything */
};

static struct nlmsghdr *message_of(const struct nm_nft_batch *txn, const struct change *change)
{
	return (struct nlmsghdr *)(void *)(txn->buf + change->offset);
}

static struct nlmsghdr *put_header(
	struct nm_nft_batch *txn, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(txn->buf + txn->used);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nlh->nlmsg_seq = (uint32_t)txn->n;
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res_id);
	return nlh;
}

struct nm_nft_batch *nm_nft_batch_new(uint32_t generation)
{
	struct nm_nft_batch *txn = calloc(1, sizeof(*txn));
	struct nlmsghdr *nlh;

	if (!txn || !(txn->buf = malloc(INITIAL_SIZE))) {
		free(txn);
		return NULL;
	}
	txn->capacity = INITIAL_SIZE;
	nlh = put_header(txn, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	mnl_attr_put_u32(nlh, NFNL_BATCH_GENID, htonl(generation));
	txn->used = nlh->nlmsg_len;
	return txn;
}

void nm_nft_batch_free(struct nm_nft_batch *txn)
{
	if (!txn)
		return;
	free(txn->buf);
	free(txn->changes);
	free(txn);
}

bool nm_nft_batch_is_idle(const struct nm_nft_batch *txn)
{
	return txn->effective == 0;
}

/* Room for one more change, whatever it is, and for the end of the batch. */
static int reserve(struct nm_nft_batch *txn, struct nm_err *err)
{
	if (txn->capacity - txn->used < 2 * NM_NFT_RULE_SIZE) {
		char *grown = realloc(txn->buf, txn->capacity * 2);

		if (!grown)
			return nm_fail(
				err, NM_ERR_FAILED, "preparing the nf_tables transaction: out of memory");
		txn->buf = grown;
		txn->capacity *= 2;
	}
	if (txn->n == txn->changes_capacity) {
		size_t capacity = txn->changes_capacity ? txn->changes_capacity * 2 : 64;
		struct change *grown = reallocarray(txn->changes, capacity, sizeof(*grown));

		if (!grown)
			return nm_fail(
				err, NM_ERR_FAILED, "preparing the nf_tables transaction: out of memory");
		txn->changes = grown;
		txn->changes_capacity = capacity;
	}
	return 0;
}

static struct nlmsghdr *begin_change(struct nm_nft_batch *txn, uint16_t type, uint16_t flags,
	enum nm_family family, const struct nm_rule *rule, struct nm_err *err)
{
	if (reserve(txn, err) < 0)
		return NULL;
	txn->changes[txn->n++] = (struct change){.offset = txn->used, .rule = rule};
	return put_header(txn, MESSAGE(type), flags, nm_nft_family(family), 0);
}

static void end_change(struct nm_nft_batch *txn, const struct nlmsghdr *nlh)
{
	txn->used += nlh->nlmsg_len; /* attributes keep it aligned */
}

struct nlmsghdr *nm_nft_batch_begin(struct nm_nft_batch *txn, uint16_t type, uint16_t flags,
	enum nm_family family, bool effective, struct nm_err *err)
{
	struct nlmsghdr *nlh = begin_change(txn, type, flags, family, NULL, err);

	if (nlh)
		txn->effective += effective;
	return nlh;
}

void nm_nft_batch_end(struct nm_nft_batch *txn, const struct nlmsghdr *nlh)
{
	end_change(txn, nlh);
}

int nm_nft_batch_ensure_table(
	struct nm_nft_batch *txn, enum nm_family family, enum nm_table table, struct nm_err *err)
{
	struct nlmsghdr *nlh = begin_change(txn, NFT_MSG_NEWTABLE, NLM_F_CREATE, family, NULL, err);

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, nm_rule_table_name(table));
	nm_nft_comment_put(nlh, NFTA_TABLE_USERDATA, NM_TAG_MADE);
	end_change(txn, nlh);
	return 0;
}

struct hook {
	const char *type; /* NULL: a chain without hook */
	uint32_t number;
	int32_t priority;
};

static struct hook chain_hook(enum nm_table table, enum nm_chain chain)
{
	static const struct hook hooks[NM_TABLE_MAX][NM_CHAIN_MAX] = {
		[NM_TABLE_RAW] =
			{
				[NM_CHAIN_PREROUTING] = {"filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
			},
		[NM_TABLE_NAT] =
			{
				[NM_CHAIN_PREROUTING] = {"nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST},
				[NM_CHAIN_OUTPUT] = {"nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST},
				[NM_CHAIN_POSTROUTING] = {"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC},
			},
		[NM_TABLE_FILTER] =
			{
				[NM_CHAIN_FORWARD] = {"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER},
			},
	};

	return hooks[table][chain];
}

int nm_nft_batch_ensure_chain(struct nm_nft_batch *txn, enum nm_family family, enum nm_table table,
	enum nm_chain chain, struct nm_err *err)
{
	struct nlmsghdr *nlh = begin_change(txn, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, NULL, err);
	struct hook hook = chain_hook(table, chain);

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, nm_rule_table_name(table));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, nm_rule_chain_name(chain));
	if (hook.type) {
		struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);

		mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(hook.number));
		mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)hook.priority));
		mnl_attr_nest_end(nlh, nest);
		/* no NFTA_CHAIN_POLICY: on an existing chain it would change the administrator's */
		mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, hook.type);
	}
	/* on an existing chain it changes nothing; Linux before 5.9 passes over it */
	nm_nft_comment_put(nlh, NFTA_CHAIN_USERDATA, NM_TAG_MADE);
	end_change(txn, nlh);
	return 0;
}

int nm_nft_batch_add_rule(struct nm_nft_batch *txn, const struct nm_rule *rule, uint64_t neighbour,
	bool behind, struct nm_err *err)
{
	bool append = neighbour ? behind : rule->place == NM_PLACE_END;
	struct nlmsghdr *nlh = begin_change(txn, NFT_MSG_NEWRULE,
		(uint16_t)(NLM_F_CREATE | (append ? NLM_F_APPEND : 0)), rule->family, rule, err);

	if (!nlh)
		return -1;
	txn->effective++;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, nm_rule_table_name(rule->table));
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, nm_rule_chain_name(rule->chain));
	if (neighbour)
		mnl_attr_put_u64(nlh, NFTA_RULE_POSITION, htobe64(neighbour));
	nm_nft_put_rule(nlh, rule);
	end_change(txn, nlh);
	return 0;
}

int nm_nft_batch_delete_rule(struct nm_nft_batch *txn, enum nm_family family, enum nm_table table,
	enum nm_chain chain, uint64_t handle, struct nm_err *err)
{
	struct nlmsghdr *nlh = begin_change(txn, NFT_MSG_DELRULE, 0, family, NULL, err);

	if (!nlh)
		return -1;
	txn->effective++;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, nm_rule_table_name(table));
	/* without the chain the kernel would empty the whole table */
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, nm_rule_chain_name(chain));
	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(handle));
	end_change(txn, nlh);
	return 0;
}

int nm_nft_batch_delete_chain(struct nm_nft_batch *txn, enum nm_family family, enum nm_table table,
	const char *chain, struct nm_err *err)
{
	struct nlmsghdr *nlh = begin_change(txn, NFT_MSG_DELCHAIN, 0, family, NULL, err);

	if (!nlh)
		return -1;
	txn->effective++;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, nm_rule_table_name(table));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	end_change(txn, nlh);
	return 0;
}

int nm_nft_batch_delete_table(
	struct nm_nft_batch *txn, enum nm_family family, enum nm_table table, struct nm_err *err)
{
	struct nlmsghdr *nlh = begin_change(txn, NFT_MSG_DELTABLE, 0, family, NULL, err);

	if (!nlh)
		return -1;
	txn->effective++;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, nm_rule_table_name(table));
	end_change(txn, nlh);
	return 0;
}

static void end_batch(struct nm_nft_batch *txn)
{
	struct nlmsghdr *last = message_of(txn, &txn->changes[txn->n - 1]), *nlh;

	last->nlmsg_flags |= NLM_F_ACK;
	nlh = put_header(txn, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	txn->used += nlh->nlmsg_len;
}

static int send_batch(struct nm_nft_batch *txn, int fd, struct nm_err *err)
{
	int size = (int)txn->used + SNDBUF_SLACK, current = 0;
	socklen_t len = sizeof(current);
	ssize_t n;

	if (txn->used > INT32_MAX / 2)
		return nm_fail(err, NM_ERR_FAILED, "sending the nf_tables transaction: too many rules");
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &current, &len); /* at worst it is set needlessly */
	if (size > current && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* EMSGSIZE will tell */
	do
		n = sendto(fd, txn->buf, txn->used, 0, NULL, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? nm_fail_errno(err, errno, "sending the nf_tables transaction") : 0;
}

struct verdict {
	bool acknowledged;
	uint32_t seq; /* of the first error */
	int error;    /* 0: none */
};

static void judge_reply(const struct nlmsghdr *nlh, struct verdict *v)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return;
	if (e->error == 0)
		v->acknowledged = true;
	else if (!v->error || nlh->nlmsg_seq < v->seq)
		*v = (struct verdict){
			.acknowledged = v->acknowledged, .seq = nlh->nlmsg_seq, .error = -e->error};
}

static int read_replies(int fd, struct verdict *v, struct nm_err *err)
{
	alignas(struct nlmsghdr) char buf[REPLY_SIZE];
	ssize_t n;

	for (;;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)buf;
		int left;

		n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL);
		if (n < 0 &&
			(errno == EINTR ||
				errno == ENOBUFS)) /* replies are lost, but not those that are queued */
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return nm_fail_errno(err, errno, "reading the reply to the nf_tables transaction");
		for (left = (int)n; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			judge_reply(nlh, v);
	}
}

static bool is_ipv6_unknown(const struct nm_nft_batch *txn, const struct verdict *v)
{
	const struct nlmsghdr *msg;
	const struct nfgenmsg *nfg;

	if ((v->error != EOPNOTSUPP && v->error != EAFNOSUPPORT) || v->seq == 0 || v->seq > txn->n)
		return false;
	msg = message_of(txn, &txn->changes[v->seq - 1]);
	nfg = mnl_nlmsg_get_payload(msg);
	return msg->nlmsg_type == MESSAGE(NFT_MSG_NEWTABLE) && nfg->nfgen_family == NFPROTO_IPV6;
}

/* An element has the key already, which the transaction was made without looking for. */
static bool is_element_there(const struct nm_nft_batch *txn, const struct verdict *v)
{
	return v->error == EEXIST && v->seq > 0 && v->seq <= txn->n &&
		message_of(txn, &txn->changes[v->seq - 1])->nlmsg_type == MESSAGE(NFT_MSG_NEWSETELEM);
}

int nm_nft_batch_commit(struct nm_nft_batch *txn, int fd, enum nm_nft_outcome *ret, struct nm_err *err)
{
	struct verdict v = {0};

	*ret = NM_NFT_COMMITTED;
	if (txn->n == 0)
		return 0;
	end_batch(txn);
	if (send_batch(txn, fd, err) < 0 || read_replies(fd, &v, err) < 0)
		return -1;
	/* without any answer the change was applied or not: the next reading tells */
	if ((v.error == ERESTART && v.seq == 0) || (!v.error && !v.acknowledged) ||
		is_element_there(txn, &v)) {
		*ret = NM_NFT_STALE;
	} else if (is_ipv6_unknown(txn, &v)) {
		*ret = NM_NFT_NO_IPV6;
	} else if (v.error) {
		const struct change *change = v.seq > 0 && v.seq <= txn->n ? &txn->changes[v.seq - 1] : NULL;

		if (!change)
			return nm_fail_errno(err, v.error, "sending the nf_tables transaction");
		return nm_nft_refusal_fail(message_of(txn, change), change->rule, v.error, err);
	}
	return 0;
}
