/* state/chain_notes.c: notes hold for one place and state; a hook takes them along from one generation to the
 * next; broken ones say nothing. */
#include "state/chain_notes.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "state/file.h"
#include "given_state.h"
#include "tap.h"

enum { LINE_MAX_SIZE = 512, GENERATION = 41 };

static char dir[] = "/tmp/test_notes.XXXXXX", path[sizeof(dir) + sizeof("/state")];
static int sock;

static const struct nm_chain_notes nothing;

/* Of each chain something else, with numbers up to the largest. */
static struct nm_chain_notes some_notes(uint32_t generation, uint32_t largest)
{
	struct nm_chain_notes notes = {.generation = generation,
		.based = NM_IPV6_BIT,
		.constant_generation = generation,
		.constant = {(uint64_t)largest << 32 | largest, largest}};
	uint32_t i = 0;

	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t k = 0; k < NM_HANDLES_CHAINS; k++, i++)
			notes.v[f][k] = (struct nm_chain_note){i % 3 != 0, largest - i, i, largest / (i + 1)};
	return notes;
}

static bool same(const struct nm_chain_notes *a, const struct nm_chain_notes *b)
{
	bool equal = a->generation == b->generation && a->based == b->based &&
		a->constant_generation == b->constant_generation &&
		!memcmp(a->constant, b->constant, sizeof(a->constant));

	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t i = 0; i < NM_HANDLES_CHAINS; i++) {
			const struct nm_chain_note *m = &a->v[f][i], *n = &b->v[f][i];

			equal = equal && m->known == n->known && m->table == n->table &&
				m->chain == n->chain && m->use == n->use;
		}
	return equal;
}

static bool reads(const struct nm_state *st, const struct nm_chain_notes *expected)
{
	struct nm_chain_notes notes = some_notes(7, 7);

	nm_chain_notes_read(st, sock, &notes);
	return same(&notes, expected);
}

/* The state as another process has left it. */
static void begin_anew(const struct nm_chain_notes *notes)
{
	nm_autostate struct nm_state *st = NULL;

	(void)snprintf(path, sizeof(path), "%s/lock", dir);
	(void)unlink(path);
	nm_state_close(&(struct nm_state *){given_state(dir)});
	st = given_state(dir);
	nm_chain_notes_write(st, sock, notes);
}

static void test_round_trip(void)
{
	static const uint32_t largest[] = {100, UINT32_MAX, 12, 0x10000};
	nm_autostate struct nm_state *st = NULL;
	struct nm_lock_waits waits;

	nm_state_close(&(struct nm_state *){given_state(dir)});
	st = given_state(dir);
	tap_ok(reads(st, &nothing), "nothing at first");
	nm_lock_waits_add_timeout(st->lockfd);
	nm_lock_waits_add(st->lockfd, 500);
	for (size_t i = 0; i < sizeof(largest) / sizeof(*largest); i++) { /* one over the other */
		const struct nm_chain_notes notes = some_notes(largest[i], largest[i]);

		nm_chain_notes_write(st, sock, &notes);
		nm_lock_waits_add(st->lockfd, 500);
		tap_ok(reads(st, &notes), "what was written, up to %u", largest[i]);
	}
	nm_lock_waits_read(st->lockfd, &waits);
	tap_ok(waits.n == 5 && waits.us == 2500 && waits.timeouts == 1,
		"beside how often the lock was waited for");
	nm_chain_notes_write(st, sock, &nothing);
	tap_ok(reads(st, &nothing), "nothing, written");
}

static void other_boot(struct nm_state *st)
{
	st->self.boot[0] ^= 1;
}
static void other_netns(struct nm_state *st)
{
	st->self.netns.ino++;
}
static void other_pidns(struct nm_state *st)
{
	st->self.pidns.ino++;
}
static void pids_of_others(struct nm_state *st)
{
	st->same_pidns = false;
}
static void made_anew(struct nm_state *st)
{
	st->created = true;
}
/* A copy of it, as of a backup. */
static void other_file(struct nm_state *st)
{
	(void)close(st->fd);
	st->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}
static void nothing_else(struct nm_state *st)
{
	(void)st;
}

static void test_places(void)
{
	static const struct {
		const char *what;
		void (*change)(struct nm_state *st);
		bool holds;
	} cases[] = {
		{"the same place", nothing_else, true},
		{"another boot", other_boot, false},
		{"another network namespace", other_netns, false},
		{"another PID namespace", other_pidns, false},
		{"a state with pids of others", pids_of_others, false},
		{"a state that was just made", made_anew, false},
		{"another state file", other_file, false},
	};
	const struct nm_chain_notes notes = some_notes(GENERATION, 100);

	nm_each(c, cases) {
		nm_autostate struct nm_state *st = NULL;

		begin_anew(&notes);
		st = given_state(dir);
		c->change(st);
		tap_ok(reads(st, c->holds ? &notes : &nothing), "%s: %s", c->what,
			c->holds ? "notes" : "nothing");
	}
}

/* Replaces the line. */
static void put(const struct nm_state *st, const char *line, size_t len)
{
	if (ftruncate(st->lockfd, NM_LOCK_WAITS_SIZE) < 0 ||
		pwrite(st->lockfd, line, len, NM_LOCK_WAITS_SIZE) != (ssize_t)len)
		tap_ok(false, "writing");
}

/* A note is never read otherwise than it was written. */
static void test_broken(void)
{
	static const struct {
		const char *what, *line;
	} cases[] = {
		{"an empty line", "\n"},
		{"no line", ""},
		{"only a generation", "41\n"},
		{"a note too few", "41 3 1:2:3:1 1:2:3:1 0123456789abcdef\n"},
		{"no constants",
			"41 3 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 "
			"0:0:0:1 "
			"0123456789abcdef\n"},
		{"words", "notes are not words\n"},
		{"zeros without a hash",
			"41 0 0:0:0:0 0:0:0:0 0:0:0:0 0:0:0:0 0:0:0:0 0:0:0:0 0:0:0:0 0:0:0:0 0:0:0:0 "
			"0:0:0:0 0 0 0\n"},
		{"a wrong hash",
			"41 3 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 0:0:0:1 "
			"0:0:0:1 "
			"41 1 1 0123456789abcdef\n"},
	};
	const struct nm_chain_notes notes = some_notes(GENERATION, 100);
	nm_autostate struct nm_state *st = NULL;
	char whole[LINE_MAX_SIZE] = "", changed[LINE_MAX_SIZE];
	size_t len, said = 0;

	begin_anew(&notes);
	st = given_state(dir);
	len = (size_t)pread(st->lockfd, whole, sizeof(whole) - 1, NM_LOCK_WAITS_SIZE);
	tap_ok(len > 100 && len < sizeof(whole) - 1 && whole[len - 1] == '\n', "a line of %zu bytes", len);
	for (size_t i = 0; i < len; i++) {
		memcpy(changed, whole, len);
		changed[i] ^= 1;
		put(st, changed, len);
		said += !reads(st, &nothing);
	}
	tap_ok(!said, "%zu of %zu changed bytes are read", said, len);
	put(st, whole, len);
	tap_ok(reads(st, &notes), "the whole line again");
	for (size_t i = len; i > 0; i--) {
		put(st, whole, i - 1);
		said += !reads(st, &nothing);
	}
	tap_ok(!said, "nor is a line that was cut short");
	nm_each(c, cases) {
		put(st, c->line, strlen(c->line));
		tap_ok(reads(st, &nothing), "%s: nothing", c->what);
	}
}

/* What a hook leaves that has found notes of GENERATION. */
static void test_moves(void)
{
	enum { G = GENERATION };
	static const struct {
		const char *what;
		bool moves, damaged;
		uint32_t of, constant_of, before;
		uint32_t expected, constant_expected; /* 0, 0: nothing; G, G: as it was */
	} cases[] = {
		{"a change of what was known", true, false, G, G, G, G + 1, G + 1},
		{"after another one", true, false, G + 5, G + 5, G + 5, G + 6, G + 6},
		{"of chains that are known at another generation", true, false, G - 1, G, G, G - 1, G + 1},
		{"of constants that are", true, false, G, G - 1, G, G + 1, G - 1},
		{"of both", true, false, G + 2, G + 2, G + 1, G, G},
		{"no change", false, false, 0, 0, 0, G, G},
		{"beside a damaged record", true, true, G, G, G, 0, 0},
	};
	const struct nm_chain_notes old = some_notes(G, 100);

	nm_each(c, cases) {
		struct nm_chain_notes_move move = {.has_begun = false};
		struct nm_chain_notes after = some_notes(c->of, 200), expected = after;
		nm_autostate struct nm_state *st = NULL;

		after.constant_generation = c->constant_of;
		begin_anew(&old);
		st = given_state(dir);
		nm_chain_notes_begin(&move, st, sock);
		tap_ok(same(&move.notes, &old), "%s: begins with what is known", c->what);
		if (c->moves)
			nm_chain_notes_move(&move, &after, c->before, c->before + 1);
		st->damaged = c->damaged;
		nm_chain_notes_finish(&move, st, sock);
		if (!c->expected || (c->expected == G && c->constant_expected == G))
			expected = c->expected ? old : nothing;
		expected.generation = c->expected;
		expected.constant_generation = c->constant_expected;
		tap_ok(reads(st, &expected), "%s: generations %u, %u", c->what, c->expected,
			c->constant_expected);
	}
}

/* A hook that has failed before. */
static void test_no_begin(void)
{
	const struct nm_chain_notes old = some_notes(GENERATION, 100);
	nm_autostate struct nm_state *st = NULL;

	begin_anew(&old);
	st = given_state(dir);
	nm_chain_notes_finish(&(struct nm_chain_notes_move){.has_begun = false}, st, sock);
	tap_ok(reads(st, &old), "who has not begun leaves the notes as they are");
}

/* A change in two steps, as one that is rolled back: the second goes on from the first. */
static void test_two_moves(void)
{
	const struct nm_chain_notes old = some_notes(GENERATION, 100);
	struct nm_chain_notes between = some_notes(GENERATION, 200), after = some_notes(GENERATION + 1, 300);
	struct nm_chain_notes_move move = {.has_begun = false};
	nm_autostate struct nm_state *st = NULL;

	begin_anew(&old);
	st = given_state(dir);
	nm_chain_notes_begin(&move, st, sock);
	nm_chain_notes_move(&move, &between, GENERATION, GENERATION + 1);
	nm_chain_notes_begin(&move, st, sock);
	between.generation = between.constant_generation = GENERATION + 1;
	tap_ok(same(&move.notes, &between), "the second change begins where the first ended");
	nm_chain_notes_move(&move, &after, GENERATION + 1, GENERATION + 2);
	nm_chain_notes_finish(&move, st, sock);
	after.generation = after.constant_generation = GENERATION + 2;
	tap_ok(reads(st, &after), "and both are noted");
}

static void clean(void)
{
	static const char *const names[] = {"state", "lock"};

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

int main(void)
{
	const struct nm_chain_notes notes = some_notes(GENERATION, 100);
	uint64_t cookie;

	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!mkdtemp(dir) || sock < 0)
		return 1;
	if (nm_netns_cookie(sock, &cookie)) {
		test_round_trip();
		test_places();
		test_broken();
		test_moves();
		test_no_begin();
		test_two_moves();
	} else { /* Linux before 5.14, qemu-user */
		nm_autostate struct nm_state *st = NULL;

		begin_anew(&notes);
		st = given_state(dir);
		tap_ok(reads(st, &nothing), "where namespaces cannot be told apart, nothing is noted");
	}
	(void)close(sock);
	clean();
	return tap_done();
}
