#include "stage.h"

#include <stdarg.h>
#include <stdlib.h>

#include "state.h"

enum { SETTLE_TRIES = 300, SETTLE_US = 5000 }; /* the kernel takes its time to delete interfaces */

struct stage stage;

int stage_failed(const char *format, ...)
{
	const struct outcome *o = &stage.outcome;
	va_list args;

	if (stage.has_failed++)
		return 0;
	va_start(args, format);
	printf("FAIL %s %s: ", stage.scene->name, stage.fault ? case_name(stage.fault) : "(without a fault)");
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (stage.fault)
		printf("    exit status %d, stderr: %s\n    stdout: %s\n"
		       "    make faults NM_BACKEND=%s FAULTS=%s FAULTS_CASE=%s\n",
			o->status, o->err, o->out, getenv("NM_BACKEND"), stage.scene->name,
			case_name(stage.fault));
	return 0;
}

/* natmap has put it aside, for the kernel to delete: network/aside.h. */
static int has_interface_aside(const struct picture *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strncmp(p->line[i], "link host nm-", 13))
			return 1;
	return 0;
}

/* By the one of now, when the kernel has done what it does later. */
static void replace(struct picture *p)
{
	struct picture next;
	int settled = 0;

	picture_done(p);
	steps_picture(p);
	for (int i = 0; !settled && i < SETTLE_TRIES; i++) {
		usleep(SETTLE_US);
		steps_picture(&next);
		settled = picture_same(p, &next) && !has_interface_aside(p);
		picture_done(p);
		*p = next;
	}
}

int stage_has_interface_aside(void)
{
	struct picture now;
	int is_there = 1;

	for (int i = 0; is_there && i < SETTLE_TRIES / 10; i++) {
		if (i > 0)
			usleep(SETTLE_US);
		steps_picture(&now);
		is_there = has_interface_aside(&now);
		picture_done(&now);
	}
	return is_there;
}

static int is_one_of(const struct picture *found, const struct picture *const expected[3])
{
	for (size_t i = 0; i < 3; i++)
		if (expected[i] && picture_same(found, expected[i]))
			return 1;
	return 0;
}

int stage_is_as(
	const char *when, const struct picture *one, const struct picture *two, const struct picture *three)
{
	const struct picture *const expected[3] = {one, two, three};
	struct picture found;
	int is_good = 0;

	for (int i = 0; !is_good && i < SETTLE_TRIES; i++) {
		if (i > 0)
			usleep(SETTLE_US);
		steps_picture(&found);
		is_good = is_one_of(&found, expected);
		if (!is_good && i == SETTLE_TRIES - 1) {
			stage_failed("%s: not as expected", when);
			picture_print_difference(one, &found);
		}
		picture_done(&found);
	}
	return is_good;
}

int stage_is_at_rest(void)
{
	return stage_is_as("at rest", &stage.rest, NULL, NULL);
}

int stage_step(const char *step, int status)
{
	struct outcome o = step_do(strcmp(step, RUN) ? step : stage.scene->run, NULL, 0);

	return o.status == status ? 1 : stage_failed("%s: exit status %d: %s", step, o.status, o.err);
}

int stage_steps(const char *const steps[])
{
	for (; *steps; steps++)
		if (!stage_step(*steps, 0))
			return 0;
	return 1;
}

static int no_address_twice(const char *when)
{
	char *state = state_read(steps_state_dir());
	const char *twice = state_address_twice(state);

	free(state);
	return twice ? stage_failed("%s: address %s given twice", when, twice) : 1;
}

/* A repeated command that has nothing to do any more may say so. */
int stage_way(enum way way)
{
	for (const char *const *step = way_steps[way]; *step; step++) {
		int is_run = !strcmp(*step, RUN);
		struct outcome o = step_do(is_run ? stage.scene->run : *step, NULL, 0);

		if (!no_address_twice(*step))
			return 0;
		if (o.status &&
			!(is_run && (o.status == stage.scene->status || o.status == stage.repeated_status)))
			return stage_failed("%s: exit status %d: %s", *step, o.status, o.err);
	}
	return 1;
}

int stage_check(const char *when)
{
	struct outcome o = step_do("check", NULL, 0);

	return o.status || o.out[0]
		? stage_failed("%s: natmap check: exit status %d: %s%s", when, o.status, o.err, o.out)
		: 1;
}

/* Rehearsals */

static int rehearse_way(enum way way, int run)
{
	if (!stage_steps(stage.scene->begin) || (run && !stage_step(RUN, stage.scene->status)) ||
		!stage_way(way))
		return 0;
	replace(&stage.recovered[way][run]);
	return stage_check(way_names[way]) && stage_steps(stage.scene->rest) && stage_is_at_rest();
}

static int rehearse_gone(void)
{
	static const char *const steps[] = {"reload", NULL};

	if (!stage_steps(stage.scene->begin) || !stage_step(RUN, stage.scene->status) || !stage_way(WAY_GC) ||
		!stage_steps(steps))
		return 0;
	replace(&stage.gone);
	return stage_steps(stage.scene->rest) && stage_is_at_rest();
}

static int find_repeated_status(void)
{
	if (!stage_steps(stage.scene->begin) || !stage_step(RUN, stage.scene->status))
		return 0;
	stage.repeated_status = step_do(stage.scene->run, NULL, 0).status;
	return stage_steps(stage.scene->rest);
}

/* Its command is traced at the second time: the first one may find things that have never been there. */
static int look(struct trace *ret)
{
	if (!stage_steps(stage.scene->begin) || !stage_step(RUN, stage.scene->status) ||
		!stage_steps(stage.scene->rest))
		return 0;
	usleep(20 * SETTLE_US);
	replace(&stage.rest);
	if (!stage_steps(stage.scene->begin))
		return 0;
	replace(&stage.before);
	if (step_trace(stage.scene->run, ret).status != stage.scene->status)
		return stage_failed("traced: another exit status");
	replace(&stage.after);
	return stage_check("after it") && stage_steps(stage.scene->rest) && stage_is_at_rest();
}

int stage_rehearse(struct trace *ret)
{
	if (!look(ret) || !find_repeated_status())
		return 0;
	for (enum way way = 0; way < WAY_MAX; way++)
		if (stage.scene->ways >> way & 1 && (!rehearse_way(way, 0) || !rehearse_way(way, 1)))
			return 0;
	if (stage.scene->flags & SCENE_GONE && !rehearse_gone())
		return 0;
	return stage.scene->flags & SCENE_READS ? stage_steps(stage.scene->begin) : 1;
}

/* Whatever the state is now. */
void stage_clean_up(void)
{
	static const char *const steps[] = {"stop all", "gc", "reload --force", NULL};

	for (const char *const *step = steps; *step; step++)
		step_do(*step, NULL, 0);
	for (const char *const *step = stage.scene->rest; *step; step++)
		step_do(*step, NULL, 0);
	usleep(20 * SETTLE_US);
}

/* What cannot be put right is from now on what is expected. */
void stage_begin_anew(void)
{
	static struct trace ignored;
	struct picture now;

	stage_clean_up();
	steps_picture(&now);
	if (!picture_same(&now, &stage.rest)) {
		printf("    not put right by a reload:\n");
		picture_print_difference(&stage.rest, &now);
	}
	picture_done(&now);
	stage.fault = NULL;
	stage_rehearse(&ignored);
}
