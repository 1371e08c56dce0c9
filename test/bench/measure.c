/*
 * measure ROUNDS PAUSE_MS JOBS: how long whole processes take, as their caller sees it.
 *
 * JOBS is a file with a line for each process,
 *     NAME NETNS STDIN [VARIABLE=VALUE...] COMMAND [ARGUMENT...]
 * in words without quoting. A round runs all of them, one after the other in the order of the file, so that
 * whatever drifts on the machine hits all alike; before each there is a pause, for the kernel to finish what
 * the last one left behind. As a runtime does with a hook, this program gives it STDIN, a file, reads
 * its output to the end of file, and waits for its exit: the time is taken from before the start until both
 * have come.
 *
 * Prints for each NAME, except those that begin with '-': median and 90th percentile in microseconds, the
 * largest peak of resident memory in KiB, and the 10th and 99th percentile; or, with MEASURE_ALL in the
 * environment, each time. The peak is never less than this program's own, which the child
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
	JOBS_MAX = 32,
	WORDS_MAX = 32,
	ENVIRONMENT_MAX = 256,
	LINE_SIZE = 4096,
	OUTPUT_SIZE = 4096,
	HANG_S = 60
};

struct job {
	char line[LINE_SIZE]; /* what the others point into */
	const char *name, *input;
	int netns;
	char *environment[ENVIRONMENT_MAX];
	char *argv[WORDS_MAX];
	int64_t *us; /* of each round */
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

/* Takes the variables off the words and puts them behind this program's own. */
static void set_environment(struct job *job, char **words)
{
	size_t n = 0;

	for (char **e = environ; *e && n < ENVIRONMENT_MAX - WORDS_MAX; e++)
		job->environment[n++] = *e;
	for (; *words && strchr(*words, '='); words++)
		job->environment[n++] = *words;
	for (n = 0; *words; words++)
		job->argv[n++] = *words;
}

static void parse_job(struct job *job)
{
	char *words[WORDS_MAX] = {0}, *rest = NULL;
	size_t n = 0;

	for (char *w = strtok_r(job->line, " \n", &rest); w && n < WORDS_MAX - 1;
		w = strtok_r(NULL, " \n", &rest))
		words[n++] = w;
	errno = EINVAL;
	if (n < 4)
		die("reading job", n ? words[0] : "");
	job->name = words[0];
	job->netns = open(words[1], O_RDONLY | O_CLOEXEC);
	if (job->netns < 0)
		die("opening", words[1]);
	job->input = words[2];
	set_environment(job, words + 3);
	if (!job->argv[0])
		die("reading job", job->name);
}

static size_t read_jobs(const char *path, size_t rounds, struct job jobs[JOBS_MAX])
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (!f)
		die("opening", path);
	for (; n < JOBS_MAX && fgets(jobs[n].line, LINE_SIZE, f); n++) {
		parse_job(&jobs[n]);
		jobs[n].us = calloc(rounds, sizeof(*jobs[n].us));
		if (!jobs[n].us)
			die("reading", path);
	}
	fclose(f);
	return n;
}

/* Starts the command with its stdin, and output as stdout and stderr. */
static pid_t start(const struct job *job, int output)
{
	posix_spawn_file_actions_t files;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, job->input, O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	errno = posix_spawn(&pid, job->argv[0], &files, NULL, job->argv, job->environment);
	if (errno)
		die("starting", job->argv[0]);
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

static void run(struct job *job, size_t round, const struct timespec *pause)
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
	job->us[round] = now_us() - begin;
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

static void print(const struct job *job, size_t rounds)
{
	for (size_t i = 0; getenv("MEASURE_ALL") && i < rounds; i++)
		printf("%s %lld\n", job->name, (long long)job->us[i]);
	if (getenv("MEASURE_ALL"))
		return;
	qsort(job->us, rounds, sizeof(*job->us), compare);
	printf("%s %lld %lld %ld %lld %lld\n", job->name, (long long)job->us[rounds / 2],
		(long long)job->us[rounds * 9 / 10], job->peak_kib, (long long)job->us[rounds / 10],
		(long long)job->us[rounds * 99 / 100]);
}

int main(int argc, char **argv)
{
	static struct job jobs[JOBS_MAX];
	size_t rounds = argc == 4 ? strtoul(argv[1], NULL, 10) : 0, n;
	unsigned long pause_ms = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	struct timespec pause = {
		.tv_sec = (time_t)(pause_ms / 1000), .tv_nsec = (long)(pause_ms % 1000) * 1000000};

	if (!rounds) {
		fputs("usage: measure ROUNDS PAUSE_MS JOBS\n", stderr);
		return 2;
	}
	n = read_jobs(argv[3], rounds, jobs);
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n; i++)
			run(&jobs[i], round, &pause);
	for (size_t i = 0; i < n; i++)
		if (jobs[i].name[0] != '-')
			print(&jobs[i], rounds);
	return 0;
}
