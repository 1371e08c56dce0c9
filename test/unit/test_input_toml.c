/* input/toml.c: the strings that configurations of runtimes have, and that all else is not taken for one. */
#include "base/text.h"
#include "input/toml.h"
#include "tap.h"

/* What is told: "TABLE/KEY", its strings in quotes, others as they are, a ';' before the next. */
static const struct {
	const char *what, *text, *told;
	bool fails;
} rows[] = {
	{"nothing", "", ""},
	{"blanks and comments", " \n\t# hooks_dir = [\"x\"]\r\n", ""},
	{"a string", "a = \"b\"", "/a 'b';"},
	{"blanks around", "\t a\t=\t\"b\" # \"c\"\n", "/a 'b';"},
	{"a literal string", "a = 'b\\'", "/a 'b\\';"},
	{"an empty string", "a = \"\"", "/a '';"},
	{"a hash in a string", "a = \"b#c\"", "/a 'b#c';"},
	{"quotes with a backslash", "a = \"b\\\"c\\\\\"", "/a 'b\"c\\';"},
	{"no string", "a = 2\nb = true # c\nc = { d = \"e\" }\nd = 1979-05-27\n", "/a;/b;/c;/d;"},
	{"a table", "[a.b]\nc = \"d\"", "a.b/c 'd';"},
	{"a table of quotes", "[plugins.\"x.y\".z] # w\nc = 'd'", "plugins.x.y.z/c 'd';"},
	{"blanks in a table's name", "[ a . b ]\nc=''", "a.b/c '';"},
	{"an array of tables", "[[a]]\nc = \"d\"", "a/c 'd';"},
	{"a key of quotes and of parts", "\"a\".b = \"c\"", "/a.b 'c';"},
	{"an array", "a = [\"b\", 'c']\nd = \"e\"", "/a 'b' 'c';/d 'e';"},
	{"an empty array", "a = []", "/a;"},
	{"an array of lines", "a = [ # x\n  \"b\", # ]\n\n  \"c\",\n]\nd = ''", "/a 'b' 'c';/d '';"},
	{"an array that adds", "a = [\"b\", {append=true}]", "/a 'b' {append=true};"},
	{"an array of numbers", "a = [1, 2 , true]", "/a 1 2  true;"},
	{"lines of Windows", "[a]\r\nb = [\r\n'c'\r\n]\r\n", "a/b 'c';"},
	{"an array that does not end", "a = [\"b\",", "/a 'b';", true},
	{"an array that ends in a word", "a = [b", "/a;", true},
	{"an array in an array", "a = [[\"b\"]]", "/a;", true},
	{"a string that does not end", "a = \"b", "/a;", true},
	{"a string that ends behind a line", "a = \"b\nc\"", "/a;", true},
	{"a backslash at the end", "a = \"b\\", "/a;", true},
	{"an escape of another kind", "a = \"b\\u0041\"", "/a;", true},
	{"a string of lines", "a = \"\"\"\nb\n\"\"\"", "/a;", true},
	{"no key", "[a]\n= \"b\"", "a/ 'b';"},
	{"no value", "a\nb = \"c\"", "", true},
	{"a table that does not end", "[a\nb = \"c\"", "", true},
	{"braces that do not end", "a = [{b", "/a;", true},
};

static void on_event(void *ctx, const struct nm_toml_event *e)
{
	struct nm_text *told = ctx;

	if (e->kind == NM_TOML_ASSIGNMENT)
		nm_text_put(told, "%s%s/%s", told->used ? ";" : "", e->table, e->key);
	else
		nm_text_put(told, e->kind == NM_TOML_STRING ? " '%s'" : " %s", e->value);
}

int main(void)
{
	nm_each(row, rows) {
		char told[256] = "", *text = strdup(row->text);
		struct nm_text t = {.buf = told, .size = sizeof(told)};
		bool understood = nm_toml_parse(text, on_event, &t);

		if (t.used)
			nm_text_put(&t, ";");
		tap_is(told, row->told, "%s", row->what);
		tap_ok(understood == !row->fails, "%s: %sunderstood", row->what, row->fails ? "not " : "");
		free(text);
	}
	struct nm_toml_event e = {.table = "crio.runtime", .key = "hooks_dir"};
	tap_ok(nm_toml_is(&e, "crio.runtime.hooks_dir"), "a table's key");
	tap_ok(!nm_toml_is(&e, "crio.hooks_dir") && !nm_toml_is(&e, "crio.runtimes.hooks_dir"),
		"of no other");
	e = (struct nm_toml_event){.table = "", .key = "engine.hooks_dir"};
	tap_ok(nm_toml_is(&e, "engine.hooks_dir"), "a key of parts");
	return tap_done();
}
