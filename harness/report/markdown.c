// SPDX-License-Identifier: Apache-2.0
/* The dialect of GitHub and GitLab (GFM section 4.10, tables). */
#include "report/markdown.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/matrix.h"
#include "report/terminal.h"
#include "report/text.h"
#include "report/verdict.h"

/* Whatever a text holds, it stays a text */
static void put_text(FILE *out, const char *text)
{
	AUTO_FREE char *clean = text_clean(text);

	putc(' ', out);
	for (const char *c = clean; *c; c++) {
		if (strchr("\\`*_[]<>|#~&", *c))
			putc('\\', out);
		putc(*c, out);
	}
}

static void put_cell(FILE *out, const char *text)
{
	put_text(out, text);
	fputs(" |", out);
}

static void put_row(FILE *out, const json_t *verdict, bool with_seed)
{
	enum report_kind kind = report_kind(verdict);
	AUTO_FREE char *id = report_name(verdict);
	AUTO_FREE char *name =
		with_seed
			? io_printf("%s, seed %lld", id,
				    (long long)json_integer_value(json_object_get(verdict, "seed")))
			: io_printf("%s", id);
	AUTO_FREE char *outcome = report_outcome(verdict);

	putc('|', out);
	put_cell(out, name);
	put_cell(out, report_text(verdict, "pair"));
	put_cell(out, report_text(verdict, "middlebox"));
	fprintf(out, report_kinds[kind].unexpected ? " **%s** |" : " %s |",
		report_kinds[kind].name);
	put_cell(out, outcome);
	putc('\n', out);
}

static void put_matrix(FILE *out, const json_t *matrix)
{
	const json_t *columns = json_object_get(matrix, "columns"), *column, *pair, *f;
	const json_t *failures = json_object_get(matrix, "failures");
	size_t i, n;

	fputs("| pair |", out);
	json_array_foreach (columns, n, column)
		put_cell(out, json_string_value(column));
	fputs("\n| --- |", out);
	json_array_foreach (columns, n, column)
		fputs(" --- |", out);
	putc('\n', out);
	json_array_foreach (json_object_get(matrix, "pairs"), i, pair) {
		putc('|', out);
		put_cell(out, json_string_value(pair));
		json_array_foreach (columns, n, column) {
			const json_t *cell = matrix_cell(matrix, json_string_value(pair),
							 json_string_value(column));
			enum report_kind kind = report_kind_named(report_text(cell, "kind"));
			bool bad = cell && report_kinds[kind].unexpected;

			fprintf(out, bad ? " **%s** |" : " %s |",
				cell ? report_text(cell, "text") : "");
		}
		putc('\n', out);
	}
	putc('\n', out);
	json_array_foreach (failures, i, f) {
		putc('-', out);
		put_text(out, report_text(f, "text"));
		putc('\n', out);
	}
	if (json_array_size(failures))
		putc('\n', out);
}

/**
 * markdown_report() - Write verdicts as a table, before it their matrix, below it their counts
 * @out:	Where to
 * @verdicts:	Array of verdicts
 */
void markdown_report(FILE *out, const json_t *verdicts)
{
	AUTO_FREE char *counts = terminal_counts(verdicts);
	bool with_seed = !report_one_seed(verdicts);
	json_t *matrix = report_matrix(verdicts);
	const json_t *v;
	size_t i;

	if (matrix)
		put_matrix(out, matrix);
	json_decref(matrix);
	fputs("| case | pair | middlebox | verdict | what came out |\n"
	      "| --- | --- | --- | --- | --- |\n",
	      out);
	json_array_foreach (verdicts, i, v) {
		put_row(out, v, with_seed);
	}
	fprintf(out, "\n%s\n", counts);
}
