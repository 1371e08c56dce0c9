/* What tests of state/ give to functions: an open state. */
#ifndef NM_TEST_GIVEN_STATE_H
#define NM_TEST_GIVEN_STATE_H

#include "state/state.h"
#include "tap.h"

/* The state in dir, made if there is none; the caller closes it. NULL fails the test. */
static inline struct nm_state *given_state(const char *dir)
{
	struct nm_state *st = NULL;
	struct nm_err err = {.msg = ""};

	if (nm_state_open(dir, NM_STATE_CREATE, 1000, &st, &err) < 0)
		tap_ok(false, "opening the state: %s", err.msg);
	return st;
}

#endif
