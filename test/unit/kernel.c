#include "kernel.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/attrs.h"
#include "model/rule.h"
#include "nft/dump.h"
#include "nft/expr.h"

/* The other end gets an abstract address, whose bytes are zeros where one of netlink has its port: that of
 * the kernel. */
bool kernel_open(struct kernel *k)
{
	struct sockaddr address = {.sa_family = AF_UNIX};
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) < 0)
		return false;
	k->nl = nm_netlink_borrow(fd[0]);
	k->nl.seq = 1000; /* replies are written before the requests */
	k->fd = fd[1];
	memset(address.sa_data, 0, sizeof(address.sa_data));
	memcpy(address.sa_data + 6, &(pid_t){getpid()}, sizeof(pid_t));
	return bind(fd[1], &address, sizeof(address)) == 0;
}

void kernel_close(struct kernel *k)
{
	close(k->nl.fd);
	close(k->fd);
}

struct nlmsghdr *reply_at(struct reply *r, size_t at)
{
	return (struct nlmsghdr *)(void *)(r->bytes + at);
}

static struct nm_message *begin(struct reply *r, uint32_t seq, uint16_t type, size_t header_size)
{
	r->msg = nm_message_begin(r->bytes + r->len, (uint16_t)(sizeof(r->bytes) - r->len), header_size);
	r->msg.header->nlmsg_type = type;
	r->msg.header->nlmsg_seq = seq;
	return &r->msg;
}

struct nm_message *reply_begin(struct reply *r, uint32_t seq, uint16_t nft_type)
{
	return begin(r, seq, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | nft_type), sizeof(struct nfgenmsg));
}

void reply_end(struct reply *r, const struct nm_message *msg)
{
	r->len += NLMSG_ALIGN(msg->header->nlmsg_len);
}

void reply_done(struct reply *r, uint32_t seq, uint16_t flags)
{
	struct nm_message *msg = begin(r, seq, NLMSG_DONE, sizeof(int));

	msg->header->nlmsg_flags = flags;
	reply_end(r, msg);
}

void reply_error(struct reply *r, uint32_t seq, int error_number)
{
	struct nm_message *msg = begin(r, seq, NLMSG_ERROR, sizeof(struct nlmsgerr));

	((struct nlmsgerr *)NLMSG_DATA(msg->header))->error = -error_number;
	reply_end(r, msg);
}

static void put_name(struct nm_message *msg, uint16_t type, const char *name)
{
	if (name)
		nm_message_put_string(msg, type, name);
}

static void put_number(struct nm_message *msg, uint16_t type, uint32_t value)
{
	if (value)
		nm_message_put_be32(msg, type, value);
}

static void put_nfproto(struct nm_message *msg, uint8_t nfproto)
{
	((struct nfgenmsg *)NLMSG_DATA(msg->header))->nfgen_family = nfproto;
}

void reply_table(struct reply *r, uint32_t seq, const struct nm_nft_table *table)
{
	struct nm_message *msg = reply_begin(r, seq, NFT_MSG_NEWTABLE);

	put_nfproto(msg, table->nfproto);
	put_name(msg, NFTA_TABLE_NAME, table->name);
	put_number(msg, NFTA_TABLE_FLAGS, table->is_dormant ? NFT_TABLE_F_DORMANT : 0);
	put_number(msg, NFTA_TABLE_USE, table->use);
	if (table->made)
		nm_expr_put_comment(msg, NFTA_TABLE_USERDATA, NM_TAG_MADE);
	reply_end(r, msg);
}

void reply_chain(struct reply *r, uint32_t seq, const struct nm_nft_chain *chain)
{
	struct nm_message *msg = reply_begin(r, seq, NFT_MSG_NEWCHAIN);
	struct nlattr *hook;

	put_nfproto(msg, chain->nfproto);
	put_name(msg, NFTA_CHAIN_TABLE, chain->table);
	put_name(msg, NFTA_CHAIN_NAME, chain->name);
	if (chain->is_base) {
		hook = nm_message_nest(msg, NFTA_CHAIN_HOOK);
		nm_message_put_be32(msg, NFTA_HOOK_HOOKNUM, chain->hook);
		nm_message_put_be32(msg, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
		nm_message_nest_end(msg, hook);
		nm_message_put_be32(msg, NFTA_CHAIN_POLICY, chain->drops ? NF_DROP : NF_ACCEPT);
		put_name(msg, NFTA_CHAIN_TYPE, chain->type);
	}
	put_number(msg, NFTA_CHAIN_USE, chain->use);
	if (chain->made)
		nm_expr_put_comment(msg, NFTA_CHAIN_USERDATA, NM_TAG_MADE);
	reply_end(r, msg);
}

void reply_set(struct reply *r, uint32_t seq, const struct nm_nft_set *set)
{
	static const char userdata[] = {0, 4, 1, 0, 0, 0};
	struct nm_message *msg = reply_begin(r, seq, NFT_MSG_NEWSET);

	put_name(msg, NFTA_SET_TABLE, set->table);
	put_name(msg, NFTA_SET_NAME, set->name);
	put_number(msg, NFTA_SET_FLAGS, set->flags);
	put_number(msg, NFTA_SET_KEY_LEN, set->key_size);
	put_number(msg, NFTA_SET_DATA_LEN, set->data_size);
	if (set->has_userdata)
		nm_message_put(msg, NFTA_SET_USERDATA, userdata, sizeof(userdata));
	reply_end(r, msg);
}

void reply_rule(struct reply *r, uint32_t seq, const char *comment)
{
	struct nm_message *msg = reply_begin(r, seq, NFT_MSG_NEWRULE);

	put_name(msg, NFTA_RULE_CHAIN, "chain");
	nm_message_put_be64(msg, NFTA_RULE_HANDLE, 1);
	if (comment)
		nm_expr_put_comment(msg, NFTA_RULE_USERDATA, comment);
	reply_end(r, msg);
}

bool kernel_send(const struct kernel *k, const struct reply *r)
{
	char asked;

	while (recv(k->fd, &asked, sizeof(asked), MSG_DONTWAIT) >= 0)
		;
	return send(k->fd, r->bytes, r->len, 0) == (ssize_t)r->len;
}

static size_t say_request(char *text, size_t used, const struct nlmsghdr *msg)
{
	struct nm_attrs list = nm_attrs_of(msg, sizeof(struct nfgenmsg));
	const struct nfgenmsg *nfg = NLMSG_DATA(msg);
	const struct nlattr *a;

	used += (size_t)snprintf(text + used, KERNEL_ASKED_SIZE - used, "%u%s %u", msg->nlmsg_type & 0xff,
		(msg->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? " all" : "", nfg->nfgen_family);
	while ((a = nm_attrs_next(&list)) && used < KERNEL_ASKED_SIZE)
		used += (size_t)snprintf(text + used, KERNEL_ASKED_SIZE - used, " %.*s",
			(int)nm_attrs_inside(a).len, (const char *)nm_attrs_inside(a).data);
	if (used < KERNEL_ASKED_SIZE)
		used += (size_t)snprintf(text + used, KERNEL_ASKED_SIZE - used, ";");
	return used;
}

const char *kernel_asked(const struct kernel *k, char ret[static KERNEL_ASKED_SIZE])
{
	struct reply r = {.len = 0};
	size_t used = 0;
	ssize_t n;

	ret[0] = '\0';
	while ((n = recv(k->fd, r.bytes, sizeof(r.bytes), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *msg = NULL;

		r.len = (size_t)n;
		while ((msg = reply_next(&r, msg)) && used < KERNEL_ASKED_SIZE)
			used = say_request(ret, used, msg);
	}
	return ret;
}

bool kernel_commit(struct nm_nft_batch *txn, struct reply *ret)
{
	enum nm_nft_outcome outcome;
	struct nm_err err;
	ssize_t n = -1;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0)
		return false;
	/* nothing has answered yet: the outcome is not known */
	if (nm_nft_batch_commit(txn, fd[0], &outcome, &err) == 0)
		n = recv(fd[1], ret->bytes, sizeof(ret->bytes), MSG_DONTWAIT | MSG_TRUNC);
	close(fd[0]);
	close(fd[1]);
	ret->len = n > 0 ? (size_t)n : 0;
	return n > 0 && (size_t)n <= sizeof(ret->bytes);
}

const struct nlmsghdr *reply_next(struct reply *r, const struct nlmsghdr *msg)
{
	size_t at = msg ? (size_t)((const char *)msg - r->bytes) + NLMSG_ALIGN(msg->nlmsg_len) : 0;

	while (at < r->len && reply_at(r, at)->nlmsg_type <= NFNL_MSG_BATCH_END)
		at += NLMSG_ALIGN(reply_at(r, at)->nlmsg_len);
	return at < r->len ? reply_at(r, at) : NULL;
}
