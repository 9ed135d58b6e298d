// SPDX-License-Identifier: Apache-2.0
/* base/utf8: any bytes become a text that JSON takes and a terminal bears. */
#include "base/utf8.h"

#include <string.h>

#include "base/cleanup.h"
#include "tests/tap.h"

static const struct {
	const char *in, *want, *what;
} rows[] = {
	{ "", "", "nothing" },
	{ "a line\n\tand another", "a line\n\tand another", "newline and tab stay" },
	{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	  "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "characters of 2 to 4 bytes stay" },
	{ "\033[31mred\r\007\177", "?[31mred???", "control characters" },
	{ "\xc2\x9b", "??", "a control character of two bytes" },
	{ "\xff\xfe\x80", "???", "bytes that begin nothing" },
	{ "\xc0\xaf", "??", "an overlong slash" },
	{ "\xed\xa0\x80", "???", "a surrogate" },
	{ "\xf4\x90\x80\x80", "????", "beyond U+10FFFF" },
	{ "cut \xe2\x82", "cut ??", "cut off at the end" },
	{ "cut \xe2\x82x", "cut ??x", "cut off in the middle" },
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s", rows[i].in);
		utf8_clean(text);
		tap_ok(strcmp(text, rows[i].want) == 0, "%s", rows[i].what);
	}
	return tap_done();
}
