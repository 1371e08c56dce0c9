/* For each mapping there are questions: what becomes of a packet that comes by this way to that address?
 * Those with one key have one answer. */
#ifndef NM_OBSTACLE_QUESTIONS_H
#define NM_OBSTACLE_QUESTIONS_H

#include "follow/landmarks.h"
#include "obstacle/ways.h"

struct nm_question_key {
	uint32_t backend, family, protocol, in, out;
	uint32_t from_host, is_loopback, has_source;
	uint32_t host, host_port, container, container_port; /* struct nm_landmarks */
};

struct nm_question {
	struct nm_question_key key;
	size_t record, mapping;
	uint16_t offset;          /* of the port in the mapping */
	const struct nm_way *way; /* NULL: from the host itself */
	struct nm_addr host;
};

struct nm_questions {
	struct nm_question *v; /* owned; those of one key stand together */
	size_t n, capacity;
};

/* What is asked about; all of it is borrowed. */
struct nm_questions_scope {
	const struct nm_records *records;
	const struct nm_ways *ways;
	const struct nm_landmarks *landmarks;
	bool localhost;    /* struct nm_layout_options */
	bool only_outside; /* not about packets of the host itself */
};

/* 0 with *ret for nm_questions_done(), zeros before, or -1 with *err (memory). */
int nm_questions_ask(
	const struct nm_questions_scope *scope, struct nm_questions *ret, struct nm_err *err) NM_MUST_USE;
void nm_questions_done(struct nm_questions *q);

#endif
