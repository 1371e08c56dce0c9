/*
 * Linked into the natmap of `make coverage`: libgcov writes at the exit what has run, into the folder of the
 * build. natmap's Landlock must allow that folder, NM_COVERAGE_FOLDER, and nothing must go to stderr where
 * libgcov cannot write, as with too few descriptors. A natmap that is traced writes nothing: tests count and
 * fail system calls, and end it at each.
 */
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef NM_COVERAGE_FOLDER
#define NM_COVERAGE_FOLDER "build/coverage"
#endif

/* ld --wrap: calls of syscall() come here. */
long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...);

static void allow_folder(int ruleset)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
			LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG};

	rule.parent_fd = open(NM_COVERAGE_FOLDER, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)__real_syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_landlock_restrict_self)
		allow_folder((int)a[0]);
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static bool traced;

static bool is_traced(void)
{
	char status[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, status, sizeof(status) - 1);
	const char *tracer = n > 0 ? strstr(status, "\nTracerPid:\t") : NULL;

	if (fd >= 0)
		close(fd);
	return tracer && tracer[strlen("\nTracerPid:\t")] != '0';
}

static void end_at_once(int status, void *unused)
{
	(void)unused;
	if (!traced)
		return;
	(void)fflush(NULL);
	_exit(status);
}

__attribute__((constructor)) static void look_for_tracer(void)
{
	traced = is_traced();
	(void)on_exit(end_at_once, NULL);
}

/* Before libgcov's own, whose priority is 100. */
__attribute__((destructor(101))) static void be_silent(void)
{
	static char said[4096];
	FILE *nobody = fmemopen(said, sizeof(said), "w");

	if (nobody)
		stderr = nobody;
}
