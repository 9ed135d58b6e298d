// SPDX-License-Identifier: Apache-2.0
/* report/matrix: cells, what stands in them, and where an implementation fails. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/html.h"
#include "report/markdown.h"
#include "report/matrix.h"
#include "report/terminal.h"
#include "report/text.h"
#include "tests/tap.h"

static void add(json_t *all, const char *name, const char *pair, const char *box, const char *kind)
{
	json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s}", "series", "b",
					     "case", name, "pair", pair, "middlebox", box, "seed",
					     1, "verdict", kind, "reason", "why"));
}

/* Two implementations, x and y, over two carriages and behind two devices */
static json_t *sample(void)
{
	static const char *const pairs[] = { "x@esp", "x@udp", "x:y@esp", "y:x@esp", "y@esp" };
	static const char *const boxes[] = { "router", "asa" };
	json_t *all = json_array();

	for (size_t p = 0; p < ARRAY_SIZE(pairs); p++)
		for (size_t m = 0; m < ARRAY_SIZE(boxes); m++) {
			bool y = strchr(pairs[p], 'y'), client = *pairs[p] == 'y';

			add(all, "good", pairs[p], boxes[m], "pass");
			add(all, "ys", pairs[p], boxes[m], y ? "fail" : "pass");
			add(all, "asa", pairs[p], boxes[m], m ? "xfail" : "pass");
			add(all, "dials", pairs[p], boxes[m],
			    client && strchr(pairs[p], ':') ? "fail" : "pass");
		}
	add(all, "extra", "x@udp", "router", "error");
	add(all, "extra", "x@esp", "router", "skip");
	return all;
}

static char *text_of(void (*print)(FILE *out, const json_t *json), const json_t *json)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	print(out, json);
	fclose(out);
	return text;
}

static struct terminal_style style;

static void terminal(FILE *out, const json_t *json)
{
	matrix_terminal(out, json, &style);
}

static void check_cells(void)
{
	json_t *all = sample(), *matrix = report_matrix(all);
	AUTO_FREE char *got = text_of(terminal, matrix);
	AUTO_FREE char *again = NULL;

	tap_str(got,
		"pair     router          asa\n"
		"x@esp    pass 4, skip 1  pass 3, xfail 1\n"
		"x@udp    1 error of 5    pass 3, xfail 1\n"
		"x:y@esp  1 fail of 4     1 fail of 4\n"
		"y:x@esp  2 fail of 4     2 fail of 4\n"
		"y@esp    1 fail of 4     1 fail of 4\n"
		"\n"
		"x fails b/ys only with y (4 of 8)\n"
		"x fails b/asa only behind asa (4 of 8)\n"
		"x fails b/dials only as head-end (2 of 8)\n"
		"y fails b/ys with every peer (6 of 6)\n"
		"y fails b/asa only behind asa (3 of 6)\n"
		"y fails b/dials only as client (2 of 6)\n",
		"the table");
	style.width = 26;
	again = text_of(terminal, matrix);
	tap_ok(strstr(again, "\n\npair     asa\nx@esp    pass 3, xfail 1\n") != NULL,
	       "on a narrow terminal the columns are below each other");
	style.width = 0;
	json_decref(matrix);
	json_decref(all);
}

static void failure_is(const json_t *matrix, const char *who, const char *name, const char *want)
{
	const json_t *f, *found = NULL;
	size_t i;

	json_array_foreach (json_object_get(matrix, "failures"), i, f)
		if (strcmp(report_text(f, "implementation"), who) == 0 &&
		    strcmp(report_text(f, "case"), name) == 0)
			found = f;
	tap_str(report_text(found, "text"), want, "%s, %s", who, name);
	if (found)
		tap_is(json_is_true(json_object_get(found, "every_peer")),
		       strstr(want, "every peer") != NULL, "every_peer says the same");
}

static void check_failures(void)
{
	json_t *all = sample(), *matrix;

	add(all, "rare", "x@udp", "router", "pass");
	add(all, "rare", "x@udp", "asa", "fail");
	add(all, "rare", "x@esp", "asa", "pass");
	add(all, "rare", "x:y@udp", "asa", "pass");
	add(all, "odd", "x@udp", "router", "pass");
	add(all, "odd", "x@udp", "router", "fail");
	matrix = report_matrix(all);

	failure_is(matrix, "x", "b/good", "");
	failure_is(matrix, "y", "b/ys", "y fails b/ys with every peer (6 of 6)");
	failure_is(matrix, "x", "b/ys", "x fails b/ys only with y (4 of 8)");
	failure_is(matrix, "x", "b/asa", "x fails b/asa only behind asa (4 of 8)");
	failure_is(matrix, "y", "b/asa", "y fails b/asa only behind asa (3 of 6)");
	failure_is(matrix, "y", "b/dials", "y fails b/dials only as client (2 of 6)");
	failure_is(matrix, "x", "b/dials", "x fails b/dials only as head-end (2 of 8)");
	failure_is(matrix, "x", "b/rare",
		   "x fails b/rare only with itself over udp behind asa (1 of 4)");
	failure_is(matrix, "x", "b/odd", "x fails b/odd now and then (1 of 2)");
	failure_is(matrix, "x", "b/extra", ""); /* an error blames nobody, and a skip */
	json_decref(matrix);
	json_decref(all);
}

/* What results/README.md promises to programs */
static void check_json(void)
{
	json_t *all = sample(), *matrix = report_matrix(all);
	const json_t *cell = matrix_cell(matrix, "y:x@esp", "asa");
	json_t *counts = json_object_get(cell, "counts");

	tap_str(report_text(matrix, "by"), "middlebox", "by middlebox");
	tap_is(json_array_size(json_object_get(matrix, "pairs")), 5, "pairs");
	tap_is(json_array_size(json_object_get(matrix, "columns")), 2, "columns");
	tap_is(json_array_size(json_object_get(matrix, "cells")), 10, "cells");
	tap_is(json_integer_value(json_object_get(cell, "total")), 4, "total");
	tap_is(json_integer_value(json_object_get(counts, "fail")), 2, "counts");
	tap_is(json_integer_value(json_object_get(counts, "xfail")), 1, "of each kind");
	tap_str(report_text(cell, "kind"), "fail", "kind");
	tap_ok(!matrix_cell(matrix, "y:x@esp", "nat"), "no cell where nothing was run");
	json_decref(matrix);
	json_decref(all);
}

/* Behind one device the cases are the columns; one cell a case is no matrix */
static void check_shape(void)
{
	json_t *all = json_array(), *matrix;
	AUTO_FREE char *got = NULL;

	add(all, "one", "x@esp", "router", "pass");
	add(all, "two", "y@esp", "asa", "pass");
	add(all, "one", "x@esp", "router", "pass"); /* another seed */
	tap_ok(!report_matrix(all), "cases of their own are no matrix, nor are seeds");
	json_array_clear(all);
	add(all, "one", "x@esp", "router", "pass");
	add(all, "one", "y@esp", "router", "inconclusive");
	add(all, "two", "y@esp", "router", "pass");
	matrix = report_matrix(all);
	got = text_of(terminal, matrix);
	tap_str(got,
		"pair   b/one                b/two\n"
		"x@esp  pass 1               -\n"
		"y@esp  1 inconclusive of 1  pass 1\n",
		"cases as columns");
	json_decref(matrix);
	json_decref(all);
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void check_reports(void)
{
	json_t *all = sample();
	AUTO_FREE char *markdown = text_of(markdown_report, all);
	AUTO_FREE char *html = text_of(html_report, all);

	tap_ok(strncmp(markdown,
		       "| pair | router | asa |\n| --- | --- | --- |\n"
		       "| x@esp | pass 4, skip 1 | pass 3, xfail 1 |\n"
		       "| x@udp | **1 error of 5** | pass 3, xfail 1 |\n",
		       120) == 0,
	       "Markdown begins with the grid");
	tap_ok(strstr(markdown, "\n- y fails b/ys with every peer (6 of 6)\n"), "and the summary");
	tap_is(occurrences(html, "<td class=\"bad\"><a href=\"#e"), 7, "HTML: the bad cells");
	tap_is(occurrences(html, "<td class=\"known\"><a href=\"#e"), 2, "the known ones");
	tap_is(occurrences(html, "<td class=\"good\"><a href=\"#e"), 1, "and the good");
	/* the 13th verdict is y's first failure, in x:y@esp behind the router: 2 * 8 + 1 */
	tap_ok(strstr(html, "<th>x:y@esp</th><td class=\"bad\"><a href=\"#e17\">1 fail of 4</a>"),
	       "a cell leads to the first execution of its kind");
	json_decref(all);
}

static void check_hostile(void)
{
	json_t *all = json_array(), *matrix;
	AUTO_FREE char *got = NULL;
	AUTO_FREE char *html = NULL;
	size_t bad = 0;
	const char *at;
	uint32_t c;

	add(all, "<b>\033[31m", "x@esp", "router", "fail");
	add(all, "<b>\033[31m", "not a pair: \033[2J", "router", "fail");
	add(all, "<b>\033[31m", "x@udp", "router", "fail");
	matrix = report_matrix(all);
	got = text_of(terminal, matrix);
	html = text_of(html_report, all);
	at = got;
	while ((c = text_next(&at)))
		bad += c != '\n' && text_is_control(c);
	tap_is(bad, 0, "no control character in the table");
	tap_ok(!strstr(html, "<b>\033") && !strchr(html, '\033'), "nor in HTML, nor markup");
	json_decref(matrix);
	json_decref(all);
}

int main(void)
{
	check_cells();
	check_failures();
	check_json();
	check_shape();
	check_reports();
	check_hostile();
	return tap_done();
}
