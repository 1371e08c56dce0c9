/*
 * Steps, as scenes.c writes them: one line of words each.
 *
 *   start ID NODE        the process of a container in this namespace of the test's, or, box, in a new one
 *   stop ID | stop all   ends it, or all but the innocent one
 *   create ID KEY=VALUE...
 *                        natmap's hook at its creation; an annotation io.natmap.KEY for each
 *   end ID               natmap's hook after its end
 *   plan ID KEY=VALUE... natmap plan for it
 *   forget               lets natmap check forget what it has found to be right
 *   sh TEXT              a shell's command, on the host
 *   all else             a command of natmap's
 */
#ifndef FAULTS_STEPS_H
#define FAULTS_STEPS_H

#include "../helpers/inject.h"
#include "picture.h"

enum { STEP_HANGS = 124, STEP_KILLED = 128 + SIGKILL };

/* How a command of natmap's ended. */
struct outcome {
	int status;        /* its exit status, that of a shell after a signal, or STEP_HANGS */
	char err[512];     /* what it wrote to stderr */
	char out[512];     /* on stdout */
	unsigned injected; /* calls that failed */
};

/* A call of a run, in their order. */
struct traced {
	int nr;
	int is_child; /* of the process that outlives the command: host/detach.c */
};

#define TRACED_MAX 8192

struct trace {
	size_t n;
	struct traced call[TRACED_MAX];
};

/* natmap with its options, and the begin of the names of the test's namespaces. Once. */
void steps_init(const char *natmap, const char *config, const char *state_dir, const char *namespaces);

const char *steps_state_dir(void);

/* Does a step; in: has the call of natmap's fail, and, with wait_child, waits until the process that outlives
 * the command has made all of its calls. Steps of other kinds have the status 0, or end the program. */
struct outcome step_do(const char *step, struct inject *in, int wait_child);

/* Does a step of natmap's and writes all its calls down. */
struct outcome step_trace(const char *step, struct trace *ret);

/* Of the host, and of the containers in new namespaces that run. */
void steps_picture(struct picture *ret);

#endif
