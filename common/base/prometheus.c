#include "base/prometheus.h"

#include <string.h>

#include "base/text.h"

void nm_prometheus_begin(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_character(FILE *out, const char *text, size_t size)
{
	if (size == 0)
		fputc('?', out);
	else if (*text == '\n')
		fputs("\\n", out);
	else if (*text == '"' || *text == '\\')
		fprintf(out, "\\%c", *text);
	else
		fwrite(text, 1, size, out);
}

static void print_value(FILE *out, const char *text)
{
	size_t left = strlen(text), size;
	uint32_t character;

	for (; left > 0; text += size, left -= size) {
		size = nm_text_decode(text, left, &character);
		print_character(out, text, size);
		size += size == 0;
	}
}

void nm_prometheus_sample(FILE *out, const char *name, const struct nm_prometheus_label *labels, double value)
{
	const char *before = "{";

	fputs(name, out);
	for (; labels && labels->name; labels++) {
		fprintf(out, "%s%s=\"", before, labels->name);
		print_value(out, labels->value);
		fputc('"', out);
		before = ",";
	}
	fprintf(out, "%s %.15g\n", *before == ',' ? "}" : "", value);
}
