// SPDX-License-Identifier: Apache-2.0
/*
 * The last column takes what the others leave of the width and is cut there; where
 * they leave next to nothing, it goes to a line of its own.
 */
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/text.h"

#define COLUMNS_MAX 12
#define GAP	    2 /* spaces between columns */
#define LAST_MIN    16 /* a narrower last column says nothing */

static char *join(const json_t *array)
{
	char *text = io_printf("%s", "");
	const json_t *item;
	size_t i;

	json_array_foreach (array, i, item) {
		AUTO_FREE char *one = table_text(item);
		char *longer = io_printf("%s%s%s", text, i ? ", " : "", one);

		free(text);
		text = longer;
	}
	return text;
}

/**
 * table_text() - A value as it is shown in a cell
 * @value:	Anything; lists are joined by commas, objects are not shown
 *
 * Return: clean text, to be freed by the caller
 */
char *table_text(const json_t *value)
{
	if (json_is_array(value))
		return join(value);
	if (json_is_string(value))
		return text_clean(json_string_value(value));
	if (json_is_integer(value))
		return io_printf("%lld", (long long)json_integer_value(value));
	if (json_is_real(value))
		return io_printf("%.*f", fabs(json_real_value(value)) < 100 ? 1 : 0,
				 json_real_value(value));
	if (json_is_boolean(value))
		return io_printf("%s", json_is_true(value) ? "yes" : "no");
	return io_printf("%s", "");
}

struct table {
	FILE *out;
	const struct table_column *columns;
	size_t len;
	const struct table_style *style;
	size_t widths[COLUMNS_MAX];
};

static void measure(struct table *t, const json_t *rows)
{
	const json_t *row;
	size_t i;

	for (size_t n = 0; n < t->len; n++)
		t->widths[n] = text_width(t->columns[n].heading);
	json_array_foreach (rows, i, row) {
		for (size_t n = 0; n < t->len; n++) {
			AUTO_FREE char *text = table_text(json_object_get(row, t->columns[n].key));
			size_t width = text_width(text);

			t->widths[n] = width > t->widths[n] ? width : t->widths[n];
		}
	}
}

/* Spaces behind a cell only if another one follows */
static void put_cell(const struct table *t, size_t n, const char *text, const char *sgr, bool more)
{
	int pad = (int)(t->widths[n] - text_width(text));

	if (pad && t->columns[n].right)
		fprintf(t->out, "%*s", pad, "");
	if (sgr && t->style->colour && *text)
		fprintf(t->out, "\033[%sm%s\033[0m", sgr, text);
	else
		fputs(text, t->out);
	if (pad && !t->columns[n].right && more)
		fprintf(t->out, "%*s", pad, "");
}

/* Columns that the last one may take; 0: as many as it wants */
static size_t room_of_last(const struct table *t)
{
	size_t used = t->style->indent;

	if (!t->style->width)
		return 0;
	for (size_t n = 0; n + 1 < t->len; n++)
		used += t->widths[n] + GAP;
	return t->style->width > used ? t->style->width - used : 1;
}

static bool last_goes_below(const struct table *t, const char *text)
{
	size_t room = room_of_last(t);

	return room && room < LAST_MIN && text_width(text) > room;
}

static void put_last(const struct table *t, const char *text, const char *sgr)
{
	size_t room = room_of_last(t), n = t->len - 1;
	size_t below = t->style->indent + (size_t)2 * GAP;
	AUTO_FREE char *fit = NULL;

	if (!room || text_width(text) <= room) {
		fprintf(t->out, "%*s", n ? GAP : 0, "");
		put_cell(t, n, text, sgr, false);
		return;
	}
	if (last_goes_below(t, text)) {
		fprintf(t->out, "\n%*s", (int)below, "");
		room = t->style->width > below + LAST_MIN ? t->style->width - below : LAST_MIN;
	} else {
		fprintf(t->out, "%*s", n ? GAP : 0, "");
	}
	fit = text_fit(text, room);
	if (t->style->colour && sgr)
		fprintf(t->out, "\033[%sm%s\033[0m", sgr, fit);
	else
		fputs(fit, t->out);
}

/* @row NULL: the headings */
static void put_row(const struct table *t, const json_t *row)
{
	static const char heading_sgr[] = "1";
	bool empty = true; /* so far from the end: no space before the end of a line */
	size_t last = t->len;
	bool below = false;

	for (size_t n = t->len; row && n-- > 0 && empty;) {
		AUTO_FREE char *text = table_text(json_object_get(row, t->columns[n].key));

		empty = !*text;
		below = below || (n + 1 == t->len && last_goes_below(t, text));
		last = n + 1;
	}
	fprintf(t->out, "%*s", (int)t->style->indent, "");
	for (size_t n = 0; n < last; n++) {
		const struct table_column *c = &t->columns[n];
		AUTO_FREE char *text = row ? table_text(json_object_get(row, c->key))
					   : io_printf("%s", c->heading);
		const char *sgr = !row ? heading_sgr : c->colour ? c->colour(row, c->key) : NULL;

		if (n + 1 == t->len)
			put_last(t, text, sgr);
		else
			put_cell(t, n, text, sgr, n + 1 < last && !(below && n + 2 == t->len));
		if (n + 1 < last && n + 2 < t->len) /* the last column sees to its own */
			fprintf(t->out, "%*s", GAP, "");
	}
	putc('\n', t->out);
}

/**
 * table_print() - Print rows as a table
 * @out:	Where to
 * @columns:	What of each row, at most 12
 * @len:	How many
 * @rows:	Array of objects
 * @style:	Width, colours, indentation
 */
void table_print(FILE *out, const struct table_column *columns, size_t len, const json_t *rows,
		 const struct table_style *style)
{
	struct table t = { .out = out, .columns = columns, .len = len, .style = style };
	const json_t *row;
	size_t i;

	if (len > COLUMNS_MAX)
		abort();
	measure(&t, rows);
	put_row(&t, NULL);
	json_array_foreach (rows, i, row) {
		put_row(&t, row);
	}
}
