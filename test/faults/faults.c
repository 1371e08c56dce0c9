/*
 * faults NATMAP CONFIG STATE_DIR NAMESPACES PROBE_FILE [PART|SCENE...]: runs natmap's commands in the test's
 * network, again and again, each time with another of their system calls failing, or being the last. What is
 * judged: case.c. Prints a line for each scene and one for each failure. faults list [PART|SCENE...]: prints
 * the names of the scenes. FAULTS_EVERY=N: every Nth case;
 * FAULTS_CASE=NAME: that one, as a failure names it.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "case.h"

enum { FAILURES_MAX = 10 /* of a scene: then it is given up */ };

static unsigned every, total, bad; /* of all scenes */
static const char *only;

static struct trace trace; /* of the scene's command */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int is_wanted(const struct scene *s, char *const names[])
{
	int all = !*names;

	for (; *names; names++)
		all |= !strcmp(*names, s->part) || !strcmp(*names, s->name);
	return all;
}

static void run_one(struct sums *sums, struct fault *fault)
{
	if (only && strcmp(only, case_name(fault)) != 0)
		return;
	sums->failed += !case_run(fault, sums);
}

/* The ways take turns over the cases that are run. */
static void run_ways(const struct scene *s, struct sums *sums, struct fault *fault)
{
	unsigned all = s->flags & SCENE_EACH_WAY && fault->what == INJECT_KILL && fault->is_change;
	static unsigned turn;

	fault->way = WAY_MAX;
	if (!s->ways) {
		run_one(sums, fault);
		return;
	}
	for (unsigned i = 0; i < WAY_MAX; i++) {
		unsigned way = all || only ? i : turn++ % WAY_MAX;

		if (!(s->ways >> way & 1))
			continue;
		fault->way = (enum way)way;
		run_one(sums, fault);
		if (!all && !only)
			return;
	}
}

/* FAULTS_EVERY: which of the cases, each as often as another. */
static int is_sampled(void)
{
	static unsigned i;

	return only || i++ % every == 0;
}

/* The next error of the list, from *errors on; of those with | between, the one whose turn it is. */
static void take_error(struct fault *fault, const char **errors)
{
	size_t len = strcspn(*errors, " "), n = 1;

	for (size_t i = 0; i < len; i++)
		n += (*errors)[i] == '|';
	fault->error = *errors;
	for (size_t turn = fault->nth % n; turn; turn--)
		fault->error += strcspn(fault->error, "|") + 1;
	fault->error_len = strcspn(fault->error, "| ");
	*errors += len + ((*errors)[len] == ' ');
}

/* The kill, and each error. */
static void run_errors(const struct scene *s, struct sums *sums, struct fault *fault)
{
	const char *errors = fault->call->errors;

	fault->error = "kill";
	fault->error_len = strlen(fault->error);
	fault->what = INJECT_KILL;
	if (is_sampled())
		run_ways(s, sums, fault);
	fault->what = INJECT_NOTHING;
	while (*errors && sums->failed < FAILURES_MAX) {
		take_error(fault, &errors);
		if (is_sampled())
			run_ways(s, sums, fault);
	}
}

static void run_calls(const struct scene *s, struct sums *sums)
{
	static unsigned made[1024];
	struct fault fault = {.early = 1};

	memset(made, 0, sizeof(made));
	for (size_t i = 0; i < trace.n && sums->failed < FAILURES_MAX; i++) {
		const struct inject_call *call = inject_call_of(trace.call[i].nr);

		fault.call = call;
		fault.nth = ++made[call->nr];
		fault.is_child = trace.call[i].is_child;
		fault.is_change = i > 0 && inject_call_of(trace.call[i - 1].nr)->changes;
		fault.early &= call->nr != SYS_umask; /* natmap's first own call: before it is libc */
		run_errors(s, sums, &fault);
	}
}

static void run_scene(const struct scene *s)
{
	struct sums sums = {0};
	double begin = now();

	if (!case_begin_scene(s, &trace)) {
		bad++;
		return;
	}
	run_calls(s, &sums);
	case_end_scene();
	printf("%-18s %5zu %6u %6u %6u | %6u %6u %6u %6u %6u | %7u %6.0f s%s\n", s->name, trace.n, sums.kills,
		sums.errors, sums.unreached, sums.alone, sums.way[WAY_REPEAT], sums.way[WAY_RELOAD],
		sums.way[WAY_GC], sums.way[WAY_NEXT], sums.failed, now() - begin,
		sums.failed >= FAILURES_MAX ? ", given up" : "");
	fflush(stdout);
	total += sums.kills + sums.errors;
	bad += sums.failed;
}

static void inject(char *argv[])
{
	const char *n = getenv("FAULTS_EVERY");

	every = n && atoi(n) > 0 ? (unsigned)atoi(n) : 1;
	only = getenv("FAULTS_CASE");
	steps_init(argv[1], argv[2], argv[3], argv[4]);
	case_init(argv[5]);
	for (const struct scene *s = scenes; s->name; s++)
		if (is_wanted(s, &argv[6]))
			run_scene(s);
	printf("injected %u failed %u %s\n", total, bad, case_probed());
}

static void list(char *argv[])
{
	for (const struct scene *s = scenes; s->name; s++)
		if (is_wanted(s, argv))
			puts(s->name);
}

int main(int argc, char *argv[])
{
	if (argc > 1 && !strcmp(argv[1], "list")) {
		list(&argv[2]);
		return 0;
	}
	if (argc < 6)
		error(2, 0, "usage: see the source");
	inject(argv);
	return bad || !total;
}
