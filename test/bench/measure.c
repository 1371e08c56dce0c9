/*
 * measure [-a] ROUNDS PAUSE_MS JOBS: how long whole processes take, as their caller sees it.
 *
 * JOBS is a file with a line for each process,
 *     EVERY NAME NETNS STDIN [VARIABLE=VALUE...] COMMAND [ARGUMENT...]
 * in words without quoting. A round runs all of them, one after the other in the order of the file, so that
 * whatever drifts on the machine hits all alike; one with EVERY above 1, which takes its time, only in the
 * first of as many rounds. Before each there is a pause, for the kernel to finish what the last one left
 * behind. As a runtime does with a hook, this program gives it STDIN, a file, reads its output to the end of
 * file, and waits for its exit: the time is taken from before the start until both have come.
 *
 * Prints for each NAME, except those that begin with '-': median, 10th, 90th and 99th percentile in
 * microseconds, the largest peak of resident memory in KiB, and how often it was run; or, with -a, each time.
 * The peak is never less than this program's own, which the child
 * has until it executes the command: so this program stays small. A command that fails ends it, with exit
 * status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	JOBS_MAX = 256,
	WORDS_MAX = 32,
	VARIABLES_MAX = 256,
	LINE_SIZE = 4096,
	OUTPUT_SIZE = 4096,
	HANG_S = 60
};

struct job {
	const char *name, *input;
	char **words; /* variables and the command line, up to a NULL */
	int netns;
	size_t every, runs;
	int64_t *us; /* of each run */
	long peak_kib;
};

/* What a process printed, as much as fits. */
struct output {
	char text[OUTPUT_SIZE];
	size_t len;
};

static _Noreturn void die(const char *what, const char *object)
{
	fprintf(stderr, "measure: %s '%s': %s\n", what, object, strerror(errno));
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The words of a line, up to a NULL, in memory that stays: no more than they need. */
static char **split(const char *line)
{
	char *copy = strdup(line), *rest = NULL, **words = calloc(WORDS_MAX, sizeof(*words));
	size_t n = 0;

	if (!copy || !words)
		die("reading job", line);
	for (char *w = strtok_r(copy, " \n", &rest); w && n < WORDS_MAX - 1; w = strtok_r(NULL, " \n", &rest))
		words[n++] = w;
	errno = EINVAL;
	if (n < 5)
		die("reading job", line);
	return words;
}

static void parse_job(const char *line, size_t rounds, struct job *job)
{
	char **words = split(line);

	job->every = strtoul(words[0], NULL, 10);
	job->name = words[1];
	job->netns = open(words[2], O_RDONLY | O_CLOEXEC);
	if (job->netns < 0)
		die("opening", words[2]);
	job->input = words[3];
	job->words = words + 4;
	job->us = calloc(rounds, sizeof(*job->us));
	if (!job->every || !job->us)
		die("reading job", job->name);
}

static size_t read_jobs(const char *path, size_t rounds, struct job jobs[JOBS_MAX])
{
	char line[LINE_SIZE];
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (!f)
		die("opening", path);
	for (; fgets(line, sizeof(line), f); n++) {
		errno = E2BIG;
		if (n == JOBS_MAX)
			die("reading", path);
		parse_job(line, rounds, &jobs[n]);
	}
	fclose(f);
	return n;
}

/* This program's own variables and those of the job, up to a NULL; sets ret_argv to the words behind them. */
static char **environment(const struct job *job, char ***ret_argv)
{
	static char *variables[VARIABLES_MAX];
	char **words = job->words;
	size_t n = 0;

	for (char **e = environ; *e && n < VARIABLES_MAX - WORDS_MAX; e++)
		variables[n++] = *e;
	for (; *words && strchr(*words, '='); words++)
		variables[n++] = *words;
	variables[n] = NULL;
	*ret_argv = words;
	return variables;
}

/* Starts the command with its stdin, and output as stdout and stderr. */
static pid_t start(const struct job *job, int output)
{
	posix_spawn_file_actions_t files;
	char **argv, **variables = environment(job, &argv);
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, job->input, O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	errno = posix_spawn(&pid, argv[0], &files, NULL, argv, variables);
	if (errno)
		die("starting", job->name);
	posix_spawn_file_actions_destroy(&files);
	return pid;
}

static void read_to_end(int fd, struct output *ret)
{
	char excess[OUTPUT_SIZE];
	ssize_t n;

	do {
		bool full = ret->len == sizeof(ret->text);

		n = full ? read(fd, excess, sizeof(excess))
			 : read(fd, ret->text + ret->len, sizeof(ret->text) - ret->len);
		if (n > 0 && !full)
			ret->len += (size_t)n;
	} while (n > 0);
}

static void run(struct job *job, const struct timespec *pause)
{
	struct output output = {.len = 0};
	int ends[2], status = 0;
	struct rusage usage;
	int64_t begin;
	pid_t pid;

	if (setns(job->netns, CLONE_NEWNET) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		die("preparing", job->name);
	nanosleep(pause, NULL);
	alarm(HANG_S);
	begin = now_us();
	pid = start(job, ends[1]);
	close(ends[1]);
	read_to_end(ends[0], &output);
	if (wait4(pid, &status, 0, &usage) < 0)
		die("waiting for", job->name);
	job->us[job->runs++] = now_us() - begin;
	alarm(0);
	close(ends[0]);
	if (usage.ru_maxrss > job->peak_kib)
		job->peak_kib = usage.ru_maxrss;
	if (status) {
		fprintf(stderr, "measure: '%s' failed with wait status %#x: %.*s\n", job->name,
			(unsigned)status, (int)output.len, output.text);
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static long long percentile(const struct job *job, size_t percent)
{
	return (long long)job->us[(job->runs - 1) * percent / 100];
}

static void print(const struct job *job, bool each)
{
	for (size_t i = 0; each && i < job->runs; i++)
		printf("%s %lld\n", job->name, (long long)job->us[i]);
	if (each)
		return;
	qsort(job->us, job->runs, sizeof(*job->us), compare);
	printf("%s %lld %lld %lld %lld %ld %zu\n", job->name, percentile(job, 50), percentile(job, 10),
		percentile(job, 90), percentile(job, 99), job->peak_kib, job->runs);
}

static void run_all(size_t rounds, unsigned long pause_ms, struct job *jobs, size_t n)
{
	struct timespec pause = {
		.tv_sec = (time_t)(pause_ms / 1000), .tv_nsec = (long)(pause_ms % 1000) * 1000000};

	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++)
			if (round % jobs[i].every == 0)
				run(&jobs[i], &pause);
}

int main(int argc, char **argv)
{
	static struct job jobs[JOBS_MAX];
	bool each = argc > 1 && strcmp(argv[1], "-a") == 0;
	char **args = argv + 1 + each;
	size_t rounds = argc - each == 4 ? strtoul(args[0], NULL, 10) : 0, n;

	if (!rounds) {
		fputs("usage: measure [-a] ROUNDS PAUSE_MS JOBS\n", stderr);
		return 2;
	}
	n = read_jobs(args[2], rounds, jobs);
	run_all(rounds, strtoul(args[1], NULL, 10), jobs, n);
	for (size_t i = 0; i < n; i++)
		if (jobs[i].name[0] != '-')
			print(&jobs[i], each);
	return 0;
}
