// SPDX-License-Identifier: Apache-2.0
/*
 * A verdict is read as leniently as possible: one that lacks a key is shown with a
 * hole, one whose kind is unknown counts as an error of ours.
 */
#include "report/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

const struct report_kind_info report_kinds[REPORT_KINDS] = {
	[REPORT_PASS] = { "pass", "passed", "32", false, 0 },
	[REPORT_XFAIL] = { "xfail", "failed as expected", "36", false, 0 },
	[REPORT_WARN] = { "warn", "passed with a warning", "33", false, 0 },
	[REPORT_UNSUPPORTED] = { "unsupported", "unsupported", "2", false, 0 },
	[REPORT_SKIP] = { "skip", "skipped", "2", false, 0 },
	[REPORT_FAIL] = { "fail", "failed", "1;31", true, EXIT_FAILED },
	[REPORT_XPASS] = { "xpass", "passed against expectation", "1;31", true, EXIT_FAILED },
	[REPORT_INCONCLUSIVE] = { "inconclusive", "inconclusive", "1;35", true, EXIT_FAILED },
	[REPORT_ERROR] = { "error", "broken", "1;35", true, EXIT_HARNESS },
};

/** report_kind_named() - The kind of that name; what is unknown is an error */
enum report_kind report_kind_named(const char *name)
{
	for (size_t i = 0; i < REPORT_KINDS; i++)
		if (strcmp(report_kinds[i].name, name) == 0)
			return (enum report_kind)i;
	return REPORT_ERROR;
}

/** report_kind() - Which kind a verdict is; what is unknown is an error */
enum report_kind report_kind(const json_t *verdict)
{
	return report_kind_named(report_text(verdict, "verdict"));
}

/** report_text() - A text of an object, borrowed; "" if there is none */
const char *report_text(const json_t *verdict, const char *key)
{
	const char *text = json_string_value(json_object_get(verdict, key));

	return text ? text : "";
}

/** report_number() - A number of an object; 0 if there is none */
double report_number(const json_t *verdict, const char *key)
{
	return json_number_value(json_object_get(verdict, key));
}

/** report_name() - SERIES/CASE, to be freed by the caller */
char *report_name(const json_t *verdict)
{
	const char *series = report_text(verdict, "series");

	return io_printf("%s%s%s", series, *series ? "/" : "", report_text(verdict, "case"));
}

/** report_why() - Why this verdict, in a line; to be freed by the caller */
char *report_why(const json_t *verdict)
{
	const char *known = report_text(json_object_get(verdict, "deviation"), "reason");
	const char *reason = report_text(verdict, "reason");

	if (report_kind(verdict) == REPORT_XFAIL && *known)
		return io_printf("%s", known);
	if (report_kind(verdict) == REPORT_XPASS)
		return io_printf("the known deviation no longer holds: remove it (%s)",
				 *known ? known : reason);
	if (!*reason)
		reason = report_text(json_object_get(verdict, "error"), "text");
	return io_printf("%s", reason);
}

/**
 * report_outcome() - What came out, in a line; to be freed by the caller
 *
 * What was measured, if that is what decided; else why nothing was.
 */
char *report_outcome(const json_t *verdict)
{
	const char *measured = report_text(verdict, "measured");
	enum report_kind kind = report_kind(verdict);

	if (*measured && (kind == REPORT_PASS || kind == REPORT_XFAIL || kind == REPORT_FAIL ||
			  kind == REPORT_WARN))
		return io_printf("%s", measured);
	return report_why(verdict);
}

/** report_repeat() - The command that repeats an execution, to be freed by the caller */
char *report_repeat(const json_t *verdict)
{
	AUTO_FREE char *name = report_name(verdict);
	const char *stored = report_text(verdict, "repeat");

	if (*stored)
		return io_printf("%s", stored);
	return io_printf("dupack run %s --pair %s --middlebox %s --seed %lld", name,
			 report_text(verdict, "pair"), report_text(verdict, "middlebox"),
			 (long long)json_integer_value(json_object_get(verdict, "seed")));
}

/** report_finding() - A finding in a line: rule, hop, summary, clause; freed by the caller */
char *report_finding(const json_t *finding)
{
	const char *hop = report_text(finding, "hop"), *clause = report_text(finding, "clause");

	return io_printf("%s%s%s: %s%s%s%s", report_text(finding, "rule"), *hop ? " at " : "", hop,
			 report_text(finding, "summary"), *clause ? " (" : "", clause,
			 *clause ? ")" : "");
}

/**
 * report_count() - How many there are of each kind
 * @verdicts:	Array of verdicts
 * @ret:	Filled in
 */
void report_count(const json_t *verdicts, struct report_counts *ret)
{
	const json_t *v;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	json_array_foreach (verdicts, i, v) {
		ret->of[report_kind(v)]++;
		ret->total++;
		ret->virtual_s += report_number(v, "virtual_s");
		ret->wall_s += report_number(v, "wall_s");
	}
}

/** report_one_seed() - Have all verdicts the same seed? */
bool report_one_seed(const json_t *verdicts)
{
	const json_t *v, *first = json_object_get(json_array_get(verdicts, 0), "seed");
	size_t i;

	json_array_foreach (verdicts, i, v)
		if (!json_equal(json_object_get(v, "seed"), first))
			return false;
	return true;
}

/* What one verdict means: one of an interrupted run says so, unless others are worse */
static int exit_status(const json_t *verdict)
{
	enum report_kind kind = report_kind(verdict);
	const char *error = report_text(json_object_get(verdict, "error"), "kind");

	return kind == REPORT_ERROR && strcmp(error, "interrupted") == 0
		       ? EXIT_INTERRUPTED
		       : report_kinds[kind].exit_status;
}

/**
 * report_exit_status() - The exit status that verdicts amount to
 * @verdicts:	Array of verdicts
 *
 * Return: 99 if harness or target broke in any, else 130 if one was interrupted, else
 *	   1 if any asks for attention, else 0
 */
int report_exit_status(const json_t *verdicts)
{
	int status = 0;
	const json_t *v;
	size_t i;

	json_array_foreach (verdicts, i, v) {
		int one = exit_status(v);

		if (one == EXIT_HARNESS)
			return one;
		status = one > status ? one : status;
	}
	return status;
}

/**
 * report_load() - Read the verdicts of a results folder, as its run.json lists them
 * @folder:	results/<run>
 * @err:	Set on failure: ERR_USAGE if it is not a folder of results
 *
 * An execution without verdict.json is left out: the run was killed in it.
 *
 * Return: an array, owned by the caller, or NULL
 */
json_t *report_load(const char *folder, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/run.json", folder);
	json_t *run, *verdicts, *execution;
	json_error_t why;
	size_t i;

	run = json_load_file(path, 0, &why);
	if (!json_is_array(json_object_get(run, "executions"))) {
		json_decref(run);
		err_set_kind(err, ERR_USAGE, "'%s' is not a folder of results: %s", folder,
			     run ? "its run.json has no 'executions'" : why.text);
		return NULL;
	}
	verdicts = json_array();
	json_array_foreach (json_object_get(run, "executions"), i, execution) {
		AUTO_FREE char *file =
			io_printf("%s/%s/verdict.json", folder, report_text(execution, "folder"));
		json_t *verdict = json_load_file(file, 0, NULL);

		if (verdict)
			json_array_append_new(verdicts, verdict);
	}
	json_decref(run);
	return verdicts;
}

/**
 * report_unfinished() - What is missing in a results folder
 * @folder:	results/<run>
 *
 * Return: how much, and how to go on, to be freed by the caller; NULL if nothing is
 */
char *report_unfinished(const char *folder)
{
	AUTO_FREE char *path = io_printf("%s/run.json", folder);
	json_t *run = json_load_file(path, 0, NULL);
	const json_t *all = json_object_get(run, "executions"), *execution;
	const char *resume = report_text(run, "resume");
	size_t missing = 0, i;
	char *text = NULL;

	json_array_foreach (all, i, execution) {
		AUTO_FREE char *file =
			io_printf("%s/%s/verdict.json", folder, report_text(execution, "folder"));

		missing += access(file, F_OK) != 0;
	}
	if (missing)
		text = io_printf("%zu of %zu executions have no verdict%s%s", missing,
				 json_array_size(all), *resume ? "; to go on: " : "", resume);
	json_decref(run);
	return text;
}
