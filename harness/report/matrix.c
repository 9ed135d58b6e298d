// SPDX-License-Identifier: Apache-2.0
/*
 * Pure: an array of verdicts in, JSON out, and its table for a terminal.
 *
 * Who is to blame is not decided here: that something fails with every peer, or only with
 * one, is said as it was counted, and changes no verdict.
 */
#include "report/matrix.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "report/table.h"
#include "report/terminal.h"
#include "report/text.h"
#include "spec/name.h"

#define BLOCK_MAX 11 /* columns beside the pair's in one table */
#define GAP	  2 /* spaces between columns, as report/table has them */

/* --- cells ------------------------------------------------------------------------ */

static void add_unique(json_t *list, const char *text)
{
	const json_t *each;
	size_t i;

	json_array_foreach (list, i, each)
		if (strcmp(json_string_value(each), text) == 0)
			return;
	json_array_append_new(list, json_string(text));
}

/* The member of an object, made if it is not there */
static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
	json_t *value = json_object_get(object, key);

	if (value)
		return value;
	value = make();
	json_object_set_new(object, key, value);
	return value;
}

static void count(json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	json_object_set_new(object, key, json_integer(n + 1));
}

static json_int_t counted(const json_t *counts, enum report_kind kind)
{
	return json_integer_value(json_object_get(counts, report_kinds[kind].name));
}

/* The kind that a cell is shown as: what asks for attention first, then what was tested */
static enum report_kind worst(const json_t *counts)
{
	static const enum report_kind order[] = {
		REPORT_ERROR, REPORT_FAIL, REPORT_XPASS, REPORT_INCONCLUSIVE, REPORT_XFAIL,
		REPORT_WARN,  REPORT_PASS, REPORT_SKIP,	 REPORT_UNSUPPORTED,
	};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (counted(counts, order[i]))
			return order[i];
	return REPORT_UNSUPPORTED;
}

/* "pass 5", "1 fail of 5", "pass 4, xfail 1" */
static char *cell_text(const json_t *counts, size_t total)
{
	bool bad = report_kinds[worst(counts)].unexpected;
	char *text = io_printf("%s", "");

	for (enum report_kind k = 0; k < REPORT_KINDS; k++) {
		json_int_t n = counted(counts, k);
		char *longer;

		if (!n || (bad && !report_kinds[k].unexpected))
			continue;
		longer = bad ? io_printf("%s%s%lld %s", text, *text ? ", " : "", (long long)n,
					 report_kinds[k].name)
			     : io_printf("%s%s%s %lld", text, *text ? ", " : "",
					 report_kinds[k].name, (long long)n);
		free(text);
		text = longer;
	}
	if (bad) {
		char *longer = io_printf("%s of %zu", text, total);

		free(text);
		text = longer;
	}
	return text;
}

static json_t *find_cell(json_t *cells, const char *pair, const char *column)
{
	json_t *cell;
	size_t i;

	json_array_foreach (cells, i, cell)
		if (strcmp(report_text(cell, "pair"), pair) == 0 &&
		    strcmp(report_text(cell, "column"), column) == 0)
			return cell;
	cell = json_pack("{s:s, s:s, s:i, s:{}}", "pair", pair, "column", column, "total", 0,
			 "counts");
	json_array_append_new(cells, cell);
	return cell;
}

static char *column_of(const json_t *verdict, bool by_case)
{
	return by_case ? report_name(verdict) : io_printf("%s", report_text(verdict, "middlebox"));
}

static json_t *make_cells(const json_t *verdicts, bool by_case)
{
	json_t *cells = json_array(), *cell;
	const json_t *v;
	size_t i;

	json_array_foreach (verdicts, i, v) {
		AUTO_FREE char *column = column_of(v, by_case);

		cell = find_cell(cells, report_text(v, "pair"), column);
		count(cell, "total");
		count(json_object_get(cell, "counts"), report_kinds[report_kind(v)].name);
	}
	json_array_foreach (cells, i, cell) {
		const json_t *counts = json_object_get(cell, "counts");
		AUTO_FREE char *text = cell_text(
			counts, (size_t)json_integer_value(json_object_get(cell, "total")));

		json_object_set_new(cell, "kind", json_string(report_kinds[worst(counts)].name));
		json_object_set_new(cell, "text", json_string(text));
	}
	return cells;
}

/* --- where an implementation fails --------------------------------------------------- */

/** What may be the difference between two executions of a case by one implementation. */
enum dimension { BY_PEER, BY_CARRIAGE, BY_MIDDLEBOX, BY_ROLE, DIMENSIONS };
static const char *const words[DIMENSIONS] = { "with", "over", "behind", "as" };
static const char *const dimension_names[DIMENSIONS] = { "peer", "carriage", "middlebox", "role" };

static json_t *new_tally(void)
{
	return json_pack("{s:i, s:i, s:{s:{}, s:{}, s:{}, s:{}}, s:{s:{}, s:{}, s:{}, s:{}}}",
			 "failed", 0, "of", 0, "tested", "role", "peer", "carriage", "middlebox",
			 "bad", "role", "peer", "carriage", "middlebox");
}

static void tally(json_t *tallies, const char *who, const char *name, bool failed,
		  const char *const values[DIMENSIONS])
{
	AUTO_FREE char *key = io_printf("%s\n%s", who, name);
	json_t *t = member(tallies, key, new_tally);

	json_object_set_new(t, "implementation", json_string(who));
	json_object_set_new(t, "case", json_string(name));
	count(t, "of");
	if (failed)
		count(t, "failed");
	for (int d = 0; d < DIMENSIONS; d++) {
		json_t *tested = json_object_get(t, "tested"), *bad = json_object_get(t, "bad");

		count(json_object_get(tested, dimension_names[d]), values[d]);
		if (failed)
			count(json_object_get(bad, dimension_names[d]), values[d]);
	}
}

/* An execution that was not tested to the end says nothing of an implementation */
static bool decided(enum report_kind kind)
{
	return kind == REPORT_PASS || kind == REPORT_WARN || kind == REPORT_XPASS ||
	       kind == REPORT_FAIL || kind == REPORT_XFAIL;
}

static void tally_verdict(json_t *tallies, const json_t *v)
{
	enum report_kind kind = report_kind(v);
	bool failed = kind == REPORT_FAIL || kind == REPORT_XFAIL;
	AUTO_FREE char *name = report_name(v);
	const char *box = report_text(v, "middlebox");
	struct err ignored;
	struct pair p;

	if (!decided(kind) || pair_parse(report_text(v, "pair"), &p, &ignored))
		return;
	if (strcmp(p.client, p.headend) == 0) {
		tally(tallies, p.client, name, failed,
		      (const char *[]){ "itself", p.carriage.name, box, "both ends" });
	} else {
		tally(tallies, p.client, name, failed,
		      (const char *[]){ p.headend, p.carriage.name, box, "client" });
		tally(tallies, p.headend, name, failed,
		      (const char *[]){ p.client, p.carriage.name, box, "head-end" });
	}
	pair_release(&p);
}

static char *keys_text(const json_t *object)
{
	char *text = io_printf("%s", "");
	const char *key;
	json_t *ignored;

	json_object_foreach ((json_t *)object, key, ignored) {
		char *longer = io_printf("%s%s%s", text, *text ? ", " : "", key);

		free(text);
		text = longer;
	}
	return text;
}

/* It is both ends where it is its own peer, which the peer says */
static bool tells_apart(enum dimension d, const json_t *tested, const json_t *bad)
{
	if (d == BY_ROLE && (json_object_size(bad) > 1 || json_object_get(bad, "both ends")))
		return false;
	return json_object_size(bad) < json_object_size(tested);
}

/* Did all fail that have a value with which anything failed? */
static bool explains(const json_t *tested, const json_t *bad)
{
	const char *key;
	json_t *n;

	json_object_foreach ((json_t *)bad, key, n) {
		if (!json_equal(n, json_object_get(tested, key)))
			return false;
	}
	return true;
}

static void append_only(char **text, enum dimension d, const json_t *bad)
{
	AUTO_FREE char *values = keys_text(bad);
	char *longer = io_printf("%s%s%s %s", *text, **text ? " " : "", words[d], values);

	free(*text);
	*text = longer;
}

/*
 * "with libreswan": the dimension that explains all failures; else "over ctcp behind asa", each
 * that has a value with which nothing failed
 */
static char *only_text(const json_t *t)
{
	char *text = io_printf("%s", "");

	for (int all = 0; all < 2 && !*text; all++)
		for (int d = 0; d < DIMENSIONS && (all || !*text); d++) {
			const json_t *tested =
				json_object_get(json_object_get(t, "tested"), dimension_names[d]);
			const json_t *bad =
				json_object_get(json_object_get(t, "bad"), dimension_names[d]);

			if (tells_apart((enum dimension)d, tested, bad) &&
			    (all || explains(tested, bad)))
				append_only(&text, (enum dimension)d, bad);
		}
	return text;
}

static json_t *failure(const json_t *t)
{
	long long failed = json_integer_value(json_object_get(t, "failed"));
	long long of = json_integer_value(json_object_get(t, "of"));
	const char *who = report_text(t, "implementation"), *name = report_text(t, "case");
	AUTO_FREE char *only = only_text(t);
	AUTO_FREE char *text = NULL;

	if (failed == of)
		text = io_printf("%s fails %s with every peer (%lld of %lld)", who, name, failed,
				 of);
	else if (*only)
		text = io_printf("%s fails %s only %s (%lld of %lld)", who, name, only, failed, of);
	else
		text = io_printf("%s fails %s now and then (%lld of %lld)", who, name, failed, of);
	return json_pack("{s:s, s:s, s:I, s:I, s:b, s:s, s:s}", "implementation", who, "case", name,
			 "failed", (json_int_t)failed, "of", (json_int_t)of, "every_peer",
			 failed == of, "only", failed == of ? "" : only, "text", text);
}

static json_t *failures(const json_t *verdicts)
{
	json_t *tallies = json_object(), *list = json_array(), *t;
	const json_t *v;
	const char *key;
	size_t i;

	json_array_foreach (verdicts, i, v)
		tally_verdict(tallies, v);
	json_object_foreach (tallies, key, t) {
		if (json_integer_value(json_object_get(t, "failed")) &&
		    json_integer_value(json_object_get(t, "of")) > 1)
			json_array_append_new(list, failure(t));
	}
	json_decref(tallies);
	return list;
}

/* --- the matrix ---------------------------------------------------------------------- */

/* Has some case been run in more than one cell? If not, a list says it all */
static bool is_matrix(const json_t *verdicts)
{
	json_t *cells = json_object();
	const json_t *v;
	bool several = false;
	size_t i;

	json_array_foreach (verdicts, i, v) {
		AUTO_FREE char *name = report_name(v);
		AUTO_FREE char *cell =
			io_printf("%s %s", report_text(v, "pair"), report_text(v, "middlebox"));
		const json_t *first = json_object_get(cells, name);

		if (!first)
			json_object_set_new(cells, name, json_string(cell));
		else if (strcmp(json_string_value(first), cell) != 0)
			several = true;
	}
	json_decref(cells);
	return several;
}

/**
 * report_matrix() - What cells the verdicts make
 * @verdicts:	Array of verdicts
 *
 * Return: an object, owned by the caller, or NULL if no case was run in two cells
 */
json_t *report_matrix(const json_t *verdicts)
{
	json_t *pairs, *boxes, *names;
	const json_t *v;
	bool by_case;
	size_t i;

	if (!is_matrix(verdicts))
		return NULL;
	pairs = json_array();
	boxes = json_array();
	names = json_array();
	json_array_foreach (verdicts, i, v) {
		AUTO_FREE char *name = report_name(v);

		add_unique(pairs, report_text(v, "pair"));
		add_unique(boxes, report_text(v, "middlebox"));
		add_unique(names, name);
	}
	by_case = json_array_size(boxes) == 1;
	json_incref(by_case ? names : boxes);
	v = json_pack("{s:s, s:o, s:o, s:o, s:o}", "by", by_case ? "case" : "middlebox", "pairs",
		      pairs, "columns", by_case ? names : boxes, "cells",
		      make_cells(verdicts, by_case), "failures", failures(verdicts));
	json_decref(boxes);
	json_decref(names);
	return (json_t *)v;
}

/**
 * matrix_cell() - A cell of a matrix
 * @matrix:	From report_matrix()
 * @pair:	Its row
 * @column:	Its column
 *
 * Return: the cell, borrowed, or NULL if nothing was run there
 */
const json_t *matrix_cell(const json_t *matrix, const char *pair, const char *column)
{
	const json_t *cell;
	size_t i;

	json_array_foreach (json_object_get(matrix, "cells"), i, cell)
		if (strcmp(report_text(cell, "pair"), pair) == 0 &&
		    strcmp(report_text(cell, "column"), column) == 0)
			return cell;
	return NULL;
}

/* --- on a terminal --------------------------------------------------------------------- */

static const char *cell_colour(const json_t *row, const char *key)
{
	const json_t *cell = json_object_get(json_object_get(row, "cells"), key);

	return cell ? report_kinds[report_kind_named(report_text(cell, "kind"))].colour : NULL;
}

static json_t *make_rows(const json_t *matrix)
{
	const json_t *pair, *column;
	json_t *rows = json_array();
	size_t i, n;

	json_array_foreach (json_object_get(matrix, "pairs"), i, pair) {
		json_t *row = json_pack("{s:O, s:{}}", "pair", pair, "cells");

		json_array_foreach (json_object_get(matrix, "columns"), n, column) {
			const char *name = json_string_value(column);
			const json_t *cell = matrix_cell(matrix, json_string_value(pair), name);
			AUTO_FREE char *key = io_printf("c %s", name);

			json_object_set_new(row, key,
					    json_string(cell ? report_text(cell, "text") : "-"));
			if (cell)
				json_object_set(json_object_get(row, "cells"), key, (json_t *)cell);
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

static size_t column_width(const json_t *rows, const struct table_column *column)
{
	size_t width = text_width(column->heading), i;
	const json_t *row;

	json_array_foreach (rows, i, row) {
		size_t one = text_width(report_text(row, column->key));

		width = one > width ? one : width;
	}
	return width;
}

/* As many columns as the terminal has room for, at least one; the rest goes below */
static size_t block_len(const json_t *rows, const struct table_column *columns, size_t len,
			size_t width)
{
	size_t used = column_width(rows, &columns[0]), n;

	for (n = 1; n < len && n <= BLOCK_MAX; n++) {
		used += GAP + column_width(rows, &columns[n]);
		if (width && n > 1 && used > width)
			break;
	}
	return n;
}

static void put_blocks(FILE *out, const json_t *rows, struct table_column *columns, size_t len,
		       const struct terminal_style *style)
{
	const struct table_style table = { .width = style->width, .colour = style->colour };
	size_t at = 0;

	while (at + 1 < len) { /* columns[at] is the pair's, over what was printed before */
		size_t n = block_len(rows, &columns[at], len - at, style->width);

		if (at)
			putc('\n', out);
		table_print(out, &columns[at], n, rows, &table);
		at += n - 1;
		columns[at] = columns[0];
	}
}

/**
 * matrix_terminal() - Print a matrix, and where implementations fail
 * @out:	Where to
 * @matrix:	From report_matrix()
 * @style:	Width and colours
 */
void matrix_terminal(FILE *out, const json_t *matrix, const struct terminal_style *style)
{
	const json_t *names = json_object_get(matrix, "columns"), *name, *f;
	const json_t *failed = json_object_get(matrix, "failures");
	size_t len = json_array_size(names) + 1, i;
	struct table_column *columns = calloc(len, sizeof(*columns));
	json_t *rows = make_rows(matrix);
	char **keys = calloc(len, sizeof(*keys)), **headings = calloc(len, sizeof(*headings));

	if (!columns || !keys || !headings)
		abort();
	columns[0] = (struct table_column){ .key = "pair", .heading = "pair" };
	json_array_foreach (names, i, name) {
		keys[i] = io_printf("c %s", json_string_value(name));
		headings[i] = text_clean(json_string_value(name));
		columns[i + 1] = (struct table_column){ .key = keys[i],
							.heading = headings[i],
							.colour = cell_colour };
	}
	put_blocks(out, rows, columns, len, style);
	if (json_array_size(failed))
		putc('\n', out);
	json_array_foreach (failed, i, f)
		text_wrap(out, report_text(f, "text"), 2, style->width);
	for (i = 0; i + 1 < len; i++) {
		free(keys[i]);
		free(headings[i]);
	}
	free(keys);
	free(headings);
	free(columns);
	json_decref(rows);
}
