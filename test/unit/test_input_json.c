/*
 * input/json.c and input/json_value.c: what a text parses to is shown as one line, a "PATH=VALUE" for each
 * event, or "!" and the error.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "input/json.h"
#include "input/json_value.h"
#include "tap.h"

enum { TRACE_MAX = 8192 };

#define TEXT(literal) literal, sizeof(literal) - 1

__attribute__((format(printf, 2, 3))) static void trace(char *out, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(out + used, TRACE_MAX - used, fmt, ap);
	va_end(ap);
}

static int trace_event(void *ctx, const struct nm_json_event *ev, struct nm_err *err)
{
	static const char *const fixed[] = {
		[NM_JSON_NULL] = "null", [NM_JSON_OBJECT] = "{", [NM_JSON_ARRAY] = "["};
	char path[NM_JSON_PATH_MAX];
	char *out = ctx;

	trace(out, "%s%s=", *out ? " " : "", nm_json_value_path(ev, path));
	if (ev->type == NM_JSON_BOOL)
		trace(out, "%s", ev->truth ? "true" : "false");
	else if (ev->type == NM_JSON_NUMBER || ev->type == NM_JSON_STRING)
		trace(out, "%.*s", (int)ev->len, ev->text);
	else
		trace(out, "%s", fixed[ev->type]);
	return nm_json_value_at(ev, "stop", NULL) ? nm_fail(err, NM_ERR_TAKEN, "the handler's own error") : 0;
}

static void parse(const char *text, size_t len, bool comments, char out[static TRACE_MAX], struct nm_err *err)
{
	out[0] = '\0';
	err->kind = NM_ERR_NONE;
	if (nm_json_parse(text, len, comments, trace_event, out, err) < 0)
		(void)snprintf(out, TRACE_MAX, "!%s", err->msg);
}

static const struct {
	const char *name, *text;
	size_t len;
	bool comments;
	const char *expected;
} texts[] = {
	{"every type", TEXT("{\"a\":[1,-2.5e9,true,false,null,\"x\",{}],\"b\":{\"c\":\"d\"}}"), false,
		"document={ a=[ a[0]=1 a[1]=-2.5e9 a[2]=true a[3]=false a[4]=null a[5]=x a[6]={ b={ b.c=d"},
	{"array in array", TEXT("[[1],[[2],3]]"), false,
		"document=[ [0]=[ [0][0]=1 [1]=[ [1][0]=[ [1][0][0]=2 [1][1]=3"},
	{"scalar document", TEXT(" 7 "), false, "document=7"},
	{"number at the end", TEXT("7"), false, "document=7"},
	{"escapes", TEXT("{\"\\u0061\\u002eb\":\"\\\"\\\\\\/\\u20ac\\ud83d\\ude00\"}"), false,
		"document={ a.b=\"\\/\xe2\x82\xac\xf0\x9f\x98\x80"},
	{"huge numbers are text", TEXT("[1e999999,123456789012345678901234567890]"), false,
		"document=[ [0]=1e999999 [1]=123456789012345678901234567890"},
	{"invalid UTF-8 passes", TEXT("[\"\xff\xfe\"]"), false, "document=[ [0]=\xff\xfe"},
	{"duplicate keys are two events", TEXT("{\"a\":1,\"a\":2}"), false, "document={ a=1 a=2"},
	{"a key with an escaped NUL is nameless", TEXT("{\"a\\u0000b\":1}"), false, "document={ ?=1"},
	{"control characters of keys are not shown",
		TEXT("{\"a\\n\\u001b\xc2\x9b"
		     "b\":1}"),
		false, "document={ a????b=1"},
	{"the handler's error ends it", TEXT("{\"stop\":1,\"x\":}"), false, "!the handler's own error"},
	{"comments", TEXT("/* a */ {\"a\": 1 // b\n}"), true, "document={ a=1"},
	{"comments not asked for", TEXT("{\"a\": 1 /* b */}"), false,
		"!not valid JSON: probable comment found in input text, comments are not enabled in line 1"},
	{"unfinished comment", TEXT("{} /* a"), true, "document={"},
	{"empty", TEXT(""), false, "!not valid JSON: premature EOF in line 1"},
	{"blank", TEXT(" \n\n"), false, "!not valid JSON: premature EOF in line 3"},
	{"truncated", TEXT("{\"a\":\n[1,"), false, "!not valid JSON: premature EOF in line 2"},
	{"truncated in a string", TEXT("{\"a\":\"b"), false, "!not valid JSON: premature EOF in line 1"},
	{"truncated in an escape", TEXT("{\"a\":\"b\\u00"), false,
		"!not valid JSON: invalid (non-hex) character occurs after '\\u' inside string in line 1"},
	{"two documents", TEXT("{}\n{}"), false, "!not valid JSON: trailing garbage in line 2"},
	{"bracket too many", TEXT("[]]"), false, "!not valid JSON: trailing garbage in line 1"},
	{"raw NUL after the end", TEXT("{}\0"), false, "!not valid JSON: trailing garbage in line 1"},
	{"raw NUL in a string", TEXT("{\"a\":\"b\0\"}"), false,
		"!not valid JSON: invalid character inside string in line 1"},
	{"raw newline in a string", TEXT("[\"a\nb\"]"), false,
		"!not valid JSON: invalid character inside string in line 1"},
	{"trailing comma", TEXT("[1,]"), false,
		"!not valid JSON: unallowed token at this point in JSON text in line 1"},
	{"bare word", TEXT("{a:1}"), false, "!not valid JSON: invalid char in json text in line 1"},
	{"mismatched brackets", TEXT("[}"), false,
		"!not valid JSON: unallowed token at this point in JSON text in line 1"},
};

static void test_texts(void)
{
	static char out[TRACE_MAX];
	struct nm_err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		parse(texts[i].text, texts[i].len, texts[i].comments, out, &err);
		tap_is(out, texts[i].expected, "%s", texts[i].name);
	}
}

static void test_depth(void)
{
	enum { MANY = 4000000 };
	nm_autofree char *text = malloc(MANY);
	static char out[TRACE_MAX];
	struct nm_err err;

	memset(text, '[', MANY);
	parse(text, MANY, false, out, &err);
	tap_is(out, "!not valid JSON: nested more than 64 levels deep", "4,000,000 open brackets");
	tap_ok(err.kind == NM_ERR_REFUSED, "4,000,000 open brackets are the input's fault");
	memset(text + 65, ']', 65);
	parse(text, 130, false, out, &err);
	tap_is(out, "!not valid JSON: nested more than 64 levels deep", "65 levels");
	memset(text + 64, ']', 64);
	parse(text, 128, false, out, &err);
	tap_ok(out[0] == 'd', "64 levels");
}

static void test_long_keys(void)
{
	static char text[600], out[TRACE_MAX], expected[TRACE_MAX];
	struct nm_err err;
	int len;

	for (int size = NM_JSON_KEY_MAX - 1; size <= NM_JSON_KEY_MAX; size++) {
		len = snprintf(text, sizeof(text), "{\"%0*d\":1}", size, 0);
		parse(text, (size_t)len, false, out, &err);
		(void)snprintf(expected, sizeof(expected), "document={ %0*d=1", size, 0);
		tap_is(out, size < NM_JSON_KEY_MAX ? expected : "document={ ?=1", "key of %d bytes", size);
	}
}

/* Wherever the seam between two chunks of 1 MiB falls, the events are the same. */
static void test_chunks(void)
{
	static const char doc[] =
		"{\"k\\u0065y\\ud83d\\ude00\" : [ -12.5e+3, true, \"v\\n\\\"al\", null] /* c */ , \"\":{}}";
	enum { SEAM = 1024 * 1024 };
	static char text[SEAM + sizeof(doc)], whole[TRACE_MAX], out[TRACE_MAX];
	size_t len = sizeof(doc) - 1, differ = 0;
	struct nm_err err;

	parse(doc, len, true, whole, &err);
	for (size_t before = 0; before <= len; before++) {
		memset(text, ' ', sizeof(text));
		memcpy(text + SEAM - before, doc, len);
		parse(text, SEAM - before + len, true, out, &err);
		differ += strcmp(out, whole) != 0;
	}
	tap_ok(whole[0] != '!' && differ == 0, "a document over the seam of two chunks");
}

static int keep_string(void *ctx, const struct nm_json_event *ev, struct nm_err *err)
{
	return ev->depth ? nm_json_value_string(ev, NM_ERR_CONFIG, ctx, err) : 0;
}

static void test_strings(void)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"[\"abc\"]", "abc"},
		{"[\"\"]", ""},
		{"[\"\\u00e9\\u20ac\\ud83d\\ude00\"]", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"[\"\xf4\x8f\xbf\xbf\"]", "\xf4\x8f\xbf\xbf"},
		{"{\"a\":{\"b\":1}}", "!a: expected a string"},
		{"[null]", "![0]: expected a string"},
		{"[\"a\\u0000b\"]", "![0]: control characters are not allowed"},
		{"[\"a\\n\"]", "![0]: control characters are not allowed"},
		{"[\"\x7f\"]", "![0]: control characters are not allowed"},
		{"[\"\\u009b31m\"]", "![0]: control characters are not allowed"},
		{"[\"\x80\"]", "![0]: not UTF-8"},
		{"[\"\xc0\xaf\"]", "![0]: not UTF-8"},
		{"[\"\xc3\"]", "![0]: not UTF-8"},
		{"[\"\xe2\x82\"]", "![0]: not UTF-8"},
		{"[\"\xe0\x80\xaf\"]", "![0]: not UTF-8"},
		{"[\"\xed\xa0\x80\"]", "![0]: not UTF-8"},
		{"[\"\xf4\x90\x80\x80\"]", "![0]: not UTF-8"},
		{"[\"\xf8\x88\x80\x80\x80\"]", "![0]: not UTF-8"},
		{"[\"\xff\"]", "![0]: not UTF-8"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		nm_autofree char *got = NULL;
		struct nm_err err;

		if (nm_json_parse(rows[i].text, strlen(rows[i].text), false, keep_string, &got, &err) == 0)
			tap_is(got, rows[i].expected, "string %zu", i);
		else
			tap_ok(err.kind == NM_ERR_CONFIG && strcmp(err.msg, rows[i].expected + 1) == 0,
				"string %zu: %s", i, err.msg);
	}
}

struct number {
	int64_t min, max, value;
};

static int keep_number(void *ctx, const struct nm_json_event *ev, struct nm_err *err)
{
	struct number *n = ctx;

	return nm_json_value_integer(ev, n->min, n->max, NM_ERR_REFUSED, &n->value, err);
}

static void test_integers(void)
{
	static const struct {
		const char *text;
		int64_t min, max;
		const char *expected;
	} rows[] = {
		{"0", 0, 10, "0"},
		{"10", 0, 10, "10"},
		{"-0", 0, 10, "0"},
		{"9223372036854775807", INT64_MIN, INT64_MAX, "9223372036854775807"},
		{"-9223372036854775808", INT64_MIN, INT64_MAX, "-9223372036854775808"},
		{"11", 0, 10, "!document: expected a whole number from 0 to 10"},
		{"-1", 0, 10, "!document: expected a whole number from 0 to 10"},
		{"1.0", 0, 10, "!document: expected a whole number from 0 to 10"},
		{"1e0", 0, 10, "!document: expected a whole number from 0 to 10"},
		{"\"1\"", 0, 10, "!document: expected a whole number from 0 to 10"},
		{"18446744073709551617", 0, 10, "!document: expected a whole number from 0 to 10"},
		{"9223372036854775808", 0, INT64_MAX,
			"!document: expected a whole number from 0 to 9223372036854775807"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct number n = {rows[i].min, rows[i].max, 0};
		char got[1100];
		struct nm_err err;

		if (nm_json_parse(rows[i].text, strlen(rows[i].text), false, keep_number, &n, &err) == 0)
			(void)snprintf(got, sizeof(got), "%jd", (intmax_t)n.value);
		else
			(void)snprintf(got, sizeof(got), "!%s", err.msg);
		tap_is(got, rows[i].expected, "integer %s", rows[i].text);
	}
}

static void write_sample(struct nm_json_writer *w)
{
	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_json_write_member(w, "id", "a\"\\/\n\x1b\xc3\xa9\xff");
	nm_json_write_integer(w, "n", INT64_MIN);
	nm_json_write_bool(w, "t", true);
	nm_json_write_bool(w, "f", false);
	nm_json_write_begin(w, "a", NM_JSON_ARRAY);
	nm_json_write_string(w, "s");
	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_json_write_end(w, NM_JSON_OBJECT);
	nm_json_write_end(w, NM_JSON_ARRAY);
	nm_json_write_end(w, NM_JSON_OBJECT);
}

static void test_writer(void)
{
	static const char sample[] =
		"{\"id\":\"a\\\"\\\\/\\n\\u001B\xc3\xa9\xff\",\"n\":-9223372036854775808,"
		"\"t\":true,\"f\":false,\"a\":[\"s\",{}]}";
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new(), *deep = nm_json_writer_new(),
						*big = nm_json_writer_new();
	struct nm_err err;
	size_t len = 0;
	const char *text;

	write_sample(w);
	tap_is(nm_json_writer_finish(w, &len, &err), sample, "canonical text");
	tap_ok(len == strlen(sample), "its length");
	tap_is(nm_json_writer_finish(w, &len, &err), sample, "finished again");
	write_sample(NULL);
	tap_ok(!nm_json_writer_finish(NULL, &len, &err) && err.kind == NM_ERR_FAILED,
		"no writer is an error at the end");
	for (int i = 0; i < NM_JSON_DEPTH_MAX; i++)
		nm_json_write_begin(deep, NULL, NM_JSON_ARRAY);
	tap_ok(nm_json_writer_finish(deep, &len, &err) && len == NM_JSON_DEPTH_MAX, "64 levels are written");
	for (int i = 0; i < 1000; i++)
		nm_json_write_begin(deep, NULL, NM_JSON_ARRAY);
	tap_ok(!nm_json_writer_finish(deep, &len, &err), "too deep is an error at the end");
	nm_json_write_begin(big, NULL, NM_JSON_ARRAY);
	for (int i = 0; i < 100000; i++)
		nm_json_write_string(big, "0123456789");
	nm_json_write_end(big, NM_JSON_ARRAY);
	text = nm_json_writer_finish(big, &len, &err);
	tap_ok(text && len == 100000 * 13 + 1 && strlen(text) == len, "a text of 1.3 MB");
}

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

/* A string of 32 MB that must be put together over many chunks, with hardly more address space than now. */
static void test_no_memory(void)
{
	enum { BIG = 32 << 20 };
	const char *preload = getenv("LD_PRELOAD");
	nm_autofree char *text = NULL;
	static char out[TRACE_MAX];
	struct rlimit before, tight;
	struct nm_err err;

	if (UNDER_ASAN || (preload && strstr(preload, "vgpreload")) || getenv("NM_TEST_EMULATOR"))
		return; /* ASan and valgrind need all the address space they have; qemu knows no limit */
	text = malloc(BIG);
	memset(text, 'a', BIG);
	text[0] = '"';
	(void)getrlimit(RLIMIT_AS, &before);
	tight = (struct rlimit){BIG + (16 << 20), before.rlim_max};
	(void)setrlimit(RLIMIT_AS, &tight);
	parse(text, BIG, false, out, &err);
	(void)setrlimit(RLIMIT_AS, &before);
	tap_is(out, "!parsing JSON: out of memory", "out of memory");
	tap_ok(err.kind == NM_ERR_FAILED, "out of memory is not the input's fault");
}

int main(void)
{
	test_texts();
	test_depth();
	test_long_keys();
	test_chunks();
	test_strings();
	test_integers();
	test_writer();
	test_no_memory();
	return tap_done();
}
