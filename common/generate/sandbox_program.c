/*
 * A program of the build: prints host/sandbox_filter.c's filter, made by libseccomp from sandbox_calls.def,
 * as C. It runs on the machine that builds and makes the filter of the one that natmap is for.
 *
 * libseccomp cannot express two things, so its program has marks where they belong. Its answer to socket()
 * becomes a jump to the rules that host/sandbox_filter.c appends: libseccomp could not tell socket() from
 * socketcall(), where that is. The process's own number is known when natmap runs: this prints where it
 * belongs.
 */
#include <err.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The marks: an action that nobody else asks for, and a number that no process has. */
#define TO_SOCKETS SCMP_ACT_TRACE(1)
#define SELF       0x53454c46

enum { PROGRAM_MAX = 4096, CALLS_MAX = 2048 };

struct row {
	const char *call;
	uint32_t action;
	struct scmp_arg_cmp only[2]; /* without an op: no condition */
};

#define MACHINE(name) name
#define ALLOW(...)
#define KILL(...)
#define SOCKETS(...)
static const char machine[] =
#include "generate/sandbox_calls.inc"
	;
#undef MACHINE
#undef ALLOW
#undef KILL
#undef SOCKETS

#define MACHINE(name)
#define ALLOW(name, ...) {name, SCMP_ACT_ALLOW, {__VA_ARGS__}},
#define KILL(name)       {name, SCMP_ACT_KILL_PROCESS, {{0}}},
#define SOCKETS(name)    {name, TO_SOCKETS, {{0}}},
static const struct row rows[] = {
#include "generate/sandbox_calls.inc"
};

static void check(int rc, const char *what)
{
	if (rc < 0)
		errx(1, "libseccomp, %s for %s: %s", what, machine, strerror(-rc));
}

/* The name is a number of this machine, or a negative one that stands for it; libseccomp finds the other
 * machine's, and leaves out a call that it lacks. One that libseccomp itself does not know is left out, too.
 */
static void add(scmp_filter_ctx ctx, const struct row *row)
{
	const int number = seccomp_syscall_resolve_name(row->call);
	const unsigned n = (row->only[0].op != 0) + (row->only[1].op != 0);

	if (number != __NR_SCMP_ERROR)
		check(seccomp_rule_add_array(ctx, row->action, number, n, row->only), row->call);
}

/* Returns how many instructions there are. */
static size_t export(scmp_filter_ctx ctx, struct sock_filter *ret)
{
	FILE *file = tmpfile();
	size_t n;

	if (!file)
		err(1, "a temporary file");
	check(seccomp_export_bpf(ctx, fileno(file)), "exporting the filter");
	if (fseek(file, 0, SEEK_SET) < 0)
		err(1, "a temporary file");
	n = fread(ret, sizeof(*ret), PROGRAM_MAX, file);
	if (n == 0 || n == PROGRAM_MAX || fclose(file) == EOF)
		errx(1, "a filter of %zu instructions", n);
	return n;
}

static size_t make(uint32_t arch, struct sock_filter *ret)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	size_t n;

	if (!ctx)
		errx(1, "libseccomp: no filter");
	if (arch != seccomp_arch_native()) {
		check(seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE), "leaving out this machine");
		check(seccomp_arch_add(ctx, arch), "a filter");
	}
	/* a binary tree: the kernel tries every call on a new filter, and libseccomp's own order is a long
	 * list */
	check(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), "a binary tree");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		add(ctx, &rows[i]);
	n = export(ctx, ret);
	seccomp_release(ctx);
	return n;
}

/* libseccomp writes the filter in the byte order of the machine that it is for. */
static void to_own_order(uint32_t arch, struct sock_filter *program, size_t n)
{
	const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	if (((arch & __AUDIT_ARCH_LE) != 0) == is_little)
		return;
	for (size_t i = 0; i < n; i++) {
		program[i].code = __builtin_bswap16(program[i].code);
		program[i].k = __builtin_bswap32(program[i].k);
	}
}

static void jump_to_sockets(struct sock_filter *program, size_t n)
{
	const uint16_t answer = BPF_RET | BPF_K;
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		if (program[i].code == answer && program[i].k == TO_SOCKETS) {
			program[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(n - i - 1));
			found++;
		}
	if (!found)
		errx(1, "the filter for %s has no place for the rules of socket()", machine);
}

static size_t find_self(const struct sock_filter *program, size_t n)
{
	size_t at = 0;
	unsigned found = 0;

	for (size_t i = 0; i < n; i++)
		if (program[i].k == SELF) {
			at = i;
			found++;
		}
	if (found != 1)
		errx(1, "the filter for %s has %u places for the number of the process", machine, found);
	return at;
}

static void print_program(const struct sock_filter *program, size_t n)
{
	printf("/* the instruction that compares with the number of the process */\n#define SELF_AT %zu\n",
		find_self(program, n));
	printf("#define PROGRAM");
	for (size_t i = 0; i < n; i++)
		printf(" \\\n\t{0x%02x, %u, %u, 0x%08x},", program[i].code, program[i].jt, program[i].jf,
			program[i].k);
	putchar('\n');
}

/* The names of the machine's calls, in the order of their numbers and as one string: a table of pointers
 * would be relocated each time that natmap starts. */
static void print_names(uint32_t arch)
{
	const int exit_number = seccomp_syscall_resolve_name_arch(arch, "exit");
	const int first = exit_number - exit_number % 1024; /* x32 and mips do not begin with 0 */
	int printed = first;

	printf("#define FIRST_CALL %d\n#define CALL_NAMES", first);
	for (int number = first; number < first + CALLS_MAX; number++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, number);

		for (; name && printed < number; printed++)
			printf(" \\\n\t\"\\0\"");
		if (name)
			printf(" \\\n\t\"%s\\0\"", name);
		printed += name != NULL;
		free(name);
	}
	putchar('\n');
}

int main(void)
{
	static struct sock_filter program[PROGRAM_MAX];
	const uint32_t arch = seccomp_arch_resolve_name(machine);
	size_t n;

	if (!arch)
		errx(1, "libseccomp does not know the machine %s", machine);
	n = make(arch, program);
	to_own_order(arch, program, n);
	jump_to_sockets(program, n);
	printf("/* Made by common/generate/sandbox_program.c for %s. */\n", machine);
	print_program(program, n);
	print_names(arch);
	return fflush(stdout) == EOF;
}
