// SPDX-License-Identifier: Apache-2.0
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "grade/metrics.h"
#include "middlebox/middlebox.h"
#include "report/text.h"

static int exit_status(enum err_kind kind)
{
	switch (kind) {
	case ERR_USAGE:
		return EXIT_USAGE;
	case ERR_INTERRUPTED:
		return EXIT_INTERRUPTED;
	case ERR_NONE:
	case ERR_HARNESS:
	case ERR_TARGET:
	case ERR_SKIP:
	case ERR_UNSUPPORTED:
		break;
	}
	return EXIT_HARNESS;
}

/**
 * cmd_metric_ok() - Can a case expect something of a metric?
 * @metric:	Its name
 * @err:	Set if it is unknown
 *
 * Grading knows all metrics but the counters of the devices, which are the devices' own.
 *
 * Return: true if so
 */
bool cmd_metric_ok(const char *metric, struct err *err)
{
	static const char counter[] = "middlebox.";

	if (!grade_metric_known(metric)) {
		err_set_kind(err, ERR_USAGE,
			     "unknown metric '%.60s': 'dupack list metrics' prints them", metric);
		return false;
	}
	return strncmp(metric, counter, strlen(counter)) != 0 ||
	       middlebox_counter_ok(metric + strlen(counter), err);
}

/**
 * cmd_print_error() - Say an error on stderr
 * @err:	What happened; several lines are those of file:line:column
 */
void cmd_print_error(const struct err *err)
{
	const char *line = err->text;

	/* as compilers do, so that editors find the place: nothing before the file */
	if (!strchr(err->text, '\n') && !strstr(err->text, ".yaml:"))
		fputs("dupack: ", stderr);
	while (*line) {
		size_t len = strcspn(line, "\n");
		AUTO_FREE char *one = strndup(line, len);
		AUTO_FREE char *clean = text_clean(one);

		fprintf(stderr, "%s\n", clean);
		line += len + (line[len] == '\n');
	}
}

/**
 * cmd_error() - Say an error on stderr
 * @err:	What happened
 *
 * Return: the exit status for it
 */
int cmd_error(const struct err *err)
{
	cmd_print_error(err);
	return exit_status(err->kind);
}

/**
 * cmd_finish() - Make sure that what was printed has arrived
 * @status:	The exit status if so
 *
 * Return: @status, or 99 if stdout could not be written: a full disk is no result
 */
int cmd_finish(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "dupack: cannot write the result: %s\n", strerror(errno));
	return EXIT_HARNESS;
}

/** cmd_print_json() - Print JSON for programs on stdout */
void cmd_print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
}

/**
 * cmd_style() - How to print to a descriptor
 * @fd:		1 or 2
 *
 * Return: the width of its terminal, and colours unless NO_COLOR (no-color.org) or
 *	   TERM=dumb forbid them; zeroed if it is not a terminal
 */
struct terminal_style cmd_style(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct terminal_style style = { 0 };
	struct winsize size;

	if (!isatty(fd))
		return style;
	style.width = 80;
	if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		style.width = size.ws_col;
	style.colour = !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
	return style;
}
