// SPDX-License-Identifier: Apache-2.0
/* dupack run: many executions, one table. */
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/execution.h"
#include "report/verdict.h"

enum { KEY_RESUME = 0x200 };

static const struct argp_option options[] = {
	{ "resume", KEY_RESUME, "DIR", 0,
	  "do what is missing in the results of the same command, which was broken off", 2 },
	{ "json", 'J', NULL, 0, "print the verdicts as a JSON array", 2 },
	{ 0 },
};

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is that of argp */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct execution_flags *flags = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = flags;
		return 0;
	case 'J':
		flags->json = true;
		return 0;
	case KEY_RESUME:
		flags->resume = arg;
		return 0;
	case ARGP_KEY_END:
		if (flags->resume && flags->out)
			argp_error(state, "--resume has the folder already: leave out --out");
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

	execution_flags_init(&flags, argc);
	argp_parse(&argp, argc, argv, 0, NULL, &flags);
	if (execution_prepare(&e, &flags, "", &err))
		return cmd_error(&err);
	if (e.list.nothing) {
		err_set_kind(&err, ERR_USAGE, "the matrix is empty: %s", e.list.nothing);
		return cmd_error(&err);
	}
	rc = e.list.len ? execution_run(&e, &flags, &err) : 0;
	verdicts = execution_verdicts(&e);
	/* of a run that broke off, what it has is shown all the same */
	if (!rc || json_array_size(verdicts))
		print(&e, &flags, verdicts);
	status = rc ? cmd_error(&err) : report_exit_status(verdicts);
	if (rc && err.kind == ERR_INTERRUPTED && execution_begun(&e))
		fprintf(stderr, "dupack: to go on: %s\n", e.go_on);
	json_decref(verdicts);
	return cmd_finish(status);
}
