/* base/prometheus.c: whatever a label's value is, a sample is one line, and the value in it. */
#include "base/prometheus.h"

#include <stdlib.h>

#include "tap.h"

static const struct {
	const char *value, *sample;
} labels[] = {
	{"web", "m{a=\"web\",b=\"1\"} 2\n"},
	{"", "m{a=\"\",b=\"1\"} 2\n"},
	{"a\"b", "m{a=\"a\\\"b\",b=\"1\"} 2\n"},
	{"a\\b", "m{a=\"a\\\\b\",b=\"1\"} 2\n"},
	{"a\nb", "m{a=\"a\\nb\",b=\"1\"} 2\n"},
	{"\\n", "m{a=\"\\\\n\",b=\"1\"} 2\n"},
	{"{}, =", "m{a=\"{}, =\",b=\"1\"} 2\n"},
	{"gr\xc3\xbc\xc3\x9f", "m{a=\"gr\xc3\xbc\xc3\x9f\",b=\"1\"} 2\n"},
	{"\xff"
	 "a\xc3",
		"m{a=\"?a?\",b=\"1\"} 2\n"},
};

static const struct {
	double value;
	const char *sample;
} values[] = {
	{0, "m 0\n"},
	{1, "m 1\n"},
	{1764336000, "m 1764336000\n"},
	{123456789012345, "m 123456789012345\n"},
	{0.25, "m 0.25\n"},
	{12.000001, "m 12.000001\n"},
};

static char *text;

static FILE *open_text(size_t *len)
{
	free(text);
	text = NULL;
	return open_memstream(&text, len);
}

int main(void)
{
	size_t len;
	FILE *out;

	nm_each(row, labels) {
		const struct nm_prometheus_label two[] = {{"a", row->value}, {"b", "1"}, {NULL, NULL}};

		out = open_text(&len);
		nm_prometheus_sample(out, "m", two, 2);
		fclose(out);
		tap_is(text, row->sample, "label %s", row->sample);
	}
	nm_each(row, values) {
		out = open_text(&len);
		nm_prometheus_sample(out, "m", NULL, row->value);
		fclose(out);
		tap_is(text, row->sample, "value %.15g", row->value);
	}
	out = open_text(&len);
	nm_prometheus_begin(out, "natmap_x_total", "counter", "What x is.");
	fclose(out);
	tap_is(text, "# HELP natmap_x_total What x is.\n# TYPE natmap_x_total counter\n", "begin");
	free(text);
	return tap_done();
}
