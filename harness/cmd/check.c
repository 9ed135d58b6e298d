// SPDX-License-Identifier: Apache-2.0
/*
 * dupack check: are files valid?  Offline: nothing is started, but with --probe the
 * targets themselves are asked, too, each alone in its sandbox.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/execution.h"
#include "middlebox/config.h"
#include "report/text.h"
#include "spec/check.h"
#include "spec/target.h"
#include "target-probe.h"

enum { KEY_PROBE = 0x100, KEY_RUNTIME };

struct check {
	struct home home;
	struct words files;
	bool probe;
	enum runtime runtime;
	int status;
};

static void note(struct check *check, const struct err *err)
{
	int status = cmd_error(err);

	check->status = status > check->status ? status : check->status;
}

/* A folder of a target stands for the file in it */
static char *file_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return io_printf("%s", path);
	return io_printf("%s/target.yaml", path);
}

static void check_file(struct check *check, const char *path)
{
	const struct spec_checks checks = {
		.metric = cmd_metric_ok,
		.middlebox = device_choice_ok,
		.targets_dir = check->home.targets,
	};
	AUTO_FREE char *file = file_of(path);
	struct err err = { 0 };

	if (spec_check_file(file, &checks, &err)) {
		note(check, &err);
	} else {
		AUTO_FREE char *clean = text_clean(file);

		printf("%s: ok\n", clean);
	}
}

/* --- the probe ------------------------------------------------------------------------- */

static void print_answer(void *ctx, const char *role, const struct err *why)
{
	const char *path = ctx;
	AUTO_FREE char *clean = text_clean(path), *said = text_clean(why->text);

	if (!err_is_set(why))
		printf("%s: conforms as %s\n", clean, role);
	else if (why->kind == ERR_SKIP)
		printf("%s: skipped as %s: %s\n", clean, role, said);
	else
		printf("%s: does not conform as %s: %s\n", clean, role, said);
	fflush(stdout);
}

static void probe_file(struct check *check, const char *path)
{
	AUTO_FREE char *file = file_of(path);
	AUTO_FREE char *folder = io_printf("%s/probe-XXXXXX", check->home.results);
	const struct probe_options how = {
		.home = &check->home,
		.folder = folder,
		.runtime = check->runtime,
		.jobs = 1,
		.interrupt_fd = -1,
	};
	struct err err = { 0 };

	*strrchr(file, '/') = '\0';
	if (!io_mkdirs(check->home.results, &err) && !mkdtemp(folder))
		err_set(&err, errno, "cannot make the folder '%s'", folder);
	if (err.text[0] || probe_target(file, &how, print_answer, (void *)path, &err))
		note(check, &err);
}

static bool is_target(const char *path)
{
	AUTO_FREE char *file = file_of(path);
	const char *slash = strrchr(file, '/');

	return slash && strcmp(slash, "/target.yaml") == 0;
}

/* --- the command ------------------------------------------------------------------------ */

static const struct argp_option options[] = {
	{ "probe", KEY_PROBE, NULL, 0, "ask the targets themselves, too: each verb, in a sandbox",
	  1 },
	{ "runtime", KEY_RUNTIME, "virtual|guest|host", 0, "where the probe runs (virtual)", 1 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check *check = state->input;

	switch (key) {
	case KEY_PROBE:
		check->probe = true;
		return 0;
	case KEY_RUNTIME:
		check->runtime = execution_runtime(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		check->files.v[check->files.len++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "give files: cases, or folders of targets");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "FILE...",
	.doc = "Check case files and targets: target.yaml, or its folder.\v"
	       "What is wrong is said as file:line:column; the exit status is 2 if anything is, "
	       "and 99 if a target breaks its contract.",
};

static void check_all(struct check *check)
{
	for (size_t i = 0; i < check->files.len; i++)
		check_file(check, check->files.v[i]);
	for (size_t i = 0; check->probe && !check->status && i < check->files.len; i++)
		if (is_target(check->files.v[i]))
			probe_file(check, check->files.v[i]);
}

/** cmd_check() - dupack check */
int cmd_check(int argc, char **argv)
{
	struct check check = { .files.v = calloc((size_t)argc + 1, sizeof(*check.files.v)) };
	struct err err = { 0 };

	if (!check.files.v)
		abort();
	if (home_find(&check.home, &err)) {
		free(check.files.v);
		return cmd_error(&err);
	}
	argp_parse(&argp, argc, argv, 0, NULL, &check);
	check_all(&check);
	home_release(&check.home);
	free(check.files.v);
	return cmd_finish(check.status);
}
