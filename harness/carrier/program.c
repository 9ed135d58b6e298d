// SPDX-License-Identifier: Apache-2.0
#include "carrier/program.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"

/**
 * program_open_signals() - SIGTERM and SIGINT end, SIGUSR1 writes statistics
 * @ret_fd:	For program_shall_report(); owned by the caller
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int program_open_signals(int *ret_fd, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? err_set(err, errno, "cannot wait for signals") : 0;
}

/**
 * program_shall_report() - Take a signal
 * @fd:		Readable
 * @ret_end:	Set to true if the program shall end, else left alone
 *
 * Return: true if statistics are asked for
 */
bool program_shall_report(int fd, bool *ret_end)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGUSR1)
		return true;
	*ret_end = true;
	return false;
}

/**
 * program_say_ready() - Write READY to the descriptor of DUPACK_READY_FD, if there is one
 *
 * Return: 0, or -1 with @err set
 */
int program_say_ready(struct err *err)
{
	const char *text = getenv("DUPACK_READY_FD");
	uint64_t fd;

	if (!text || !*text)
		return 0;
	if (units_count(text, &fd) || fd > INT32_MAX)
		return err_set_kind(err, ERR_USAGE, "DUPACK_READY_FD '%s' is not a number", text);
	if (io_write_all((int)fd, "READY\n", 6, err))
		return err_wrap(err, "descriptor %" PRIu64 " of DUPACK_READY_FD", fd);
	return 0;
}

/**
 * program_write_statistics() - A line to standard error, and into the log folder if there is one
 * @name:	Of the carrier
 * @client:	Both ends of a run have one log folder
 * @line:	JSON with its line end
 */
void program_write_statistics(const char *name, bool client, const char *line)
{
	const char *dir = getenv("DUPACK_LOG_DIR");
	AUTO_FREE char *path = NULL;
	struct err err = { 0 };

	fputs(line, stderr);
	if (!dir || !*dir)
		return;
	path = io_printf("%s/%s-stats-%s.json", dir, name, client ? "client" : "headend");
	if (io_write_file(path, line, strlen(line), &err))
		fprintf(stderr, "%s: %s\n", name, err.text);
}

/**
 * program_print_counts() - Write counters as members of a JSON object
 * @names:	Of each, by its number; 0 is for what is not counted
 * @counts:	As many
 * @first_drop:	The first of those that count what was dropped
 * @len:	How many there are
 * @out:	Receives "name":N,...,"dropped":{...} without the outer braces
 */
void program_print_counts(const char *const *names, const uint64_t *counts, int first_drop, int len,
			  FILE *out)
{
	const char *between = "";

	for (int c = 1; c < first_drop; c++)
		fprintf(out, "\"%s\":%" PRIu64 ",", names[c], counts[c]);
	fputs("\"dropped\":{", out);
	for (int c = first_drop; c < len; c++, between = ",")
		fprintf(out, "%s\"%s\":%" PRIu64, between, names[c], counts[c]);
	fputc('}', out);
}

/** program_fail() - Say why on standard error; the exit status of a target that fails so */
int program_fail(const char *name, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", name, err->text);
	return err->kind == ERR_USAGE ? 2 : err->kind == ERR_SKIP ? 77 : 99;
}
