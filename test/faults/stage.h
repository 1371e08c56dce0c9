/* Where the cases of a scene play: the pictures of its runs without a fault, and steps that must succeed. A
 * failure of any case is told here, once. */
#ifndef FAULTS_STAGE_H
#define FAULTS_STAGE_H

#include "case.h"

struct stage {
	const struct scene *scene;
	struct picture rest, before, after;   /* at rest; before the command, and after it */
	struct picture recovered[WAY_MAX][2]; /* by each way, from before the command, and from after it */
	struct picture gone;                  /* of SCENE_GONE: from after it, by gc and then a reload */
	int repeated_status;                  /* of the command's, when all is done already */

	const struct fault *fault; /* of the case that runs; NULL: none */
	struct outcome outcome;
	int has_failed;
};

extern struct stage stage;

/* Runs the scene without a fault, and in each way of recovery. 1, or 0 after telling why. Each is 1 or 0. */
int stage_rehearse(struct trace *ret);

/* After a failure: puts the host right, and rehearses again. */
void stage_begin_anew(void);
void stage_clean_up(void);

/* Tells the first failure of a case, and how to repeat it. 0 */
int stage_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

int stage_step(const char *step, int status);
int stage_steps(const char *const steps[]);
int stage_way(enum way way);
int stage_check(const char *when);

/* Soon the host is as one of these; NULL: none. */
int stage_is_as(
	const char *when, const struct picture *one, const struct picture *two, const struct picture *three);
int stage_is_at_rest(void);

/* One that natmap has renamed to be deleted is still there after a while. */
int stage_has_interface_aside(void);

#endif
