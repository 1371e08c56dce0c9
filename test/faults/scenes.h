/* What is done to natmap: from a host at rest to a command, which is killed or has a call fail, and back. The
 * steps are those of steps.h. */
#ifndef FAULTS_SCENES_H
#define FAULTS_SCENES_H

#include <stddef.h>

/* What comes after a command that was killed or has failed; they take turns. */
enum way { WAY_REPEAT, WAY_RELOAD, WAY_GC, WAY_NEXT, WAY_MAX };

enum scene_flag {
	SCENE_READS = 1,    /* it changes nothing: it begins once, and nothing needs to be recovered */
	SCENE_LOUD = 2,     /* published ports of others go as well, or have gone: they are not asked */
	SCENE_EACH_WAY = 4, /* each kill is recovered in each way, not in turns */
	SCENE_PARTIAL = 8,  /* a failure may leave a part done, which the state covers */
	SCENE_GONE = 16, /* a failure may leave what gc leaves: natmap's chains, and nobody's rules in them */
	SCENE_FORGETS = 32 /* each time it looks as if for the first time */
};

enum { STEPS_MAX = 8 };

struct scene {
	const char *part, *name;
	const char *begin[STEPS_MAX], *run, *rest[STEPS_MAX];
	unsigned ways; /* bits */
	int status;    /* of the run that nothing fails in */
	unsigned flags;
};

extern const struct scene scenes[];

/* The steps of a way; RUN is the scene's command. */
extern const char *const way_steps[WAY_MAX][STEPS_MAX];
extern const char *const way_names[WAY_MAX];
#define RUN "RUN"

/* The container whose ports must answer all the time. */
extern const char *const innocent[];

#endif
