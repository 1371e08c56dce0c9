/* The bytes of a state tell the same as the parser, wherever that takes it. */
#include <string.h>

#include "input/oci_state.h"
#include "input/scan.h"
#include "tap.h"

static void test_pid(void)
{
	static const struct {
		const char *text;
		pid_t pid;
	} cases[] = {
		{"{\"pid\":12}", 12},
		{"{ \"id\" : \"a\" ,\n\t\"pid\" : 12 , \"x\":1}", 12},
		{"{\"\\u0070\\u0069\\u0064\":12}", 12},
		{"{\"pi\\u0064\":4194304}", 4194304},
		{"{\"pid\"\v:\f12\v}", 12},
		{"{\"id\":\"pid\",\"pid\":12}", 12},
		{"{\"id\":\"\\\"pid\\\":11,\",\"pid\":12}", 12},
		{"{\"id\":\"a\\\\\",\"pid\":12}", 12},
		{"{\"a\":{\"pid\":11},\"b\":[{\"pid\":11}],\"pid\":12}", 12},
		{"{\"a\":{\"}\":\"{\"},\"pid\":12}", 12},
		{"{\"annotations\":{\"pid\":\"11\"}}", 0},
		{"{\"annotations\":{\"pid\":11}}", 0},
		{"{\"pids\":12}", 0},
		{"{\"pid\":\"12\"}", 0},
		{"{\"pid\":-12}", 0},
		{"{\"pid\":12.0}", 0},
		{"{\"pid\":12e1}", 0},
		{"{\"pid\":4194305}", 0},
		{"{\"pid\":99999999999999999999}", 0},
		{"{\"pid\":12", 0},
		{"{\"pid\":", 0},
		{"{\"pid\"", 0},
		{"{\"pid", 0},
		{"{\"pid\\", 0},
		{"}}{{\"pid\":12", 0},
		{"[\"pid\",12]", 0},
		{"", 0},
	};

	nm_each(c, cases)
		tap_ok(nm_scan_pid(c->text, strlen(c->text)) == c->pid, "%s: %d", c->text, (int)c->pid);
}

/* Whatever the parser takes as a pid has been found before. */
static void test_as_parser(void)
{
	static const char *const states[] = {
		"{\"id\":\"a\",\"pid\":12,\"annotations\":{\"io.natmap.ports\":\"80:80\"}}",
		"{\"annotations\":{\"pid\":\"7\",\"io.natmap.ports\":\"80:80\"},\"p\\u0069d\"\f:\v12,\"id\":"
		"\"a\"}",
		"\v{\"x\":[{\"pid\":1},[\"pid\"]],\"pid\":12,\"id\":\"a\",\"annotations\":{\"io."
		"natmap.ports\":\"80:80\"}}",
		"{\"\\\"\":\"pid\",\"pid\" "
		":12\r,\"id\":\"a\",\"annotations\":{\"io.natmap.network\":\"natmap\"}}",
	};

	nm_each(text, states) {
		NM_CLEANUP(nm_oci_state_done) struct nm_oci_state st = {0};
		struct nm_err err;
		const size_t len = strlen(*text);
		bool parsed = nm_oci_state_parse(*text, len, NM_OCI_STATE_PUBLISH, NULL, &st, &err) == 0;

		tap_ok(parsed && st.pid == 12 && nm_scan_pid(*text, len) == 12, "%s: %s", *text,
			parsed ? "the same" : err.msg);
	}
}

static void test_keys(void)
{
	static const struct {
		const char *text;
		bool has;
	} cases[] = {
		{"{\"a.b\":1}", true},
		{"{\"x\":[{\"a\\u002eb\" : 1}]}", true},
		{"{\"a.b\"\v:1}", true},
		{"{\"a.b\"\f\r\n\t :1}", true},
		{"{\"a.b\\\"\":1}", true}, /* perhaps another key */
		{"{\"x\":\"a.b\"}", false},
		{"{\"a.b", true}, /* cut short */
		{"{\"a.\":1}", false},
		{"", false},
	};

	nm_each(c, cases)
		tap_ok(nm_scan_has(c->text, strlen(c->text), "a.b") == c->has, "%s: %d", c->text, c->has);
}

/* The longest state, of an annotation that has a key again and again: were the rest of the string read for
 * each of them, this would take an hour. */
static void test_keys_in_a_string(void)
{
	static const char begin[] = "{\"x\":\"", key[] = "\\\"a.b";
	static char text[NM_OCI_STATE_MAX];
	size_t len = strlen(begin);

	memcpy(text, begin, len);
	for (; len + strlen(key) < sizeof(text); len += strlen(key))
		memcpy(text + len, key, strlen(key));
	tap_ok(!nm_scan_has(text, len, "a.b"), "no key, but many in a string");
}

int main(void)
{
	test_pid();
	test_as_parser();
	test_keys();
	test_keys_in_a_string();
	return tap_done();
}
