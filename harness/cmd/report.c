// SPDX-License-Identifier: Apache-2.0
/*
 * dupack report: show the results of a run again, or write them for others.
 *
 * The exit status says whether the report was written, not what is in it: a CI job
 * writes JUnit after a run that failed, too.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "report/html.h"
#include "report/junit.h"
#include "report/markdown.h"
#include "report/verdict.h"

enum format { FORMAT_HTML, FORMAT_JUNIT, FORMAT_MARKDOWN, FORMAT_COUNT };

static void (*const writers[FORMAT_COUNT])(FILE *out, const json_t *verdicts) = {
	[FORMAT_HTML] = html_report,
	[FORMAT_JUNIT] = junit_report,
	[FORMAT_MARKDOWN] = markdown_report,
};

#define KEY(format) (0x100 + (format))

static const struct argp_option options[] = {
	{ "html", KEY(FORMAT_HTML), "FILE", 0, "write a page with pictures; FILE - is stdout", 0 },
	{ "junit", KEY(FORMAT_JUNIT), "FILE", 0, "write JUnit XML, likewise", 0 },
	{ "markdown", KEY(FORMAT_MARKDOWN), "FILE", 0, "write a Markdown table, likewise", 0 },
	{ 0 },
};

struct arguments {
	const char **folders; /* owned */
	size_t len;
	const char *files[FORMAT_COUNT]; /* NULL: not asked for */
};

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is that of argp */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY(FORMAT_HTML):
	case KEY(FORMAT_JUNIT):
	case KEY(FORMAT_MARKDOWN):
		a->files[key - KEY(0)] = arg;
		return 0;
	case ARGP_KEY_ARG:
		a->folders[a->len++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "give a folder of results, for example results/latest");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "DIR...",
	.doc = "Show the results of a run.\v"
	       "DIR is a folder of results, for example results/latest.  Several, such as those "
	       "of all shards, are shown as one.",
};

static int write_file(enum format format, const char *path, const json_t *verdicts, struct err *err)
{
	FILE *out;
	bool bad;

	if (strcmp(path, "-") == 0) {
		writers[format](stdout, verdicts);
		return 0;
	}
	out = fopen(path, "we");
	if (!out)
		return err_set(err, errno, "cannot write '%s'", path);
	writers[format](out, verdicts);
	bad = ferror(out);
	if (fclose(out) || bad)
		return err_set(err, errno, "cannot write '%s'", path);
	return 0;
}

/* The table, unless something else was asked for */
static int write_all(const struct arguments *a, const json_t *verdicts, struct err *err)
{
	const struct terminal_run run = { .folder = a->len == 1 ? a->folders[0] : NULL,
					  .wall_s = -1 };
	const struct terminal_style style = cmd_style(STDOUT_FILENO);
	bool asked = false;

	for (size_t i = 0; i < FORMAT_COUNT; i++) {
		if (!a->files[i])
			continue;
		asked = true;
		if (write_file((enum format)i, a->files[i], verdicts, err))
			return -1;
	}
	if (!asked)
		terminal_report(stdout, verdicts, &run, &style);
	return 0;
}

/* All folders as one; what is missing in them is said on stderr */
static json_t *load(const struct arguments *a, struct err *err)
{
	json_t *verdicts = json_array();

	for (size_t i = 0; i < a->len; i++) {
		json_t *those = report_load(a->folders[i], err);
		AUTO_FREE char *missing = NULL;

		if (!those) {
			json_decref(verdicts);
			return NULL;
		}
		json_array_extend(verdicts, those);
		json_decref(those);
		missing = report_unfinished(a->folders[i]);
		if (missing)
			fprintf(stderr, "dupack: %s: %s\n", a->folders[i], missing);
	}
	return verdicts;
}

/** cmd_report() - dupack report */
int cmd_report(int argc, char **argv)
{
	struct arguments arguments = { .folders = calloc((size_t)argc, sizeof(char *)) };
	struct err err = { 0 };
	json_t *verdicts;
	int rc = -1;

	if (!arguments.folders)
		abort();
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	verdicts = load(&arguments, &err);
	if (verdicts)
		rc = write_all(&arguments, verdicts, &err);
	json_decref(verdicts);
	free(arguments.folders);
	return rc ? cmd_error(&err) : cmd_finish(0);
}
