/* Text is cut up in place: what an event names ends where the parser has been already. */
#include "input/toml.h"

#include <string.h>

struct parser {
	char *at;
	struct nm_toml_event event;
	nm_toml_handler *handler;
	void *ctx;
};

bool nm_toml_is(const struct nm_toml_event *event, const char *name)
{
	size_t len = strlen(event->table);

	if (len > 0 && (strncmp(name, event->table, len) != 0 || name[len++] != '.'))
		return false;
	return !strcmp(name + len, event->key);
}

static void tell(struct parser *p, enum nm_toml_kind kind, const char *value)
{
	p->event.kind = kind;
	p->event.value = value;
	p->handler(p->ctx, &p->event);
}

static void skip_line(struct parser *p)
{
	p->at += strcspn(p->at, "\n");
}

/* Skips characters of these, and comments. */
static void skip(struct parser *p, const char *blanks)
{
	for (;;) {
		p->at += strspn(p->at, blanks);
		if (*p->at != '#')
			return;
		skip_line(p);
	}
}

/* Ends the text before the first of these characters, takes quotes and blanks out of it, and goes on behind
 * that character. Returns the text, NULL when the line has none of them. */
static char *take_name(struct parser *p, const char *ends)
{
	char *name = p->at, *to = name, *end = name + strcspn(name, ends);

	if (!*end || *end == '\n')
		return NULL;
	for (const char *from = name; from < end; from++)
		if (!strchr(" \t\"'[", *from))
			*to++ = *from;
	p->at = end + 1;
	*to = '\0';
	return name;
}

/* Decodes a string of one line. Returns it, NULL when it is something else. */
static char *take_string(struct parser *p)
{
	char quote = *p->at, *text = ++p->at, *to = text;

	if (*text == quote && text[1] == quote)
		return NULL;
	for (; *p->at != quote; p->at++) {
		if (*p->at == '\\' && quote == '"' && !strchr("\"\\", *++p->at))
			return NULL;
		if (!*p->at || *p->at == '\n')
			return NULL;
		*to++ = *p->at;
	}
	p->at++;
	*to = '\0';
	return text;
}

static bool parse_string(struct parser *p)
{
	const char *text = take_string(p);

	if (text)
		tell(p, NM_TOML_STRING, text);
	return text != NULL;
}

/* A number, a word, or a table in braces. */
static bool parse_other(struct parser *p)
{
	char *text = p->at, end;

	p->at += *text == '{' ? strcspn(text, "}\n") : strcspn(text, ",]#\n");
	p->at += *p->at == '}';
	end = *p->at;
	if (p->at == text || *text == '[' || !end)
		return false;
	*p->at = '\0';
	tell(p, NM_TOML_OTHER, text);
	*p->at = end;
	return true;
}

static bool parse_array(struct parser *p)
{
	for (p->at++;;) {
		skip(p, " \t\r\n,");
		if (*p->at == ']')
			return true;
		if (*p->at == '"' || *p->at == '\'' ? !parse_string(p) : !parse_other(p))
			return false;
	}
}

static bool parse_value(struct parser *p)
{
	p->at += strspn(p->at, " \t");
	tell(p, NM_TOML_ASSIGNMENT, NULL);
	if (*p->at == '[' ? !parse_array(p) : (*p->at == '"' || *p->at == '\'') && !parse_string(p))
		return false;
	skip_line(p);
	return true;
}

bool nm_toml_parse(char *text, nm_toml_handler *handler, void *ctx)
{
	struct parser p = {.at = text, .event.table = "", .handler = handler, .ctx = ctx};

	for (skip(&p, " \t\r\n"); *p.at; skip(&p, " \t\r\n")) {
		if (*p.at == '[') {
			if (!(p.event.table = take_name(&p, "]\n")))
				return false;
			skip_line(&p);
		} else if (!(p.event.key = take_name(&p, "=\n")) || !parse_value(&p)) {
			return false;
		}
	}
	return true;
}
