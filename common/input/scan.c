#include "input/scan.h"

#include <stdio.h>
#include <string.h>

const char *nm_scan_skip(const char *p, const char *end, const char *key)
{
	for (const char *c = key; *c; c++) {
		char escaped[sizeof("\\u00XX")];

		if (p < end && *p == *c) {
			p++;
			continue;
		}
		if (p == end || *p != '\\')
			return NULL;
		(void)snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*c);
		if (*c == '/' && end - p >= 2 && p[1] == '/')
			p += 2;
		else if ((size_t)(end - p) >= strlen(escaped) && !strncasecmp(p, escaped, strlen(escaped)))
			p += strlen(escaped);
		else
			return NULL;
	}
	return p;
}

static const char blanks[] = " \t\n\v\f\r"; /* to yajl */

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && strchr(blanks, *p))
		p++;
	return p;
}

/* Returns the end of the string whose first character is at p, after its quotation mark. */
static const char *skip_string(const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p < end ? p + 1 : end;
}

bool nm_scan_is_key(const char *p, const char *end)
{
	p = skip_space(skip_string(p, end), end);
	return p == end || *p == ':';
}

const char *nm_scan_string(const char *text, const char *p, const char *end)
{
	while ((p = memchr(p, '"', (size_t)(end - p))))
		if (++p == text + 1 || p[-2] != '\\')
			return p;
	return NULL;
}

bool nm_scan_has(const char *text, size_t len, const char *key)
{
	const char *end = text + len, *p = text;

	while ((p = nm_scan_string(text, p, end))) {
		const char *rest = nm_scan_skip(p, end, key);

		if (rest && nm_scan_is_key(rest, end))
			return true;
	}
	return false;
}

/* The number that is the value after a key. */
static pid_t read_pid(const char *p, const char *end)
{
	pid_t pid = 0;

	p = skip_space(p, end);
	if (p == end || *p++ != ':')
		return 0;
	for (p = skip_space(p, end); p < end && *p >= '0' && *p <= '9' && pid <= NM_SCAN_PID_MAX; p++)
		pid = pid * 10 + (*p - '0');
	return pid <= NM_SCAN_PID_MAX && p < end && (*p == ',' || *p == '}' || strchr(blanks, *p)) ? pid : 0;
}

/* The same for the string whose first character is at p; 0: that is no "pid". */
static pid_t pid_at(const char *p, const char *end)
{
	const char *rest = nm_scan_skip(p, end, "pid");

	return rest && rest < end && *rest == '"' ? read_pid(rest + 1, end) : 0;
}

pid_t nm_scan_pid(const char *text, size_t len)
{
	const char *end = text + len, *p = text;
	size_t depth = 0;
	pid_t pid = 0;

	while (p < end && !pid) {
		char c = *p++;

		if (c == '"') {
			pid = depth == 1 ? pid_at(p, end) : 0;
			p = skip_string(p, end);
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
	}
	return pid;
}
