// SPDX-License-Identifier: Apache-2.0
#include "report/terminal.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/matrix.h"
#include "report/table.h"
#include "report/text.h"
#include "report/verdict.h"

#define LABEL	    12 /* columns of "  expected  " */
#define LIST_MAX    40 /* executions that are listed beside a matrix: about a screen */
#define PACKETS_MAX 4 /* of a finding; verdict.json has them all */

static const char *verdict_colour(const json_t *row, const char *key)
{
	(void)key;
	return report_kinds[report_kind(row)].colour;
}

static const struct table_column all_columns[] = {
	{ .key = "name", .heading = "case" },
	{ .key = "pair", .heading = "pair" },
	{ .key = "middlebox", .heading = "middlebox" },
	{ .key = "seed", .heading = "seed", .right = true },
	{ .key = "verdict", .heading = "verdict", .colour = verdict_colour },
	{ .key = "outcome", .heading = "what came out" },
};
enum { COLUMN_SEED = 3 };

static json_t *make_rows(const json_t *verdicts)
{
	json_t *rows = json_array();
	const json_t *v;
	size_t i;

	json_array_foreach (verdicts, i, v) {
		AUTO_FREE char *name = report_name(v);
		AUTO_FREE char *outcome = report_outcome(v);
		json_t *row =
			json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "pair",
				  report_text(v, "pair"), "middlebox", report_text(v, "middlebox"),
				  "verdict", report_kinds[report_kind(v)].name, "outcome", outcome);

		json_object_set(row, "seed", json_object_get(v, "seed"));
		json_array_append_new(rows, row);
	}
	return rows;
}

static void put_table(FILE *out, const json_t *verdicts, const struct terminal_style *style)
{
	const struct table_style table = { .width = style->width, .colour = style->colour };
	struct table_column columns[ARRAY_SIZE(all_columns)];
	json_t *rows = make_rows(verdicts);
	size_t len = ARRAY_SIZE(all_columns);

	memcpy(columns, all_columns, sizeof(columns));
	if (report_one_seed(verdicts)) { /* all the same says nothing */
		len--;
		memmove(&columns[COLUMN_SEED], &columns[COLUMN_SEED + 1],
			(len - COLUMN_SEED) * sizeof(*columns));
	}
	table_print(out, columns, len, rows, &table);
	json_decref(rows);
}

/**
 * terminal_counts() - "10 executions: 7 passed, 2 failed as expected, 1 failed"
 * @verdicts:	Array of verdicts
 *
 * Return: the text, to be freed by the caller
 */
char *terminal_counts(const json_t *verdicts)
{
	struct report_counts counts;
	const char *mark = ": ";
	char *text;

	report_count(verdicts, &counts);
	text = io_printf("%zu execution%s", counts.total, counts.total == 1 ? "" : "s");
	for (size_t i = 0; i < REPORT_KINDS; i++) {
		char *longer;

		if (!counts.of[i])
			continue;
		longer = io_printf("%s%s%zu %s", text, mark, counts.of[i], report_kinds[i].plural);
		free(text);
		text = longer;
		mark = ", ";
	}
	return text;
}

static void put_line(FILE *out, const char *label, const char *text,
		     const struct terminal_style *style)
{
	fprintf(out, "  %-*s", LABEL - 2, label);
	text_wrap(out, text, LABEL, style->width);
}

static void put_expectations(FILE *out, const json_t *verdict, const struct terminal_style *style)
{
	const json_t *e;
	size_t i;

	json_array_foreach (json_object_get(verdict, "expectations"), i, e) {
		AUTO_FREE char *line = NULL;

		if (json_is_true(json_object_get(e, "ok")))
			continue;
		line = io_printf("%s %s, got %s", report_text(e, "metric"),
				 report_text(e, "expected"), report_text(e, "actual"));
		put_line(out, "expected", line, style);
	}
}

static void put_packets(FILE *out, const json_t *finding, const struct terminal_style *style)
{
	const json_t *packets = json_object_get(finding, "packets"), *p;
	size_t i;

	json_array_foreach (packets, i, p) {
		AUTO_FREE char *line =
			io_printf("%s frame %lld: %s", report_text(p, "file"),
				  (long long)json_integer_value(json_object_get(p, "number")),
				  report_text(p, "what"));

		if (i == PACKETS_MAX) {
			AUTO_FREE char *more =
				io_printf("and %zu more frames", json_array_size(packets) - i);

			put_line(out, "", more, style);
			return;
		}
		put_line(out, "", line, style);
	}
}

static void put_findings(FILE *out, const json_t *verdict, const struct terminal_style *style)
{
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(verdict, "findings"), i, f) {
		AUTO_FREE char *line = report_finding(f);

		put_line(out, "finding", line, style);
		put_packets(out, f, style);
	}
}

/**
 * terminal_problem() - All that one verdict says, for who has to look into it
 * @out:	Where to
 * @verdict:	The verdict
 * @style:	Width and colours
 */
void terminal_problem(FILE *out, const json_t *verdict, const struct terminal_style *style)
{
	const struct report_kind_info *kind = &report_kinds[report_kind(verdict)];
	const char *clause = report_text(verdict, "clause");
	AUTO_FREE char *name = report_name(verdict);
	AUTO_FREE char *head =
		io_printf("%s, %s, %s, seed %lld", name, report_text(verdict, "pair"),
			  report_text(verdict, "middlebox"),
			  (long long)json_integer_value(json_object_get(verdict, "seed")));
	AUTO_FREE char *clean = text_clean(head);
	AUTO_FREE char *why = report_why(verdict);
	AUTO_FREE char *requirement = io_printf("%s%s%s%s", report_text(verdict, "requirement"),
						*clause ? " (" : "", clause, *clause ? ")" : "");
	AUTO_FREE char *repeat = report_repeat(verdict);
	AUTO_FREE char *command = text_clean(repeat);

	if (style->colour)
		fprintf(out, "\033[%sm%s\033[0m %s\n", kind->colour, kind->name, clean);
	else
		fprintf(out, "%s %s\n", kind->name, clean);
	if (*requirement)
		put_line(out, "requires", requirement, style);
	put_line(out, "reason", why, style);
	put_expectations(out, verdict, style);
	put_findings(out, verdict, style);
	fprintf(out, "  %-*s%s\n", LABEL - 2, "repeat", command); /* to be copied: not broken */
}

/**
 * terminal_report() - The report of a run
 * @out:	Where to
 * @verdicts:	Array of verdicts, in the order in which they are shown
 * @run:	What they do not say
 * @style:	Width and colours
 */
void terminal_report(FILE *out, const json_t *verdicts, const struct terminal_run *run,
		     const struct terminal_style *style)
{
	AUTO_FREE char *counts_text = terminal_counts(verdicts);
	json_t *matrix = report_matrix(verdicts);
	struct report_counts counts;
	const json_t *v;
	size_t i;

	report_count(verdicts, &counts);
	if (counts.total && (!matrix || counts.total <= LIST_MAX)) {
		put_table(out, verdicts, style);
		putc('\n', out);
	}
	json_array_foreach (verdicts, i, v) {
		if (report_kinds[report_kind(v)].unexpected || report_kind(v) == REPORT_XFAIL) {
			terminal_problem(out, v, style);
			putc('\n', out);
		}
	}
	if (matrix) {
		matrix_terminal(out, matrix, style);
		putc('\n', out);
	}
	json_decref(matrix);
	fprintf(out, "%s; %.1f s of virtual time in %.1f s\n", counts_text, counts.virtual_s,
		run->wall_s < 0 ? counts.wall_s : run->wall_s);
	if (run->folder)
		fprintf(out, "results: %s\n", run->folder);
}
