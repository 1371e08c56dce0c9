/*
 * JSON, the only file that uses yajl.
 *
 * The parser uses yajl's callbacks instead of its trees, whose recursion overflows the stack for a few MB of
 * brackets; here the depth is checked before each step down.
 *
 * yajl does not check what malloc() returns. So its allocations are made here and leave yajl by longjmp()
 * when memory is short. That skips frames of yajl only (no handler runs inside an allocation) and loses what
 * its handle owned: a hook that has run out of memory reports that and ends.
 */
#include "input/json.h"

#include <setjmp.h>
#include <string.h>

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

enum { WRITER_MAX = 256 * 1024 * 1024 };

struct parser {
	jmp_buf no_memory;
	nm_json_handler *handler;
	void *ctx;
	struct nm_err *err;
	struct nm_json_step path[NM_JSON_DEPTH_MAX];
	size_t depth;
};

static void *alloc_or_jump(void *no_memory, size_t size)
{
	void *p = malloc(size);

	if (!p)
		longjmp(*(jmp_buf *)no_memory, 1);
	return p;
}

static void *realloc_or_jump(void *no_memory, void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		longjmp(*(jmp_buf *)no_memory, 1);
	return p;
}

static void release(void *no_memory, void *p)
{
	(void)no_memory; /* yajl's signature */
	free(p);
}

static yajl_alloc_funcs alloc_funcs(jmp_buf *no_memory)
{
	return (yajl_alloc_funcs){alloc_or_jump, realloc_or_jump, release, no_memory};
}

/* The callbacks below return what yajl wants: 1 goes on, 0 ends the parse. */

static int call_handler(struct parser *p, struct nm_json_event *event)
{
	event->path = p->path;
	event->depth = p->depth;
	return p->handler(p->ctx, event, p->err) == 0;
}

static void value_ended(struct parser *p)
{
	if (p->depth > 0 && p->path[p->depth - 1].is_index)
		p->path[p->depth - 1].index++;
}

static int on_scalar(struct parser *p, struct nm_json_event *event)
{
	int go_on = call_handler(p, event);

	value_ended(p);
	return go_on;
}

static int on_null(void *ctx)
{
	return on_scalar(ctx, &(struct nm_json_event){.type = NM_JSON_NULL});
}

static int on_bool(void *ctx, int truth)
{
	return on_scalar(ctx, &(struct nm_json_event){.type = NM_JSON_BOOL, .truth = truth != 0});
}

static int on_number(void *ctx, const char *text, size_t len)
{
	return on_scalar(ctx, &(struct nm_json_event){.type = NM_JSON_NUMBER, .text = text, .len = len});
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
	return on_scalar(
		ctx, &(struct nm_json_event){.type = NM_JSON_STRING, .text = (const char *)text, .len = len});
}

static int step_down(struct parser *p, enum nm_json_type type)
{
	struct nm_json_step *step = &p->path[p->depth];

	if (p->depth == NM_JSON_DEPTH_MAX) {
		nm_fail(p->err, NM_ERR_REFUSED, "not valid JSON: nested more than %d levels deep",
			NM_JSON_DEPTH_MAX);
		return 0;
	}
	if (!call_handler(p, &(struct nm_json_event){.type = type}))
		return 0;
	step->is_index = type == NM_JSON_ARRAY;
	step->index = 0;
	step->key[0] = '\0';
	p->depth++;
	return 1;
}

static int on_object(void *ctx)
{
	return step_down(ctx, NM_JSON_OBJECT);
}

static int on_array(void *ctx)
{
	return step_down(ctx, NM_JSON_ARRAY);
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;
	char *key = p->path[p->depth - 1].key;

	if (len >= NM_JSON_KEY_MAX || memchr(text, '\0', len))
		len = 0;
	memcpy(key, text, len);
	key[len] = '\0';
	return 1;
}

static int on_end(void *ctx)
{
	struct parser *p = ctx;

	p->depth--;
	value_ended(p);
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_bool,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_end,
};

/* yajl says "lexical error: invalid char in json text.\n": keep what is between colon and dot. */
static int syntax_error(yajl_handle yajl, const char *text, size_t pos, struct nm_err *err)
{
	unsigned char *said = yajl_get_error(yajl, 0, NULL, 0);
	const char *why = strchr((const char *)said, ':');
	size_t line = 1;

	for (size_t i = 0; i < pos; i++)
		line += text[i] == '\n';
	why = why ? why + 2 : (const char *)said;
	nm_fail(err, NM_ERR_REFUSED, "not valid JSON: %.*s in line %zu", (int)strcspn(why, ".\n"), why, line);
	yajl_free_error(yajl, said);
	return -1;
}

/* All at once: yajl scans a string again from its start with each part that it goes on in. */
static int feed(yajl_handle yajl, const char *text, size_t len, struct nm_err *err)
{
	yajl_status status = yajl_parse(yajl, (const unsigned char *)text, len);
	size_t pos = status == yajl_status_ok ? len : yajl_get_bytes_consumed(yajl);

	if (status == yajl_status_ok)
		status = yajl_complete_parse(yajl);
	if (status == yajl_status_error)
		return syntax_error(yajl, text, pos < len ? pos : len, err);
	return status == yajl_status_ok ? 0 : -1; /* canceled: a callback has filled *err */
}

int nm_json_parse(
	const char *text, size_t len, bool comments, nm_json_handler *handler, void *ctx, struct nm_err *err)
{
	struct parser p = {.handler = handler, .ctx = ctx, .err = err};
	yajl_alloc_funcs funcs = alloc_funcs(&p.no_memory);
	yajl_handle yajl;
	int result;

	if (setjmp(p.no_memory))
		return nm_fail_memory(err, "parsing JSON");
	yajl = yajl_alloc(&callbacks, &funcs, &p);
	yajl_config(yajl, yajl_dont_validate_strings, 1);
	yajl_config(yajl, yajl_allow_comments, (int)comments);
	result = feed(yajl, text, len, err);
	yajl_free(yajl);
	return result;
}

struct nm_json_writer {
	jmp_buf no_memory;
	yajl_gen gen;
	char *buf;
	size_t len, capacity;
	unsigned depth; /* yajl reads behind its own stack at its limit: it must not come there */
	bool failed;
};

static void append(void *ctx, const char *text, size_t len)
{
	struct nm_json_writer *w = ctx;

	if (w->failed || len >= WRITER_MAX - w->len) {
		w->failed = true;
		return;
	}
	if (w->len + len >= w->capacity) {
		size_t want = (w->len + len) * 2 + 256;
		char *grown = realloc(w->buf, want);

		if (!grown) {
			w->failed = true;
			return;
		}
		w->buf = grown;
		w->capacity = want;
	}
	memcpy(w->buf + w->len, text, len);
	w->len += len;
}

/* The generator allocates only here: its output goes to append(). */
static yajl_gen gen_new(struct nm_json_writer *w)
{
	yajl_alloc_funcs funcs = alloc_funcs(&w->no_memory);
	yajl_gen gen;

	if (setjmp(w->no_memory))
		return NULL;
	gen = yajl_gen_alloc(&funcs);
	yajl_gen_config(gen, yajl_gen_print_callback, append, w);
	return gen;
}

struct nm_json_writer *nm_json_writer_new(void)
{
	nm_autojsonwriter struct nm_json_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->gen = gen_new(w);
	return w->gen ? nm_steal(&w) : NULL;
}

void nm_json_writer_free(struct nm_json_writer **w)
{
	if (*w && (*w)->gen)
		yajl_gen_free((*w)->gen);
	if (*w)
		free((*w)->buf);
	free(nm_steal(w));
}

static bool is_usable(const struct nm_json_writer *w)
{
	return w && !w->failed;
}

static void note(struct nm_json_writer *w, yajl_gen_status status)
{
	if (status != yajl_gen_status_ok)
		w->failed = true;
}

/* Opens or closes an object or array. */
static void nest(struct nm_json_writer *w, yajl_gen_status (*with)(yajl_gen), bool opens)
{
	if (!is_usable(w))
		return;
	if (w->depth == (opens ? NM_JSON_DEPTH_MAX : 0)) {
		w->failed = true;
		return;
	}
	w->depth += opens ? 1u : -1u;
	note(w, with(w->gen));
}

void nm_json_write_begin(struct nm_json_writer *w, const char *key, enum nm_json_type type)
{
	if (key)
		nm_json_write_string(w, key);
	nest(w, type == NM_JSON_OBJECT ? yajl_gen_map_open : yajl_gen_array_open, true);
}

void nm_json_write_end(struct nm_json_writer *w, enum nm_json_type type)
{
	nest(w, type == NM_JSON_OBJECT ? yajl_gen_map_close : yajl_gen_array_close, false);
}

void nm_json_write_string(struct nm_json_writer *w, const char *s)
{
	if (is_usable(w))
		note(w, yajl_gen_string(w->gen, (const unsigned char *)s, strlen(s)));
}

void nm_json_write_member(struct nm_json_writer *w, const char *key, const char *value)
{
	nm_json_write_string(w, key);
	nm_json_write_string(w, value);
}

void nm_json_write_integer(struct nm_json_writer *w, const char *key, int64_t v)
{
	nm_json_write_string(w, key);
	if (is_usable(w))
		note(w, yajl_gen_integer(w->gen, v));
}

void nm_json_write_bool(struct nm_json_writer *w, const char *key, bool v)
{
	nm_json_write_string(w, key);
	if (is_usable(w))
		note(w, yajl_gen_bool(w->gen, v));
}

const char *nm_json_writer_finish(struct nm_json_writer *w, size_t *ret_len, struct nm_err *err)
{
	if (is_usable(w))
		append(w, "", 1);
	if (!is_usable(w)) {
		nm_fail(err, NM_ERR_FAILED, "writing JSON: out of memory, or too large or deep a text");
		return NULL;
	}
	*ret_len = --w->len;
	return w->buf;
}
