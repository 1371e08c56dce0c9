/* What code that runs within natmap may try, and what the sandbox owes. */
#ifndef NM_TEST_HOLE_ATTEMPTS_H
#define NM_TEST_HOLE_ATTEMPTS_H

#include <stddef.h>

/* When the hole calls: test/hole/hole.c. */
enum phase { PHASE_ENTERED, PHASE_CLOSED, PHASE_PARSER, PHASE_STATE, PHASE_CHILD, PHASE_MAX };

enum owed {
	OWED_FILTER,   /* in each phase the call does not return: the filter kills the process or traps it */
	OWED_NEVER,    /* in each phase it is refused */
	OWED_CLOSED,   /* it is refused once the sandbox is closed: for lack of a capability */
	OWED_LANDLOCK, /* likewise, by a Landlock of the attempt's version */
	OWED_WORKS,    /* natmap needs it: it works in each phase. In the last one it has no descriptors of
			  before */
};

struct attempt {
	const char *name;
	enum owed owed;
	int landlock; /* version that can forbid it: landlock(7) */
	long number;  /* of the system call, with these arguments; -1: try() */
	const void *arguments[6];
	long (*try)(void); /* -1 with errno, when it is refused */
};

extern const struct attempt attempts[];
extern const size_t n_attempts;

/* What they need, opened before the sandbox. Returns -1 when something is missing. */
int attempts_prepare(void);

/* Landlock's version, 0: there is none. */
int landlock_version(void);

#endif
