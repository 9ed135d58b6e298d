// SPDX-License-Identifier: Apache-2.0
/* dupack run: many executions, one table. */
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/execution.h"
#include "report/verdict.h"

static const struct argp_option options[] = {
	{ "json", 'J', NULL, 0, "print the verdicts as a JSON array", 2 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct execution_flags *flags = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = flags;
		return 0;
	case 'J':
		flags->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &execution_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[SELECTOR...]",
	.doc = "Run cases and print what came out.\v"
	       "A SELECTOR is a series (seed), a case (seed/one-loss), a file or a folder; without "
	       "one every case is run.",
	.children = children,
};

static void print(const struct execution *e, const struct execution_flags *flags,
		  const json_t *verdicts)
{
	const struct terminal_run run = { .folder = e->out, .wall_s = e->wall_s };
	const struct terminal_style style = cmd_style(STDOUT_FILENO);

	if (flags->json)
		cmd_print_json(verdicts);
	else
		terminal_report(stdout, verdicts, &run, &style);
}

/** cmd_run() - dupack run */
int cmd_run(int argc, char **argv)
{
	AUTO_FLAGS struct execution_flags flags;
	AUTO_EXECUTION struct execution e = { 0 };
	struct err err = { 0 };
	json_t *verdicts;
	int rc, status;

	execution_flags_init(&flags);
	argp_parse(&argp, argc, argv, 0, NULL, &flags);
	if (execution_prepare(&e, &flags, "", &err))
		return cmd_error(&err);
	rc = e.list.len ? execution_run(&e, &flags, &err) : 0;
	verdicts = execution_verdicts(&e);
	/* of a run that broke off, what it has is shown all the same */
	if (!rc || json_array_size(verdicts))
		print(&e, &flags, verdicts);
	status = rc ? cmd_error(&err) : report_exit_status(verdicts);
	json_decref(verdicts);
	return cmd_finish(status);
}
