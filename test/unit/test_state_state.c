/* state/state.c and state/search.c, on files: what was appended is found through blocks, whatever was done to
 * the file in between, and compaction copies no more than was appended. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "state/search.h"
#include "state/state.h"
#include "given_state.h"
#include "tap.h"

enum { RECORDS = 2000, FIRST_PORT = 20000, FEW = 64 };

static char dir[] = "/tmp/test_state.XXXXXX", path[sizeof(dir) + sizeof("/state")];

/* Container i has the port FIRST_PORT + i; every hundredth has a range instead. */
static int append(struct nm_state *st, unsigned i, struct nm_record *ret)
{
	char text[64];
	struct nm_record r = {.families = NM_IPV4_BIT,
		.localnet = "br0",
		.address = {{{NM_IPV4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}}, 16}}};
	struct nm_err err;

	(void)snprintf(text, sizeof(text), i % 100 ? "%u:80" : "%u-%u:80-81", FIRST_PORT + i * 2,
		FIRST_PORT + i * 2 + 1);
	if (nm_mappings_parse(text, &r.mappings, &err) < 0 || asprintf(&r.id, "c%u", i) < 0 ||
		nm_state_append(st, &r, &err) < 0) {
		tap_ok(false, "the test's own record %u: %s", i, err.msg);
		return -1;
	}
	if (ret)
		*ret = r;
	else
		nm_record_done(&r);
	return 0;
}

/* True when the query finds the container among at most some records. */
static bool finds(struct nm_state *st, const struct nm_state_query *q, unsigned i, size_t at_most)
{
	struct nm_records found = {0};
	struct nm_err err;
	char id[16];
	bool there;

	(void)snprintf(id, sizeof(id), "c%u", i);
	there = nm_state_search(st, q, &found, &err) == 0 && nm_records_newest(&found, id) &&
		found.n <= at_most;
	nm_records_done(&found);
	return there;
}

/* Asks for each of the first n containers by its id, port and address. Returns how many were not found, or
 * only among more than at_most. */
static size_t ask_for_all(struct nm_state *st, unsigned n, size_t at_most)
{
	size_t missed = 0;

	for (unsigned i = 0; i < n; i += 7) {
		char id[16];
		struct nm_prefix address[NM_FAMILY_MAX] = {
			{{NM_IPV4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}}, 32}};
		struct nm_mapping m = {.families = NM_IPV4_BIT,
			.protocol = IPPROTO_TCP,
			.any_host = true,
			.host_port = (uint16_t)(FIRST_PORT + i * 2),
			.count = 1};

		(void)snprintf(id, sizeof(id), "c%u", i);
		missed += !finds(st, &(struct nm_state_query){.id = id}, i, at_most);
		missed += !finds(st, &(struct nm_state_query){.mappings = &m, .n_mappings = 1}, i, at_most);
		missed += !finds(st, &(struct nm_state_query){.address = address, .families = NM_IPV4_BIT}, i,
			at_most);
	}
	return missed;
}

static size_t count(struct nm_state *st, const struct nm_state_query *q)
{
	struct nm_records found = {0};
	struct nm_err err;
	size_t n = nm_state_search(st, q, &found, &err) < 0 ? SIZE_MAX : found.n;

	nm_records_done(&found);
	return n;
}

static size_t count_all(struct nm_state *st)
{
	return count(st, &(struct nm_state_query){.all = true});
}

static struct stat info(void)
{
	struct stat s = {0};

	if (stat(path, &s) < 0)
		tap_ok(false, "no state file");
	return s;
}

static size_t count_blocks(void)
{
	nm_autofree char *line = NULL;
	size_t size = 0, n = 0;
	FILE *f = fopen(path, "r");

	while (f && getline(&line, &size, f) > 0)
		n += !strncmp(line, "{\"block\":", 9);
	if (f)
		(void)fclose(f);
	return n;
}

static void test_blocks(void)
{
	nm_autostate struct nm_state *st = given_state(dir);

	for (unsigned i = 0; i < RECORDS; i++)
		if (append(st, i, NULL) < 0)
			return;
	tap_ok(count_blocks() >= 8, "%zu blocks of %d records", count_blocks(), RECORDS);
	tap_ok(count_all(st) == RECORDS, "all are found");
	tap_ok(ask_for_all(st, RECORDS, FEW) == 0, "each is found, and few others");
	tap_ok(count(st, &(struct nm_state_query){.localnet = "br0"}) == 1,
		"one of an interface that all have");
	tap_ok(count(st, &(struct nm_state_query){.id = "none"}) < RECORDS / 100,
		"hardly any of an unknown id");
}

/* Another process, with searches between. */
static void test_reopened(void)
{
	nm_autostate struct nm_state *st = given_state(dir);
	size_t blocks = count_blocks();

	for (unsigned i = RECORDS; i < RECORDS + 300; i++) {
		if (count(st, &(struct nm_state_query){.id = "none"}) == SIZE_MAX || append(st, i, NULL) < 0)
			return;
	}
	tap_ok(count_blocks() > blocks, "blocks go on in a file that was opened again");
	tap_ok(ask_for_all(st, RECORDS + 300, FEW) == 0, "and each is found");
}

/* Runs a program of sed on the state file. */
static void edit(const char *script)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "umask 077; sed -i '%s' %s", script, path);
	if (system(command) != 0)
		tap_ok(false, "the test's own '%s'", command);
}

/* Lines that somebody moved, or added or took out: found all the same. */
static void test_edited(const char *what, const char *script, size_t expected)
{
	nm_autostate struct nm_state *st = NULL;

	edit(script);
	st = given_state(dir);
	tap_ok(count_all(st) == expected, "%s: %zu are found", what, expected);
	tap_ok(ask_for_all(st, RECORDS + 300, SIZE_MAX) == 0, "each of them");
	if (append(st, RECORDS + 300, NULL) < 0)
		return;
	tap_ok(ask_for_all(st, RECORDS + 301, SIZE_MAX) == 0, "and what was appended then");
}

/* Of a natmap that wrote them otherwise: the next change makes them anew. */
static void test_other_blocks(unsigned records)
{
	nm_autostate struct nm_state *st = NULL;

	edit("/^{\"block\"/s/\"netns\":\"[^\"]*\",//");
	st = given_state(dir);
	tap_ok(ask_for_all(st, records, SIZE_MAX) == 0, "blocks of another form: each record is found");
	if (append(st, records, NULL) < 0)
		return;
	nm_state_compact(st);
	tap_ok(ask_for_all(st, records + 1, FEW) == 0, "and then again with few others");
}

static bool first_line_has(const char *text)
{
	char line[256] = "";
	FILE *f = fopen(path, "r");
	bool has = f && fgets(line, sizeof(line), f) && strstr(line, text);

	if (f)
		(void)fclose(f);
	return has;
}

/* A file of format 1, whose lines have no filters, of another PID namespace. */
static void test_older(unsigned records)
{
	nm_autostate struct nm_state *st = given_state(dir);
	char other[sizeof(dir) + sizeof("/state.new")];
	size_t before = count_all(st), damaged = nm_state_damaged(st);
	struct nm_record r = {.id = (char[]){"web"}, .families = NM_IPV4_BIT};
	struct nm_err err = {0};

	nm_state_close(&st);
	edit("1s/:2,/:1,/;1s/\"pidns\":\"/&1/;s/\"filter\":\"[^\"]*\",//;300a {\"live\":1}");
	if (nm_state_open(dir, NM_STATE_READ, 1000, &st, &err) < 0)
		tap_ok(false, "reading format 1: %s", err.msg);
	tap_ok(count_all(st) == before && first_line_has(":1,"),
		"who reads format 1 finds all, and leaves it");
	nm_state_close(&st);

	(void)snprintf(other, sizeof(other), "%s/state.new", dir);
	tap_ok(mkdir(other, 0700) == 0, "the test's own directory");
	st = given_state(dir);
	tap_ok(count_all(st) == before && first_line_has(":1,"), "what cannot be converted is used as it is");
	tap_ok(nm_state_append(st, &r, &err) < 0 && strstr(err.msg, "cannot be converted"), "append: %s",
		err.msg);
	nm_state_close(&st);
	(void)rmdir(other);

	st = given_state(dir);
	tap_ok(first_line_has(":2,") && first_line_has("\"pidns\":\"1"),
		"who writes converts it, and keeps its PID namespace");
	tap_ok(count_all(st) == before && nm_state_damaged(st) == damaged + 1,
		"all are there, the damaged line, too");
	tap_ok(ask_for_all(st, records, FEW) == 0, "each is found, and few others");
}

/* Containers come and go beside those that stay, now in another PID namespace. */
static void test_compaction(void)
{
	enum { CYCLES = 12000 };
	nm_autostate struct nm_state *st = given_state(dir);
	uint64_t appended = 0, copied = 0;
	off_t live = info().st_size, largest = 0;
	ino_t inode = info().st_ino;
	unsigned rewritten = 0;
	struct nm_err err;

	for (unsigned i = 0; i < CYCLES; i++) {
		struct nm_record r;
		struct stat now;

		if (append(st, RECORDS + 1000 + i % 1000, &r) < 0)
			return;
		appended += r.size;
		if (nm_state_retire(st, &r, &err) < 0)
			tap_ok(false, "retiring: %s", err.msg);
		nm_record_done(&r);
		nm_state_compact(st);
		now = info();
		largest = now.st_size > largest ? now.st_size : largest;
		if (now.st_ino == inode)
			continue;
		inode = now.st_ino;
		rewritten++;
		copied += (uint64_t)now.st_size;
	}
	tap_ok(rewritten > 1 && copied <= appended, "%u times, %llu bytes were copied, and %llu appended",
		rewritten, (unsigned long long)copied, (unsigned long long)appended);
	tap_ok(largest < live * 5 / 2, "the file was never much larger than twice what is live");
	tap_ok(ask_for_all(st, RECORDS + 300, FEW) == 0, "each of those that stay is found");
}

static void test_withdrawn(void)
{
	nm_autostate struct nm_state *st = given_state(dir);
	struct nm_records found = {0};
	struct nm_err err;

	if (nm_state_search(st, &(struct nm_state_query){.all = true}, &found, &err) < 0)
		tap_ok(false, "finding: %s", err.msg);
	for (size_t i = 0; i < found.n; i++) {
		if (nm_state_retire(st, &found.v[i], &err) < 0)
			tap_ok(false, "retiring: %s", err.msg);
	}
	nm_records_done(&found);
	nm_state_compact(st);
	tap_ok(count_all(st) == 0 && info().st_size < 1024, "nothing is left of those that all went");
	if (append(st, 1, NULL) == 0)
		tap_ok(count_all(st) == 1, "and the next one is the only one");
}

static void remove_directory(const char *name)
{
	static const char *const files[] = {"state", "state.new", "lock"};
	char file[sizeof(dir) + 16];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", name, files[i]);
		(void)unlink(file);
	}
	(void)rmdir(name);
}

static void remove_it(void)
{
	remove_directory(dir);
}

static void rename_it(void)
{
	char other[sizeof(dir) + 1];

	(void)snprintf(other, sizeof(other), "%s~", dir);
	(void)rename(dir, other);
	remove_directory(other);
}

static void replace_by_link(void)
{
	remove_it();
	if (symlink("/tmp", dir) == 0)
		(void)unlink(dir);
}

/* While another process does so again and again, each try ends in a state or an error: in a state at least
 * once, which takes more tries the faster the other process is. */
static void test_meanwhile(const char *what, void (*action)(void))
{
	enum { TRIES = 500, MOST = 1000 * TRIES };
	pid_t pid = fork();
	unsigned neither = 0, opened = 0;

	if (pid == 0)
		for (;;)
			action();
	for (unsigned i = 0; i < TRIES || (!opened && i < MOST); i++) {
		nm_autostate struct nm_state *st = NULL;
		struct nm_err err;

		if (nm_state_open(dir, NM_STATE_CREATE, 1000, &st, &err) == 0) {
			neither += !st;
			opened += st != NULL;
		}
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	tap_ok(neither == 0 && opened > 0,
		"%s meanwhile: %u times a state, %u times neither that nor an error", what, opened, neither);
	remove_it();
	(void)unlink(dir);
}

/* What is appended to a file that nobody can find is lost: better an error. */
static void test_removed_while_open(void)
{
	nm_autostate struct nm_state *st = given_state(dir);
	struct nm_record r = {.id = (char[]){"web"}, .families = NM_IPV4_BIT};
	struct nm_err err = {0};

	tap_ok(st && unlink(path) == 0 && nm_state_append(st, &r, &err) < 0 && strstr(err.msg, "removed it"),
		"append to a removed file: %s", err.msg);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(path, sizeof(path), "%s/state", dir);
	test_blocks();
	test_reopened();
	test_edited("nothing edited", "", RECORDS + 300);
	test_edited("a longer header", "1s/\"pidns\":\"/&1/", RECORDS + 301);
	test_edited("a longer record", "500s/\"backend\"/\"bundle\":\"\\/b\",&/", RECORDS + 302);
	test_edited("the header as it was", "1s/\"pidns\":\"1/\"pidns\":\"/", RECORDS + 303);
	test_edited("a line of somebody", "700i {\"retired\":1}", RECORDS + 304);
	test_edited("a block's line taken out", "0,/^{\"block\"/{/^{\"block\"/d}", RECORDS + 305);
	test_other_blocks(RECORDS + 301);
	test_older(RECORDS + 301);
	test_compaction();
	test_withdrawn();
	test_removed_while_open();
	test_meanwhile("the directory is removed", remove_it);
	test_meanwhile("the directory is renamed", rename_it);
	test_meanwhile("the directory is replaced by a link", replace_by_link);
	return tap_done();
}
