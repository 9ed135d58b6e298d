// SPDX-License-Identifier: Apache-2.0
/*
 * One file, no script, nothing from the network.  A matrix is a grid of links to its
 * executions.  For each execution a picture of the
 * path, with what each link lost, and one of the traffic: when probes were sent, and how
 * many of them were answered.
 */
#include "report/html.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/matrix.h"
#include "report/terminal.h"
#include "report/text.h"
#include "report/verdict.h"
#include "spec/case.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>dupack</title>\n"
	"<meta name=\"viewport\" content=\"width=device-width\"><style>\n"
	"body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:74em;padding:0 1em;"
	"color:#1c2330;background:#fff}\n"
	"h1{font-size:1.5em;margin:0}h2{font-size:1.05em;margin:0;display:inline}\n"
	"table{border-collapse:collapse;width:100%;margin:1em 0}"
	"td,th{text-align:left;padding:.3em .6em;border-bottom:1px solid #dde2ea;"
	"vertical-align:top}\n"
	"th{font-weight:600;color:#5a6475}code{font:13px/1.4 ui-monospace,monospace;"
	"overflow-wrap:anywhere}a{color:inherit}\n"
	".k{display:inline-block;min-width:5.5em;padding:.05em .5em;border-radius:.3em;color:#fff;"
	"text-align:center;font-size:13px}\n"
	".good{background:#23774a}.known{background:#8a6a10}.bad{background:#b3261e}"
	".none{background:#6b7585}\n"
	"section{border:1px solid #dde2ea;border-radius:.5em;padding:.8em 1em;margin:1em 0}\n"
	"svg{display:block;width:100%;height:auto;margin:.6em 0}svg text{font:12px system-ui,"
	"sans-serif;fill:#1c2330}\n"
	".grid{width:auto}.grid td,.grid th{border:1px solid #fff;white-space:nowrap}\n"
	".grid td{padding:0;color:#fff;font-size:13px}.grid td a{display:block;padding:.35em .7em;"
	"text-decoration:none}.grid td.gap{background:#f3f5f9}\n"
	".scroll{overflow-x:auto}\n"
	".finding{margin:.4em 0 .4em 1em}.q{color:#5a6475}\n"
	"</style></head><body>\n<h1>dupack</h1>\n";

static const char *const classes[REPORT_KINDS] = {
	[REPORT_PASS] = "good",	       [REPORT_XFAIL] = "known",      [REPORT_WARN] = "known",
	[REPORT_UNSUPPORTED] = "none", [REPORT_SKIP] = "none",	      [REPORT_FAIL] = "bad",
	[REPORT_XPASS] = "bad",	       [REPORT_INCONCLUSIVE] = "bad", [REPORT_ERROR] = "bad",
};

static void put_kind(FILE *out, const json_t *verdict)
{
	enum report_kind kind = report_kind(verdict);

	fprintf(out, "<span class=\"k %s\">%s</span>", classes[kind], report_kinds[kind].name);
}

/* A text between two pieces of markup */
static void put(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	text_put_xml(out, text);
	fputs(after, out);
}

/* --- the table ---------------------------------------------------------------------------- */

static void put_row(FILE *out, const json_t *verdict, size_t i)
{
	AUTO_FREE char *name = report_name(verdict);
	AUTO_FREE char *outcome = report_outcome(verdict);

	fprintf(out, "<tr><td>");
	put_kind(out, verdict);
	fprintf(out, "</td><td><a href=\"#e%zu\">", i);
	put(out, "", name, "</a></td>");
	put(out, "<td>", report_text(verdict, "pair"), "</td>");
	put(out, "<td>", report_text(verdict, "middlebox"), "</td>");
	put(out, "<td>", outcome, "</td></tr>\n");
}

/* --- the matrix --------------------------------------------------------------------------- */

/* The execution that a cell is shown by: the first of its kind */
static size_t cell_example(const json_t *verdicts, const json_t *cell, bool by_case)
{
	const json_t *v;
	size_t i;

	json_array_foreach (verdicts, i, v) {
		AUTO_FREE char *name =
			by_case ? report_name(v) : io_printf("%s", report_text(v, "middlebox"));

		if (strcmp(report_text(v, "pair"), report_text(cell, "pair")) == 0 &&
		    strcmp(name, report_text(cell, "column")) == 0 &&
		    strcmp(report_kinds[report_kind(v)].name, report_text(cell, "kind")) == 0)
			return i;
	}
	return 0;
}

static void put_cell(FILE *out, const json_t *verdicts, const json_t *matrix, const char *pair,
		     const char *column)
{
	const json_t *cell = matrix_cell(matrix, pair, column);
	bool by_case = strcmp(report_text(matrix, "by"), "case") == 0;

	if (!cell) {
		fputs("<td class=\"gap\"></td>", out);
		return;
	}
	fprintf(out, "<td class=\"%s\"><a href=\"#e%zu\">",
		classes[report_kind_named(report_text(cell, "kind"))],
		cell_example(verdicts, cell, by_case));
	put(out, "", report_text(cell, "text"), "</a></td>");
}

static void put_matrix(FILE *out, const json_t *verdicts)
{
	json_t *matrix = report_matrix(verdicts);
	const json_t *pairs = json_object_get(matrix, "pairs"), *pair;
	const json_t *columns = json_object_get(matrix, "columns"), *column, *f;
	size_t i, n;

	if (!matrix)
		return;
	fputs("<div class=\"scroll\"><table class=\"grid\"><tr><th></th>", out);
	json_array_foreach (columns, n, column)
		put(out, "<th>", json_string_value(column), "</th>");
	fputs("</tr>\n", out);
	json_array_foreach (pairs, i, pair) {
		put(out, "<tr><th>", json_string_value(pair), "</th>");
		json_array_foreach (columns, n, column)
			put_cell(out, verdicts, matrix, json_string_value(pair),
				 json_string_value(column));
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
	if (json_array_size(json_object_get(matrix, "failures")))
		fputs("<ul>\n", out);
	json_array_foreach (json_object_get(matrix, "failures"), i, f)
		put(out, "<li>", report_text(f, "text"), "</li>\n");
	if (i)
		fputs("</ul>\n", out);
	json_decref(matrix);
}

/* --- the path ------------------------------------------------------------------------------- */

#define BOX_W  130
#define BOX_H  44
#define STEP   235 /* from box to box */
#define LINE_Y 62

static double lost_on(const json_t *verdict, int link, int direction)
{
	char metric[64];

	snprintf(metric, sizeof(metric), "link.%s.%s.lost", link_names[link],
		 direction_names[direction]);
	return json_number_value(json_object_get(json_object_get(verdict, "metrics"), metric));
}

static void put_arrow(FILE *out, const json_t *verdict, int link, int direction)
{
	double lost = lost_on(verdict, link, direction);
	int from = link * STEP + BOX_W, to = (link + 1) * STEP;
	int y = direction == DIR_UP ? LINE_Y - 7 : LINE_Y + 7;
	int tip = direction == DIR_UP ? to : from, back = direction == DIR_UP ? -7 : 7;
	const char *colour = lost > 0 ? "#b3261e" : "#5a6475";

	fprintf(out,
		"<path d=\"M%d %dH%dM%d %dl%d -4v8z\" stroke=\"%s\" fill=\"%s\" "
		"stroke-width=\"1.5\"/>",
		from, y, to, tip, y, back, colour, colour);
	if (lost > 0)
		fprintf(out,
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" style=\"fill:#b3261e\">"
			"%.0f lost %s</text>",
			(from + to) / 2, direction == DIR_UP ? LINE_Y - 14 : LINE_Y + 22, lost,
			direction_names[direction]);
}

static void put_path(FILE *out, const json_t *verdict)
{
	fprintf(out, "<svg viewBox=\"-1 24 %d 84\" role=\"img\" aria-label=\"the path\">",
		4 * STEP + BOX_W + 2);
	for (int link = 0; link < LINK_COUNT; link++) {
		for (int d = 0; d < DIR_COUNT; d++)
			put_arrow(out, verdict, link, d);
		fprintf(out,
			"<text x=\"%d\" y=\"102\" text-anchor=\"middle\" style=\"fill:#5a6475\">%s"
			"</text>",
			link * STEP + (BOX_W + STEP) / 2, link_names[link]);
	}
	for (int node = 0; node < NODE_COUNT; node++) {
		const char *what = node == NODE_CLIENT	    ? report_text(verdict, "client")
				   : node == NODE_MIDDLEBOX ? report_text(verdict, "middlebox")
				   : node == NODE_HEADEND   ? report_text(verdict, "headend")
							    : "";
		AUTO_FREE char *label = text_fit(what, 18);

		fprintf(out,
			"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" "
			"fill=\"#f3f5f9\" stroke=\"#9aa4b5\"/>"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-weight=\"600\">%s</text>",
			node * STEP, LINE_Y - BOX_H / 2, BOX_W, BOX_H, node * STEP + BOX_W / 2,
			*label ? LINE_Y - 3 : LINE_Y + 4, node_names[node]);
		fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
			node * STEP + BOX_W / 2, LINE_Y + 14);
		put(out, "", label, "</text>");
	}
	fputs("</svg>\n", out);
}

/* --- the traffic ------------------------------------------------------------------------------ */

#define CHART_W 1000
#define CHART_H 60

static void put_bar(FILE *out, double x, double width, double from, double to, const char *colour)
{
	if (to > from)
		fprintf(out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>",
			x, CHART_H * (1 - to), width, CHART_H * (to - from), colour);
}

/* When something of the case's timeline began (a line) and ended (a dashed one) */
static void put_changes(FILE *out, const json_t *changes, double span_s)
{
	const json_t *c;
	size_t i;

	json_array_foreach (changes, i, c) {
		double t_s = report_number(c, "t_s"), x = t_s / span_s * CHART_W;
		bool ends = json_is_true(json_object_get(c, "ends"));

		if (x < 0 || x > CHART_W)
			continue;
		fprintf(out,
			"<path d=\"M%.1f 0V%d\" stroke=\"#1d4ed8\" stroke-width=\"1.5\"%s>"
			"<title>%.3f s: ",
			x, CHART_H, ends ? " stroke-dasharray=\"3 3\"" : "", t_s);
		put(out, "", report_text(c, "what"),
		    ends ? " ends</title></path>" : "</title></path>");
	}
}

static void put_traffic(FILE *out, const json_t *verdict)
{
	const json_t *timeline = json_object_get(verdict, "timeline");
	const json_t *sent = json_object_get(timeline, "sent"), *n;
	const json_t *answered = json_object_get(timeline, "answered");
	double bin_s = json_number_value(json_object_get(timeline, "bin_s")), most = 0, width;
	size_t len = json_array_size(sent), i;

	if (!len)
		return;
	json_array_foreach (sent, i, n)
		most = json_number_value(n) > most ? json_number_value(n) : most;
	width = (double)CHART_W / (double)len;
	fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"probes over time\">",
		CHART_W, CHART_H + 18);
	json_array_foreach (sent, i, n) {
		double all = json_number_value(n) / most;
		double good = json_number_value(json_array_get(answered, i)) / most;

		put_bar(out, (double)i * width, width - 1, 0, good, "#23774a");
		put_bar(out, (double)i * width, width - 1, good, all, "#e7a49f");
	}
	put_changes(out, json_object_get(timeline, "changes"), bin_s * (double)len);
	fprintf(out,
		"<text x=\"0\" y=\"%d\">0 s: probes answered (dark) and not answered (light)</text>"
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f s</text></svg>\n",
		CHART_H + 14, CHART_W, CHART_H + 14, bin_s * (double)len);
}

/* --- one execution ------------------------------------------------------------------------------
 */

static void put_expectations(FILE *out, const json_t *verdict)
{
	const json_t *e;
	size_t i;

	fputs("<table><tr><th>metric</th><th>expected</th><th>measured</th><th></th></tr>\n", out);
	json_array_foreach (json_object_get(verdict, "expectations"), i, e) {
		put(out, "<tr><td>", report_text(e, "metric"), "</td>");
		put(out, "<td>", report_text(e, "expected"), "</td>");
		put(out, "<td>", report_text(e, "actual"), "</td>");
		fprintf(out, "<td>%s</td></tr>\n",
			json_is_true(json_object_get(e, "ok")) ? "holds" : "<b>does not hold</b>");
	}
	fputs("</table>\n", out);
}

static void put_findings(FILE *out, const json_t *verdict)
{
	const json_t *f, *p;
	size_t i, k;

	json_array_foreach (json_object_get(verdict, "findings"), i, f) {
		put(out, "<div class=\"finding\"><b>", report_text(f, "rule"), "</b> ");
		put(out, "", report_text(f, "summary"), "");
		if (*report_text(f, "clause"))
			put(out, " <span class=\"q\">(", report_text(f, "clause"), ")</span>");
		json_array_foreach (json_object_get(f, "packets"), k, p) {
			put(out, "<br><code>", report_text(p, "file"), "");
			fprintf(out, " frame %lld</code> ",
				(long long)json_integer_value(json_object_get(p, "number")));
			put(out, "", report_text(p, "what"), "");
		}
		fputs("</div>\n", out);
	}
}

/* What was planned, and how much of it took place */
static void put_witness(FILE *out, const json_t *verdict)
{
	const json_t *witness = json_object_get(verdict, "witness"), *row, *n;
	size_t i;

	if (!json_array_size(json_object_get(witness, "detail")))
		return;
	fputs("<table><tr><th>planned on</th><th></th><th></th><th>happened</th></tr>\n", out);
	json_array_foreach (json_object_get(witness, "detail"), i, row) {
		const char *direction = report_text(row, "direction");

		put(out, "<tr><td>", report_text(row, "link"), "");
		put(out, "", report_text(row, "node"), "");
		put(out, "", report_text(row, "device"), *direction ? ":" : "");
		put(out, "", direction, "</td>");
		put(out, "<td>", report_text(row, "what"), "</td>");
		put(out, "<td>", report_text(row, "planned"), "</td>");
		n = json_object_get(row, "happened");
		if (json_is_integer(n))
			fprintf(out, "<td>%lld</td></tr>\n", (long long)json_integer_value(n));
		else
			fputs("<td>not counted</td></tr>\n", out);
	}
	fputs("</table>\n", out);
}

static void put_execution(FILE *out, const json_t *verdict, size_t i)
{
	AUTO_FREE char *name = report_name(verdict);
	AUTO_FREE char *why = report_why(verdict);
	AUTO_FREE char *repeat = report_repeat(verdict);

	fprintf(out, "<section id=\"e%zu\">", i);
	put_kind(out, verdict);
	put(out, " <h2>", name, "</h2> ");
	put(out, "<span class=\"q\">", report_text(verdict, "title"), "</span>\n");
	put(out, "<p>", report_text(verdict, "requirement"), "");
	put(out, " <span class=\"q\">(", report_text(verdict, "clause"), ")</span><br>");
	put(out, "", why, "</p>\n");
	put_path(out, verdict);
	put_traffic(out, verdict);
	put_witness(out, verdict);
	put_expectations(out, verdict);
	put_findings(out, verdict);
	put(out, "<p class=\"q\">repeat <code>", repeat, "</code><br>");
	fprintf(out, "seed %lld, ",
		(long long)json_integer_value(json_object_get(verdict, "seed")));
	put(out, "runtime ", report_text(verdict, "runtime"), "");
	fprintf(out, ", %.1f s of virtual time in %.1f s", report_number(verdict, "virtual_s"),
		report_number(verdict, "wall_s"));
	put(out, ", digest <code>", report_text(verdict, "digest"), "</code></p></section>\n");
}

/**
 * html_report() - Write verdicts as a page
 * @out:	Where to
 * @verdicts:	Array of verdicts
 */
void html_report(FILE *out, const json_t *verdicts)
{
	AUTO_FREE char *counts = terminal_counts(verdicts);
	const json_t *v;
	size_t i;

	fputs(head, out);
	put(out, "<p>", counts, "</p>\n");
	put_matrix(out, verdicts);
	fputs("<table><tr><th>verdict</th><th>case</th><th>pair</th><th>middlebox</th>"
	      "<th>what came out</th></tr>\n",
	      out);
	json_array_foreach (verdicts, i, v)
		put_row(out, v, i);
	fputs("</table>\n", out);
	json_array_foreach (verdicts, i, v)
		put_execution(out, v, i);
	fputs("</body></html>\n", out);
}
