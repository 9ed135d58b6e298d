// SPDX-License-Identifier: Apache-2.0
/* The dialect of GitHub and GitLab (GFM section 4.10, tables). */
#include "report/markdown.h"

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/terminal.h"
#include "report/text.h"
#include "report/verdict.h"

/* Whatever a text holds, it stays a text in its cell */
static void put_cell(FILE *out, const char *text)
{
	AUTO_FREE char *clean = text_clean(text);

	putc(' ', out);
	for (const char *c = clean; *c; c++) {
		if (strchr("\\`*_[]<>|#~&", *c))
			putc('\\', out);
		putc(*c, out);
	}
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

/**
 * markdown_report() - Write verdicts as a table, and their counts
 * @out:	Where to
 * @verdicts:	Array of verdicts
 */
void markdown_report(FILE *out, const json_t *verdicts)
{
	AUTO_FREE char *counts = terminal_counts(verdicts);
	bool with_seed = !report_one_seed(verdicts);
	const json_t *v;
	size_t i;

	fputs("| case | pair | middlebox | verdict | what came out |\n"
	      "| --- | --- | --- | --- | --- |\n",
	      out);
	json_array_foreach (verdicts, i, v) {
		put_row(out, v, with_seed);
	}
	fprintf(out, "\n%s\n", counts);
}
