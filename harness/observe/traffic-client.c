// SPDX-License-Identifier: Apache-2.0
/*
 * The client's side of the traffic: all flows of a case in one loop.
 *
 * Theory of operation.  Every flow is a small state machine that says when it wants
 * to be called next (.due_ns) and which events of its socket it waits for.  The loop
 * sleeps until the first of them: it never polls, for in virtual time that would stop
 * the clock.
 *
 *   WAITING     nothing is sent before the start of the flow
 *   PROBING     echo: probe n is due at start + (n - 1) * interval, however late the
 *               one before was; answers are taken at any time
 *   CONNECTING  tcp: until the connection is there
 *   SENDING     tcp: while the kernel takes bytes; a deadline since it last did
 *   CONFIRMING  echo: all is sent, answers are awaited; tcp: the stream is closed, the
 *               server closes its side once it has read all of it
 *   DONE
 *
 * A probe that cannot be sent, for whatever reason, is an event and not an error: the
 * tunnel may be gone, and with it the address and the route.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/units.h"
#include "observe/event.h"
#include "observe/payload.h"
#include "observe/segments.h"
#include "observe/traffic.h"

#define NEVER	     UINT64_MAX
#define CHUNK	     65536
#define SIZE_MAX_UDP 65507

enum state { WAITING, PROBING, CONNECTING, SENDING, CONFIRMING, DONE };

struct address {
	struct sockaddr_storage bytes;
	socklen_t len;
};

struct flow {
	const struct traffic *plan;
	const struct traffic_path *path;
	bool roams;
	unsigned int index;
	enum state state;
	int fd; /* owned, -1: none */
	short wanted; /* events of the socket */
	uint64_t start_ns, due_ns; /* CLOCK_MONOTONIC */
	/* echo */
	uint64_t count, sent, awaited; /* probes: in all, tried, without an answer */
	uint64_t *sent_ns; /* of probe n: [n - 1]; 0: answered, or not sent; owned */
	/* tcp */
	struct payload_pattern pattern;
	uint64_t taken; /* bytes that the kernel took, head included */
	uint64_t acked; /* bytes that the peer had acknowledged at the last deadline */
	size_t chunk_len, chunk_done;
	uint8_t *chunk; /* owned */
	/* segments: a state machine of its own, which is SENDING until it is over; owned */
	struct segments_sender *segments;
};

struct client {
	struct event_log log;
	const struct traffic_client *config;
	uint8_t *buf; /* a datagram; owned */
};

static int parse_address(const char *text, uint16_t port, struct address *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->bytes;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->bytes;

	*ret = (struct address){ .len = sizeof(*v4) };
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return 0;
	}
	*ret = (struct address){ .len = sizeof(*v6) };
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1 ? 0 : -1;
}

/*
 * A socket from the local address, on its way to the remote one; -1 with errno set.  One
 * that is neither bound nor connected takes its address anew with each datagram.
 */
static int open_flow_socket(const struct flow *f, int type, uint16_t port)
{
	struct address local, remote;
	AUTO_CLOSE int fd = -1;

	if (parse_address(f->path->local, 0, &local) ||
	    parse_address(f->path->remote, port, &remote)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(remote.bytes.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && f->roams && type == SOCK_DGRAM)
		return steal_fd(&fd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&local.bytes, local.len))
		return -1;
	if (connect(fd, (struct sockaddr *)&remote.bytes, remote.len) && errno != EINPROGRESS)
		return -1;
	return steal_fd(&fd);
}

static void finish(struct flow *f)
{
	if (!f->segments) /* else it is the sender's */
		cleanup_close(&f->fd);
	f->fd = -1;
	f->wanted = 0;
	f->due_ns = NEVER;
	f->state = DONE;
}

/* --- echo ----------------------------------------------------------------- */

static int send_datagram(const struct client *c, const struct flow *f)
{
	struct address to = { 0 };

	if (f->roams && parse_address(f->path->remote, TRAFFIC_ECHO_PORT, &to))
		return -1;
	return sendto(f->fd, c->buf, f->plan->size, 0,
		      to.len ? (const struct sockaddr *)&to.bytes : NULL, to.len) < 0
		       ? -1
		       : 0;
}

static void send_probe(struct client *c, struct flow *f)
{
	struct payload_head head = { PAYLOAD_PROBE, f->index, f->sent + 1 };
	uint64_t stamp = clock_stamp_ns(), now = clock_ns();
	int failed = 0;

	if (f->fd < 0)
		f->fd = open_flow_socket(f, SOCK_DGRAM, TRAFFIC_ECHO_PORT);
	payload_put_head(c->buf, &head);
	/* An ICMP error of an earlier probe is reported in place of sending: once more */
	if (f->fd < 0 || (send_datagram(c, f) && (errno != ECONNREFUSED || send_datagram(c, f))))
		failed = errno;
	f->wanted = POLLIN;
	f->sent_ns[f->sent++] = failed ? 0 : now;
	f->awaited += !failed;
	if (failed)
		event_log_add(&c->log, stamp, "probe", "\"flow\":%u,\"n\":%llu,\"error\":\"%s\"",
			      f->index, (unsigned long long)f->sent, strerror(failed));
	else
		event_log_add(&c->log, stamp, "probe", "\"flow\":%u,\"n\":%llu", f->index,
			      (unsigned long long)f->sent);
}

static void take_answers(struct client *c, struct flow *f)
{
	for (;;) {
		ssize_t n = recv(f->fd, c->buf, SIZE_MAX_UDP, 0);
		uint64_t now = clock_ns();
		struct payload_head head;
		uint64_t *sent;

		if (n < 0 && errno == ECONNREFUSED)
			continue; /* said once each */
		if (n < 0)
			return;
		if (n < PAYLOAD_HEAD_LEN || (size_t)n != f->plan->size)
			continue;
		head = payload_get_head(c->buf);
		if (head.magic != PAYLOAD_PROBE || head.flow != f->index || head.number < 1 ||
		    head.number > f->sent)
			continue;
		sent = &f->sent_ns[head.number - 1];
		if (!*sent)
			continue; /* a duplicate */
		event_log_add(&c->log, clock_stamp_ns(), "reply",
			      "\"flow\":%u,\"n\":%llu,\"rtt_ns\":%llu", f->index,
			      (unsigned long long)head.number, (unsigned long long)(now - *sent));
		*sent = 0;
		f->awaited--;
	}
}

static void step_echo(struct client *c, struct flow *f, short revents, uint64_t now)
{
	if (revents)
		take_answers(c, f);
	if (f->state == WAITING && now >= f->due_ns)
		f->state = PROBING;
	while (f->state == PROBING && now >= f->due_ns) {
		send_probe(c, f);
		f->due_ns = f->start_ns + f->sent * f->plan->interval_ns;
		if (f->sent < f->count)
			continue;
		f->state = CONFIRMING;
		f->due_ns = clock_ns() + f->plan->timeout_ns;
	}
	if (f->state == CONFIRMING && (!f->awaited || now >= f->due_ns))
		finish(f);
}

static int init_echo(struct flow *f, struct err *err)
{
	const struct traffic *t = f->plan;

	if (!t->interval_ns || t->size < PAYLOAD_HEAD_LEN || t->size > SIZE_MAX_UDP)
		return err_set(err, 0, "an echo needs an interval, and a size of %d to %d",
			       PAYLOAD_HEAD_LEN, SIZE_MAX_UDP);
	f->count = (t->duration_ns + t->interval_ns - 1) / t->interval_ns;
	f->sent_ns = calloc(f->count ? f->count : 1, sizeof(*f->sent_ns));
	if (!f->sent_ns)
		return err_set(err, ENOMEM, "cannot keep %llu probes",
			       (unsigned long long)f->count);
	if (!f->count)
		finish(f);
	return 0;
}

/* --- tcp ------------------------------------------------------------------ */

/* The server must not take what came so far for the whole: a reset, not a FIN */
static void fail(struct client *c, struct flow *f, const char *why)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	static const char *const doing[] = {
		[WAITING] = "connect",
		[CONNECTING] = "connect",
		[SENDING] = "send",
		[CONFIRMING] = "confirm",
	};

	event_log_add(&c->log, clock_stamp_ns(), "tcp-failed", "\"flow\":%u,\"why\":\"%s: %s\"",
		      f->index, doing[f->state], why);
	if (f->fd >= 0)
		setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	finish(f);
}

/* Of thousands of small streams each needs little */
static size_t chunk_size(const struct flow *f)
{
	uint64_t all = PAYLOAD_HEAD_LEN + f->plan->bytes;

	return all < CHUNK ? (size_t)all : CHUNK;
}

static void start_stream(struct client *c, struct flow *f, uint64_t now)
{
	struct payload_head head = { PAYLOAD_STREAM, f->index, c->config->seed };

	f->fd = open_flow_socket(f, SOCK_STREAM, TRAFFIC_SINK_PORT);
	if (f->fd < 0) {
		fail(c, f, strerror(errno));
		return;
	}
	payload_put_head(f->chunk, &head);
	f->chunk_len = chunk_size(f);
	payload_pattern_fill(&f->pattern, f->chunk + PAYLOAD_HEAD_LEN,
			     f->chunk_len - PAYLOAD_HEAD_LEN);
	f->state = CONNECTING;
	f->wanted = POLLOUT;
	f->due_ns = now + f->plan->timeout_ns;
}

static void connected(struct client *c, struct flow *f)
{
	int failed = 0;
	socklen_t len = sizeof(failed);

	if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &failed, &len))
		failed = errno;
	if (failed)
		fail(c, f, strerror(failed));
	else
		f->state = SENDING;
}

/* The bytes after those that are in the chunk; false: there are no more */
static bool refill(struct flow *f)
{
	uint64_t left = PAYLOAD_HEAD_LEN + f->plan->bytes - f->taken;

	f->chunk_len = left < chunk_size(f) ? (size_t)left : chunk_size(f);
	f->chunk_done = 0;
	payload_pattern_fill(&f->pattern, f->chunk, f->chunk_len);
	return left > 0;
}

static void send_stream(struct client *c, struct flow *f)
{
	uint64_t all = PAYLOAD_HEAD_LEN + f->plan->bytes;

	while (f->chunk_done < f->chunk_len || refill(f)) {
		size_t len = f->chunk_len - f->chunk_done;
		/* the end goes with the last bytes */
		int more = f->taken + len == all ? MSG_MORE : 0;
		ssize_t n = send(f->fd, f->chunk + f->chunk_done, len, MSG_NOSIGNAL | more);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			fail(c, f, strerror(errno));
			return;
		}
		f->chunk_done += (size_t)n;
		f->taken += (uint64_t)n;
		f->due_ns = clock_ns() + f->plan->timeout_ns;
	}
	shutdown(f->fd, SHUT_WR);
	event_log_add(&c->log, clock_stamp_ns(), "tcp-sent", "\"flow\":%u,\"bytes\":%llu", f->index,
		      (unsigned long long)f->plan->bytes);
	f->state = CONFIRMING;
	f->wanted = POLLIN;
}

static void confirm(struct client *c, struct flow *f)
{
	char byte;
	ssize_t n = recv(f->fd, &byte, 1, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 0)
		finish(f);
	else
		fail(c, f, n < 0 ? strerror(errno) : "the server sent data");
}

/* At a deadline: has the peer taken anything since the last? A full queue may be slow */
static bool moves(struct flow *f)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	uint64_t before = f->acked;

	if (getsockopt(f->fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return false;
	f->acked = info.tcpi_bytes_acked;
	return f->acked > before;
}

static void step_tcp(struct client *c, struct flow *f, short revents, uint64_t now)
{
	if (f->state == WAITING && now >= f->due_ns) {
		start_stream(c, f, now);
		return;
	}
	if (f->state == CONNECTING && revents)
		connected(c, f);
	if (f->state == SENDING && revents)
		send_stream(c, f);
	else if (f->state == CONFIRMING && revents)
		confirm(c, f);
	if (f->state == WAITING || f->state == DONE || now < f->due_ns)
		return;
	if (f->state != CONNECTING && moves(f))
		f->due_ns = now + f->plan->timeout_ns;
	else
		fail(c, f, "timeout");
}

static int init_tcp(struct flow *f, uint64_t seed, struct err *err)
{
	payload_pattern_init(&f->pattern, seed, f->index);
	f->chunk = malloc(chunk_size(f));
	return f->chunk ? 0 : err_set(err, ENOMEM, "cannot send");
}

/* --- segments --------------------------------------------------------------- */

static void step_segments(struct client *c, struct flow *f, uint64_t now)
{
	f->due_ns = segments_sender_step(f->segments, now, &c->log);
	if (f->due_ns == NEVER)
		finish(f);
}

static int init_segments(struct flow *f, uint64_t now, struct err *err)
{
	f->segments = segments_sender_new(f->plan, f->path, f->index, now, err);
	if (!f->segments)
		return -1;
	f->fd = segments_sender_fd(f->segments);
	f->wanted = POLLIN;
	f->state = SENDING;
	return 0;
}

/* --- all flows ------------------------------------------------------------ */

static int init_flow(struct flow *f, const struct traffic_client *config, size_t i, uint64_t now,
		     struct err *err)
{
	const struct traffic *plan = &config->flows[i];

	*f = (struct flow){
		.plan = plan,
		.path = plan->outer ? &config->outer : &config->inner,
		.roams = plan->outer && config->roams,
		.index = (unsigned int)i,
		.fd = -1,
		.start_ns = now + plan->start_ns,
		.due_ns = now + plan->start_ns,
	};
	if (!f->path->local || !f->path->remote) {
		finish(f);
		return 0;
	}
	switch (plan->kind) {
	case TRAFFIC_ECHO:
		return init_echo(f, err);
	case TRAFFIC_TCP:
		return init_tcp(f, config->seed, err);
	case TRAFFIC_SEGMENTS:
		return init_segments(f, now, err);
	}
	return 0;
}

static void step(struct client *c, struct flow *f, short revents, uint64_t now)
{
	switch (f->plan->kind) {
	case TRAFFIC_ECHO:
		step_echo(c, f, revents, now);
		break;
	case TRAFFIC_TCP:
		step_tcp(c, f, revents, now);
		break;
	case TRAFFIC_SEGMENTS:
		step_segments(c, f, now);
		break;
	}
}

/* What the loop waits for: of thousands of flows few have a socket at a time */
struct waits {
	struct pollfd *polls; /* the last one is to stop; borrowed */
	size_t *of; /* the flow of each; borrowed */
	size_t len; /* without the last one */
	int stop_fd;
};

static void collect(struct waits *w, const struct flow *flows, size_t len)
{
	w->len = 0;
	for (size_t i = 0; i < len; i++) {
		if (flows[i].fd < 0)
			continue;
		w->of[w->len] = i;
		w->polls[w->len++] =
			(struct pollfd){ .fd = flows[i].fd, .events = flows[i].wanted };
	}
	w->polls[w->len] = (struct pollfd){ .fd = w->stop_fd, .events = POLLIN };
}

/* Sleep until something comes or is due: 1 to stop, 0 to go on, or -1 */
static int wait_flows(struct waits *w, uint64_t due, struct err *err)
{
	uint64_t now = clock_ns(), left = due > now ? due - now : 0;
	struct timespec ts = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };

	if (ppoll(w->polls, w->len + 1, &ts, NULL) < 0) {
		if (errno != EINTR)
			return err_set(err, errno, "cannot wait for traffic");
		for (size_t i = 0; i <= w->len; i++)
			w->polls[i].revents = 0;
	}
	return w->polls[w->len].revents != 0;
}

static uint64_t first_due(const struct flow *flows, size_t len)
{
	uint64_t due = NEVER;

	for (size_t i = 0; i < len; i++)
		if (flows[i].due_ns < due)
			due = flows[i].due_ns;
	return due;
}

static int run(struct client *c, struct flow *flows, struct waits *w, size_t len, struct err *err)
{
	uint64_t due;

	while ((due = first_due(flows, len)) != NEVER) { /* else all are done */
		size_t k = 0;
		uint64_t now;
		int rc;

		collect(w, flows, len);
		rc = wait_flows(w, due, err);
		if (rc)
			return rc < 0 ? -1 : 0;
		now = clock_ns();
		for (size_t i = 0; i < len; i++) {
			short revents = 0;

			if (k < w->len && w->of[k] == i)
				revents = w->polls[k++].revents;
			if (revents || flows[i].due_ns <= now)
				step(c, &flows[i], revents, now);
		}
	}
	return 0;
}

static int run_all(struct client *c, struct flow *flows, struct waits *w, struct err *err)
{
	const struct traffic_client *config = c->config;
	uint64_t now = clock_ns();

	for (size_t i = 0; i < config->len; i++)
		if (init_flow(&flows[i], config, i, now, err))
			return err_wrap(err, "traffic %zu", i);
	return run(c, flows, w, config->len, err);
}

/**
 * traffic_client_run() - Run the traffic of a case, to its end or until told to stop
 * @config:	What, from where to where; the starts of flows count from now
 * @err:	Set on failure of ours; what fails on the path is an event
 *
 * Return: 0 or -1
 */
int traffic_client_run(const struct traffic_client *config, struct err *err)
{
	AUTO_FREE struct flow *flows = calloc(config->len + 1, sizeof(*flows));
	AUTO_FREE struct pollfd *polls = calloc(config->len + 1, sizeof(*polls));
	AUTO_FREE size_t *of = calloc(config->len + 1, sizeof(*of));
	AUTO_FREE uint8_t *buf = calloc(1, CHUNK);
	struct client c = { .config = config, .buf = buf };
	struct waits waits = { .polls = polls, .of = of, .stop_fd = config->stop_fd };
	struct err ignored = { 0 };
	int rc, closed;

	if (!flows || !polls || !of || !buf)
		return err_set(err, ENOMEM, "cannot send traffic");
	if (event_log_init(&c.log, config->events_fd, err))
		return -1;
	prctl(PR_SET_TIMERSLACK, 1UL); /* the kernel would wake us up to 50 us late */
	rc = run_all(&c, flows, &waits, err);
	for (size_t i = 0; i < config->len; i++) {
		struct flow *f = &flows[i];

		if (f->plan && f->plan->kind == TRAFFIC_TCP && f->state > WAITING &&
		    f->state < DONE)
			fail(&c, f, "stopped");
		if (f->plan)
			finish(f);
		segments_sender_free(f->segments);
		free(f->sent_ns);
		free(f->chunk);
	}
	closed = event_log_close(&c.log, rc ? &ignored : err);
	return rc ? rc : closed;
}
