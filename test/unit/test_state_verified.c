/* state/verified.c: what is remembered holds for one generation, configuration, state and place; a hook takes
 * it along only from there; a damaged file says nothing. */
#include "state/verified.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/build_id.h"
#include "host/netns.h"
#include "given_state.h"
#include "tap.h"

enum { GENERATION = 41, SIZE_MAX_OF_FILE = 4096 };

static const uint64_t config = 7, other_config = 8;
static char dir[] = "/tmp/test_verified.XXXXXX", path[sizeof(dir) + 16];
static int sock;

static void append(struct nm_state *st, const char *id, struct nm_record *ret)
{
	struct nm_record r = {.families = NM_IPV4_BIT, .address = {{{NM_IPV4, {10, 0, 0, 1}}, 16}}};
	struct nm_err err;

	r.id = strdup(id);
	if (!r.id || nm_mappings_parse("8080:80", &r.mappings, &err) < 0 || nm_state_append(st, &r, &err) < 0)
		tap_ok(false, "the test's own record");
	*ret = r;
}

/* Remembers two stand-ins. */
static void write_verified(struct nm_state *st)
{
	struct nm_verified v = {.head = {.generation = GENERATION,
					.config = config,
					.backend = NM_BACKEND_NFTABLES,
					.checked = true},
		.surroundings = 99,
		.has_stand_ins = true};
	nm_autorecords struct nm_records list = {0};
	struct nm_record r[2];
	struct nm_err err;

	append(st, "a", &r[0]);
	append(st, "b", &r[1]);
	if (nm_records_add(&list, &r[0], &err) < 0 || nm_records_add(&list, &r[1], &err) < 0)
		tap_ok(false, "memory");
	v.stand_ins = list;
	nm_verified_write(st, sock, &v);
}

/* What a process finds that begins now: its generation, 0: nothing. */
static uint32_t recall(uint64_t with_config, size_t *ret_stand_ins)
{
	nm_autostate struct nm_state *st = given_state(dir);
	nm_autoverified struct nm_verified v = {0};

	*ret_stand_ins = 0;
	if (!nm_verified_read(st, sock, with_config, &v))
		return 0;
	if (v.has_stand_ins && v.surroundings == 99 && v.head.backend == NM_BACKEND_NFTABLES)
		*ret_stand_ins = v.stand_ins.n;
	return v.head.generation;
}

static void check(uint32_t generation, size_t stand_ins, const char *what)
{
	size_t n;
	uint32_t got = recall(config, &n);

	tap_ok(got == generation && n == stand_ins, "%s: generation %u, %zu stand-ins", what, generation,
		stand_ins);
}

static void begin_anew(void)
{
	nm_autostate struct nm_state *st = given_state(dir);

	write_verified(st);
}

static size_t read_file(char buf[static SIZE_MAX_OF_FILE])
{
	nm_autoclose int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, SIZE_MAX_OF_FILE);

	return n < 0 ? 0 : (size_t)n;
}

static void write_file(const char *buf, size_t len)
{
	nm_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (write(fd, buf, len) != (ssize_t)len)
		tap_ok(false, "writing");
}

/* However the file is damaged, it never says anything else than before. */
static void test_damage(void)
{
	char whole[SIZE_MAX_OF_FILE], buf[SIZE_MAX_OF_FILE];
	size_t len, n, wrong = 0, said = 0;

	begin_anew();
	len = read_file(whole);
	tap_ok(len > 100 && len < SIZE_MAX_OF_FILE, "the file has %zu bytes", len);
	for (size_t i = 0; i < 2 * len; i++) {
		uint32_t got;

		memcpy(buf, whole, len);
		buf[i < len ? i : i - len] ^= 1;
		write_file(buf, i < len ? len : i - len);
		got = recall(config, &n);
		wrong += (got && got != GENERATION) || (n && n != 2);
		said += n == 2;
	}
	tap_ok(!wrong, "a changed byte, or a file cut short, never says something else: %zu", wrong);
	tap_ok(!said, "nor has it stand-ins: %zu", said);
	write_file(whole, len);
	check(GENERATION, 2, "the whole file again");
}

/* A step from one generation, after which the state file may have another line. */
static void move(uint32_t from, const uint64_t *with_config, uint64_t forwarding, bool fails)
{
	const struct nm_verified_step step = {from, from + 1, forwarding, forwarding};
	nm_autostate struct nm_state *st = given_state(dir);
	struct nm_verified_move m = {.tried = false};
	nm_autorecord struct nm_record r = {0};

	append(st, "c", &r);
	nm_verified_step(&m, st, sock, with_config, &step);
	if (fails)
		nm_verified_break(&m);
	nm_verified_finish(&m, st);
}

static void test_moves(void)
{
	begin_anew();
	move(GENERATION, &config, 0, false);
	check(GENERATION + 1, 0, "a hook takes it along");
	move(GENERATION + 1, NULL, 0, false);
	check(GENERATION + 2, 0, "so does the next one, without a configuration");
	move(GENERATION + 1, &config, 0, false);
	check(0, 0, "not from another generation");
	begin_anew();
	move(GENERATION, &other_config, 0, false);
	check(0, 0, "not with another configuration");
	begin_anew();
	move(GENERATION, &config, 1, false);
	check(0, 0, "not with other interfaces that forward");
	begin_anew();
	move(GENERATION, &config, 0, true);
	check(0, 0, "not after a failure");
}

static void append_to_state(void)
{
	nm_autostate struct nm_state *st = given_state(dir);
	nm_autorecord struct nm_record r = {0};

	append(st, "d", &r);
}

/* The same bytes again. */
static void touch_state(void)
{
	char state[sizeof(dir) + 16], byte;
	nm_autoclose int fd = -1;

	(void)snprintf(state, sizeof(state), "%s/state", dir);
	fd = open(state, O_RDWR);
	usleep(20000); /* a tick of the file system's clock */
	if (pread(fd, &byte, 1, 0) != 1 || pwrite(fd, &byte, 1, 0) != 1)
		tap_ok(false, "touching the state");
}

static void test_state(void)
{
	size_t n;

	tap_ok(nm_build_id() != 0, "the program has an id");
	check(0, 0, "at first");
	begin_anew();
	check(GENERATION, 2, "what was written");
	tap_ok(recall(other_config, &n) == 0, "nothing with another configuration");
	append_to_state();
	check(0, 0, "nothing after a line more in the state");
	begin_anew();
	touch_state();
	check(0, 0, "nothing after the state was written over");
	begin_anew();
	chmod(path, 0600);
	check(GENERATION, 2, "written again");
	unlink(path);
	check(0, 0, "nothing without the file");
}

static void clean(void)
{
	static const char *const names[] = {"verified", "state", "lock"};

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	uint64_t cookie;

	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!mkdtemp(dir) || sock < 0)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/verified", dir);
	if (nm_netns_cookie(sock, &cookie)) {
		test_state();
		test_damage();
		test_moves();
	} else { /* Linux before 5.14, qemu-user */
		begin_anew();
		check(0, 0, "where namespaces cannot be told apart, nothing is remembered");
	}
	close(sock);
	clean();
	return tap_done();
}
