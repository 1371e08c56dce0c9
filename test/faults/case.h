/*
 * A case: a scene whose command is killed at a call, or has it fail. Then, after at most one way of recovery:
 *
 *   - the command ended by itself, with one line of error or none, or by the kill
 *   - each line of the state file is JSON, each rule is covered by a live record, no address is given twice
 *   - a command that succeeded has done all of it, one that failed nothing, one that only reads nothing
 *   - after the way, all is as after the command or as before it, and natmap check finds nothing
 *   - after the scene, the host is as it was before
 *   - all the time an innocent container's port has answered, and a connection through it stayed open
 */
#ifndef FAULTS_CASE_H
#define FAULTS_CASE_H

#include "scenes.h"
#include "steps.h"

struct fault {
	const struct inject_call *call;
	unsigned nth;
	int is_child;      /* the process that outlives the command makes it */
	int early;         /* libc makes it before main() */
	int is_change;     /* the call before has changed something */
	const char *error; /* its name, error_len bytes long */
	size_t error_len;
	int what;
	enum way way; /* WAY_MAX: none */
};

/* Of the cases of a scene. */
struct sums {
	unsigned kills, errors, unreached; /* unreached: the command made fewer calls this time */
	unsigned alone;                    /* it succeeded without the call, or has changed nothing */
	unsigned way[WAY_MAX];
	unsigned failed;
};

/* Once; starts the innocent container, which the prober asks through its file. */
void case_init(const char *probe_file);

/* Runs the scene without a fault and writes down what comes of it. 0: it fails as it is, which was printed.
 */
int case_begin_scene(const struct scene *s, struct trace *ret);
void case_end_scene(void);

/* Runs a case of the scene and adds it to the sums. 0: it has failed, which was printed. */
int case_run(const struct fault *fault, struct sums *sums);

/* CALL:NTH:ERROR:WAY */
const char *case_name(const struct fault *fault);

/* What the prober has counted: asked N unanswered N lines N lost N. */
const char *case_probed(void);

#endif
