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
 * names, and so is the echo of a rule that tells its handle.
 */
#include "nft/batch.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/array.h"
#include "nft/expr.h"
#include "nft/refusal.h"

#define MESSAGE(type) ((uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | (type)))

enum {
	INITIAL_SIZE = 16 * 1024,
	MESSAGE_SIZE = 2 * NM_NFT_RULE_SIZE, /* with the place, and the comment of a rule */
	END_SIZE = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
	REPLY_SIZE = 8192,
	SNDBUF_SLACK = 4096, /* netlink_sendmsg() wants some bytes more than the message */
};

struct change {
	size_t offset;             /* of the message */
	nm_nft_batch_print *print; /* of the object; NULL: the message says it all */
	const void *object;
	uint64_t *handle; /* NULL: nobody asks for it */
};

struct nm_nft_batch {
	char *buf;
	size_t used, capacity;
	struct {
		struct change *v;
		size_t n, capacity;
	} changes;
	size_t effective;      /* changes that add or delete something */
	struct nm_message msg; /* the last one */
	size_t too_long;       /* number of the first change without room, from 1; 0: none */
};

static struct nlmsghdr *message_of(const struct nm_nft_batch *txn, const struct change *change)
{
	return (struct nlmsghdr *)(void *)(txn->buf + change->offset);
}

static struct nm_message *put_header(
	struct nm_nft_batch *txn, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	struct nfgenmsg *nfg;
	struct nlmsghdr *header;

	txn->msg = nm_message_begin(txn->buf + txn->used, MESSAGE_SIZE, sizeof(*nfg));
	header = txn->msg.header;
	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	header->nlmsg_seq = (uint32_t)txn->changes.n;
	nfg = NLMSG_DATA(header);
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res_id);
	return &txn->msg;
}

struct nm_nft_batch *nm_nft_batch_new(uint32_t generation)
{
	struct nm_nft_batch *txn = calloc(1, sizeof(*txn));
	struct nm_message *m;

	if (!txn || !(txn->buf = malloc(INITIAL_SIZE))) {
		free(txn);
		return NULL;
	}
	txn->capacity = INITIAL_SIZE;
	m = put_header(txn, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	nm_message_put_be32(m, NFNL_BATCH_GENID, generation);
	txn->used = m->header->nlmsg_len;
	return txn;
}

void nm_nft_batch_free(struct nm_nft_batch **txn)
{
	if (!*txn)
		return;
	free((*txn)->buf);
	free((*txn)->changes.v);
	free(*txn);
	*txn = NULL;
}

bool nm_nft_batch_is_idle(const struct nm_nft_batch *txn)
{
	return txn->effective == 0;
}

/* Room for one more change, whatever it is, and for the end of the batch. */
static int reserve(struct nm_nft_batch *txn, struct nm_err *err)
{
	static const char what[] = "preparing the nf_tables transaction";

	if (txn->capacity - txn->used < MESSAGE_SIZE + END_SIZE) {
		char *grown = realloc(txn->buf, txn->capacity * 2);

		if (!grown)
			return nm_fail_memory(err, what);
		txn->buf = grown;
		txn->capacity *= 2;
	}
	return nm_grow(&txn->changes, what, err);
}

_Static_assert((int)NFTA_TABLE_NAME == NFTA_CHAIN_TABLE && (int)NFTA_TABLE_NAME == NFTA_RULE_TABLE &&
		(int)NFTA_TABLE_NAME == NFTA_SET_TABLE && (int)NFTA_TABLE_NAME == NFTA_SET_ELEM_LIST_TABLE,
	"a table's name has one number");

struct nm_message *nm_nft_batch_begin(struct nm_nft_batch *txn, uint16_t type, uint16_t flags,
	struct nm_nft_place place, struct nm_err *err)
{
	bool is_rule = type == NFT_MSG_NEWRULE || type == NFT_MSG_DELRULE;
	struct nm_message *m;

	if (reserve(txn, err) < 0)
		return NULL;
	txn->changes.v[txn->changes.n++] = (struct change){.offset = txn->used};
	txn->effective += type != NFT_MSG_NEWTABLE && type != NFT_MSG_NEWCHAIN && type != NFT_MSG_NEWSET;
	m = put_header(txn, MESSAGE(type), flags, place.nfproto, 0);
	nm_message_put_string(m, NFTA_TABLE_NAME, place.table);
	if (place.chain)
		nm_message_put_string(m, is_rule ? NFTA_RULE_CHAIN : NFTA_CHAIN_NAME, place.chain);
	return m;
}

void nm_nft_batch_end(struct nm_nft_batch *txn)
{
	txn->used += txn->msg.header->nlmsg_len; /* attributes keep it aligned */
	if (txn->msg.too_long && !txn->too_long)
		txn->too_long = txn->changes.n;
}

void nm_nft_batch_describe(struct nm_nft_batch *txn, nm_nft_batch_print *print, const void *object)
{
	struct change *last = &txn->changes.v[txn->changes.n - 1];

	last->print = print;
	last->object = object;
}

void nm_nft_batch_report(struct nm_nft_batch *txn, uint64_t *ret)
{
	struct change *last = &txn->changes.v[txn->changes.n - 1];

	message_of(txn, last)->nlmsg_flags |= NLM_F_ECHO;
	last->handle = ret;
}

/* No NFTA_CHAIN_POLICY: on an existing chain it would change the administrator's. */
static void put_hook(struct nm_message *m, const struct nm_nft_hook *hook)
{
	struct nlattr *nest = nm_message_nest(m, NFTA_CHAIN_HOOK);

	nm_message_put_be32(m, NFTA_HOOK_HOOKNUM, hook->number);
	nm_message_put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t)hook->priority);
	nm_message_nest_end(m, nest);
	nm_message_put_string(m, NFTA_CHAIN_TYPE, hook->type);
}

/* Linux before 5.9 passes over the comment of a chain. */
int nm_nft_batch_ensure(struct nm_nft_batch *txn, struct nm_nft_place place, const struct nm_nft_hook *hook,
	const char *comment, struct nm_err *err)
{
	uint16_t type = place.chain ? NFT_MSG_NEWCHAIN : NFT_MSG_NEWTABLE;
	struct nm_message *m = nm_nft_batch_begin(txn, type, NLM_F_CREATE, place, err);

	if (!m)
		return -1;
	if (hook && hook->type)
		put_hook(m, hook);
	if (comment)
		nm_expr_put_comment(m, place.chain ? NFTA_CHAIN_USERDATA : NFTA_TABLE_USERDATA, comment);
	nm_nft_batch_end(txn);
	return 0;
}

struct nm_message *nm_nft_batch_begin_rule(struct nm_nft_batch *txn, struct nm_nft_place place,
	uint64_t neighbour, bool append, struct nm_err *err)
{
	uint16_t flags = (uint16_t)(NLM_F_CREATE | (append ? NLM_F_APPEND : 0));
	struct nm_message *m = nm_nft_batch_begin(txn, NFT_MSG_NEWRULE, flags, place, err);

	if (m && neighbour)
		nm_message_put_be64(m, NFTA_RULE_POSITION, neighbour);
	return m;
}

int nm_nft_batch_delete_rule(
	struct nm_nft_batch *txn, struct nm_nft_place place, uint64_t handle, struct nm_err *err)
{
	struct nm_message *m = nm_nft_batch_begin(txn, NFT_MSG_DELRULE, 0, place, err);

	if (!m)
		return -1;
	nm_message_put_be64(m, NFTA_RULE_HANDLE, handle);
	nm_nft_batch_end(txn);
	return 0;
}

int nm_nft_batch_delete(struct nm_nft_batch *txn, struct nm_nft_place place, struct nm_err *err)
{
	uint16_t type = place.chain ? NFT_MSG_DELCHAIN : NFT_MSG_DELTABLE;
	struct nm_message *m = nm_nft_batch_begin(txn, type, 0, place, err);

	if (!m)
		return -1;
	nm_nft_batch_end(txn);
	return 0;
}

static void end_batch(struct nm_nft_batch *txn)
{
	message_of(txn, &txn->changes.v[txn->changes.n - 1])->nlmsg_flags |= NLM_F_ACK;
	(void)put_header(txn, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	txn->used += txn->msg.header->nlmsg_len;
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

/* The echo of a rule that was added. */
static void note_handle(const struct nlmsghdr *nlh, const struct change *change)
{
	struct nm_attrs attrs = nm_attrs_of(nlh, sizeof(struct nfgenmsg));
	uint64_t handle;

	if (change->handle && nlh->nlmsg_type == MESSAGE(NFT_MSG_NEWRULE) &&
		nm_attrs_get(attrs, NFTA_RULE_HANDLE, &handle, sizeof(handle)))
		*change->handle = be64toh(handle);
}

static void on_reply(const struct nm_nft_batch *txn, const struct nlmsghdr *nlh, struct verdict *v)
{
	const struct nlmsgerr *e = nm_netlink_header(nlh, sizeof(*e));

	if (nlh->nlmsg_seq > txn->changes.n) /* the answer to something else */
		return;
	if (nlh->nlmsg_type != NLMSG_ERROR && nlh->nlmsg_seq > 0)
		note_handle(nlh, &txn->changes.v[nlh->nlmsg_seq - 1]);
	if (nlh->nlmsg_type != NLMSG_ERROR || !e)
		return;
	if (e->error == 0)
		v->acknowledged = true;
	else if (!v->error || nlh->nlmsg_seq < v->seq)
		*v = (struct verdict){
			.acknowledged = v->acknowledged, .seq = nlh->nlmsg_seq, .error = -e->error};
}

/* Reads until there are no more, or none can be read. */
static void read_replies(const struct nm_nft_batch *txn, int fd, struct verdict *v)
{
	alignas(struct nlmsghdr) char buf[REPLY_SIZE];
	ssize_t n;

	for (;;) {
		struct nm_messages list = {.data = buf};
		const struct nlmsghdr *nlh;

		n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL);
		/* ENOBUFS: replies are lost, but not those that are queued */
		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n < 0)
			return;
		list.len = (size_t)n;
		while ((nlh = nm_messages_next(&list)))
			on_reply(txn, nlh, v);
	}
}

/* The change that was refused; NULL: none, or the batch itself. */
static const struct change *refused_change(const struct nm_nft_batch *txn, const struct verdict *v)
{
	return v->error && v->seq > 0 ? &txn->changes.v[v->seq - 1] : NULL;
}

static bool is_ipv6_unknown(const struct nlmsghdr *msg, int error)
{
	const struct nfgenmsg *nfg = NLMSG_DATA(msg);

	return (error == EOPNOTSUPP || error == EAFNOSUPPORT) && nfg->nfgen_family == NFPROTO_IPV6 &&
		msg->nlmsg_type == MESSAGE(NFT_MSG_NEWTABLE);
}

/* An element has the key already, which the transaction was made without looking for. */
static bool is_element_there(const struct nlmsghdr *msg, int error)
{
	return error == EEXIST && msg->nlmsg_type == MESSAGE(NFT_MSG_NEWSETELEM);
}

static int judge_refusal(const struct nm_nft_batch *txn, const struct change *change, int error,
	enum nm_nft_outcome *ret, struct nm_err *err)
{
	const struct nlmsghdr *msg = message_of(txn, change);
	char text[NM_NFT_BATCH_STRLEN];

	if (is_element_there(msg, error))
		*ret = NM_NFT_STALE;
	else if (is_ipv6_unknown(msg, error))
		*ret = NM_NFT_NO_IPV6;
	else
		return nm_nft_refusal_fail(
			msg, change->print ? change->print(change->object, text) : NULL, error, err);
	return 0;
}

int nm_nft_batch_commit(struct nm_nft_batch *txn, int fd, enum nm_nft_outcome *ret, struct nm_err *err)
{
	const struct change *change;
	struct verdict v = {0};

	*ret = NM_NFT_COMMITTED;
	if (txn->changes.n == 0)
		return 0;
	if (txn->too_long)
		return judge_refusal(txn, &txn->changes.v[txn->too_long - 1], EMSGSIZE, ret, err);
	end_batch(txn);
	if (send_batch(txn, fd, err) < 0)
		return -1;
	read_replies(txn, fd, &v);
	change = refused_change(txn, &v);
	if (change)
		return judge_refusal(txn, change, v.error, ret, err);
	if (v.error == ERESTART)
		*ret = NM_NFT_STALE;
	else if (!v.error && !v.acknowledged)
		*ret = NM_NFT_UNKNOWN;
	else if (v.error)
		return nm_fail_errno(err, v.error, "sending the nf_tables transaction");
	return 0;
}
