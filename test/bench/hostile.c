/*
 * hostile: whether time and memory grow at most linearly with hostile input up to its bound.
 *
 * Feeds what reads containers' states, ports, configurations and state files with a quarter, a half and all
 * of what the bound allows, of the shapes that cost most, and prints what each takes. Fails when twice as
 * much input takes more than 2.6 times as much, but for what takes less than 30 ms, or 512 KiB, at the bound.
 * Time is the process's own: instructions where the kernel counts them, else processor time, the least of
 * several runs.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "input/config.h"
#include "input/oci_state.h"
#include "input/scan.h"
#include "input/source.h"
#include "model/mapping.h"
#include "state/search.h"

enum { SIZES = 3, RUNS = 3, ROUNDS = 8, SMALL_US = 30000, SMALL_KIB = 512, STATE_LINES = 40000 };
enum { TEXT_MAX = NM_OCI_STATE_MAX };

static const double limit = 2.6;

enum kind { STATE, PORTS, CONFIG, STATE_FILE };

/* What is fed: before, so many times repeat, in which # stands for the number of the time, and after. */
static const struct shape {
	const char *name;
	enum kind kind;
	size_t bytes, times; /* the bound: the one or the other */
	const char *before, *repeat, *after;
} shapes[] = {
#define BEGIN "{\"id\":\"web\",\"pid\":1,\"annotations\":{\"io.natmap.ports\":\"80:80\""
#define BYTES NM_OCI_STATE_MAX - 1, 0
	{"state: one long string", STATE, BYTES, BEGIN ",\"x\":\"", "a", "\"}}"},
	{"state: a string of escapes", STATE, BYTES, BEGIN ",\"x\":\"", "\\u0041", "\"}}"},
	{"state: a string that is not UTF-8", STATE, BYTES, BEGIN ",\"x\":\"", "\xff", "\"}}"},
	{"state: blanks", STATE, BYTES, BEGIN "}", " ", "}"},
	{"state: numbers", STATE, BYTES, BEGIN "},\"x\":[0", ",0", "]}"},
	{"state: annotations of others", STATE, BYTES, BEGIN, ",\"k#\":\"v\"", "}}"},
	{"state: one annotation again and again", STATE, BYTES, BEGIN, ",\"io.natmap.ports\":\"80:80\"",
		"}}"},
	{"state: unknown annotations of natmap's", STATE, BYTES, BEGIN, ",\"io.natmap.x#\":\"v\"", "}}"},
	{"state: brackets that stay open", STATE, BYTES, BEGIN "},\"x\":", "[", ""},
	{"state: brackets 60 deep", STATE, BYTES, BEGIN "},\"x\":[0",
		",[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		"]}"},
	{"state: objects", STATE, BYTES, BEGIN "},\"x\":[0", ",{\"annotations\":{\"a\":{}}}", "]}"},
	{"state: no JSON, but keys of natmap's", STATE, BYTES, "", "\"io.natmap.", ""},
	{"state: a string of natmap's keys", STATE, BYTES, BEGIN ",\"x\":\"", "\\\"io.natmap.network",
		"\"}}"},
	{"state: quotes", STATE, BYTES, "", "\"", ""},
	{"state: backslashes", STATE, BYTES, "\"", "\\", ""},
	{"state: one port again and again", STATE, BYTES,
		"{\"id\":\"web\",\"pid\":1,\"annotations\":{\"io.natmap.ports\":\"80:80", ",80:80", "\"}}"},
	{"state: tabs in the ports", STATE, BYTES,
		"{\"id\":\"web\",\"pid\":1,\"annotations\":{\"io.natmap.ports\":\"80:80", "\\t", "\"}}"},
	{"ports: one after the other", PORTS, 0, NM_MAPPINGS_MAX - 1, "9999:9999", ",#:#", ""},
	{"ports: one port of many addresses", PORTS, 0, NM_MAPPINGS_MAX - 1, "9999:9999", ",[fd00::#]:80:80",
		""},
	{"ports: ranges", PORTS, 0, NM_MAPPINGS_MAX - 1, "65535:65535", ",#0-#9:80", ""},
	{"configuration: networks", CONFIG, NM_CONFIG_MAX, 0, "{\"policy\":{\"address\":[\"10.0.0.0/8\"",
		",\"10.0.0.0/8\"", "]}}"},
	{"configuration: ports", CONFIG, NM_CONFIG_MAX, 0, "{\"policy\":{\"host_ports\":\"1", ",65535",
		"\"}}"},
	{"configuration: comments", CONFIG, NM_CONFIG_MAX, 0, "{", "/**/", "}"},
	{"configuration: static entries", CONFIG, 0, 1023, "{\"static\":{\"dnat\":[",
		"{\"name\":\"n#\",\"external_address\":\"192.0.2.1\",\"internal_address\":\"10.0.0.1\","
		"\"ports\":\"#\",\"protocol\":\"tcp\"},",
		"{\"name\":\"last\",\"external_address\":\"192.0.2.1\",\"internal_address\":\"10.0.0.1\","
		"\"ports\":\"9999\",\"protocol\":\"tcp\"}]}}"},
#define RECORD(live, id, ports)                                                         \
	"{\"live\":" live ",\"id\":\"" id "\",\"pid\":1,\"start\":1,\"bundle\":\"/b\"," \
	"\"backend\":\"nftables\",\"addresses\":[\"10.88.7.2/24\"],\"ports\":[\"80:80/tcp\"" ports "]}\n"
	{"state file: records", STATE_FILE, 0, STATE_LINES, "", RECORD("1", "c#", ""), ""},
	{"state file: retired records", STATE_FILE, 0, STATE_LINES, "", RECORD("0", "c#", ""), ""},
	{"state file: records of one id", STATE_FILE, 0, STATE_LINES, "", RECORD("1", "web", ""), ""},
	{"state file: damaged lines", STATE_FILE, 0, STATE_LINES, "", "{\"live\":1,\"id\":\"c#\",\n", ""},
	{"state file: a line that ends nowhere", STATE_FILE, 2 << 20, 0, "", "x", ""},
	{"state file: a long line", STATE_FILE, 1 << 20, 0,
		"{\"live\":1,\"id\":\"c\",\"ports\":[\"80:80/tcp\"", ",\"80:80/tcp\"", "]}\n"},
};
enum { N_SHAPES = sizeof(shapes) / sizeof(*shapes) };

struct cost {
	double time; /* in instructions or microseconds */
	double us;
	long kib;
};

static char *text; /* shared by all processes */
static char dir[] = "/tmp/hostile.XXXXXX";

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t put(size_t at, const char *what, size_t number)
{
	for (; *what; what++)
		if (*what == '#')
			at += (size_t)sprintf(text + at, "%zu", number);
		else
			text[at++] = *what;
	text[at] = '\0';
	return at;
}

/* Returns its length. */
static size_t make(const struct shape *s, size_t part, size_t parts)
{
	size_t bytes = s->bytes * part / parts, times = s->times * part / parts;
	size_t end = strlen(s->after) + strlen(s->repeat) + 32, at = put(0, s->before, 0);

	for (size_t i = 1; s->bytes ? at + end < bytes : i <= times; i++)
		at = put(at, s->repeat, i);
	return put(at, s->after, 0);
}

static void write_file(size_t len)
{
	struct nm_state *st = NULL;
	struct nm_err err;
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/state", dir);
	(void)unlink(path);
	if (nm_state_open(dir, NM_STATE_CREATE, 1000, &st, &err) < 0) {
		fprintf(stderr, "hostile: %s\n", err.msg);
		exit(1);
	}
	nm_state_close(&st);
	f = fopen(path, "a");
	if (!f || fwrite(text, 1, len, f) != len || fclose(f) != 0)
		die(path);
}

static void feed_state(size_t len)
{
	struct nm_oci_state st = {0};
	struct nm_mappings mappings = {0};
	struct nm_err err;
	pid_t pid;

	(void)nm_sources_scan(text, len);
	(void)nm_scan_pid(text, len);
	(void)nm_scan_has(text, len, NM_SOURCE_NATMAP_NETWORK);
	(void)nm_oci_state_is_stopped(text, len, &pid);
	if (nm_oci_state_parse(text, len, NM_OCI_STATE_PUBLISH, NULL, &st, &err) == 0 && st.ports)
		(void)!nm_mappings_parse(st.ports, &mappings, &err);
	nm_mappings_done(&mappings);
	nm_oci_state_done(&st);
}

static void feed_file(void)
{
	const struct nm_state_query query = {.id = "web"};
	struct nm_records found = {0};
	struct nm_state *st = NULL;
	struct nm_err err;

	if (nm_state_open(dir, NM_STATE_WRITE, 1000, &st, &err) == 0)
		(void)!nm_state_search(st, &query, &found, &err);
	nm_records_done(&found);
	nm_state_close(&st);
}

static void feed(const struct shape *s, size_t len)
{
	struct nm_mappings mappings = {0};
	struct nm_config config;
	struct nm_err err;

	switch (s->kind) {
	case STATE:
		feed_state(len);
		break;
	case PORTS:
		(void)!nm_mappings_parse(text, &mappings, &err);
		nm_mappings_done(&mappings);
		break;
	case CONFIG:
		nm_config_init(&config);
		(void)!nm_config_parse(&config, text, len, "config", &err);
		nm_config_done(&config);
		break;
	default:
		feed_file();
	}
}

static int open_counter(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_hv = 1};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double read_counter(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n) ? (double)n : 0;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* In a process of its own, whose memory is that of this input. */
static void run(const struct shape *s, size_t len, int pipe_fd)
{
	volatile char touched = 0;
	struct cost cost;
	int counter = open_counter();
	double begin_us, begin;

	for (size_t i = 0; i < len; i += 4096)
		touched = text[i];
	(void)touched;
	cost.kib = peak_kib();
	begin_us = now_us();
	begin = read_counter(counter);
	feed(s, len);
	cost.time = read_counter(counter) - begin;
	cost.us = now_us() - begin_us;
	cost.kib = peak_kib() - cost.kib;
	if (counter < 0 || cost.time <= 0)
		cost.time = cost.us;
	if (write(pipe_fd, &cost, sizeof(cost)) != (ssize_t)sizeof(cost))
		_exit(1);
	_exit(0);
}

static struct cost run_once(const struct shape *s, size_t len)
{
	struct cost cost;
	int fds[2], status;
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		die("starting a process");
	if (pid == 0)
		run(s, len, fds[1]);
	close(fds[1]);
	if (read(fds[0], &cost, sizeof(cost)) != (ssize_t)sizeof(cost) || waitpid(pid, &status, 0) < 0 ||
		status)
		die(s->name);
	close(fds[0]);
	return cost;
}

/* The least of what was measured so far, and now. */
static void add(struct cost *least, const struct cost *cost, bool first)
{
	least->time = first || cost->time < least->time ? cost->time : least->time;
	least->us = first || cost->us < least->us ? cost->us : least->us;
	least->kib = first || cost->kib < least->kib ? cost->kib : least->kib;
}

static void measure(const struct shape *s, struct cost c[static SIZES], bool first)
{
	for (size_t i = 0; i < SIZES; i++) {
		size_t len = make(s, (size_t)1 << i, (size_t)1 << (SIZES - 1));

		if (s->kind == STATE_FILE)
			write_file(len);
		for (size_t k = 0; k < RUNS; k++) {
			struct cost cost = run_once(s, len);

			add(&c[i], &cost, first && k == 0);
		}
	}
}

static double growth(double a, double b)
{
	return a > 0 ? b / a : 1;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* Sets the largest growth from one size to the next; returns whether it is too large. */
static bool is_too_fast(const struct cost c[static SIZES], double *ret_time, double *ret_memory)
{
	*ret_time = *ret_memory = 0;
	for (size_t i = 1; i < SIZES; i++) {
		*ret_time = larger(*ret_time, growth(c[i - 1].time, c[i].time));
		*ret_memory = larger(*ret_memory, growth((double)c[i - 1].kib, (double)c[i].kib));
	}
	return (*ret_time > limit && c[SIZES - 1].us >= SMALL_US) ||
		(*ret_memory > limit && c[SIZES - 1].kib >= SMALL_KIB);
}

/* What others do on the machine takes time, too: what seems to grow too fast is measured again. */
static bool judge(const struct shape *s)
{
	struct cost c[SIZES];
	double time, memory;
	bool fails = true;

	for (size_t round = 0; fails && round < ROUNDS; round++) {
		measure(s, c, round == 0);
		fails = is_too_fast(c, &time, &memory);
	}
	printf("%-40s %8.1f %8.1f %8.1f ms %5.2f  %7ld %7ld %7ld KiB %5.2f%s\n", s->name, c[0].us / 1e3,
		c[1].us / 1e3, c[2].us / 1e3, time, c[0].kib, c[1].kib, c[2].kib, memory,
		fails ? "  too fast" : "");
	fflush(stdout);
	return fails;
}

static void clean(void)
{
	static const char *const files[] = {"state", "state.new", "lock"};
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

int main(void)
{
	unsigned failed = 0;

	text = mmap(NULL, TEXT_MAX + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (text == MAP_FAILED || !mkdtemp(dir))
		die("preparing");
	printf("%-40s %29s %6s  %27s %5s\n", "a quarter, half, all of the bound", "time", "most", "memory",
		"most");
	for (size_t i = 0; i < N_SHAPES; i++)
		failed += judge(&shapes[i]);
	clean();
	printf("%zu shapes, %u grow faster than %.1f times when the input doubles\n", (size_t)N_SHAPES,
		failed, limit);
	return failed > 0;
}
