/*
 * A hole in natmap, for the tests alone: at each phase of a run it tries what code could that has taken
 * natmap over, and writes down what became of it. It is linked into a natmap of its own (the Makefile's
 * natmap-hole), by ld's --wrap: calls of the functions below come here first. natmap's own objects are those
 * of the product.
 *
 * The phases: when the sandbox has been entered; when it has been closed, before the parser; in the parser,
 * at a value of the state; when the state is open; and in the child that closes the sockets after the end.
 *
 * Each attempt is made by a child that shares the memory, the one kind of process that the filter lets natmap
 * make, so that a killed one is a line like others. The lines, separated by tabs, go to a mapping of the file
 * $NM_HOLE_DIR/results, since in the end no file may be opened: phase, attempt, result, verdict. A verdict
 * that begins with OPEN is a failure of the sandbox. The last line is "end".
 */
#include "attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host/sandbox.h"
#include "input/json_value.h"
#include "input/oci_state.h"
#include "state/state.h"

enum { RESULTS_SIZE = 1 << 20, STACK_SIZE = 128 * 1024, POLL_NS = 20000, POLLS = 100000 };

static const char *const phase_names[PHASE_MAX] = {"entered", "closed", "parser", "state", "child"};
static char *results;
static size_t used;
static int version;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	used += (size_t)vsnprintf(results + used, RESULTS_SIZE - used, format, list);
	va_end(list);
}

/* Before main(): nothing is forbidden yet. */
__attribute__((constructor)) static void prepare(void)
{
	char path[512];
	int fd;

	(void)snprintf(
		path, sizeof(path), "%s/results", getenv("NM_HOLE_DIR") ? getenv("NM_HOLE_DIR") : "/nowhere");
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, RESULTS_SIZE) < 0 || attempts_prepare() < 0)
		abort();
	results = mmap(NULL, RESULTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (results == MAP_FAILED)
		abort();
	close(fd);
	version = landlock_version();
	put("landlock\t%d\n", version);
}

/* One attempt, by a child */

enum { RUNNING, RETURNED, TRAPPED, KILLED };
static volatile int outcome;
static volatile long result;
static volatile int error_number;

static void on_trap(int signo)
{
	(void)signo;
	outcome = TRAPPED;
	_exit(0);
}

static int attempt_in_child(void *argument)
{
	const struct attempt *a = argument;
	const struct sigaction action = {.sa_handler = on_trap};
	const void *const *v = a->arguments;

	(void)sigaction(SIGSYS, &action, NULL);
	errno = 0;
	result = a->number < 0 ? a->try() : syscall(a->number, v[0], v[1], v[2], v[3], v[4], v[5]);
	error_number = errno;
	outcome = RETURNED;
	_exit(0);
}

static bool is_zombie(pid_t pid)
{
	char path[32], text[256];
	const char *name_end;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	name_end = strrchr(text, ')');
	return n < 0 || (name_end && (name_end[2] == 'Z' || name_end[2] == 'X'));
}

int __real_clone(int (*run)(void *), void *stack, int flags, void *argument, ...);

static void make_attempt(const struct attempt *a)
{
	static char stacks[2][STACK_SIZE] __attribute__((aligned(16)));
	const struct timespec pause = {.tv_nsec = POLL_NS};
	static unsigned n;
	char *stack = stacks[n++ % 2];
	pid_t pid;

	outcome = RUNNING;
	pid = __real_clone(attempt_in_child, stack + STACK_SIZE, CLONE_VM, (void *)(uintptr_t)a);
	/* when it has ended, the stack is free again */
	for (int i = 0; pid > 0 && i < POLLS && !is_zombie(pid); i++)
		(void)nanosleep(&pause, NULL);
	if (outcome == RUNNING)
		outcome = pid > 0 && is_zombie(pid) ? KILLED : RUNNING;
}

/* Verdicts */

/* By the kernel, and not since what was tried is not there. */
static bool is_refusal(int error)
{
	return error == EACCES || error == EPERM || error == EXDEV;
}

/* In the last phase all descriptors of before are closed, also those that somebody listened at. */
static bool is_refused(enum phase phase)
{
	if (outcome != RETURNED)
		return true;
	return result < 0 &&
		(is_refusal(error_number) ||
			(phase == PHASE_CHILD && (error_number == EBADF || error_number == ECONNREFUSED)));
}

static bool works(enum phase phase)
{
	return outcome == RETURNED && (result >= 0 || (phase == PHASE_CHILD && error_number == ECONNREFUSED));
}

static const char *judge(const struct attempt *a, enum phase phase)
{
	if (outcome == RUNNING)
		return "OPEN: it hangs";
	if (a->owed == OWED_FILTER)
		return outcome == RETURNED ? "OPEN: not stopped by the filter" : "ok";
	if (a->owed == OWED_WORKS)
		return works(phase) ? "ok" : "OPEN: not even what natmap needs";
	if (is_refused(phase))
		return "ok";
	if (a->owed == OWED_LANDLOCK && version < a->landlock)
		return "kernel";
	return a->owed != OWED_NEVER && phase == PHASE_ENTERED ? "before" : "OPEN";
}

static void put_outcome(const struct attempt *a, enum phase phase)
{
	put("%s\t%s\t", phase_names[phase], a->name);
	if (outcome == RETURNED)
		put("%s", result < 0 ? strerror(error_number) : "done");
	else
		put("%s", outcome == KILLED ? "killed" : outcome == TRAPPED ? "trapped" : "running");
	put("\t%s\n", judge(a, phase));
}

/* The lines of /proc/self/status about what the process may do. */
static void put_status(enum phase phase)
{
	static const char *const keys[] = {
		"CapPrm:", "CapEff:", "CapInh:", "CapAmb:", "NoNewPrivs:", "Seccomp:"};
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = '\0';
	put("%s\tstatus\t", phase_names[phase]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *at = strstr(text, keys[i]);

		at = at ? at + strlen(keys[i]) + 1 : "";
		put("%s%s%.*s", i ? " " : "", keys[i], (int)strcspn(at, "\n"), at);
	}
	put("\t-\n");
}

static void try_all(enum phase phase)
{
	static bool done[PHASE_MAX];

	if (done[phase])
		return;
	done[phase] = true;
	put_status(phase);
	for (size_t i = 0; i < n_attempts; i++) {
		make_attempt(&attempts[i]);
		put_outcome(&attempts[i], phase);
	}
}

/* Where natmap comes by */

static bool is_parsing;

int __real_nm_sandbox_enter(bool enter_namespaces, struct nm_err *err);
int __wrap_nm_sandbox_enter(bool enter_namespaces, struct nm_err *err);
int __wrap_nm_sandbox_enter(bool enter_namespaces, struct nm_err *err)
{
	int entered = __real_nm_sandbox_enter(enter_namespaces, err);

	try_all(PHASE_ENTERED);
	return entered;
}

int __real_nm_oci_state_parse(const char *text, size_t len, enum nm_oci_state_use use,
	const struct nm_sources *sources, struct nm_oci_state *ret, struct nm_err *err);
int __wrap_nm_oci_state_parse(const char *text, size_t len, enum nm_oci_state_use use,
	const struct nm_sources *sources, struct nm_oci_state *ret, struct nm_err *err);
int __wrap_nm_oci_state_parse(const char *text, size_t len, enum nm_oci_state_use use,
	const struct nm_sources *sources, struct nm_oci_state *ret, struct nm_err *err)
{
	int parsed;

	try_all(PHASE_CLOSED);
	is_parsing = true;
	parsed = __real_nm_oci_state_parse(text, len, use, sources, ret, err);
	is_parsing = false;
	return parsed;
}

int __real_nm_json_value_string(
	const struct nm_json_event *event, enum nm_err_kind kind, char **ret, struct nm_err *err);
int __wrap_nm_json_value_string(
	const struct nm_json_event *event, enum nm_err_kind kind, char **ret, struct nm_err *err);
int __wrap_nm_json_value_string(
	const struct nm_json_event *event, enum nm_err_kind kind, char **ret, struct nm_err *err)
{
	if (is_parsing)
		try_all(PHASE_PARSER);
	return __real_nm_json_value_string(event, kind, ret, err);
}

int __real_nm_state_open(const char *dir, enum nm_state_access access, unsigned timeout_ms,
	struct nm_state **ret, struct nm_err *err);
int __wrap_nm_state_open(const char *dir, enum nm_state_access access, unsigned timeout_ms,
	struct nm_state **ret, struct nm_err *err);
int __wrap_nm_state_open(const char *dir, enum nm_state_access access, unsigned timeout_ms,
	struct nm_state **ret, struct nm_err *err)
{
	int opened = __real_nm_state_open(dir, access, timeout_ms, ret, err);

	try_all(PHASE_STATE);
	return opened;
}

static int (*natmaps_own)(void *argument);

static int in_detached_child(void *argument)
{
	try_all(PHASE_CHILD);
	put("end\n");
	return natmaps_own(argument);
}

int __wrap_clone(int (*run)(void *), void *stack, int flags, void *argument, ...);
int __wrap_clone(int (*run)(void *), void *stack, int flags, void *argument, ...)
{
	natmaps_own = run;
	return __real_clone(in_detached_child, stack, flags, argument);
}
