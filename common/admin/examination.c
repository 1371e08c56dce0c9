#include "admin/examination.h"

#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/sysctl.h"

enum { LINE_SIZE = 2 * NM_EXAMINATION_TEXT_SIZE };

void nm_examination_tell(struct nm_examination *x, enum nm_examination_line what, const char *fmt, ...)
{
	char text[NM_EXAMINATION_TEXT_SIZE], line[LINE_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	nm_log_escape(text, line, sizeof(line));
	fprintf(x->d->out, "%s%s\n", what == NM_COMMAND ? "    run: " : "", line);
	x->n_findings += what == NM_FINDING;
}

int nm_examination_setting(const char *name)
{
	struct nm_err missing;
	int value;

	return nm_sysctl_get(name, &value, &missing) < 0 ? -1 : value;
}

const char *nm_examination_sysctl_word(const char *interface, char buf[static NM_TEXT_WORD_SIZE])
{
	char name[IF_NAMESIZE];

	(void)snprintf(name, sizeof(name), "%s", interface);
	for (char *p = name; (p = strchr(p, '.'));)
		*p = '/';
	return nm_text_word(name, buf);
}
