/* Each examination is independent of the others. A feature that the kernel lacks and rules do not need (IPv6,
 * bridge netfilter, legacy tables) is no obstacle. */
#include "admin/doctor.h"

#include <fcntl.h>
#include <linux/netfilter.h>
#include <string.h>

#include "admin/check.h"
#include "admin/examination.h"
#include "admin/examine_networks.h"
#include "admin/examine_runtimes.h"
#include "admin/examine_settings.h"
#include "base/io.h"
#include "host/conntrack.h"
#include "input/firewalld.h"
#include "nft/objects.h"
#include "nft/transaction.h"
#include "obstacle/text.h"
#include "publish/change.h"
#include "publish/hidden.h"
#include "state/search.h"

typedef int examine(struct nm_examination *x, struct nm_err *err);

/* Runs each of the list, which ends with NULL. A failure is a finding. */
static void run_all(struct nm_examination *x, examine *const examinations[])
{
	struct nm_err err;

	for (; *examinations; examinations++)
		if ((*examinations)(x, &err) < 0)
			nm_examination_tell(x, NM_FINDING, "%s", err.msg);
}

static void tell_remedy(struct nm_examination *x, const char *module)
{
	char command[NM_REMEDY_STRLEN];

	if (nm_remedy_find(&x->remedies, module, command))
		nm_examination_tell(x, NM_COMMAND, "%s", command);
}

static void on_missing(void *ctx, const char *what, const char *module)
{
	struct nm_examination *x = ctx;

	nm_examination_tell(
		x, NM_FINDING, "the kernel has no %s, which the rules need%s", what, x->alternative);
	tell_remedy(x, module);
}

static int on_obstacle(void *ctx, const struct nm_obstacle *o, struct nm_err *err)
{
	char text[NM_OBSTACLE_STRLEN], command[NM_OBSTACLE_STRLEN];
	struct nm_examination *x = ctx;
	bool is_outbound = o->record && !o->mapping, by_firewalld, reload;

	if (nm_obstacles_is_for_reload(&x->nl, o, &reload, err) < 0)
		return -1;
	by_firewalld = o->kind == NM_OBSTACLE_DROP && !strcmp(o->result.base->table, "firewalld");
	if (x->strict_firewalld && by_firewalld && !is_outbound)
		return 0;
	nm_examination_tell(x, o->result.is_sure ? NM_FINDING : NM_NOTE, "%s%s",
		nm_obstacle_text_print(o, text),
		o->kind == NM_OBSTACLE_ACCEPTS ? ": \"backend\": \"nftables\" does not mind" : "");
	if (reload || o->kind == NM_OBSTACLE_UNREACHED)
		nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
	else if (nm_obstacle_text_command(o, x->iptables, command))
		nm_examination_tell(x, NM_COMMAND, "%s", command);
	if (by_firewalld && is_outbound) /* whose reload empties iptables' tables */
		nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
	return 0;
}

static int examine_firewalld(struct nm_examination *x, struct nm_err *err)
{
	static const struct nm_nft_place firewalld = {NFPROTO_INET, "firewalld", NULL};

	if (x->strict_forward_ports && nm_nft_objects_has(&x->nl, firewalld, &x->strict_firewalld, err) < 0)
		return -1;
	if (!x->strict_firewalld)
		return 0;
	nm_examination_tell(x, NM_FINDING,
		"firewalld drops packets that others have translated: StrictForwardPorts is on");
	nm_examination_tell(x, NM_COMMAND, "%s", NM_FIREWALLD_REMEDY);
	return 0;
}

static int examine_loaded(struct nm_examination *x, struct nm_err *err)
{
	char tables[256] = "";
	struct nm_text t = {.buf = tables, .size = sizeof(tables)};

	if (nm_iptables_table_find_loaded(&x->nl, &t, err) < 0)
		return -1;
	if (!t.used)
		return 0;
	nm_examination_tell(x, NM_FINDING,
		"nft has written rules of natmap's that iptables cannot read into its tables:%s", tables);
	nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
	return 0;
}

static int examine_features(struct nm_examination *x, struct nm_err *err)
{
	enum nm_backend backend = x->d->config->backend;
	struct nm_backend_missing missing;

	if ((backend != NM_BACKEND_AUTO || !nm_backend_recorded(&x->records, &backend)) &&
		nm_backend_choose(&x->nl, NULL, &backend, err) < 0)
		return -1;
	if (!nm_conntrack_is_supported(&x->nl))
		on_missing(x, "ctnetlink", "nf_conntrack_netlink");
	if (nm_backend_find_missing(&x->nl, backend, &missing, err) < 0)
		return -1;
	if (!missing.what[0])
		return 0;
	nm_backend_print_alternative(&x->nl, backend, x->alternative);
	return nm_backend_probe(&x->nl, backend, on_missing, x, err);
}

static int examine_nftables(struct nm_examination *x, struct nm_err *err)
{
	static examine *const examinations[] = {examine_features, examine_firewalld, examine_loaded, NULL};
	uint32_t generation;
	bool opened = nm_netlink_open(NETLINK_NETFILTER, &x->nl, err) == 0;

	if (!opened || nm_nft_transaction_generation(&x->nl, &generation, err) < 0) {
		const char *missing = opened ? "nf_tables" : "nfnetlink";

		nm_examination_tell(x, NM_FINDING, "the kernel has no %s (%s)", missing, err->msg);
		tell_remedy(x, missing);
		nm_netlink_close(&x->nl);
		return 0;
	}
	run_all(x, examinations);
	return 0;
}

/* Others tell of rules that nft has written (examine_loaded()), and of forwarding that is off, for which
 * rules then are missing, too. */
static bool is_told(const char *text)
{
	static const char *const words[] = {
		", written by nft", NM_PUBLICATION_FORWARD, "-t mangle: rule '-I FORWARD -j NATMAP'"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static bool is_of_rule(const struct nm_difference *d)
{
	static const char *const kinds[] = {"missing-rule", "changed-rule", "misplaced-rule", "jump"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(d->kind, kinds[i]))
			return !is_told(d->text);
	return false;
}

/* One finding for all rules. What others have can be judged only where natmap's rules are right. */
static int examine_rules(struct nm_examination *x, bool *ret_right, struct nm_err *err)
{
	NM_CLEANUP(nm_differences_done) struct nm_differences found = {0};
	struct nm_config config = *x->d->config; /* borrows all of it; its backend is settled */
	const char *first = NULL;                /* borrowed from found */
	size_t n = 0;

	if (nm_check(&config, x->d->state_dir, &found, err) < 0)
		return -1;
	for (size_t i = 0; i < found.n; i++) {
		n += is_of_rule(&found.v[i]) ? found.v[i].n_rules : 0;
		first = !first && is_of_rule(&found.v[i]) ? found.v[i].text : first;
	}
	*ret_right = n == 0;
	if (n == 0)
		return 0;
	nm_examination_tell(x, NM_FINDING, "%zu of natmap's rules %s not as %s: %s", n, n == 1 ? "is" : "are",
		n == 1 ? "it should be" : "they should be", first);
	nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
	return 0;
}

/* Dead containers have been told, and their records are gone. */
static int examine_obstacles(struct nm_examination *x, struct nm_err *err)
{
	bool right = true;

	if (x->nl.fd < 0)
		return 0;
	if (x->records.n > 0 && examine_rules(x, &right, err) < 0)
		return -1;
	if (!right)
		return 0;
	if (x->records.n == 0)
		return nm_obstacles_each_ahead(&x->nl, on_obstacle, x, err);
	return nm_obstacles_each(&x->nl, &x->records, &x->d->config->layout, on_obstacle, x, err);
}

/* The kernel tells the name of each table that is in force, one a line. */
static int examine_legacy(struct nm_examination *x, struct nm_err *err)
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
		nm_examination_tell(x, NM_FINDING,
			"legacy %stables (%s) filter beside nf_tables and can drop packets to published "
			"ports",
			family, list);
		nm_examination_tell(x, NM_COMMAND,
			"%stables-legacy-save | %stables-nft-restore --noflush && modprobe -r%s", family,
			family, modules);
	}
	return 0;
}

/* One finding for all dead containers. */
static int examine_gone(struct nm_examination *x, struct nm_err *err)
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
		nm_examination_tell(x, NM_FINDING, "container '%s' is gone and still holds its ports", one);
	if (n > 1)
		nm_examination_tell(x, NM_FINDING,
			"%zu containers, '%s' among them, are gone and still hold their ports", n, one);
	if (n > 0)
		nm_examination_tell(x, NM_COMMAND, "%s gc", x->d->natmap);
	return 0;
}

static int on_hidden(void *ctx, const struct nm_record *r, const char *text, struct nm_err *err)
{
	(void)err; /* never fails */
	nm_examination_tell(ctx, NM_FINDING, "container '%s': %s and is hidden", r->id, text);
	return 0;
}

static int examine_hidden(struct nm_examination *x, struct nm_err *err)
{
	return nm_hidden_each(&x->records, x->d->config, on_hidden, x, err);
}

/* Reads the records. Needs no other file from then on. */
static int examine_state(struct nm_examination *x, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	const struct nm_state_query all = {.all = true};
	unsigned timeout_ms = x->d->config->lock_timeout_ms;

	if (nm_change_begin(&change, x->d->state_dir, NM_STATE_READ, timeout_ms, err) < 0 ||
		(change.state &&
			(nm_state_search(change.state, &all, &x->records, err) < 0 ||
				nm_forwarded_read(change.state, &x->forwarded, err) < 0)))
		return nm_wrap(err, "cannot read the state file");
	x->can_judge = change.state && nm_state_same_pidns(change.state);
	if (change.state && nm_state_damaged(change.state)) {
		nm_examination_tell(x, NM_FINDING,
			"%zu lines of the state file are damaged: the ports of these containers cannot be "
			"withdrawn",
			nm_state_damaged(change.state));
		nm_examination_tell(x, NM_COMMAND, "%s reload --force", x->d->natmap);
	}
	return 0;
}

size_t nm_doctor_examine(const struct nm_doctor *d)
{
	/* the first reads files, and the second enters namespaces, which the third one shuts off */
	static examine *const examinations[] = {nm_examine_runtimes, nm_examine_networks_lacking,
		examine_state, examine_nftables, examine_gone, nm_examine_networks_obstacles,
		examine_obstacles, nm_examine_settings_forwarding, examine_legacy,
		nm_examine_settings_records, nm_examine_settings_reverse_path, examine_hidden, NULL};
	struct nm_examination x = {.d = d,
		.nl.fd = -1,
		.strict_forward_ports = nm_firewalld_is_strict(),
		.iptables = nm_obstacle_text_iptables()};

	nm_remedy_read(&x.remedies);
	run_all(&x, examinations);
	nm_remedy_done(&x.remedies);
	nm_netlink_close(&x.nl);
	nm_records_done(&x.records);
	nm_forwarded_done(&x.forwarded);
	return x.n_findings;
}
