/* Callers size their buffers for the longest text. Text that is too long all the same is cut, never
 * overflows. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void nm_text_put(struct nm_text *t, const char *fmt, ...)
{
	size_t room = t->size - t->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n < room ? (size_t)n : room - 1;
}

size_t nm_text_list_count(const char *text)
{
	return nm_text_count(text, strlen(text), ',') + 1;
}

size_t nm_text_count(const char *text, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == c;
	return n;
}

const char *nm_text_list_next(const char **text, size_t *ret_len)
{
	const char *start = *text, *comma, *end;

	if (!start)
		return NULL;
	comma = strchr(start, ',');
	*text = comma ? comma + 1 : NULL;
	end = comma ? comma : start + strlen(start);
	while (start < end && *start == ' ')
		start++;
	while (start < end && end[-1] == ' ')
		end--;
	*ret_len = (size_t)(end - start);
	return start;
}

int nm_text_number(const char *text, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!len || (len > 1 && text[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value) || value > max)
			return -1;
	}
	*ret = value;
	return 0;
}

const char *nm_text_word(const char *text, char buf[static NM_TEXT_WORD_SIZE])
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=";
	size_t used = 1;

	if (text[0] && text[strspn(text, plain)] == '\0') {
		(void)snprintf(buf, NM_TEXT_WORD_SIZE, "%s", text);
		return buf;
	}
	buf[0] = '\'';
	for (; *text && used < NM_TEXT_WORD_SIZE - sizeof("'\\'''"); text++)
		used += (size_t)snprintf(
			buf + used, NM_TEXT_WORD_SIZE - used, *text == '\'' ? "'\\''" : "%c", *text);
	(void)snprintf(buf + used, NM_TEXT_WORD_SIZE - used, "'");
	return buf;
}

/* Strictly: no overlong form, no surrogate, nothing above U+10FFFF. */
size_t nm_text_decode(const char *text, size_t len, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
	unsigned ones = (unsigned)__builtin_clz(~((unsigned)s[0] << 24)); /* leading bits that are set */
	size_t size = ones ? ones : 1;
	uint32_t c = s[0] & (0x7fu >> ones);

	if (ones == 1 || ones > 4 || size > len)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return size;
}
