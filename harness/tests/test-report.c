// SPDX-License-Identifier: Apache-2.0
/*
 * Reports of hostile verdicts: whatever a target puts into a text, a report keeps its
 * form.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "report/html.h"
#include "report/junit.h"
#include "report/markdown.h"
#include "report/table.h"
#include "report/tap.h"
#include "report/terminal.h"
#include "report/text.h"
#include "report/verdict.h"
#include "tests/tap.h"

#define ESC "\033[31m" /* red, if it came through */

/* --- helpers ---------------------------------------------------------------- */

struct memory {
	FILE *out;
	char *text;
	size_t size;
};

static FILE *memory_open(struct memory *m)
{
	m->out = open_memstream(&m->text, &m->size);
	if (!m->out)
		abort();
	return m->out;
}

/* The text, to be freed by the caller */
static char *memory_text(struct memory *m)
{
	fclose(m->out);
	return m->text;
}

static json_t *verdict(const char *kind, const char *reason)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:f, s:f}", "case", "one-loss",
			 "series", "seed", "pair", "a@ctcp", "middlebox", "router", "seed", 1,
			 "verdict", kind, "reason", reason, "virtual_s", 60.0, "wall_s", 0.5);
}

/* One of every kind */
static json_t *every_kind(void)
{
	json_t *all = json_array();

	for (size_t i = 0; i < REPORT_KINDS; i++)
		json_array_append_new(all, verdict(report_kinds[i].name, "because"));
	return all;
}

static char *tap_of(json_t *v)
{
	struct memory m;

	tap_result(memory_open(&m), 1, v);
	json_decref(v);
	return memory_text(&m);
}

static void begins(const char *got, const char *want, const char *what)
{
	if (!tap_ok(strncmp(got, want, strlen(want)) == 0, "%s", what)) {
		AUTO_FREE char *clean = text_clean(got);

		printf("# got '%s'\n", clean);
	}
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		AUTO_FREE char *line = strndup(text, len);
		size_t width = text_width(line);

		longest = width > longest ? width : longest;
		text += len + (text[len] == '\n');
	}
	return longest;
}

/* --- texts ------------------------------------------------------------------ */

static void test_clean(void)
{
	static const struct {
		const char *in, *out, *what;
	} cases[] = {
		{ "plain", "plain", "a plain text stays" },
		{ "a\nb\tc\rd", "a b c d", "line ends and tabs are spaces" },
		{ ESC "x", "?[31mx", "ESC is not passed on" },
		{ "\x7f", "?", "DEL" },
		{ "\xc2\x9b"
		  "31m",
		  "?31m", "C1: CSI in one character" },
		{ "\xe2\x80\xae\xe2\x80\xac", "??", "right-to-left override" },
		{ "h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		  "UTF-8 of two, three and four bytes stays" },
		{ "\xff"
		  "a",
		  "\xef\xbf\xbd"
		  "a",
		  "a byte that begins nothing" },
		{ "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd", "cut off in a character" },
		{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd", "an overlong form" },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "a surrogate" },
		{ NULL, "", "nothing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *got = text_clean(cases[i].in);

		tap_str(got, cases[i].out, "clean: %s", cases[i].what);
	}
}

static void test_fit(void)
{
	static const struct {
		const char *in;
		size_t width;
		const char *out;
	} cases[] = {
		{ "exact", 5, "exact" },
		{ "longer", 5, "long…" },
		{ "ab", 1, "…" },
		{ "\xe6\xbc\xa2\xe5\xad\x97", 4, "\xe6\xbc\xa2\xe5\xad\x97" },
		{ "\xe6\xbc\xa2\xe5\xad\x97", 3, "\xe6\xbc\xa2…" },
		{ "e\xcc\x81"
		  "a",
		  2,
		  "e\xcc\x81"
		  "a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *got = text_fit(cases[i].in, cases[i].width);

		tap_str(got, cases[i].out, "fit: '%s' in %zu", cases[i].in, cases[i].width);
		tap_ok(text_width(got) <= cases[i].width, "and it does");
	}
}

static void test_wrap(void)
{
	struct memory m;
	AUTO_FREE char *text = NULL;

	text_wrap(memory_open(&m), "one two a-very-long-word three", 2, 10);
	text = memory_text(&m);
	tap_str(text, "one two\n  a-very-long-word\n  three\n", "wrap: words stay whole");
}

/* --- verdicts --------------------------------------------------------------- */

static void test_status(void)
{
	static const struct {
		const char *kinds[3];
		const char *error;
		int status;
	} cases[] = {
		{ { "pass", "xfail", "warn" }, NULL, 0 },
		{ { "skip", "unsupported" }, NULL, 0 },
		{ { "pass", "fail" }, NULL, 1 },
		{ { "xpass" }, NULL, 1 },
		{ { "inconclusive" }, NULL, 1 },
		{ { "fail", "error" }, "target", 99 },
		{ { "error", "fail" }, "harness", 99 },
		{ { "error" }, "interrupted", 130 },
		{ { "nonsense" }, NULL, 99 },
		{ { NULL }, NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *all = json_array();

		for (size_t k = 0; k < 3 && cases[i].kinds[k]; k++) {
			json_t *v = verdict(cases[i].kinds[k], "");

			if (cases[i].error)
				json_object_set_new(v, "error",
						    json_pack("{s:s}", "kind", cases[i].error));
			json_array_append_new(all, v);
		}
		tap_is(report_exit_status(all), cases[i].status, "exit status of %s...",
		       cases[i].kinds[0] ? cases[i].kinds[0] : "nothing");
		json_decref(all);
	}
}

static void test_holes(void)
{
	json_t *v = json_object();
	AUTO_FREE char *tap = tap_of(json_object());
	AUTO_FREE char *repeat = report_repeat(v);
	AUTO_FREE char *why = report_why(v);

	tap_is(report_kind(v), REPORT_ERROR, "a verdict without a kind is an error");
	tap_str(why, "", "it has no reason");
	tap_ok(strncmp(repeat, "dupack run ", 11) == 0, "and still a command");
	begins(tap, "not ok 1 - ", "and is not ok");
	json_decref(v);
}

/* --- TAP -------------------------------------------------------------------- */

static void test_tap_lines(void)
{
	static const struct {
		const char *kind, *line;
	} cases[] = {
		{ "pass", "ok 1 - one-loss a@ctcp router seed 1\n" },
		{ "warn", "ok 1 - one-loss a@ctcp router seed 1\n  ---\n" },
		{ "fail", "not ok 1 - one-loss a@ctcp router seed 1\n  ---\n"
			  "  message: \"because\"\n  severity: \"fail\"\n" },
		{ "inconclusive", "not ok 1 - one-loss a@ctcp router seed 1\n  ---\n" },
		{ "error", "not ok 1 - one-loss a@ctcp router seed 1\n  ---\n" },
		{ "xfail", "not ok 1 - one-loss a@ctcp router seed 1 # TODO because\n  ---\n" },
		{ "skip", "ok 1 - one-loss a@ctcp router seed 1 # SKIP because\n" },
		{ "unsupported", "ok 1 - one-loss a@ctcp router seed 1 # SKIP because\n" },
		{ "xpass", "not ok 1 - one-loss a@ctcp router seed 1\n  ---\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *got = tap_of(verdict(cases[i].kind, "because"));

		begins(got, cases[i].line, cases[i].kind);
		tap_ok((strstr(got, "---") != NULL) == (strstr(got, "\n  ...\n") != NULL),
		       "its block ends");
	}
}

static void test_tap_hostile(void)
{
	json_t *v = verdict("skip", "no # TODO \\ at\nok 2 - " ESC);
	AUTO_FREE char *skip = tap_of(v);
	AUTO_FREE char *fail = NULL;
	AUTO_FREE char *long_reason = malloc(100001);
	AUTO_FREE char *long_tap = NULL;

	tap_str(skip,
		"ok 1 - one-loss a@ctcp router seed 1 # SKIP no \\# TODO \\\\ at ok 2 - ?[31m\n",
		"a description cannot begin a directive or a line");

	v = verdict("fail", "say \"x\" \\ \n  ...\nok 2\x01\xc2\x85\xe2\x80\xa8h\xc3\xa4");
	json_object_set_new(v, "findings",
			    json_pack("[{s:s, s:s}]", "rule", "r\n- x: y", "summary", "s: #"));
	json_object_set_new(v, "expectations",
			    json_pack("[{s:s, s:s, s:s, s:b}, {s:s, s:b}]", "metric", "m",
				      "expected", ">= 99%", "actual", "none", "ok", 0, "metric",
				      "fine", "ok", 1));
	fail = tap_of(v);
	tap_str(fail,
		"not ok 1 - one-loss a@ctcp router seed 1\n"
		"  ---\n"
		"  message: \"say \\\"x\\\" \\\\ \\n  ...\\nok 2\\x01\\x85\\u2028h\xc3\xa4\"\n"
		"  severity: \"fail\"\n"
		"  verdict: \"fail\"\n"
		"  expectations:\n"
		"    - metric: \"m\"\n"
		"      expected: \">= 99%\"\n"
		"      actual: \"none\"\n"
		"  findings:\n"
		"    - rule: \"r\\n- x: y\"\n"
		"      summary: \"s: #\"\n"
		"  repeat: \"dupack run seed/one-loss --pair a@ctcp --middlebox router --seed 1\"\n"
		"  ...\n",
		"nor can a text end its block");

	memset(long_reason, 'x', 100000);
	long_reason[100000] = '\0';
	long_tap = tap_of(verdict("xfail", long_reason));
	tap_ok(strlen(long_tap) > 200000, "a reason of 100,000 letters is there, whole");
}

/* --- tables ------------------------------------------------------------------- */

static void test_table(void)
{
	static const struct table_column columns[] = {
		{ .key = "a", .heading = "first" },
		{ .key = "n", .heading = "n", .right = true },
		{ .key = "why", .heading = "why" },
	};
	json_t *rows = json_pack("[{s:s, s:i, s:s}, {s:s, s:i}, {s:[s, s], s:n}]", "a",
				 "h\xc3\xa4h", "n", 7, "why", "a long explanation of it all", "a",
				 "x", "n", 12345, "a", "p", "q", "n");
	static const struct {
		size_t width;
		const char *want;
	} cases[] = {
		{ 0, "first      n  why\n"
		     "h\xc3\xa4h        7  a long explanation of it all\n"
		     "x      12345\n"
		     "p, q\n" },
		{ 34, "first      n  why\n"
		      "h\xc3\xa4h        7  a long explanation…\n"
		      "x      12345\n"
		      "p, q\n" },
		{ 24, "first      n  why\n"
		      "h\xc3\xa4h        7\n"
		      "    a long explanation…\n"
		      "x      12345\n"
		      "p, q\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct table_style style = { .width = cases[i].width };
		struct memory m;
		AUTO_FREE char *got = NULL;

		table_print(memory_open(&m), columns, ARRAY_SIZE(columns), rows, &style);
		got = memory_text(&m);
		tap_str(got, cases[i].want, "a table in %zu columns", cases[i].width);
	}
	json_decref(rows);
}

static char *terminal_of(const json_t *verdicts, size_t width, bool colour)
{
	const struct terminal_style style = { .width = width, .colour = colour };
	const struct terminal_run run = { .folder = "results/x", .wall_s = 1.5 };
	struct memory m;

	terminal_report(memory_open(&m), verdicts, &run, &style);
	return memory_text(&m);
}

static void test_terminal(void)
{
	json_t *all = every_kind();
	AUTO_FREE char *plain = terminal_of(all, 0, false);
	AUTO_FREE char *colour = terminal_of(all, 0, true);

	tap_ok(strstr(plain, "9 executions: 1 passed, 1 failed as expected, "
			     "1 passed with a warning, 1 unsupported, 1 skipped, 1 failed, "
			     "1 passed against expectation, 1 inconclusive, 1 broken; "
			     "540.0 s of virtual time in 1.5 s\nresults: results/x\n"),
	       "the last lines count each kind");
	tap_ok(strstr(plain, "\nfail seed/one-loss, a@ctcp, router, seed 1\n"
			     "  reason    because\n"
			     "  repeat    dupack run seed/one-loss --pair a@ctcp "
			     "--middlebox router --seed 1\n"),
	       "a failure is explained");
	tap_ok(strstr(plain, "\nxfail seed") != NULL, "a known failure is too");
	tap_ok(!strstr(plain, "\npass seed") && !strstr(plain, "\nskip seed"),
	       "what went well is not");
	tap_ok(!strchr(plain, '\033') && strstr(colour, "\033[1;31mfail"), "colour if wanted");
	tap_ok(!strstr(plain, "seed  verdict"), "one seed is no column");
	json_object_set_new(json_array_get(all, 1), "seed", json_integer(2));
	free(plain);
	plain = terminal_of(all, 0, false);
	tap_ok(strstr(plain, "seed  verdict"), "two are");
	json_decref(all);
}

static size_t controls(const char *text)
{
	size_t found = 0;
	uint32_t c;

	while ((c = text_next(&text)))
		found += c != '\n' && text_is_control(c);
	return found;
}

static void test_terminal_hostile(void)
{
	json_t *all = json_array();
	AUTO_FREE char *got = NULL;

	json_array_append_new(all, verdict("fail", "log: " ESC
						   "\n\nall fine \xe2\x80\xae\xe2\x80\xac and a "
						   "very long story about it that goes on and on"));
	got = terminal_of(all, 80, false);
	tap_is(controls(got), 0, "no control character but line ends");
	tap_ok(strstr(got, "\n\nall fine") == NULL, "no line of its own");
	json_array_clear(all);
	json_array_append_new(all, verdict("pass", "a very long story about it that goes on and "
						   "on, and does not want to end at all"));
	free(got);
	got = terminal_of(all, 70, false);
	tap_is(longest_line(got), 70, "a table fills its terminal and no more");
	json_decref(all);
}

/* --- files for others ------------------------------------------------------- */

/* 0: well-formed, 127: there is no xmllint */
static int xmllint(const char *text)
{
	char path[] = "/tmp/dupack-test-XXXXXX";
	AUTO_CLOSE int fd = mkstemp(path);
	int status = -1;
	pid_t child;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	child = fork();
	if (!child) {
		execlp("xmllint", "xmllint", "--noout", path, (char *)NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	unlink(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_junit(void)
{
	json_t *all = every_kind();
	AUTO_FREE char *got = NULL;
	struct memory m;
	int status;

	json_array_append_new(all,
			      verdict("fail", "]]> <b> & \" ' \x01\x1b\xef\xbf\xbf h\xc3\xa4\n"));
	junit_report(memory_open(&m), all);
	got = memory_text(&m);
	status = xmllint(got);
	if (status == 127)
		tap_skip("no xmllint");
	else
		tap_is(status, 0, "junit: it is XML");
	tap_ok(strstr(got, "<testsuite name=\"a@ctcp over router\" tests=\"10\" failures=\"4\" "
			   "errors=\"1\" skipped=\"3\" time=\"5.000\">"),
	       "junit: a suite counts its cases");
	tap_ok(strstr(got, "<testcase classname=\"seed/one-loss\" name=\"a@ctcp, router, seed 1\" "
			   "time=\"0.500\"/>"),
	       "junit: a pass");
	tap_ok(strstr(got, "message=\"]]&gt; &lt;b&gt; &amp; &quot; ' \xef\xbf\xbd\xef\xbf\xbd"
			   "\xef\xbf\xbd h\xc3\xa4&#10;\""),
	       "junit: a text is escaped");
	json_decref(all);
}

static void test_html(void)
{
	json_t *all = every_kind(), *hostile = verdict("fail", "<script>x</script> & \" ' \x01");
	AUTO_FREE char *got = NULL;
	struct memory m;

	json_object_set_new(hostile, "timeline",
			    json_pack("{s:f, s:[i,i], s:[i,i]}", "bin_s", 1.0, "sent", 10, 10,
				      "answered", 10, 5));
	json_object_set_new(
		hostile, "metrics",
		json_pack("{s:i, s:i}", "link.outside.up.lost", 3, "link.lan.down.lost", 0));
	json_array_append_new(all, hostile);
	html_report(memory_open(&m), all);
	got = memory_text(&m);
	tap_ok(!strstr(got, "<script") &&
		       strstr(got, "&lt;script&gt;x&lt;/script&gt; &amp; &quot;"),
	       "html: a text is escaped, and there is no script");
	tap_ok(!strstr(got, "http:") && !strstr(got, "https:") && !strstr(got, "src="),
	       "html: nothing is fetched");
	tap_ok(strstr(got, ">3 lost up</text>") && !strstr(got, "0 lost"),
	       "html: a link that lost frames says how many, others nothing");
	tap_ok(strstr(got, "height=\"30.0\" fill=\"#e7a49f\"") != NULL,
	       "html: half of the second bar was not answered");
	tap_ok(strstr(got, "id=\"e9\"") && !strstr(got, "id=\"e10\""),
	       "html: a section for each execution");
	json_decref(all);
}

static void test_markdown(void)
{
	json_t *all = json_array();
	AUTO_FREE char *got = NULL;
	struct memory m;

	json_array_append_new(all, verdict("fail", "a|b\n| c | <img src=x> `x` *"));
	markdown_report(memory_open(&m), all);
	got = memory_text(&m);
	tap_str(got,
		"| case | pair | middlebox | verdict | what came out |\n"
		"| --- | --- | --- | --- | --- |\n"
		"| seed/one-loss | a@ctcp | router | **fail** | "
		"a\\|b \\| c \\| \\<img src=x\\> \\`x\\` \\* |\n"
		"\n1 execution: 1 failed\n",
		"markdown: a text stays in its cell");
	json_decref(all);
}

int main(void)
{
	test_clean();
	test_fit();
	test_wrap();
	test_status();
	test_holes();
	test_tap_lines();
	test_tap_hostile();
	test_table();
	test_terminal();
	test_terminal_hostile();
	test_junit();
	test_html();
	test_markdown();
	return tap_done();
}
