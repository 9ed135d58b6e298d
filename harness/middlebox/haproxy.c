// SPDX-License-Identifier: Apache-2.0
/*
 * haproxy: as relay, by a program that nobody here wrote.
 *
 * It gets listening sockets that are open, so that nothing has to wait for it: what
 * connects before it runs waits for accept(2).  It stays in the foreground and as root of
 * its node, reads a file that is written here, and says what it counted on a socket.
 */
#include "middlebox/middlebox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "middlebox/transparent.h"
#include "process/proc.h"

#define CONFIG_FILE "/run/haproxy.cfg"
#define STAT_SOCKET "/run/haproxy.sock"
#define END_NS	    (5 * NS_PER_S)

static const struct counter_kind counters[] = {
	{ .name = "connections", .what = "connections that clients made" },
	{ .name = "bytes-to-server", .what = "bytes from who connected" },
	{ .name = "bytes-to-client", .what = "bytes to who connected" },
	{ .name = "connect-failed", .what = "the server could not be connected (econ)" },
	{ .name = "client-aborts", .what = "transfers that the client ended (cli_abrt)" },
	{ .name = "server-aborts", .what = "transfers that the server ended (srv_abrt)" },
};

/* Of each, the columns of "show stat" (management guide, section 9.1), in the proxy's row */
static const struct {
	const char *row, *column;
} columns[ARRAY_SIZE(counters)] = {
	{ "FRONTEND", "stot" }, { "FRONTEND", "bin" },	   { "FRONTEND", "bout" },
	{ "BACKEND", "econ" },	{ "BACKEND", "cli_abrt" }, { "BACKEND", "srv_abrt" },
};

static const char global[] = "global\n"
			     "	nbthread 1\n"
			     "	maxconn 2000\n"
			     "	stats socket " STAT_SOCKET " mode 600 level user\n"
			     "defaults\n"
			     "	mode tcp\n"
			     "	option contstats\n"
			     "	timeout connect 30s\n"
			     "	timeout client %llus\n"
			     "	timeout server %llus\n";
static const char section[] = "listen %s\n"
			      "	bind fd@%d transparent\n"
			      "	source %s usesrc %s\n"
			      "	server original *\n";

static char *write_section(const struct middlebox *m, const char *name, int fd, const char *any)
{
	if (fd < 0)
		return io_printf("%s", "");
	return io_printf(section, name, fd, any,
			 m->config.kernel.keep_port ? "client" : "clientip");
}

static int write_config(const struct middlebox *m, struct err *err)
{
	const struct transparent *t = m->state;
	unsigned long long idle = m->config.kernel.idle_ns / NS_PER_S;
	AUTO_FREE char *head = io_printf(global, idle, idle);
	AUTO_FREE char *v4 = write_section(m, "ipv4", t->listen4, "0.0.0.0");
	AUTO_FREE char *v6 = write_section(m, "ipv6", t->listen6, "[::]");
	AUTO_FREE char *text = io_printf("%s%s%s", head, v4, v6);

	return io_write_file(CONFIG_FILE, text, strlen(text), err);
}

static int start(const struct middlebox *m, struct proc *ret, struct err *err)
{
	const struct transparent *t = m->state;
	AUTO_FREE char *program = proc_find_program("", "haproxy");
	char *argv[] = { program, (char *)"-db", (char *)"-f", (char *)CONFIG_FILE, NULL };
	char *env[] = { NULL };
	const struct spawn spawn = { .name = "haproxy", .argv = argv, .env = env };

	if (!program)
		return err_set_kind(err, ERR_SKIP, "'haproxy' is gone");
	if (fcntl(t->listen4, F_SETFD, 0) || (t->listen6 >= 0 && fcntl(t->listen6, F_SETFD, 0)))
		return err_set(err, errno, "cannot hand the sockets to 'haproxy'");
	return proc_start(&spawn, ret, err);
}

/* --- what it counted ---------------------------------------------------------------- */

/* All that it answers to a command */
static char *ask(const char *command, struct err *err)
{
	const struct sockaddr_un where = { .sun_family = AF_UNIX, .sun_path = STAT_SOCKET };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum { SIZE = 65536 };
	AUTO_FREE char *text = calloc(1, SIZE);
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || !text || connect(fd, (const struct sockaddr *)&where, sizeof(where)) ||
	    io_write_all(fd, command, strlen(command), err)) {
		err_set(err, errno, "cannot ask 'haproxy' what it counted");
		return NULL;
	}
	while ((n = read(fd, text + len, SIZE - 1 - len)) > 0)
		len += (size_t)n;
	return steal_ptr(&text);
}

/* Field @index of a line of comma-separated values; false: it has fewer */
static bool field(const char *line, int index, char *ret, size_t size)
{
	const char *end = line + strcspn(line, "\n");

	for (; index > 0 && line < end; line++)
		index -= *line == ',';
	if (index)
		return false;
	snprintf(ret, size, "%.*s", (int)strcspn(line, ",\n"), line);
	return true;
}

static int find_field(const char *line, const char *name)
{
	char text[64];

	for (int i = 0; field(line, i, text, sizeof(text)); i++)
		if (strcmp(text, name) == 0)
			return i;
	return -1;
}

/* Sum over the sections: a line a row, the first one names the columns */
static json_int_t sum(const char *csv, const char *row, const char *column)
{
	const char *line = csv;
	int index = find_field(csv, column);
	json_int_t total = 0;
	char text[64];

	while (index >= 0 && (line = strchr(line, '\n')) && *++line)
		if (field(line, 1, text, sizeof(text)) && strcmp(text, row) == 0 &&
		    field(line, index, text, sizeof(text)))
			total += strtoll(text, NULL, 10);
	return total;
}

static int write_counters(int fd, struct err *err)
{
	AUTO_FREE char *csv = ask("show stat\n", err);
	json_t *counted;
	int rc;

	if (!csv)
		return -1;
	counted = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		json_object_set_new(counted, counters[i].name,
				    json_integer(sum(csv, columns[i].row, columns[i].column)));
	rc = middlebox_write_counters(counted, fd, err);
	json_decref(counted);
	return rc;
}

/* --- the operations ------------------------------------------------------------------- */

static void close_haproxy(struct middlebox *m)
{
	struct transparent *t = m->state;

	if (!t)
		return;
	transparent_close(t);
	free(t);
	m->state = NULL;
}

static int open_haproxy(struct middlebox *m, struct err *err)
{
	AUTO_FREE char *program = proc_find_program("", "haproxy");
	struct transparent *t;

	if (!program)
		return err_set_kind(err, ERR_SKIP,
				    "it needs the program 'haproxy', which this machine lacks");
	t = malloc(sizeof(*t));
	if (!t)
		return err_set(err, ENOMEM, "cannot relay");
	m->state = t;
	return transparent_open(t, 0, err);
}

static int wait_end(const struct proc *p, int stop_fd, struct err *err)
{
	struct pollfd polls[] = { { .fd = stop_fd, .events = POLLIN },
				  { .fd = p->pidfd, .events = POLLIN } };

	while (poll(polls, ARRAY_SIZE(polls), -1) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "cannot wait for the end");
	return polls[1].revents ? err_set(err, 0, "'haproxy' ended by itself") : 0;
}

static int run_haproxy(struct middlebox *m, const struct middlebox_fds *fds, struct err *err)
{
	struct proc p = PROC_NONE;
	int rc;

	if (write_config(m, err) || start(m, &p, err))
		return -1;
	rc = wait_end(&p, fds->stop, err) || write_counters(fds->counters, err) ? -1 : 0;
	proc_stop(&p, END_NS);
	proc_release(&p);
	return rc;
}

static const char *const packages[] = { "haproxy", NULL };

const struct device_ops device_ops_haproxy = {
	.open = open_haproxy,
	.run = run_haproxy,
	.close = close_haproxy,
	.counters = counters,
	.counters_len = ARRAY_SIZE(counters),
	.packages = packages,
};
