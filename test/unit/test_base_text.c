/* base/text.c: words that a command takes from outside mean themselves to a shell, whatever is in them. */
#include "base/text.h"
#include "tap.h"

static const struct {
	const char *text, *word;
} words[] = {
	{"br0", "br0"},
	{"/run/natmap-2.d/x_y", "/run/natmap-2.d/x_y"},
	{"", "''"},
	{"a b", "'a b'"},
	{"$(reboot)", "'$(reboot)'"},
	{"it's", "'it'\\''s'"},
	{"'", "''\\'''"},
	{"a;b", "'a;b'"},
	{"~", "'~'"},
};

int main(void)
{
	char buf[NM_TEXT_WORD_SIZE], longest[2 * NM_TEXT_WORD_SIZE];

	nm_each(row, words)
		tap_is(nm_text_word(row->text, buf), row->word, "word %s", row->text);
	for (const char *c = "a'$"; *c; c++) {
		memset(longest, *c, sizeof(longest) - 1);
		longest[sizeof(longest) - 1] = '\0';
		nm_text_word(longest, buf);
		tap_ok(*c == 'a' || buf[strlen(buf) - 1] == '\'', "too many of %c are cut, and closed", *c);
	}
	return tap_done();
}
