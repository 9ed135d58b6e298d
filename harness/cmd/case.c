// SPDX-License-Identifier: Apache-2.0
/*
 * dupack case: one case as TAP 13, to be called by prove.
 *
 * Results are written in the order of the run list, since TAP is numbered, as soon
 * as all before them are there.  The plan waits for the first that is not skipped:
 * a stream in which everything is skipped is "1..0 # SKIP" with the reason.
 *
 * A verdict `error` is "not ok" and exit status 99, by which prove marks the file:
 * who looks for failures of a VPN need not look at it.  An interrupt is "Bail out!",
 * by which prove ends all of its tests.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/execution.h"
#include "report/tap.h"
#include "report/verdict.h"

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is that of argp */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct execution_flags *flags = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = flags;
		return 0;
	case ARGP_KEY_END:
		if (flags->selectors.len != 1)
			argp_error(state, "give one case file");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &execution_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
	.parser = parse,
	.args_doc = "FILE",
	.doc = "Run one case and print TAP 13, for prove.",
	.children = children,
};

/** How much of the stream has been written. */
struct stream {
	size_t written; /* results */
	bool begun; /* the plan has been written */
};

static bool is_skip(const json_t *verdict)
{
	enum report_kind kind = report_kind(verdict);

	return kind == REPORT_SKIP || kind == REPORT_UNSUPPORTED;
}

/* prove hides stdout of a failed test, not stderr */
static void comment(const json_t *verdict)
{
	AUTO_FREE char *name = report_name(verdict);
	AUTO_FREE char *why = report_why(verdict);
	AUTO_FREE char *repeat = report_repeat(verdict);
	AUTO_FREE char *first =
		io_printf("%s: %s: %s", report_kinds[report_kind(verdict)].name, name, why);
	AUTO_FREE char *second = io_printf("repeat: %s", repeat);

	tap_comment(stderr, first);
	tap_comment(stderr, second);
}

static void write_ready(struct execution *e, struct stream *s)
{
	for (; s->written < e->list.len && e->verdicts[s->written]; s->written++) {
		const json_t *verdict = e->verdicts[s->written];

		tap_result(stdout, s->written + 1, verdict);
		fflush(stdout);
		if (report_kinds[report_kind(verdict)].unexpected)
			comment(verdict);
	}
}

static void on_finished(struct execution *e, size_t item)
{
	struct stream *s = e->ctx;

	if (!s->begun && is_skip(e->verdicts[item]))
		return;
	if (!s->begun)
		tap_begin(stdout, e->list.len);
	s->begun = true;
	write_ready(e, s);
}

/* Nothing was tested: all were skipped, or there was nothing in this shard */
static void write_skip(const struct execution *e)
{
	AUTO_FREE char *why = e->list.len ? report_why(e->verdicts[0])
			      : e->list.nothing
				      ? io_printf("%s", e->list.nothing)
				      : io_printf("nothing of this case is in this shard");

	tap_skip_all(stdout, why);
}

static int finish(struct execution *e, const struct stream *s, int rc, const struct err *err)
{
	json_t *verdicts;
	int status;

	if (rc && err->kind == ERR_SKIP && !s->begun) {
		tap_skip_all(stdout, err->text);
		return 0;
	}
	if (rc) {
		if (err->kind == ERR_INTERRUPTED)
			tap_bail_out(stdout, err->text);
		return cmd_error(err);
	}
	if (!s->begun)
		write_skip(e);
	verdicts = execution_verdicts(e);
	status = report_exit_status(verdicts);
	json_decref(verdicts);
	return status;
}

/* A series or a folder would be many cases: those are for run */
static int check_file(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return err_set_kind(err, ERR_USAGE, "cannot read the case file '%s': %s", path,
				    strerror(errno));
	return S_ISREG(st.st_mode)
		       ? 0
		       : err_set_kind(err, ERR_USAGE,
				      "'%s' is not a file: 'dupack run' takes more than "
				      "one case",
				      path);
}

/** cmd_case() - dupack case */
int cmd_case(int argc, char **argv)
{
	AUTO_FLAGS struct execution_flags flags;
	AUTO_EXECUTION struct execution e = { 0 };
	struct stream stream = { 0 };
	AUTO_FREE char *suffix = io_printf("-%d", (int)getpid());
	struct err err = { 0 };
	int rc;

	execution_flags_init(&flags, argc);
	argp_parse(&argp, argc, argv, 0, NULL, &flags);
	if (check_file(flags.selectors.v[0], &err) || execution_prepare(&e, &flags, suffix, &err))
		return cmd_error(&err);
	e.quiet = true; /* the stream is the progress, and prove has its own */
	e.finished = on_finished;
	e.ctx = &stream;
	rc = e.list.len ? execution_run(&e, &flags, &err) : 0;
	return cmd_finish(finish(&e, &stream, rc, &err));
}
