// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at @s, 0 if there is none: RFC 3629 section 3 */
static size_t character(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *s < 0x80	 ? 1
		     : *s < 0xc2 ? 0
		     : *s < 0xe0 ? 2
		     : *s < 0xf0 ? 3
		     : *s < 0xf5 ? 4
				 : 0;
	uint32_t c = len > 1 ? *s & (0x7fU >> len) : *s;

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) /* the NUL at the end too */
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (len > 1 && (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)))
		return 0;
	return len;
}

/**
 * utf8_clean() - Make valid UTF-8 without control characters of any bytes, in place
 * @text:	What is neither becomes '?', byte by byte; newlines and tabs stay
 */
void utf8_clean(char *text)
{
	for (unsigned char *s = (unsigned char *)text; *s;) {
		size_t len = character(s);
		int control = (*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f ||
			      (*s == 0xc2 && len == 2 && s[1] < 0xa0);

		if (!len) {
			len = 1;
			control = 1;
		}
		for (; len; len--, s++)
			if (control)
				*s = '?';
	}
}
