/* Each examination is independent of the others. A feature that the kernel lacks and rules do not need (IPv6,
 * bridge netfilter, legacy tables) is no obstacle. */
#include "admin/doctor.h"

#include <fcntl.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "admin/foreign_drop.h"
#include "backend/backend.h"
#include "backend/choose.h"
#include "base/io.h"
#include "host/bridge.h"
#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "iptables/accept.h"
#include "nft/objects.h"
#include "nft/transaction.h"

enum { COMMAND_SIZE = 4096, FINDING_SIZE = 1024 };

struct examination {
	const struct nm_doctor *d;
	nm_doctor_handler *handler;
	void *ctx;
	struct nm_netlink nl;
	bool strict_firewalld; /* has been told; its chains need not be */
};

typedef int examine(struct examination *x, struct nm_err *err);

static void __attribute__((format(printf, 3, 4)))
tell(const struct examination *x, const char *command, const char *fmt, ...)
{
	char finding[FINDING_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(finding, sizeof(finding), fmt, ap);
	va_end(ap);
	x->handler(x->ctx, finding, command);
}

const char *nm_doctor_word(const char *text, char buf[static NM_DOCTOR_WORD_SIZE])
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=";
	size_t used = 1;

	if (text[0] && text[strspn(text, plain)] == '\0') {
		(void)snprintf(buf, NM_DOCTOR_WORD_SIZE, "%s", text);
		return buf;
	}
	buf[0] = '\'';
	for (; *text && used < NM_DOCTOR_WORD_SIZE - sizeof("'\\'''"); text++)
		used += (size_t)snprintf(
			buf + used, NM_DOCTOR_WORD_SIZE - used, *text == '\'' ? "'\\''" : "%c", *text);
	(void)snprintf(buf + used, NM_DOCTOR_WORD_SIZE - used, "'");
	return buf;
}

/* Runs each of the list, which ends with NULL. A failure is a finding. */
static void run_all(struct examination *x, examine *const examinations[])
{
	struct nm_err err;

	for (; *examinations; examinations++)
		if ((*examinations)(x, &err) < 0)
			tell(x, NULL, "%s", err.msg);
}

/* sysctl(8) separates by dots, and writes a dot of an interface's name as a slash. */
static const char *sysctl_word(const char *interface, char buf[static NM_DOCTOR_WORD_SIZE])
{
	char name[IF_NAMESIZE];

	(void)snprintf(name, sizeof(name), "%s", interface);
	for (char *p = name; (p = strchr(p, '.'));)
		*p = '/';
	return nm_doctor_word(name, buf);
}

/* A missing setting is 0. */
static int setting(const char *name)
{
	struct nm_err missing;
	int value;

	return nm_sysctl_get(name, &value, &missing) < 0 ? 0 : value;
}

static bool has_ipv6(void)
{
	struct nm_err missing;
	int value;

	return nm_sysctl_get(NM_SYSCTL_IPV6_FORWARD, &value, &missing) == 0;
}

static void on_missing(void *ctx, const char *what, const char *module)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "modprobe %s", module);
	tell(ctx, command, "the kernel has no %s, which the rules need", what);
}

static int on_foreign_drop(void *ctx, const struct nm_foreign_drop *chain, struct nm_err *err)
{
	char command[NM_FOREIGN_DROP_STRLEN];
	const struct examination *x = ctx;

	(void)err; /* never fails */
	if (!x->strict_firewalld || strcmp(chain->table, "firewalld") != 0)
		tell(x, nm_foreign_drop_command(chain, command),
			"chain '%s' of the nf_tables table '%s %s' drops packets to published ports, %s",
			chain->chain, nm_foreign_drop_family(chain), chain->table,
			chain->by_policy ? "by its policy" : "by a rule without condition");
	return 0;
}

/* True when the last line "key = ..." of firewalld.conf(5) says yes. */
static bool is_switched_on(const char *text, const char *key)
{
	bool on = false;

	while (*text) {
		size_t len = strcspn(text, "\n"), key_len = strlen(key);
		const char *value = text + strspn(text, " \t");

		if (!strncmp(value, key, key_len)) {
			value += key_len + strspn(value + key_len, " \t");
			if (*value == '=') {
				value += 1 + strspn(value + 1, " \t");
				on = !strncasecmp(value, "yes", 3) || !strncasecmp(value, "true", 4);
			}
		}
		text += len + (text[len] == '\n');
	}
	return on;
}

static int examine_firewalld(struct examination *x, struct nm_err *err)
{
	bool there = false;

	if (!is_switched_on(x->d->firewalld_conf, "StrictForwardPorts"))
		return 0;
	if (nm_nft_objects_has_table(&x->nl, NFPROTO_INET, "firewalld", &there, err) < 0)
		return -1;
	x->strict_firewalld = there;
	if (there)
		tell(x,
			"sed -i "
			"'s/^[[:space:]]*StrictForwardPorts[[:space:]]*=.*/StrictForwardPorts=no/"
			"' " NM_DOCTOR_FIREWALLD_CONF " && firewall-cmd --reload",
			"firewalld drops packets that others have translated: StrictForwardPorts is on");
	return 0;
}

/* A FORWARD chain may drop since the publish, and then needs an ACCEPT for the nftables backend. */
static int examine_accept(struct examination *x, struct nm_err *err)
{
	char command[COMMAND_SIZE];
	unsigned families[NM_BACKEND_MAX] = {0};
	bool missing = false;

	for (size_t i = 0; i < x->d->records->n; i++)
		families[x->d->records->v[i].backend] |= x->d->records->v[i].families;
	for (enum nm_backend b = 0; !missing && b < NM_BACKEND_MAX; b++) {
		uint32_t mark = nm_backend_ops(b)->accept_mark;

		if (mark && nm_iptables_accept_is_missing(&x->nl, families[b], mark, &missing, err) < 0)
			return -1;
	}
	(void)snprintf(command, sizeof(command), "%s reload", x->d->natmap);
	if (missing)
		tell(x, command, "iptables' chain FORWARD may drop packets to published ports");
	return 0;
}

static int examine_foreign(struct examination *x, struct nm_err *err)
{
	return nm_foreign_drop_each(&x->nl, on_foreign_drop, x, err);
}

static int examine_features(struct examination *x, struct nm_err *err)
{
	enum nm_backend backend = x->d->config->backend;

	if (nm_backend_choose(&x->nl, &backend, err) < 0)
		return -1;
	nm_backend_probe(&x->nl, backend, has_ipv6(), on_missing, x);
	return 0;
}

static int examine_nftables(struct examination *x, struct nm_err *err)
{
	static examine *const examinations[] = {
		examine_features, examine_firewalld, examine_accept, examine_foreign, NULL};
	uint32_t generation;

	if (nm_netlink_open(NETLINK_NETFILTER, &x->nl, err) < 0)
		tell(x, "modprobe nfnetlink", "the kernel has no nfnetlink (%s)", err->msg);
	else if (nm_nft_transaction_generation(&x->nl, &generation, err) < 0)
		tell(x, "modprobe nf_tables", "the kernel has no nf_tables (%s)", err->msg);
	else
		run_all(x, examinations);
	return 0;
}

static bool is_published_on(const struct nm_records *records, enum nm_family family)
{
	for (size_t i = 0; i < records->n; i++)
		if (records->v[i].families & 1u << family)
			return true;
	return false;
}

/* Sets *ret when two interfaces have global IPv6 addresses. */
static int is_between_ipv6_networks(bool *ret, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink nl = {.fd = -1};
	struct nm_rtnl_addresses all = {0};
	unsigned first = 0;

	if (nm_netlink_open(NETLINK_ROUTE, &nl, err) < 0 || nm_rtnl_get_addresses(&nl, &all, err) < 0)
		return -1;
	*ret = false;
	for (size_t i = 0; i < all.n; i++) {
		if (!all.v[i].global || all.v[i].prefix.addr.family != NM_IPV6)
			continue;
		*ret |= first && first != all.v[i].ifindex;
		first = all.v[i].ifindex;
	}
	nm_rtnl_addresses_done(&all);
	return 0;
}

/* As publish/host_settings.c does. A router that accepts no advertisements loses its default route. */
static int add_accept_ra(void *ctx, const char *interface, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX], word[NM_DOCTOR_WORD_SIZE], *command = ctx;
	size_t used = strlen(command);

	(void)err; /* never fails */
	if (setting(nm_sysctl_accept_ra(interface, name)) == 1)
		(void)snprintf(command + used, COMMAND_SIZE - used, " net.ipv6.conf.%s.accept_ra=2",
			sysctl_word(interface, word));
	return 0;
}

static int tell_ipv6_forwarding(const struct examination *x, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	char command[COMMAND_SIZE] = "sysctl -w";
	size_t used;

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_route_ra_interfaces(&rtnl, add_accept_ra, command, err) < 0)
		return -1;
	used = strlen(command);
	(void)snprintf(command + used, sizeof(command) - used, " net.ipv6.conf.all.forwarding=1");
	tell(x, command, "IPv6 forwarding is off: published ports reach containers through IPv4 only");
	return 0;
}

/* True when the setting is 0. Tells one that is missing. */
static bool is_off(const struct examination *x, const char *name)
{
	struct nm_err missing;
	int value;

	if (nm_sysctl_get(name, &value, &missing) == 0)
		return !value;
	tell(x, NULL, "%s", missing.msg);
	return false;
}

static int examine_forwarding(struct examination *x, struct nm_err *err)
{
	const struct nm_config *c = x->d->config;
	bool ipv4 = is_published_on(x->d->records, NM_IPV4) || c->forward[NM_IPV4] == NM_FORWARD_CHECK;
	bool ipv6 = is_published_on(x->d->records, NM_IPV6);

	if (ipv4 && is_off(x, NM_SYSCTL_IPV4_FORWARD))
		tell(x, "sysctl -w net.ipv4.ip_forward=1",
			"IPv4 forwarding is off: published ports do not reach containers");
	if (!ipv6 && has_ipv6() && c->forward[NM_IPV6] == NM_FORWARD_CHECK &&
		is_between_ipv6_networks(&ipv6, err) < 0)
		return -1;
	return ipv6 && is_off(x, NM_SYSCTL_IPV6_FORWARD) ? tell_ipv6_forwarding(x, err) : 0;
}

/* The file has the name of each table that is in force, one a line. */
static void examine_legacy_family(const struct examination *x, const char *family, const char *path)
{
	char names[256], list[sizeof(names) + 64] = "", modules[2 * sizeof(names)] = "";
	char command[COMMAND_SIZE], *rest = names, *name;
	size_t used = 0, modules_used = 0;

	if (nm_io_read_small(AT_FDCWD, path, names, sizeof(names)) <= 0)
		return;
	while ((name = strsep(&rest, "\n"))) {
		if (!*name)
			continue;
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", name);
		modules_used += (size_t)snprintf(
			modules + modules_used, sizeof(modules) - modules_used, " %stable_%s", family, name);
	}
	(void)snprintf(command, sizeof(command),
		"%stables-legacy-save | %stables-nft-restore --noflush && modprobe -r%s", family, family,
		modules);
	tell(x, command,
		"legacy %stables (%s) filter beside nf_tables and can drop packets to published ports",
		family, list);
}

static int examine_legacy(struct examination *x, struct nm_err *err)
{
	(void)err; /* never fails */
	examine_legacy_family(x, "ip", "/proc/net/ip_tables_names");
	examine_legacy_family(x, "ip6", "/proc/net/ip6_tables_names");
	return 0;
}

/* One finding for all dead containers. */
static int examine_gone(struct examination *x, struct nm_err *err)
{
	struct nm_records *records = x->d->records;
	char command[COMMAND_SIZE], one[256] = "";
	size_t n = 0;

	for (size_t i = records->n; x->d->can_judge && i-- > 0;) {
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
	(void)snprintf(command, sizeof(command), "%s gc", x->d->natmap);
	if (n == 1)
		tell(x, command, "container '%s' is gone and still holds its ports", one);
	else if (n > 1)
		tell(x, command, "%zu containers, '%s' among them, are gone and still hold their ports", n,
			one);
	return 0;
}

/* An interface that is gone needs no setting. */
static int examine_localnet(void *ctx, const struct nm_record *r, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX], word[NM_DOCTOR_WORD_SIZE], command[NM_DOCTOR_WORD_SIZE + 64];
	int value;

	if (nm_sysctl_get(nm_sysctl_route_localnet(r->localnet, name), &value, err) < 0 || value)
		return 0;
	(void)snprintf(command, sizeof(command), "sysctl -w net.ipv4.conf.%s.route_localnet=1",
		sysctl_word(r->localnet, word));
	tell(ctx, command,
		"route_localnet is off on '%s': ports of container '%s' do not answer on 127.0.0.1",
		r->localnet, r->id);
	return 0;
}

static int examine_hairpin(
	const struct examination *x, struct nm_netlink *rtnl, const struct nm_record *r, struct nm_err *err)
{
	char word[NM_DOCTOR_WORD_SIZE], command[NM_DOCTOR_WORD_SIZE + 64];
	struct nm_bridge_port port;

	if (nm_bridge_port_by_name(rtnl, r->bridge_port, &port, err) < 0)
		return -1;
	if (!port.found || port.hairpin)
		return 0;
	(void)snprintf(command, sizeof(command), "bridge link set dev %s hairpin on",
		nm_doctor_word(r->bridge_port, word));
	tell(x, command,
		"hairpin mode is off on '%s' and br_netfilter on: container '%s' does not reach its own "
		"published ports",
		r->bridge_port, r->id);
	return 0;
}

static int examine_localnets(struct examination *x, struct nm_err *err)
{
	return nm_records_each_localnet(x->d->records, examine_localnet, x, err);
}

/* Reflected packets need hairpin mode only under bridge netfilter. */
static int examine_hairpins(struct examination *x, struct nm_err *err)
{
	unsigned filtered = (setting("net/bridge/bridge-nf-call-iptables") ? NM_IPV4_BIT : 0) |
		(setting("net/bridge/bridge-nf-call-ip6tables") ? NM_IPV6_BIT : 0);
	const struct nm_records *records = x->d->records;
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0)
		return -1;
	for (size_t i = 0; i < records->n; i++)
		if (records->v[i].bridge_port[0] && records->v[i].families & filtered &&
			examine_hairpin(x, &rtnl, &records->v[i], err) < 0)
			return -1;
	return 0;
}

void nm_doctor_examine(const struct nm_doctor *d, nm_doctor_handler *handler, void *ctx)
{
	static examine *const examinations[] = {examine_nftables, examine_gone, examine_forwarding,
		examine_legacy, examine_localnets, examine_hairpins, NULL};
	struct examination x = {.d = d, .handler = handler, .ctx = ctx, .nl.fd = -1};

	run_all(&x, examinations);
	nm_netlink_close(&x.nl);
}
