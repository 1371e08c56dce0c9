/* state/search.c: what a search finds of the containers of one network namespace, which share its address,
 * and how much of them it reads. */
#include "state/search.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "host/process.h"
#include "state/file.h"
#include "tap.h"

enum { PORTS = 200 };

static char dir[] = "/tmp/test_search.XXXXXX";
static const struct nm_nsid pod = {4, 77}, other = {4, 78};

/* Processes of containers. */
static struct process {
	pid_t pid;
	uint64_t start;
} lives, reused, dead, unknown;

static void find_processes(void)
{
	struct nm_err err;
	bool alive;

	lives.pid = getpid();
	if (nm_process_start(lives.pid, &lives.start, &alive, &err) < 0)
		tap_ok(false, "the test's own process: %s", err.msg);
	reused = (struct process){lives.pid, lives.start - 1000};
	dead = (struct process){fork(), 1};
	if (dead.pid == 0)
		_exit(0);
	if (waitpid(dead.pid, NULL, 0) < 0)
		tap_ok(false, "the test's own child");
}

/* A container: 'l', its process lives, 'd' is dead, 'r' has left its pid to another one, '?' is unknown; in
 * the namespace of the pod, or, after '/', in another one, or, after '-', with another address. "l!" needs
 * br0, "l@" is on the bridge natmap0, and "l@n" with rules of nftables. */
static int append(struct nm_state *st, const char *kind, unsigned i, uint64_t *ret_at)
{
	const struct process *p = *kind == 'l' ? &lives
		: *kind == 'd'                 ? &dead
		: *kind == 'r'                 ? &reused
					       : &unknown;
	nm_autorecord struct nm_record r = {.pid = p->pid,
		.start = p->start,
		.netns = strchr(kind, '/') ? other : pod,
		.families = NM_IPV4_BIT,
		.localnet = "",
		.address = {{{NM_IPV4, {10, 0, 0, strchr(kind, '-') ? 3 : 2}}, 16}}};
	char ports[PORTS * 16] = "", id[16];
	struct nm_err err;

	for (unsigned k = 0, at = 0; k < PORTS; k++)
		at += (unsigned)snprintf(ports + at, sizeof(ports) - at, ",%u:80", 20000 + i * PORTS + k);
	if (strchr(kind, '!'))
		(void)snprintf(r.localnet, sizeof(r.localnet), "br0");
	if (strchr(kind, '@'))
		r.network = (struct nm_attachment){.bridge = "natmap0",
			.port = "nm0",
			.families = NM_IPV4_BIT,
			.address = {{{NM_IPV4, {10, 86, 0, 2}}, 24}}};
	if (strchr(kind, 'n'))
		r.backend = NM_BACKEND_NFTABLES;
	(void)snprintf(id, sizeof(id), "c%u", i);
	r.id = strdup(id);
	if (!r.id || nm_mappings_parse(ports + 1, &r.mappings, &err) < 0 || nm_state_append(st, &r, &err) < 0)
		tap_ok(false, "the test's own record '%s'", kind);
	*ret_at = r.offset;
	return r.id ? 0 : -1;
}

/* The numbers of those that were found, and a dot behind one that was read in part. */
static void print_found(const struct nm_records *found, char *text)
{
	*text = '\0';
	for (size_t i = 0; i < found->n; i++) {
		const struct nm_record *r = &found->v[i];

		text += sprintf(text, "%s%s", r->id + 1, r->in_part ? "." : "");
		if (r->in_part ? r->mappings.n != 1 : r->mappings.n != PORTS)
			text += sprintf(text, "(%zu ports)", r->mappings.n);
	}
}

static void remove_state(void)
{
	char path[sizeof(dir) + 8];

	(void)snprintf(path, sizeof(path), "%s/state", dir);
	(void)unlink(path);
}

static void check(const char *containers, const struct nm_state_query *query, const char *expected)
{
	nm_autostate struct nm_state *st = NULL;
	nm_autorecords struct nm_records found = {0};
	char copy[64], text[256], *rest = copy, *kind;
	struct nm_err err = {.msg = ""};
	unsigned n = 0;
	uint64_t at;

	(void)snprintf(copy, sizeof(copy), "%s", containers);
	if (nm_state_open(dir, NM_STATE_CREATE, 1000, &st, &err) < 0) {
		tap_ok(false, "opening the state: %s", err.msg);
		return;
	}
	while ((kind = strsep(&rest, " ")))
		if (append(st, kind, n++, &at) < 0)
			return;
	if (nm_state_search(st, query, &found, &err) < 0)
		tap_ok(false, "searching: %s", err.msg);
	print_found(&found, text);
	tap_ok(!strcmp(text, expected), "of '%s': '%s', found '%s'", containers, expected, text);
	nm_state_close(&st);
	remove_state();
}

static void test_neighbours(void)
{
	static const struct {
		const char *containers, *expected;
	} rows[] = {
		{"l", ""},
		{"l d r", ""}, /* the namespace is the one in which they were */
		{"d", "0"},
		{"r", "0"},
		{"d r d d d d l d", "012345"},
		{"? d", "1"},
		{"? l d", ""},
		{"l- d", "1"},
		{"d- d", "1"},
		{"l/ d", "01"},
		{"d l l/ d/ d", "023"}, /* those of other namespaces are all found */
		{"l! d", ""},
		{"d! l", "0"},
	};
	static const struct nm_prefix address[NM_FAMILY_MAX] = {{{NM_IPV4, {10, 0, 0, 2}}, 16}};
	const struct nm_state_query query = {.address = address, .families = NM_IPV4_BIT, .netns = &pod};
	const struct nm_state_query no_netns = {.address = address, .families = NM_IPV4_BIT};

	nm_each(row, rows) {
		check(row->containers, &query, row->expected);
	}
	check("l l d l/", &no_netns, "0123");
}

static void test_settings(void)
{
	static const struct nm_prefix address[NM_FAMILY_MAX] = {{{NM_IPV4, {10, 0, 0, 2}}, 16}};
	struct nm_state_query query = {
		.address = address, .families = NM_IPV4_BIT, .netns = &pod, .localnet = "br0"};

	check("l l! l! d", &query, "1.");
	check("d! l! l!", &query, "0");
	check("l!- l d!", &query, "0.");
	check("l!/", &query, "0");
	query = (struct nm_state_query){.forwards = NM_BOTH_FAMILIES};
	check("l l d", &query, "0.");
	query.id = "c1";
	check("l l d", &query, "0.1");
	query = (struct nm_state_query){.network = "natmap0", .backend = NM_BACKEND_IPTABLES};
	check("l@ l@ d@", &query, "0.");
	check("l@n l l@ l@", &query, "0.2.");
	check("l@n l@n", &query, "0.1.");
}

/* Three blocks and more of the pod, in which container `odd` is of that kind. A damaged line in the second
 * one shows whether that is read. */
static void check_block(const char *kind, unsigned odd, size_t damaged, const char *expected)
{
	enum { CONTAINERS = 40, DAMAGED = 15 };
	static const struct nm_prefix address[NM_FAMILY_MAX] = {{{NM_IPV4, {10, 0, 0, 2}}, 16}};
	const struct nm_state_query query = {.address = address, .families = NM_IPV4_BIT, .netns = &pod};
	nm_autostate struct nm_state *st = NULL;
	nm_autorecords struct nm_records found = {0};
	struct nm_err err = {.msg = ""};
	uint64_t at, damaged_at = 0;
	char text[256];

	if (nm_state_open(dir, NM_STATE_CREATE, 1000, &st, &err) < 0)
		tap_ok(false, "opening the state: %s", err.msg);
	for (unsigned i = 0; i < CONTAINERS; i++) {
		if (append(st, i == odd ? kind : "l", i, &at) < 0)
			return;
		damaged_at = i == DAMAGED ? at : damaged_at;
	}
	if (pwrite(st->fd, "#", 1, (off_t)damaged_at) != 1 || nm_state_search(st, &query, &found, &err) < 0)
		tap_ok(false, "searching: %s", err.msg);
	print_found(&found, text);
	tap_ok(st->last_block && nm_state_damaged(st) == damaged && !strcmp(text, expected),
		"'%s' at %u: %zu damaged, '%s'", kind, odd, nm_state_damaged(st), text);
	nm_state_close(&st);
	remove_state();
}

/* Where pids mean others, nobody is gone. */
static void test_other_pids(void)
{
	static const struct nm_prefix address[NM_FAMILY_MAX] = {{{NM_IPV4, {10, 0, 0, 2}}, 16}};
	const struct nm_state_query query = {.address = address, .families = NM_IPV4_BIT, .netns = &pod};
	nm_autostate struct nm_state *st = NULL;
	nm_autorecords struct nm_records found = {0};
	struct nm_err err = {.msg = ""};
	uint64_t at;

	if (nm_state_open(dir, NM_STATE_CREATE, 1000, &st, &err) < 0 || append(st, "d", 0, &at) < 0)
		return;
	st->same_pidns = false;
	tap_ok(nm_state_search(st, &query, &found, &err) == 0 && found.n == 0, "other pids: nobody is gone");
	nm_state_close(&st);
	remove_state();
}

static void test_blocks(void)
{
	check_block("l", 0, 0, "");
	check_block("d", 0, 0, "0");
	check_block("l/", 13, 1, "13");
	check_block("l/", 35, 0, "35");
	check_block("l-", 13, 0, "");
	check_block("d", 13, 0, "");
}

int main(void)
{
	char path[sizeof(dir) + 8];

	if (!mkdtemp(dir))
		tap_ok(false, "a directory for the test");
	find_processes();
	test_neighbours();
	test_settings();
	test_blocks();
	test_other_pids();
	(void)snprintf(path, sizeof(path), "%s/lock", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return tap_done();
}
