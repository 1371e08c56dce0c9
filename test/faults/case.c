#include "case.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "probe.h"
#include "stage.h"
#include "state.h"

enum { STATUS_DIFFERS = 3 };

static struct probe *probe;

const char *case_name(const struct fault *fault)
{
	static char name[96];

	snprintf(name, sizeof(name), "%s:%u:%.*s:%s", fault->call->name, fault->nth, (int)fault->error_len,
		fault->error, fault->way == WAY_MAX ? "-" : way_names[fault->way]);
	return name;
}

/* The prober */

static void set_probe(unsigned go)
{
	probe->go = go;
	while (probe->paused == go)
		usleep(1000);
}

static int has_answered(void)
{
	static unsigned missed, broken;
	unsigned new_missed = probe->missed - missed, new_broken = probe->broken - broken;

	missed += new_missed;
	broken += new_broken;
	if (!new_missed && !new_broken)
		return 1;
	return stage_failed(
		"the innocent port: %u unanswered, %u lost of the open connection", new_missed, new_broken);
}

const char *case_probed(void)
{
	static char text[160];

	snprintf(text, sizeof(text), "asked %u unanswered %u lines %u lost %u", probe->asked, probe->missed,
		probe->lines, probe->broken);
	return text;
}

void case_init(const char *probe_file)
{
	int fd = open(probe_file, O_RDWR | O_CLOEXEC);

	probe = mmap(NULL, sizeof(*probe), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (probe == MAP_FAILED)
		error(2, errno, "%s", probe_file);
	for (const char *const *step = innocent; *step; step++)
		if (step_do(*step, NULL, 0).status)
			error(2, 0, "%s: it failed", *step);
	set_probe(1);
}

/* What is judged */

static int is_killed(void)
{
	return stage.fault->what == INJECT_KILL;
}

static int goes_on(void)
{
	return stage.fault->error[stage.fault->error_len - 1] == '+';
}

static int has_succeeded(void)
{
	return !is_killed() && stage.outcome.status == stage.scene->status;
}

static int judge_end(void)
{
	const struct outcome *o = &stage.outcome;
	size_t len = strlen(o->err);
	int one_line = !strncmp(o->err, "natmap: ", 8) && strchr(o->err, '\n') == o->err + len - 1;

	if (o->status == STEP_HANGS)
		return stage_failed("it hangs");
	if (is_killed())
		return o->status == STEP_KILLED || stage.fault->is_child || stage_failed("it was not killed");
	if (stage.fault->early) /* libc's own end */
		return 1;
	if (o->status >= 128)
		return stage_failed("it was ended by signal %d", o->status - 128);
	if (o->status == STATUS_DIFFERS && len == 0) /* of natmap check, which tells what it could not read */
		return o->out[0] || stage_failed("nothing on stdout");
	if (!len && o->status == stage.scene->status && stage.fault->call->nr == SYS_write)
		return 1; /* of its one line itself */
	return (o->status ? one_line : len == 0) || stage_failed("what it writes to stderr");
}

static int judge_state(const char *text)
{
	size_t bad = state_bad_line(text);
	const char *uncovered;
	struct picture now;

	if (bad)
		return stage_failed("line %zu of the state is damaged", bad);
	if (state_address_twice(text))
		return stage_failed("address %s given twice", state_address_twice(text));
	steps_picture(&now);
	uncovered = state_uncovered(text, &now);
	if (uncovered)
		stage_failed("no record covers: %s", uncovered);
	picture_done(&now);
	return !uncovered;
}

/* All is done, or all is as it was. */
static int judge_result(void)
{
	unsigned flags = stage.scene->flags;

	if (flags & SCENE_READS)
		return stage_is_as("it only reads", &stage.before, NULL, NULL);
	if (is_killed())
		return 1;
	if (has_succeeded())
		return 1;
	if (goes_on() || flags & SCENE_PARTIAL)
		return 1;
	return stage_is_as("it has failed", &stage.before,
		flags & SCENE_GONE ? &stage.recovered[WAY_GC][1] : NULL, NULL);
}

static int judge(const char *state_before)
{
	char *state = state_read(steps_state_dir());
	int is_good = judge_end() && judge_state(state) && judge_result();

	if (is_good && stage.scene->flags & SCENE_READS && strcmp(state, state_before) != 0)
		is_good = stage_failed("it only reads, but the state has changed");
	free(state);
	return is_good && has_answered();
}

/* A command that has succeeded, and could not do what comes last, has told so in the log; it must be for
 * natmap check to tell it, too, and for a reload. */
static int needs_recovery(void)
{
	struct outcome o;

	if (stage.fault->way == WAY_MAX)
		return 0;
	if (!has_succeeded() || stage_has_interface_aside())
		return 1;
	o = step_do("check", NULL, 0);
	return o.status || o.out[0];
}

static int is_recovered(enum way way)
{
	int may_be_gone = stage.scene->flags & SCENE_GONE && way == WAY_RELOAD;

	return stage_is_as("recovered", &stage.recovered[way][0], &stage.recovered[way][1],
		may_be_gone ? &stage.gone : &stage.after);
}

/* Killed behind its last step: what it was to delete at its end is left, of which a repeated one does not
 * know.
 */
static int has_done_all(void)
{
	char *state = state_read(steps_state_dir());
	int is_recorded = state_is_live(state, "web");

	free(state);
	return !is_recorded && stage_has_interface_aside();
}

static int recover(struct sums *sums)
{
	enum way way = stage.fault->way;

	if (!needs_recovery()) {
		sums->alone++;
		return !has_succeeded() || stage.scene->flags & SCENE_READS ||
			stage_is_as("it has succeeded", &stage.after, NULL, NULL);
	}
	/* a repeated one has nothing to do; gc leaves the guard of a setting that could not be read */
	if ((has_succeeded() || (way == WAY_REPEAT && has_done_all()) || (way == WAY_GC && goes_on())) &&
		stage.scene->ways >> WAY_RELOAD & 1)
		way = WAY_RELOAD;
	sums->way[way]++;
	return stage_way(way) && is_recovered(way) && stage_check("recovered") && has_answered();
}

/* A case */

static int prepare(void)
{
	if (stage.scene->flags & SCENE_FORGETS)
		stage_step("forget", 0);
	return stage.scene->flags & SCENE_READS || stage_steps(stage.scene->begin);
}

static void inject(const struct fault *fault)
{
	struct inject in = {.nr = fault->call->nr,
		.first = fault->nth,
		.watched = {fault->call->nr, SYS_close},
		.n_watched = 2};

	inject_set_error(&in, fault->error, fault->error_len);
	stage.outcome = step_do(stage.scene->run, &in, fault->is_child);
}

static int run(const struct fault *fault, struct sums *sums)
{
	char *state_before;
	int is_good;

	if (!prepare())
		return 0;
	state_before = state_read(steps_state_dir());
	inject(fault);
	if (stage.outcome.injected) {
		*(is_killed() ? &sums->kills : &sums->errors) += 1;
		is_good = judge(state_before) && recover(sums);
	} else {
		sums->unreached++;
		is_good = stage.outcome.status == stage.scene->status ||
			stage_failed("not injected, and failed");
	}
	free(state_before);
	if (stage.scene->flags & SCENE_READS)
		return is_good;
	return is_good && stage_steps(stage.scene->rest) && stage_is_at_rest();
}

int case_begin_scene(const struct scene *s, struct trace *ret)
{
	stage.scene = s;
	stage.fault = NULL;
	stage.has_failed = 0;
	if (s->flags & SCENE_LOUD)
		set_probe(0);
	if (stage_rehearse(ret))
		return 1;
	stage_clean_up();
	set_probe(1);
	return 0;
}

void case_end_scene(void)
{
	if (stage.scene->flags & SCENE_READS)
		stage_steps(stage.scene->rest);
	set_probe(1);
}

int case_run(const struct fault *fault, struct sums *sums)
{
	stage.fault = fault;
	stage.has_failed = 0;
	stage.outcome = (struct outcome){0};
	if (!run(fault, sums))
		stage_begin_anew();
	stage.fault = NULL;
	return !stage.has_failed;
}
