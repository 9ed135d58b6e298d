// SPDX-License-Identifier: Apache-2.0
/* dupack check: are files valid? Offline: nothing is started. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/home.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "middlebox/config.h"
#include "report/text.h"
#include "spec/check.h"

struct check {
	struct home home;
	int status;
};

static void check_file(struct check *check, const char *path)
{
	const struct spec_checks checks = {
		.metric = cmd_metric_ok,
		.middlebox = device_choice_ok,
		.targets_dir = check->home.targets,
	};
	struct err err = { 0 };

	if (spec_check_file(path, &checks, &err)) {
		int status = cmd_error(&err);

		check->status = status > check->status ? status : check->status;
	} else {
		AUTO_FREE char *clean = text_clean(path);

		printf("%s: ok\n", clean);
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check *check = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		check_file(check, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "give files: cases, or target.yaml");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "FILE...",
	.doc = "Check case files and target.yaml files.\v"
	       "What is wrong is said as file:line:column; the exit status is 2 if anything is.",
};

/** cmd_check() - dupack check */
int cmd_check(int argc, char **argv)
{
	struct check check = { 0 };
	struct err err = { 0 };

	if (home_find(&check.home, &err))
		return cmd_error(&err);
	argp_parse(&argp, argc, argv, 0, NULL, &check);
	home_release(&check.home);
	return cmd_finish(check.status);
}
