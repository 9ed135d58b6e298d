// SPDX-License-Identifier: Apache-2.0
/*
 * relay: each TCP connection ends here and begins again, in both names: the client
 * speaks with what says that it is the server, and the server with what says that it
 * is the client.
 *
 * Theory of operation.  A connection has two sockets, and for each direction a pipe
 * through which splice(2) moves the bytes: they never come to this process.
 *
 *   CONNECTING  the client is connected, since the kernel did that; nothing is read
 *               from it until the server is
 *   OPEN        pump() moves until neither direction gets on.  The end of one
 *               direction (FIN) is passed on once the pipe is empty, and the other
 *               goes on; after both the connection is over
 *
 * An error of one side becomes a RST on the other.  Descriptors are watched by edges,
 * and a pump goes on until the kernel says "not now", so nothing is asked in vain.
 * Connections are in a list by their last activity, the oldest first: its head has the
 * next time-out.
 */
#include "middlebox/middlebox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/units.h"
#include "middlebox/transparent.h"

#define CONNECTIONS_MAX 8192
#define FILES_MAX	(6 * CONNECTIONS_MAX + 64)
#define CHUNK		(1 << 20) /* at most, in one splice */

enum end { END_CLIENT, END_SERVER, ENDS };

enum count {
	COUNT_CONNECTIONS,
	COUNT_TO_SERVER,
	COUNT_TO_CLIENT,
	COUNT_RESETS,
	COUNT_CONNECT_FAILED,
	COUNT_IDLE,
	COUNT_REFUSED,
	COUNTS
};

static const struct counter_kind counters[COUNTS] = {
	[COUNT_CONNECTIONS] = { "connections", false, "connections that clients made" },
	[COUNT_TO_SERVER] = { "bytes-to-server", false, "bytes from who connected" },
	[COUNT_TO_CLIENT] = { "bytes-to-client", false, "bytes to who connected" },
	[COUNT_RESETS] = { "resets", false, "connections that an error of one side ended" },
	[COUNT_CONNECT_FAILED] = { "connect-failed", false,
				   "of these: the server could not be connected" },
	[COUNT_IDLE] = { "idle-timeouts", false, "connections reset since nothing was sent" },
	[COUNT_REFUSED] = { "refused", false, "connections reset since there were too many" },
};

/** What is read from one end and not yet written to the other. */
struct half {
	int pipe[2];
	size_t held; /* bytes in the pipe */
	bool ended, told; /* the reader has seen FIN; the writer has sent it */
};

struct connection {
	int fd[ENDS];
	struct half half[ENDS]; /* by where the bytes come from */
	bool open;
	uint64_t last_ns;
	TAILQ_ENTRY(connection) entry;
};

TAILQ_HEAD(connections, connection);

struct relay {
	const struct kernel_config *config;
	struct transparent listening;
	int epoll_fd;
	struct connections all; /* the longest idle first */
	size_t len;
	uint64_t count[COUNTS];
};

/* --- one connection ----------------------------------------------------------- */

static void end(struct relay *r, struct connection *c)
{
	TAILQ_REMOVE(&r->all, c, entry);
	r->len--;
	for (int i = 0; i < ENDS; i++) {
		cleanup_close(&c->fd[i]);
		cleanup_close(&c->half[i].pipe[0]);
		cleanup_close(&c->half[i].pipe[1]);
	}
	free(c);
}

/* Both sides hear of it: a close with unsent data or with SO_LINGER 0 is a RST */
static void reset(struct relay *r, struct connection *c, enum count why)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	for (int i = 0; i < ENDS; i++)
		if (c->fd[i] >= 0)
			setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	r->count[why]++;
	end(r, c);
}

/* One direction, as far as it goes: did anything move? -1: one side failed */
static int move(struct relay *r, struct connection *c, enum end from)
{
	struct half *h = &c->half[from];
	int to = c->fd[!from], moved = 0;
	ssize_t n;

	if (!h->ended) {
		n = splice(c->fd[from], NULL, h->pipe[1], NULL, CHUNK,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0 && errno != EAGAIN)
			return -1;
		h->ended = n == 0;
		h->held += n > 0 ? (size_t)n : 0;
		moved = n >= 0;
	}
	if (h->held) {
		n = splice(h->pipe[0], NULL, to, NULL, h->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
		if (n < 0 && errno != EAGAIN)
			return -1;
		if (n > 0) {
			h->held -= (size_t)n;
			r->count[from == END_CLIENT ? COUNT_TO_SERVER : COUNT_TO_CLIENT] +=
				(uint64_t)n;
			moved = 1;
		}
	}
	if (h->ended && !h->held && !h->told) {
		h->told = true;
		shutdown(to, SHUT_WR);
	}
	return moved;
}

static void pump(struct relay *r, struct connection *c)
{
	int up, down;

	do {
		up = move(r, c, END_CLIENT);
		down = up < 0 ? -1 : move(r, c, END_SERVER);
		if (up < 0 || down < 0) {
			reset(r, c, COUNT_RESETS);
			return;
		}
	} while (up || down);
	if (c->half[END_CLIENT].told && c->half[END_SERVER].told)
		end(r, c);
}

static void touch(struct relay *r, struct connection *c)
{
	c->last_ns = clock_ns();
	TAILQ_REMOVE(&r->all, c, entry);
	TAILQ_INSERT_TAIL(&r->all, c, entry);
}

static bool failed(int fd)
{
	int code = 0;
	socklen_t len = sizeof(code);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) || code;
}

/* Something happened to one of its sockets */
static void wake(struct relay *r, struct connection *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	touch(r, c);
	if (failed(c->fd[END_SERVER])) {
		r->count[COUNT_CONNECT_FAILED] += !c->open;
		reset(r, c, COUNT_RESETS);
		return;
	}
	if (failed(c->fd[END_CLIENT])) {
		reset(r, c, COUNT_RESETS);
		return;
	}
	if (!c->open) {
		getsockopt(c->fd[END_SERVER], IPPROTO_TCP, TCP_INFO, &info, &len);
		c->open = info.tcpi_state != TCP_SYN_SENT;
	}
	if (c->open)
		pump(r, c);
}

/* --- new ones ------------------------------------------------------------------- */

static int watch(struct relay *r, int fd, struct connection *c)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				 .data.ptr = c };

	return epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

/* Towards where the client wanted to go, from where it is */
static int connect_server(struct relay *r, struct connection *c,
			  const struct sockaddr_storage *client)
{
	struct sockaddr_storage server = { 0 }, own = *client;
	socklen_t len = sizeof(server);
	struct err ignored = { 0 };
	int on = 1;

	if (getsockname(c->fd[END_CLIENT], (struct sockaddr *)&server, &len))
		return -1;
	c->fd[END_SERVER] = transparent_socket(client->ss_family, r->config->relay_mss, &ignored);
	if (c->fd[END_SERVER] < 0)
		return -1;
	if (!r->config->keep_port) {
		/* the port is at the same place in both families; chosen by connect() */
		((struct sockaddr_in *)&own)->sin_port = 0;
		setsockopt(c->fd[END_SERVER], IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	}
	if (bind(c->fd[END_SERVER], (struct sockaddr *)&own, len))
		return -1;
	return connect(c->fd[END_SERVER], (struct sockaddr *)&server, len) && errno != EINPROGRESS
		       ? -1
		       : 0;
}

static void add(struct relay *r, int fd, const struct sockaddr_storage *client)
{
	struct connection *c = calloc(1, sizeof(*c));
	int on = 1;

	if (!c) {
		close(fd);
		return;
	}
	c->fd[END_CLIENT] = fd;
	c->fd[END_SERVER] = -1;
	for (int i = 0; i < ENDS; i++)
		c->half[i].pipe[0] = c->half[i].pipe[1] = -1;
	c->last_ns = clock_ns();
	TAILQ_INSERT_TAIL(&r->all, c, entry);
	r->len++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (r->len > CONNECTIONS_MAX || pipe2(c->half[0].pipe, O_CLOEXEC | O_NONBLOCK) ||
	    pipe2(c->half[1].pipe, O_CLOEXEC | O_NONBLOCK)) {
		reset(r, c, COUNT_REFUSED);
		return;
	}
	r->count[COUNT_CONNECTIONS]++;
	if (connect_server(r, c, client) || watch(r, c->fd[END_SERVER], c) || watch(r, fd, c)) {
		r->count[COUNT_CONNECT_FAILED]++;
		reset(r, c, COUNT_RESETS);
	}
}

static void accept_all(struct relay *r, int listening)
{
	for (;;) {
		struct sockaddr_storage client = { 0 };
		socklen_t len = sizeof(client);
		int fd = accept4(listening, (struct sockaddr *)&client, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		add(r, fd, &client);
	}
}

/* --- all of them ------------------------------------------------------------------ */

/* Reset what was idle for too long; ms until the next one is, -1: never */
static int expire(struct relay *r)
{
	struct connection *c;

	while ((c = TAILQ_FIRST(&r->all))) {
		uint64_t now = clock_ns(), due = c->last_ns + r->config->idle_ns;

		if (now < due)
			return (int)((due - now + NS_PER_MS - 1) / NS_PER_MS);
		reset(r, c, COUNT_IDLE);
	}
	return -1;
}

/*
 * A connection that ends while a batch of events is handled may have another event in
 * it: so one event at a time is asked for, and the kernel keeps the others.
 */
static int loop(struct relay *r, const int *stop_fd, struct err *err)
{
	for (;;) {
		struct epoll_event e;
		int n = epoll_wait(r->epoll_fd, &e, 1, expire(r));

		if (n < 0 && errno != EINTR)
			return err_set(err, errno, "cannot wait for connections");
		if (n <= 0)
			continue;
		if (e.data.ptr == stop_fd)
			return 0;
		if (e.data.ptr == &r->listening.listen4)
			accept_all(r, r->listening.listen4);
		else if (e.data.ptr == &r->listening.listen6)
			accept_all(r, r->listening.listen6);
		else
			wake(r, e.data.ptr);
	}
}

static int watch_own(struct relay *r, int fd, void *tag, struct err *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = tag };

	if (fd >= 0 && epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &e))
		return err_set(err, errno, "cannot watch a socket");
	return 0;
}

/* --- the operations ------------------------------------------------------------------ */

static void close_relay(struct middlebox *m)
{
	struct relay *r = m->state;

	if (!r)
		return;
	transparent_close(&r->listening);
	free(r);
	m->state = NULL;
}

static int open_relay(struct middlebox *m, struct err *err)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, ENOMEM, "cannot relay");
	m->state = r;
	return transparent_open(&r->listening, m->config.kernel.relay_mss, err);
}

static int run_relay(struct middlebox *m, const struct middlebox_fds *fds, struct err *err)
{
	const struct rlimit files = { FILES_MAX, FILES_MAX };
	struct relay *r = m->state;
	AUTO_CLOSE int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	json_t *counted = json_object();
	int stop_fd = fds->stop, rc;

	r->config = &m->config.kernel;
	r->epoll_fd = epoll_fd;
	TAILQ_INIT(&r->all);
	setrlimit(RLIMIT_NOFILE, &files); /* where it is not allowed, fewer connections fit */
	if (epoll_fd < 0)
		rc = err_set(err, errno, "cannot watch sockets");
	else
		rc = watch_own(r, stop_fd, &stop_fd, err) ||
		     watch_own(r, r->listening.listen4, &r->listening.listen4, err) ||
		     watch_own(r, r->listening.listen6, &r->listening.listen6, err) ||
		     loop(r, &stop_fd, err);
	while (!TAILQ_EMPTY(&r->all))
		end(r, TAILQ_FIRST(&r->all));
	for (int i = 0; i < COUNTS; i++)
		json_object_set_new(counted, counters[i].name,
				    json_integer((json_int_t)r->count[i]));
	rc = rc || middlebox_write_counters(counted, fds->counters, err);
	json_decref(counted);
	return rc ? -1 : 0;
}

const struct device_ops device_ops_relay = {
	.open = open_relay,
	.run = run_relay,
	.close = close_relay,
	.counters = counters,
	.counters_len = COUNTS,
};
