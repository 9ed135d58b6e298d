// SPDX-License-Identifier: Apache-2.0
/*
 * UTF-8 by hand: what is shown does not depend on the locale, and a byte that is
 * not UTF-8 must not end the text.  Widths are those of common terminals; a
 * character that is missing here only makes a table crooked.
 */
#include "report/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"

#define REPLACEMENT 0xfffd /* U+FFFD, for bytes that are no character */

/* Bytes of a sequence by its first byte; 0: none begins so */
static unsigned sequence(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/**
 * text_next() - Take one character off a text
 * @at:	Where it begins; moved behind it
 *
 * Return: the code point, 0 at the end, U+FFFD for a byte that is not UTF-8
 */
uint32_t text_next(const char **at)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = (const unsigned char *)*at;
	unsigned len = sequence(*s);
	uint32_t c = len > 1 ? *s & (0x7fU >> len) : *s;

	if (!*s)
		return 0;
	*at += 1;
	if (!len)
		return REPLACEMENT;
	for (unsigned i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return REPLACEMENT;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return REPLACEMENT;
	*at += len - 1;
	return c;
}

/** text_put() - Write one code point as UTF-8 */
void text_put(FILE *out, uint32_t c)
{
	if (c < 0x80) {
		putc((int)c, out);
		return;
	}
	if (c < 0x800) {
		putc((int)(0xc0 | c >> 6), out);
	} else {
		if (c < 0x10000) {
			putc((int)(0xe0 | c >> 12), out);
		} else {
			putc((int)(0xf0 | c >> 18), out);
			putc((int)(0x80 | (c >> 12 & 0x3f)), out);
		}
		putc((int)(0x80 | (c >> 6 & 0x3f)), out);
	}
	putc((int)(0x80 | (c & 0x3f)), out);
}

/**
 * text_is_control() - Would this character steer a terminal or a reader?
 *
 * C0, DEL and C1, line and paragraph separators, and the marks that turn the
 * direction of the text around.
 */
bool text_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

struct range {
	uint32_t first, last;
};

static bool within(uint32_t c, const struct range *ranges, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/** text_columns() - How many columns of a terminal a character takes: 0, 1 or 2 */
unsigned text_columns(uint32_t c)
{
	static const struct range none[] = { { 0x300, 0x36f },	 { 0x200b, 0x200f },
					     { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
					     { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff } };
	static const struct range two[] = { { 0x1100, 0x115f },	  { 0x2e80, 0x303e },
					    { 0x3041, 0xa4cf },	  { 0xac00, 0xd7a3 },
					    { 0xf900, 0xfaff },	  { 0xfe30, 0xfe6f },
					    { 0xff00, 0xff60 },	  { 0xffe0, 0xffe6 },
					    { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd } };

	if (c < 0x300)
		return 1;
	if (within(c, none, ARRAY_SIZE(none)))
		return 0;
	return within(c, two, ARRAY_SIZE(two)) ? 2 : 1;
}

/** text_width() - Columns of a terminal that a text takes */
size_t text_width(const char *text)
{
	size_t width = 0;
	uint32_t c;

	while ((c = text_next(&text)))
		width += text_columns(c);
	return width;
}

/**
 * text_clean() - A text as one line that does nothing but be read
 * @text:	Anything; NULL is empty
 *
 * Line ends and tabs become a space, other control characters '?'.
 *
 * Return: the line, to be freed by the caller
 */
char *text_clean(const char *text)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);
	uint32_t c;

	if (!out)
		abort();
	while (text && (c = text_next(&text))) {
		bool space = c == '\n' || c == '\r' || c == '\t';

		text_put(out, space ? ' ' : text_is_control(c) ? '?' : c);
	}
	fclose(out);
	return line;
}

/**
 * text_fit() - A clean text in at most so many columns
 * @text:	Anything
 * @width:	Columns, at least 1; what is cut off leaves an ellipsis
 *
 * Return: the text, to be freed by the caller
 */
char *text_fit(const char *text, size_t width)
{
	AUTO_FREE char *clean = text_clean(text);
	const char *at = clean, *end = clean;
	size_t used = 0;
	uint32_t c;

	if (text_width(clean) <= width)
		return steal_ptr(&clean);
	while ((c = text_next(&at)) && used + text_columns(c) < width) {
		used += text_columns(c);
		end = at;
	}
	while (end > clean && end[-1] == ' ')
		end--;
	return io_printf("%.*s…", (int)(end - clean), clean);
}

/**
 * text_wrap() - Write a clean text broken at spaces; the first line is already indented
 * @out:	Where to
 * @text:	Anything
 * @indent:	Columns before each further line
 * @width:	Of the whole line; 0: never break.  A longer word stays whole, so that a
 *		command or a path can be copied
 */
void text_wrap(FILE *out, const char *text, size_t indent, size_t width)
{
	AUTO_FREE char *clean = text_clean(text);
	size_t column = indent;
	char *save = NULL;

	for (char *word = strtok_r(clean, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		size_t len = text_width(word);

		if (column > indent && width && column + 1 + len > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			putc(' ', out);
			column++;
		}
		fputs(word, out);
		column += len;
	}
	putc('\n', out);
}

/**
 * text_put_xml() - Write a text where XML or HTML stands, quoted attributes included
 * @out:	Where to
 * @text:	Anything; what XML 1.0 has no way to write becomes U+FFFD
 */
void text_put_xml(FILE *out, const char *text)
{
	static const struct {
		uint32_t c;
		const char *as;
	} entities[] = {
		{ '&', "&amp;" },  { '<', "&lt;" },  { '>', "&gt;" },	{ '"', "&quot;" },
		{ '\n', "&#10;" }, { '\t', "&#9;" }, { '\r', "&#13;" },
	};
	uint32_t c;

	while ((c = text_next(&text))) {
		size_t i = 0;

		while (i < ARRAY_SIZE(entities) && entities[i].c != c)
			i++;
		if (i < ARRAY_SIZE(entities))
			fputs(entities[i].as, out);
		else if (text_is_control(c) || c == 0xfffe || c == 0xffff)
			text_put(out, 0xfffd);
		else
			text_put(out, c);
	}
}
