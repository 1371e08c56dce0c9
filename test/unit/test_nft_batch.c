/* nft/batch.c: what it makes of the kernel's answers, which here come from the other end of a socket pair. */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nft/batch.h"
#include "tap.h"

static const char *print_rule(const void *rule, char buf[static NM_NFT_BATCH_STRLEN])
{
	(void)buf;
	return rule;
}

#ifdef __GLIBC__
#define NOT_SUPPORTED "Operation not supported"
#else
#define NOT_SUPPORTED "Not supported" /* musl */
#endif

static int add_rule(struct nm_nft_batch *txn, struct nm_nft_place chain, size_t user_data, struct nm_err *err)
{
	static const char zeros[5000];
	struct nm_message *rule = nm_nft_batch_begin_rule(txn, chain, 0, true, err);

	if (!rule)
		return -1;
	nm_message_put(rule, NFTA_RULE_USERDATA, zeros, user_data);
	nm_nft_batch_end(txn);
	return 0;
}

/* Three changes: table (1), chain (2) and rule (3), of IPv6, with so many bytes of user data. */
static struct nm_nft_batch *make_txn(size_t user_data)
{
	const struct nm_nft_place table = {nm_addr_family_to_af(NM_IPV6), "nat", NULL};
	const struct nm_nft_place chain = {nm_addr_family_to_af(NM_IPV6), "nat", "NATMAP"};
	static const struct nm_nft_hook no_hook;
	struct nm_nft_batch *txn = nm_nft_batch_new(7);
	struct nm_err err;

	if (!txn || nm_nft_batch_ensure(txn, table, NULL, "mine", &err) < 0 ||
		nm_nft_batch_ensure(txn, chain, &no_hook, "mine", &err) < 0)
		return NULL;
	if (add_rule(txn, chain, user_data, &err) < 0)
		return NULL;
	nm_nft_batch_describe(txn, print_rule, "-A NATMAP -j ACCEPT");
	return txn;
}

struct reply {
	unsigned seq;
	int error; /* 0: acknowledgement */
};

static void queue(int fd, const struct reply *reply)
{
	struct {
		struct nlmsghdr msg;
		struct nlmsgerr e;
	} packet = {
		.msg = {.nlmsg_len = sizeof(packet), .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = reply->seq},
		.e = {.error = -reply->error},
	};

	tap_ok(send(fd, &packet, sizeof(packet), 0) == sizeof(packet), "reply %u queued", reply->seq);
}

enum { REPLIES_MAX = 3 };

static void check(const char *name, const struct reply *replies, size_t n, int expected, const char *says)
{
	nm_autobatch struct nm_nft_batch *txn = make_txn(0);
	enum nm_nft_outcome outcome = NM_NFT_COMMITTED;
	struct nm_err err = {0};
	int fd[2], rc;

	if (!txn || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0) {
		tap_ok(false, "%s: preparation", name);
		return;
	}
	for (size_t i = 0; i < n; i++)
		queue(fd[1], &replies[i]);
	rc = nm_nft_batch_commit(txn, fd[0], &outcome, &err);
	if (says) {
		tap_ok(rc < 0, "%s: fails", name);
		tap_is(err.msg, says, "%s: says why", name);
	} else {
		tap_ok(rc == 0 && (int)outcome == expected, "%s: outcome %d", name, (int)outcome);
	}
	close(fd[0]);
	close(fd[1]);
}

/* What has no room is not sent; the first such change is named, whatever follows. */
static void check_room(size_t user_data, bool fits)
{
	nm_autobatch struct nm_nft_batch *txn = make_txn(user_data);
	const struct nm_nft_place table = {nm_addr_family_to_af(NM_IPV6), "filter", NULL};
	enum nm_nft_outcome outcome = NM_NFT_COMMITTED;
	struct nm_err err = {0};
	char expected[128], sent[sizeof(struct nlmsghdr)];
	int fd[2];

	if (!txn || nm_nft_batch_ensure(txn, table, NULL, "mine", &err) < 0 ||
		add_rule(txn, (struct nm_nft_place){table.nfproto, "filter", "X"}, user_data, &err) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) < 0) {
		tap_ok(false, "a rule with %zu bytes: preparation", user_data);
		return;
	}
	(void)snprintf(expected, sizeof(expected), "adding rule '-A NATMAP -j ACCEPT' to table 'nat': %s",
		strerror(EMSGSIZE));
	tap_ok(nm_nft_batch_commit(txn, fd[0], &outcome, &err) == (fits ? 0 : -1),
		"a rule with %zu bytes: sent or refused", user_data);
	tap_is(err.msg, fits ? "" : expected, "a rule with %zu bytes: what it says", user_data);
	tap_ok((recv(fd[1], sent, sizeof(sent), MSG_DONTWAIT) > 0) == fits,
		"a rule with %zu bytes: what is sent", user_data);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	static const struct {
		const char *name;
		struct reply replies[REPLIES_MAX];
		size_t n;
		enum nm_nft_outcome outcome;
		const char *says; /* NULL: succeeds with that outcome */
	} rows[] = {
		{"acknowledged", {{3, 0}}, 1, NM_NFT_COMMITTED, NULL},
		{"another generation", {{0, ERESTART}, {3, 0}}, 2, NM_NFT_STALE, NULL},
		{"no answer at all", {{0, 0}}, 0, NM_NFT_UNKNOWN, NULL},
		{"a kernel without IPv6", {{1, EOPNOTSUPP}, {2, ENOENT}, {3, ENOENT}}, 3, NM_NFT_NO_IPV6,
			NULL},
		{"no such family", {{1, EAFNOSUPPORT}}, 1, NM_NFT_NO_IPV6, NULL},
		{"a refused table", {{1, EPERM}}, 1, 0, "creating table 'nat': Operation not permitted"},
		{"a refused chain, though acknowledged at the end", {{2, EOPNOTSUPP}, {3, 0}}, 2, 0,
			"creating chain 'NATMAP' in table 'nat': " NOT_SUPPORTED},
		{"a refused rule", {{3, ENOENT}}, 1, 0,
			"adding rule '-A NATMAP -j ACCEPT' to table 'nat': No such file or directory"},
		{"the first of two errors", {{3, ENOENT}, {2, EEXIST}}, 2, 0,
			"creating chain 'NATMAP' in table 'nat': File exists"},
		{"an error of the batch itself", {{0, EPERM}}, 1, 0,
			"sending the nf_tables transaction: Operation not permitted"},
		{"an answer to a message that was never sent", {{99, EINVAL}}, 1, NM_NFT_UNKNOWN, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(rows[i].name, rows[i].replies, rows[i].n, (int)rows[i].outcome, rows[i].says);
	check_room(NM_NFT_RULE_SIZE, true);
	check_room(2 * NM_NFT_RULE_SIZE, false);
	check_room(5000, false);
	return tap_done();
}
