/* Decoding one character, strictly: no overlong form, no surrogate, nothing above U+10FFFF. */
#include "base/utf8.h"

size_t nm_utf8_decode(const char *text, size_t len, uint32_t *ret)
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
