/* Each examination is independent of the others. A feature that the kernel lacks and rules do not need (IPv6,
 * bridge netfilter, legacy tables) is no obstacle. */
#include "admin/doctor.h"

#include <fcntl.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <string.h>

#include "admin/firewalld.h"
#include "admin/foreign_drop.h"
#include "admin/remedy.h"
#include "backend/backend.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "host/conntrack.h"
#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "iptables/accept.h"
#include "nft/objects.h"
#include "nft/transaction.h"
#include "publish/change.h"
#include "state/search.h"

enum { TEXT_SIZE = 4096, LINE_SIZE = 2 * TEXT_SIZE };

struct examination {
	const struct nm_doctor *d;
	size_t n_findings;
	struct nm_records records; /* live ones, when dead ones have been told */
	bool can_judge;            /* the pids of the records are of this PID namespace */
	struct nm_netlink nl;
	struct nm_remedies remedies;
	char alternative[NM_BACKEND_ALTERNATIVE_STRLEN]; /* to a backend that the kernel lacks parts of */
	bool strict_forward_ports;                       /* firewalld's configuration says so */
	bool strict_firewalld;                           /* has been told; its chains need not be */
};

typedef int examine(struct examination *x, struct nm_err *err);

enum line { FINDING, COMMAND };

/* Prints a finding, or the command against the last one. They may contain control characters from outside. */
static void __attribute__((format(printf, 3, 4)))
tell(struct examination *x, enum line what, const char *fmt, ...)
{
	char text[TEXT_SIZE], line[LINE_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	nm_log_escape(text, line, sizeof(line));
	fprintf(x->d->out, "%s%s\n", what == COMMAND ? "    run: " : "", line);
	x->n_findings += what == FINDING;
}

/* Runs each of the list, which ends with NULL. A failure is a finding. */
static void run_all(struct examination *x, examine *const examinations[])
{
	struct nm_err err;

	for (; *examinations; examinations++)
		if ((*examinations)(x, &err) < 0)
			tell(x, FINDING, "%s", err.msg);
}

/* sysctl(8) separates by dots, and writes a dot of an interface's name as a slash. */
static const char *sysctl_word(const char *interface, char buf[static NM_TEXT_WORD_SIZE])
{
	char name[IF_NAMESIZE];

	(void)snprintf(name, sizeof(name), "%s", interface);
	for (char *p = name; (p = strchr(p, '.'));)
		*p = '/';
	return nm_text_word(name, buf);
}

/* -1: the kernel has no such setting. */
static int setting(const char *name)
{
	struct nm_err missing;
	int value;

	return nm_sysctl_get(name, &value, &missing) < 0 ? -1 : value;
}

static void tell_remedy(struct examination *x, const char *module)
{
	char command[NM_REMEDY_STRLEN];

	if (nm_remedy_find(&x->remedies, module, command))
		tell(x, COMMAND, "%s", command);
}

static void on_missing(void *ctx, const char *what, const char *module)
{
	struct examination *x = ctx;

	tell(x, FINDING, "the kernel has no %s, which the rules need%s", what, x->alternative);
	tell_remedy(x, module);
}

static int on_foreign_drop(void *ctx, const struct nm_foreign_drop *chain, struct nm_err *err)
{
	char command[NM_FOREIGN_DROP_STRLEN];
	struct examination *x = ctx;

	(void)err; /* never fails */
	if (x->strict_firewalld && !strcmp(chain->table, "firewalld"))
		return 0;
	tell(x, FINDING, "chain '%s' of the nf_tables table '%s %s' drops packets to published ports, %s",
		chain->chain, nm_foreign_drop_family(chain), chain->table,
		chain->by_policy ? "by its policy" : "by a rule without condition");
	tell(x, COMMAND, "%s", nm_foreign_drop_command(chain, command));
	return 0;
}

static int examine_firewalld(struct examination *x, struct nm_err *err)
{
	static const struct nm_nft_place firewalld = {NFPROTO_INET, "firewalld", NULL};

	if (x->strict_forward_ports && nm_nft_objects_has(&x->nl, firewalld, &x->strict_firewalld, err) < 0)
		return -1;
	if (!x->strict_firewalld)
		return 0;
	tell(x, FINDING, "firewalld drops packets that others have translated: StrictForwardPorts is on");
	tell(x, COMMAND, "%s", NM_FIREWALLD_REMEDY);
	return 0;
}

/* A FORWARD chain may drop since the publish, and then needs an ACCEPT for the nftables backend. */
static int examine_accept(struct examination *x, struct nm_err *err)
{
	unsigned families[NM_BACKEND_MAX] = {0};
	bool needed, missing = false;

	for (size_t i = 0; i < x->records.n; i++)
		families[x->records.v[i].backend] |= x->records.v[i].families;
	for (enum nm_backend b = 0; !missing && b < NM_BACKEND_MAX; b++) {
		uint32_t mark = nm_backend_ops(b)->accept_mark;

		if (mark && nm_iptables_accept_find(&x->nl, families[b], mark, &needed, &missing, err) < 0)
			return -1;
	}
	if (missing) {
		tell(x, FINDING, "iptables' chain FORWARD may drop packets to published ports");
		tell(x, COMMAND, "%s reload", x->d->natmap);
	}
	return 0;
}

static int examine_features(struct examination *x, struct nm_err *err)
{
	enum nm_backend backend = x->d->config->backend;
	struct nm_backend_missing missing;

	if ((backend != NM_BACKEND_AUTO || !nm_backend_recorded(&x->records, &backend)) &&
		nm_backend_choose(&x->nl, NULL, &backend, err) < 0)
		return -1;
	if (!nm_conntrack_is_supported(&x->nl))
		on_missing(x, "ctnetlink", "nf_conntrack_netlink");
	if (!nm_backend_lacks(&x->nl, backend, &missing))
		return 0;
	nm_backend_print_alternative(&x->nl, backend, x->alternative);
	nm_backend_ops(backend)->probe(&x->nl, setting(NM_SYSCTL_IPV6_FORWARD) >= 0, on_missing, x);
	return 0;
}

static int examine_nftables(struct examination *x, struct nm_err *err)
{
	static examine *const examinations[] = {examine_features, examine_firewalld, examine_accept, NULL};
	uint32_t generation;
	bool opened = nm_netlink_open(NETLINK_NETFILTER, &x->nl, err) == 0;

	if (!opened || nm_nft_transaction_generation(&x->nl, &generation, err) < 0) {
		const char *missing = opened ? "nf_tables" : "nfnetlink";

		tell(x, FINDING, "the kernel has no %s (%s)", missing, err->msg);
		tell_remedy(x, missing);
		return 0;
	}
	run_all(x, examinations);
	return nm_foreign_drop_each(&x->nl, on_foreign_drop, x, err);
}

/* Sets *ret when two interfaces have global IPv6 addresses. */
static int is_between_ipv6_networks(bool *ret, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink nl = {.fd = -1};
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses all = {0};
	unsigned first = 0;

	if (nm_netlink_open(NETLINK_ROUTE, &nl, err) < 0 || nm_rtnl_get_addresses(&nl, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].global && all.v[i].prefix.addr.family == NM_IPV6) {
			*ret |= first && first != all.v[i].ifindex;
			first = all.v[i].ifindex;
		}
	return 0;
}

/* As publish/host_settings.c does. A router that accepts no advertisements loses its default route. */
static int add_accept_ra(void *ctx, const char *interface, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX], word[NM_TEXT_WORD_SIZE];

	(void)err; /* never fails */
	if (setting(nm_sysctl_accept_ra(interface, name)) == 1)
		nm_text_put(ctx, " net.ipv6.conf.%s.accept_ra=2", sysctl_word(interface, word));
	return 0;
}

static int tell_ipv6_forwarding(struct examination *x, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	char settings[TEXT_SIZE] = "";
	struct nm_text t = {.buf = settings, .size = sizeof(settings)};

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_route_ra_interfaces(&rtnl, add_accept_ra, &t, err) < 0)
		return -1;
	tell(x, FINDING, "IPv6 forwarding is off: published ports reach containers through IPv4 only");
	tell(x, COMMAND, "sysctl -w%s net.ipv6.conf.all.forwarding=1", settings);
	return 0;
}

/* True when the setting is 0. Tells one that is missing. */
static bool is_off(struct examination *x, const char *name)
{
	struct nm_err missing;
	int value = 1;

	if (nm_sysctl_get(name, &value, &missing) < 0)
		tell(x, FINDING, "%s", missing.msg);
	return !value;
}

static int examine_forwarding(struct examination *x, struct nm_err *err)
{
	const enum nm_forward *forward = x->d->config->forward;
	bool wanted[NM_FAMILY_MAX] = {[NM_IPV4] = forward[NM_IPV4] == NM_FORWARD_CHECK};

	for (size_t i = 0; i < x->records.n; i++)
		nm_each_family(f, x->records.v[i].families)
			wanted[f] = true;
	if (wanted[NM_IPV4] && is_off(x, NM_SYSCTL_IPV4_FORWARD)) {
		tell(x, FINDING, "IPv4 forwarding is off: published ports do not reach containers");
		tell(x, COMMAND, "sysctl -w net.ipv4.ip_forward=1");
	}
	if (!wanted[NM_IPV6] && setting(NM_SYSCTL_IPV6_FORWARD) >= 0 &&
		forward[NM_IPV6] == NM_FORWARD_CHECK && is_between_ipv6_networks(&wanted[NM_IPV6], err) < 0)
		return -1;
	return wanted[NM_IPV6] && is_off(x, NM_SYSCTL_IPV6_FORWARD) ? tell_ipv6_forwarding(x, err) : 0;
}

/* The kernel tells the name of each table that is in force, one a line. */
static int examine_legacy(struct examination *x, struct nm_err *err)
{
	char path[64], names[256], *rest, *name;

	(void)err; /* never fails */
	nm_each_family(f, NM_BOTH_FAMILIES) {
		const char *family = f == NM_IPV4 ? "ip" : "ip6";
		char list[512] = "", modules[2048] = "";
		struct nm_text l = {.buf = list, .size = sizeof(list)};
		struct nm_text m = {.buf = modules, .size = sizeof(modules)};

		(void)snprintf(path, sizeof(path), "/proc/net/%s_tables_names", family);
		if (nm_io_read_small(AT_FDCWD, path, names, sizeof(names)) <= 0)
			continue;
		for (rest = names; (name = strsep(&rest, "\n"));)
			if (*name) {
				nm_text_put(&l, "%s%s", l.used ? ", " : "", name);
				nm_text_put(&m, " %stable_%s", family, name);
			}
		tell(x, FINDING,
			"legacy %stables (%s) filter beside nf_tables and can drop packets to published "
			"ports",
			family, list);
		tell(x, COMMAND, "%stables-legacy-save | %stables-nft-restore --noflush && modprobe -r%s",
			family, family, modules);
	}
	return 0;
}

/* One finding for all dead containers. */
static int examine_gone(struct examination *x, struct nm_err *err)
{
	struct nm_records *records = &x->records;
	char one[256] = "";
	size_t n = 0;

	for (size_t i = records->n; x->can_judge && i-- > 0;) {
		struct nm_record *r = &records->v[i];
		bool gone;

		if (nm_record_gone(r, &gone, err) < 0)
			return -1;
		if (!gone)
			continue;
		n++;
		(void)snprintf(one, sizeof(one), "%s", r->id);
		nm_record_done(r);
		*r = records->v[--records->n];
	}
	if (n == 1)
		tell(x, FINDING, "container '%s' is gone and still holds its ports", one);
	if (n > 1)
		tell(x, FINDING, "%zu containers, '%s' among them, are gone and still hold their ports", n,
			one);
	if (n > 0)
		tell(x, COMMAND, "%s gc", x->d->natmap);
	return 0;
}

/* An interface that is gone needs no setting. */
static int on_localnet(void *ctx, const struct nm_record *r, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX], word[NM_TEXT_WORD_SIZE];

	(void)err; /* never fails */
	if (setting(nm_sysctl_route_localnet(r->localnet, name)) != 0)
		return 0;
	tell(ctx, FINDING,
		"route_localnet is off on '%s': ports of container '%s' do not answer on 127.0.0.1",
		r->localnet, r->id);
	tell(ctx, COMMAND, "sysctl -w net.ipv4.conf.%s.route_localnet=1", sysctl_word(r->localnet, word));
	return 0;
}

/* Reflected packets need hairpin mode only under bridge netfilter. */
static int examine_settings(struct examination *x, struct nm_err *err)
{
	unsigned filtered = (setting("net/bridge/bridge-nf-call-iptables") > 0 ? NM_IPV4_BIT : 0) |
		(setting("net/bridge/bridge-nf-call-ip6tables") > 0 ? NM_IPV6_BIT : 0);
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_rtnl_link link;
	char word[NM_TEXT_WORD_SIZE];

	if (nm_records_each_localnet(&x->records, on_localnet, x, err) < 0 ||
		nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0)
		return -1;
	for (const struct nm_record *r = x->records.v; r < x->records.v + x->records.n; r++) {
		if (!r->bridge_port[0] || !(r->families & filtered))
			continue;
		if (nm_rtnl_get_link(&rtnl, 0, r->bridge_port, &link, err) < 0)
			return -1;
		if (!link.bridge_port || link.hairpin)
			continue;
		tell(x, FINDING,
			"hairpin mode is off on '%s' and br_netfilter on: container '%s' does not reach its "
			"own published ports",
			r->bridge_port, r->id);
		tell(x, COMMAND, "bridge link set dev %s hairpin on", nm_text_word(r->bridge_port, word));
	}
	return 0;
}

/* Reads the records. Needs no other file from then on. */
static int examine_state(struct examination *x, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	const struct nm_state_query all = {.all = true};
	unsigned timeout_ms = x->d->config->lock_timeout_ms;

	if (nm_change_begin(&change, x->d->state_dir, NM_STATE_READ, timeout_ms, err) < 0 ||
		(change.state && nm_state_search(change.state, &all, &x->records, err) < 0))
		return nm_wrap(err, "cannot read the state file");
	x->can_judge = change.state && nm_state_same_pidns(change.state);
	if (change.state && nm_state_damaged(change.state)) {
		tell(x, FINDING,
			"%zu lines of the state file are damaged: the ports of these containers cannot be "
			"withdrawn",
			nm_state_damaged(change.state));
		tell(x, COMMAND, "%s reload --force", x->d->natmap);
	}
	return 0;
}

size_t nm_doctor_examine(const struct nm_doctor *d)
{
	static examine *const examinations[] = {examine_state, examine_nftables, examine_gone,
		examine_forwarding, examine_legacy, examine_settings, NULL};
	struct examination x = {.d = d, .nl.fd = -1, .strict_forward_ports = nm_firewalld_is_strict()};

	nm_remedy_read(&x.remedies);
	run_all(&x, examinations);
	nm_remedy_done(&x.remedies);
	nm_netlink_close(&x.nl);
	nm_records_done(&x.records);
	return x.n_findings;
}
