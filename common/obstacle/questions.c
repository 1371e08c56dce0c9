#include "obstacle/questions.h"

#include <string.h>

#include "base/array.h"

struct asking {
	const struct nm_questions_scope *scope;
	struct nm_questions *questions;
};

static int ask(struct asking *s, const struct nm_question *q, struct nm_err *err)
{
	const struct nm_record *r = &s->scope->records->v[q->record];
	const struct nm_mapping *m = &r->mappings.v[q->mapping];
	enum nm_family family = q->host.family;
	struct nm_question *kept;

	if (nm_grow(s->questions, "judging the ruleset", err) < 0)
		return -1;
	kept = &s->questions->v[s->questions->n++];
	*kept = *q;
	kept->key = (struct nm_question_key){.backend = r->backend,
		.family = family,
		.protocol = m->protocol,
		.in = q->way ? q->way->in.index : 0,
		.out = nm_ways_out(s->scope->ways, q->record, family)->index,
		.from_host = !q->way,
		.is_loopback = nm_addr_is_loopback(&q->host),
		.has_source = q->way && q->way->container,
		.host = nm_landmarks_address(s->scope->landmarks, &q->host),
		.host_port = nm_landmarks_port(s->scope->landmarks, (uint16_t)(m->host_port + q->offset)),
		.container = nm_landmarks_address(s->scope->landmarks, &r->address[family].addr),
		.container_port =
			nm_landmarks_port(s->scope->landmarks, (uint16_t)(m->container_port + q->offset))};
	return 0;
}

/* Once for each port of the mapping that is treated in another way than the one before it. */
static int ask_ports(struct asking *s, struct nm_question q, struct nm_err *err)
{
	const struct nm_mapping *m = &s->scope->records->v[q.record].mappings.v[q.mapping];
	const struct nm_landmarks *l = s->scope->landmarks;

	for (uint32_t i = 0; i < m->count; i++) {
		uint16_t host = (uint16_t)(m->host_port + i), container = (uint16_t)(m->container_port + i);

		if (i > 0 && nm_landmarks_port(l, host) == nm_landmarks_port(l, (uint16_t)(host - 1)) &&
			nm_landmarks_port(l, container) == nm_landmarks_port(l, (uint16_t)(container - 1)))
			continue;
		q.offset = (uint16_t)i;
		if (ask(s, &q, err) < 0)
			return -1;
	}
	return 0;
}

static int ask_from_host(
	struct asking *s, struct nm_question q, const struct nm_addr *host, struct nm_err *err)
{
	q.way = NULL;
	q.host = *host;
	return ask_ports(s, q, err);
}

static int ask_from_localhost(
	struct asking *s, struct nm_question q, enum nm_family family, struct nm_err *err)
{
	static const struct nm_addr localhost = {.family = NM_IPV4, .bytes = {127, 0, 0, 1}};

	if (family != NM_IPV4 || !s->scope->localhost)
		return 0;
	return ask_from_host(s, q, &localhost, err);
}

static int ask_by_way(struct asking *s, struct nm_question q, enum nm_family family, struct nm_err *err)
{
	const struct nm_mapping *m = &s->scope->records->v[q.record].mappings.v[q.mapping];

	if (q.way->in.index == nm_ways_out(s->scope->ways, q.record, family)->index ||
		(m->any_host && !q.way->has_address[family]) ||
		(q.way->container && !(q.way->container->families & 1u << family)))
		return 0;
	q.host = m->any_host ? q.way->address[family] : m->host;
	if (ask_ports(s, q, err) < 0)
		return -1;
	return q.way->container || s->scope->only_outside ? 0 : ask_from_host(s, q, &q.host, err);
}

static int ask_mapping(struct asking *s, struct nm_question q, enum nm_family family, struct nm_err *err)
{
	const struct nm_mapping *m = &s->scope->records->v[q.record].mappings.v[q.mapping];

	if (!m->any_host && nm_addr_is_loopback(&m->host))
		return s->scope->only_outside ? 0 : ask_from_host(s, q, &m->host, err);
	for (size_t i = 0; i < s->scope->ways->in.n; i++) {
		q.way = &s->scope->ways->in.v[i];
		if (ask_by_way(s, q, family, err) < 0)
			return -1;
	}
	return m->any_host && !s->scope->only_outside ? ask_from_localhost(s, q, family, err) : 0;
}

static int ask_all(struct asking *s, struct nm_err *err)
{
	for (size_t i = 0; i < s->scope->records->n; i++)
		for (size_t k = 0; k < s->scope->records->v[i].mappings.n; k++) {
			const struct nm_question q = {.record = i, .mapping = k};

			nm_each_family(f,
				s->scope->records->v[i].mappings.v[k].families &
					s->scope->records->v[i].families)
				if (ask_mapping(s, q, f, err) < 0)
					return -1;
		}
	return 0;
}

static int compare_questions(const void *a, const void *b)
{
	const struct nm_question *x = a, *y = b;
	int order = memcmp(&x->key, &y->key, sizeof(x->key));

	if (order)
		return order;
	return (x->record > y->record) - (x->record < y->record);
}

int nm_questions_ask(const struct nm_questions_scope *scope, struct nm_questions *ret, struct nm_err *err)
{
	struct asking asking = {.scope = scope, .questions = ret};

	if (ask_all(&asking, err) < 0)
		return -1;
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_questions);
	return 0;
}

void nm_questions_done(struct nm_questions *q)
{
	free(q->v);
	*q = (struct nm_questions){0};
}
