// SPDX-License-Identifier: Apache-2.0
/*
 * JUnit XML has no norm; this is what Jenkins, GitLab and GitHub's actions read: one
 * <testsuite> a pair and middlebox, one <testcase> an execution.  A known deviation is
 * <skipped>, as there is nothing nearer.
 *
 * XML 1.0 has no way to write most control characters, not even quoted: they become
 * U+FFFD.
 */
#include "report/junit.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/terminal.h"
#include "report/text.h"
#include "report/verdict.h"

static const char *const elements[REPORT_KINDS] = {
	[REPORT_XFAIL] = "skipped", [REPORT_UNSUPPORTED] = "skipped",
	[REPORT_SKIP] = "skipped",  [REPORT_FAIL] = "failure",
	[REPORT_XPASS] = "failure", [REPORT_INCONCLUSIVE] = "failure",
	[REPORT_ERROR] = "error",
};

static void put_attribute(FILE *out, const char *name, const char *text)
{
	fprintf(out, " %s=\"", name);
	text_put_xml(out, text);
	putc('"', out);
}

/* The same lines as on a terminal */
static void put_details(FILE *out, const json_t *verdict)
{
	const struct terminal_style plain = { 0 };
	AUTO_FREE char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		abort();
	terminal_problem(memory, verdict, &plain);
	fclose(memory);
	text_put_xml(out, text);
}

static void put_case(FILE *out, const json_t *verdict)
{
	enum report_kind kind = report_kind(verdict);
	AUTO_FREE char *why = report_why(verdict);
	AUTO_FREE char *class = report_name(verdict);
	AUTO_FREE char *name =
		io_printf("%s, %s, seed %lld", report_text(verdict, "pair"),
			  report_text(verdict, "middlebox"),
			  (long long)json_integer_value(json_object_get(verdict, "seed")));

	fputs("    <testcase", out);
	put_attribute(out, "classname", class);
	put_attribute(out, "name", name);
	fprintf(out, " time=\"%.3f\"", report_number(verdict, "wall_s"));
	if (!elements[kind]) {
		fputs("/>\n", out);
		return;
	}
	fprintf(out, ">\n      <%s", elements[kind]);
	put_attribute(out, "message", why);
	if (report_kinds[kind].unexpected) {
		put_attribute(out, "type", report_kinds[kind].name);
		putc('>', out);
		put_details(out, verdict);
		fprintf(out, "</%s>\n    </testcase>\n", elements[kind]);
	} else {
		fputs("/>\n    </testcase>\n", out);
	}
}

static void put_totals(FILE *out, const json_t *verdicts)
{
	struct report_counts counts;
	size_t of[3] = { 0 };
	static const char *const names[] = { "failure", "error", "skipped" };

	report_count(verdicts, &counts);
	for (size_t kind = 0; kind < REPORT_KINDS; kind++)
		for (size_t n = 0; n < ARRAY_SIZE(names); n++)
			if (elements[kind] && strcmp(elements[kind], names[n]) == 0)
				of[n] += counts.of[kind];
	fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
		counts.total, of[0], of[1], of[2], counts.wall_s);
}

/* Suite name -> array of verdicts, in the order of first appearance */
static json_t *group(const json_t *verdicts)
{
	json_t *suites = json_object();
	const json_t *v;
	size_t i;

	json_array_foreach (verdicts, i, v) {
		AUTO_FREE char *name = io_printf("%s over %s", report_text(v, "pair"),
						 report_text(v, "middlebox"));
		json_t *suite = json_object_get(suites, name);

		if (!suite) {
			suite = json_array();
			json_object_set_new(suites, name, suite);
		}
		json_array_append(suite, (json_t *)v);
	}
	return suites;
}

/**
 * junit_report() - Write verdicts as JUnit XML
 * @out:	Where to
 * @verdicts:	Array of verdicts
 */
void junit_report(FILE *out, const json_t *verdicts)
{
	json_t *suites = group(verdicts), *suite;
	const char *name;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"dupack\"", out);
	put_totals(out, verdicts);
	fputs(">\n", out);
	json_object_foreach (suites, name, suite) {
		const json_t *v;
		size_t i;

		fputs("  <testsuite", out);
		put_attribute(out, "name", name);
		put_totals(out, suite);
		fputs(">\n", out);
		json_array_foreach (suite, i, v) {
			put_case(out, v);
		}
		fputs("  </testsuite>\n", out);
	}
	fputs("</testsuites>\n", out);
	json_decref(suites);
}
