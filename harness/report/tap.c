// SPDX-License-Identifier: Apache-2.0
/*
 * TAP 13 (testanything.org), in the part that perl's TAP::Harness understands too.
 *
 *   pass, warn            ok
 *   xfail                 not ok # TODO: a known deviation
 *   skip, unsupported     ok # SKIP
 *   fail, xpass,
 *   inconclusive, error   not ok
 *
 * A '#' of a description would begin a directive and a backslash would quote one,
 * so both are quoted.  Texts in the YAML block are double-quoted always, so that
 * nothing in them is syntax.
 */
#include "report/tap.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/text.h"
#include "report/verdict.h"

struct tap_kind {
	bool ok;
	const char *directive; /* NULL: none */
	const char *severity; /* in the YAML block; NULL: there is no block */
};

static const struct tap_kind kinds[] = {
	[REPORT_PASS] = { true, NULL, NULL },
	[REPORT_XFAIL] = { false, "TODO", "todo" },
	[REPORT_WARN] = { true, NULL, "warning" },
	[REPORT_UNSUPPORTED] = { true, "SKIP", NULL },
	[REPORT_SKIP] = { true, "SKIP", NULL },
	[REPORT_FAIL] = { false, NULL, "fail" },
	[REPORT_XPASS] = { false, NULL, "fail" },
	[REPORT_INCONCLUSIVE] = { false, NULL, "inconclusive" },
	[REPORT_ERROR] = { false, NULL, "error" },
};
_Static_assert(ARRAY_SIZE(kinds) == REPORT_KINDS, "a row for each kind of verdict");

static void put_description(FILE *out, const char *text)
{
	AUTO_FREE char *clean = text_clean(text);

	for (const char *c = clean; *c; c++) {
		if (*c == '#' || *c == '\\')
			putc('\\', out);
		putc(*c, out);
	}
}

/* A double-quoted YAML scalar (YAML 1.1 section 5.6) */
static void put_quoted(FILE *out, const char *text)
{
	uint32_t c;

	putc('"', out);
	while ((c = text_next(&text))) {
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == '\t')
			fputs("\\t", out);
		else if (text_is_control(c))
			fprintf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		else
			text_put(out, c);
	}
	putc('"', out);
}

static void put_key(FILE *out, const char *indent, const char *key, const char *text)
{
	if (!*text)
		return;
	fprintf(out, "%s%s: ", indent, key);
	put_quoted(out, text);
	putc('\n', out);
}

static void put_expectations(FILE *out, const json_t *verdict)
{
	bool begun = false;
	const json_t *e;
	size_t i;

	json_array_foreach (json_object_get(verdict, "expectations"), i, e) {
		if (json_is_true(json_object_get(e, "ok")))
			continue;
		if (!begun)
			fputs("  expectations:\n", out);
		begun = true;
		fputs("    - metric: ", out);
		put_quoted(out, report_text(e, "metric"));
		fputs("\n      expected: ", out);
		put_quoted(out, report_text(e, "expected"));
		fputs("\n      actual: ", out);
		put_quoted(out, report_text(e, "actual"));
		putc('\n', out);
	}
}

static void put_findings(FILE *out, const json_t *verdict)
{
	const json_t *findings = json_object_get(verdict, "findings"), *f;
	size_t i;

	if (json_array_size(findings))
		fputs("  findings:\n", out);
	json_array_foreach (findings, i, f) {
		fputs("    - rule: ", out);
		put_quoted(out, report_text(f, "rule"));
		putc('\n', out);
		put_key(out, "      ", "hop", report_text(f, "hop"));
		put_key(out, "      ", "summary", report_text(f, "summary"));
		put_key(out, "      ", "clause", report_text(f, "clause"));
	}
}

static void put_block(FILE *out, const json_t *verdict, const char *severity)
{
	AUTO_FREE char *repeat = report_repeat(verdict);
	AUTO_FREE char *why = report_why(verdict);
	const char *reason = report_text(verdict, "reason"); /* of an xfail: what was measured */

	fputs("  ---\n", out);
	put_key(out, "  ", "message", *reason ? reason : why);
	put_key(out, "  ", "severity", severity);
	put_key(out, "  ", "verdict", report_kinds[report_kind(verdict)].name);
	put_key(out, "  ", "requirement", report_text(verdict, "requirement"));
	put_key(out, "  ", "clause", report_text(verdict, "clause"));
	put_expectations(out, verdict);
	put_findings(out, verdict);
	put_key(out, "  ", "repeat", repeat);
	fputs("  ...\n", out);
}

/**
 * tap_begin() - Write the version and the plan
 * @out:	Where to
 * @plan:	How many results follow, at least 1
 */
void tap_begin(FILE *out, size_t plan)
{
	fprintf(out, "TAP version 13\n1..%zu\n", plan);
}

/** tap_skip_all() - Write a whole stream that says that nothing could be tested, and why */
void tap_skip_all(FILE *out, const char *why)
{
	fputs("TAP version 13\n1..0 # SKIP ", out);
	put_description(out, why);
	putc('\n', out);
}

/**
 * tap_result() - Write one verdict
 * @out:	Where to
 * @number:	From 1, ascending
 * @verdict:	The verdict
 */
void tap_result(FILE *out, size_t number, const json_t *verdict)
{
	const struct tap_kind *kind = &kinds[report_kind(verdict)];
	AUTO_FREE char *what =
		io_printf("%s %s %s seed %lld", report_text(verdict, "case"),
			  report_text(verdict, "pair"), report_text(verdict, "middlebox"),
			  (long long)json_integer_value(json_object_get(verdict, "seed")));

	fprintf(out, "%sok %zu - ", kind->ok ? "" : "not ", number);
	put_description(out, what);
	if (kind->directive) {
		AUTO_FREE char *why = report_why(verdict);

		fprintf(out, " # %s ", kind->directive);
		put_description(out, why);
	}
	putc('\n', out);
	if (kind->severity)
		put_block(out, verdict, kind->severity);
}

/** tap_comment() - Write a line that means nothing to a harness */
void tap_comment(FILE *out, const char *text)
{
	AUTO_FREE char *clean = text_clean(text);

	fprintf(out, "# %s\n", clean);
}

/** tap_bail_out() - Tell the harness to stop testing altogether */
void tap_bail_out(FILE *out, const char *why)
{
	AUTO_FREE char *clean = text_clean(why);

	fprintf(out, "Bail out!  %s\n", clean);
}
