// SPDX-License-Identifier: Apache-2.0
/*
 * The server's side of the traffic: a UDP echo and a TCP sink, IPv4 and IPv6.
 *
 * The echo answers from the address that was asked: a node has several, and a
 * tunnel's answer must not leave by the route of another.  The sink compares each
 * byte with the pattern whose seed is in the head of the stream; it reports a stream
 * when it ends, and those that have not ended when it is stopped.
 */
#include "observe/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "observe/event.h"
#include "observe/payload.h"

#define STREAMS_MAX 256 /* at a time; more wait in the kernel's queue */
#define CHUNK	    65536

struct stream {
	int fd;
	uint8_t head[PAYLOAD_HEAD_LEN];
	size_t head_len;
	struct payload_pattern pattern;
	uint64_t bytes; /* behind the head */
	bool differs;
};

enum { POLL_STOP, POLL_ECHO, POLL_SINK, POLL_STREAMS };

struct sink {
	struct event_log log;
	struct stream streams[STREAMS_MAX];
	size_t len;
	struct pollfd polls[POLL_STREAMS + STREAMS_MAX]; /* stream i: [POLL_STREAMS + i] */
	uint8_t got[CHUNK], wanted[CHUNK];
};

static int open_service(int type, uint16_t port, struct err *err)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	AUTO_CLOSE int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool v6 = fd >= 0;
	int on = 1, off = 0;
	int rc;

	if (!v6) /* a kernel without IPv6 */
		fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "cannot open a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (v6 && (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
		   setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))))
		return err_set(err, errno, "cannot set up port %u", port);
	rc = v6 ? bind(fd, (struct sockaddr *)&any6, sizeof(any6))
		: bind(fd, (struct sockaddr *)&any4, sizeof(any4));
	if (rc || (type == SOCK_STREAM && listen(fd, STREAMS_MAX)))
		return err_set(err, errno, "cannot serve port %u", port);
	return steal_fd(&fd);
}

/**
 * traffic_server_open() - Open the ports of the traffic in the current namespace
 * @server:	Filled in; release it with traffic_server_release()
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int traffic_server_open(struct traffic_server *server, struct err *err)
{
	*server = (struct traffic_server)TRAFFIC_SERVER_NONE;
	server->echo_fd = open_service(SOCK_DGRAM, TRAFFIC_ECHO_PORT, err);
	if (server->echo_fd < 0)
		return -1;
	server->sink_fd = open_service(SOCK_STREAM, TRAFFIC_SINK_PORT, err);
	if (server->sink_fd < 0) {
		traffic_server_release(server);
		return -1;
	}
	return 0;
}

/** traffic_server_release() - Close the ports */
void traffic_server_release(struct traffic_server *server)
{
	cleanup_close(&server->echo_fd);
	cleanup_close(&server->sink_fd);
	*server = (struct traffic_server)TRAFFIC_SERVER_NONE;
}

/* Send back what is there, as it came.  What cannot be sent is lost, as on any path */
/* NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes to it */
static void echo(int fd, uint8_t *buf, size_t size)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
	struct sockaddr_storage peer;
	struct iovec iov = { buf, size };
	struct msghdr msg;
	struct cmsghdr *c;
	ssize_t n;

	for (;;) {
		iov.iov_len = size;
		msg = (struct msghdr){
			.msg_name = &peer,
			.msg_namelen = sizeof(peer),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		n = recvmsg(fd, &msg, 0);
		if (n < 0)
			return;
		/* The address is kept; by which interface is for the routes to say */
		c = CMSG_FIRSTHDR(&msg);
		if (c && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_ifindex = 0;
		iov.iov_len = (size_t)n;
		sendmsg(fd, &msg, 0);
	}
}

static void report(struct sink *k, const struct stream *s, int errnum, const char *why)
{
	struct payload_head head = payload_get_head(s->head);
	uint64_t now = clock_stamp_ns();

	if (s->head_len < PAYLOAD_HEAD_LEN || head.magic != PAYLOAD_STREAM) {
		event_log_add(&k->log, now, "tcp-stray", "\"bytes\":%llu",
			      s->head_len + (unsigned long long)s->bytes);
		return;
	}
	if (errnum)
		why = strerror(errnum);
	event_log_add(&k->log, now, "tcp-received",
		      "\"flow\":%u,\"bytes\":%llu,\"intact\":%s%s%s%s", head.flow,
		      (unsigned long long)s->bytes, s->differs || why ? "false" : "true",
		      why ? ",\"error\":\"" : "", why ? why : "", why ? "\"" : "");
}

static void compare(struct sink *k, struct stream *s, const uint8_t *bytes, size_t len)
{
	size_t head = PAYLOAD_HEAD_LEN - s->head_len;

	if (head > len)
		head = len;
	if (head) {
		memcpy(s->head + s->head_len, bytes, head);
		s->head_len += head;
		if (s->head_len == PAYLOAD_HEAD_LEN) {
			struct payload_head h = payload_get_head(s->head);

			payload_pattern_init(&s->pattern, h.number, h.flow);
		}
	}
	payload_pattern_fill(&s->pattern, k->wanted, len - head);
	if (memcmp(k->wanted, bytes + head, len - head) != 0)
		s->differs = true;
	s->bytes += len - head;
}

/* Take what has come; false once the stream has ended */
static bool take(struct sink *k, struct stream *s)
{
	ssize_t n;

	while ((n = recv(s->fd, k->got, sizeof(k->got), 0)) > 0)
		compare(k, s, k->got, (size_t)n);
	if (n < 0 && errno == EAGAIN)
		return true;
	report(k, s, n < 0 ? errno : 0, NULL);
	return false;
}

static void accept_streams(struct sink *k, int fd)
{
	while (k->len < STREAMS_MAX) {
		int stream = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (stream < 0)
			return;
		k->streams[k->len++] = (struct stream){ .fd = stream };
	}
}

static void remove_stream(struct sink *k, size_t i)
{
	close(k->streams[i].fd); /* to the client: all was received */
	k->len--;
	memmove(&k->streams[i], &k->streams[i + 1], (k->len - i) * sizeof(k->streams[0]));
}

static int serve(struct sink *k, const struct traffic_server *server, int stop_fd, struct err *err)
{
	for (;;) {
		/* a full house leaves newcomers in the kernel's queue */
		int sink_fd = k->len < STREAMS_MAX ? server->sink_fd : -1;

		k->polls[POLL_STOP] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
		k->polls[POLL_ECHO] = (struct pollfd){ .fd = server->echo_fd, .events = POLLIN };
		k->polls[POLL_SINK] = (struct pollfd){ .fd = sink_fd, .events = POLLIN };
		for (size_t i = 0; i < k->len; i++)
			k->polls[POLL_STREAMS + i] =
				(struct pollfd){ .fd = k->streams[i].fd, .events = POLLIN };
		if (ppoll(k->polls, POLL_STREAMS + k->len, NULL, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot wait for traffic");
		}
		if (k->polls[POLL_STOP].revents)
			return 0;
		if (k->polls[POLL_ECHO].revents)
			echo(server->echo_fd, k->got, sizeof(k->got));
		for (size_t i = k->len; i-- > 0;)
			if (k->polls[POLL_STREAMS + i].revents && !take(k, &k->streams[i]))
				remove_stream(k, i);
		if (k->polls[POLL_SINK].revents)
			accept_streams(k, server->sink_fd);
	}
}

/**
 * traffic_server_run() - Answer the traffic until told to stop
 * @server:	From traffic_server_open(); borrowed
 * @stop_fd:	Readable or closed at the other side: stop
 * @events_fd:	Gets the events at the end
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int traffic_server_run(struct traffic_server *server, int stop_fd, int events_fd, struct err *err)
{
	AUTO_FREE struct sink *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return err_set(err, ENOMEM, "cannot serve traffic");
	if (event_log_init(&k->log, events_fd, err))
		return -1;
	rc = serve(k, server, stop_fd, err);
	while (k->len) {
		struct stream *s = &k->streams[0];

		if (take(k, s)) /* else it has ended just now, and is reported */
			report(k, s, 0, "still open at the end");
		remove_stream(k, 0);
	}
	if (rc) {
		struct err ignored = { 0 };

		event_log_close(&k->log, &ignored);
		return -1;
	}
	return event_log_close(&k->log, err);
}
