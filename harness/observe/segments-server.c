// SPDX-License-Identifier: Apache-2.0
/*
 * The receiver of all flows.  It knows a connection by addresses and ports, and the flow
 * that it belongs to, and with it what to acknowledge, by the head of its first
 * segment: a device may have changed everything before that.
 *
 * What came beyond a hole is kept as a list of ranges, which is as long as there are
 * holes.
 */
#include "observe/segments.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "observe/event.h"
#include "observe/payload.h"

#define CONNECTIONS_MAX 64
#define RANGES_MAX	4096
#define ISN		3000000U

struct range {
	uint32_t start, end; /* sequence numbers; end is the first that is not in it */
};

struct connection {
	bool v6;
	struct segments_way back; /* from us to the sender */
	unsigned int mss;
	const struct traffic *plan; /* NULL: the flow is not known yet */
	unsigned int flow;
	uint32_t isn; /* of the sender */
	uint32_t next, highest; /* up to the first hole; behind the last byte */
	uint64_t segments, acks;
	struct range ranges[RANGES_MAX]; /* beyond the hole, ascending, apart */
	size_t ranges_len;
};

struct receiver {
	struct segments_server *server;
	struct event_log log;
	struct connection *connections[CONNECTIONS_MAX]; /* owned */
	size_t len;
};

/**
 * segments_server_open() - Open sockets in the network namespace of the calling thread
 * @server:	Its flows are set; give it to segments_server_close() whatever is returned
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int segments_server_open(struct segments_server *server, struct err *err)
{
	const struct segments_socket none = SEGMENTS_SOCKET_NONE;

	server->sockets[0] = server->sockets[1] = none;
	for (int v6 = 0; v6 < 2; v6++)
		if ((!v6 || access("/proc/sys/net/ipv6", F_OK) == 0) &&
		    segments_open(&server->sockets[v6], v6, err))
			return -1;
	return 0;
}

/** segments_server_close() - Close the sockets; idempotent */
void segments_server_close(struct segments_server *server)
{
	segments_close(&server->sockets[0]);
	segments_close(&server->sockets[1]);
}

/* --- what came ----------------------------------------------------------------------- */

/* Keep what is new of a range; false: nothing was */
static bool keep(struct connection *c, uint32_t start, uint32_t end)
{
	size_t i = 0, n = 0;

	if (seq_lt(start, c->next))
		start = c->next;
	if (!seq_lt(start, end))
		return false;
	while (i < c->ranges_len && seq_lt(c->ranges[i].end, start))
		i++;
	if (i < c->ranges_len && seq_leq(c->ranges[i].start, start) &&
	    seq_leq(end, c->ranges[i].end))
		return false;
	if (c->ranges_len == RANGES_MAX)
		return false;
	/* one range instead of all that it touches */
	for (; i + n < c->ranges_len && seq_leq(c->ranges[i + n].start, end); n++) {
		if (seq_lt(c->ranges[i + n].start, start))
			start = c->ranges[i + n].start;
		if (seq_lt(end, c->ranges[i + n].end))
			end = c->ranges[i + n].end;
	}
	memmove(&c->ranges[i + 1], &c->ranges[i + n],
		(c->ranges_len - i - n) * sizeof(c->ranges[0]));
	c->ranges[i] = (struct range){ start, end };
	c->ranges_len = c->ranges_len + 1 - n;
	if (c->ranges[0].start != c->next)
		return true;
	c->next = c->ranges[0].end; /* the hole is filled */
	memmove(&c->ranges[0], &c->ranges[1], --c->ranges_len * sizeof(c->ranges[0]));
	return true;
}

static void recognise(const struct receiver *r, struct connection *c, const struct packet *p)
{
	struct payload_head head = { 0 };

	if (p->payload_len >= PAYLOAD_HEAD_LEN)
		head = payload_get_head(p->payload);
	if (head.magic != PAYLOAD_SEGMENT || head.flow >= r->server->len)
		return;
	c->flow = head.flow;
	c->plan = &r->server->flows[head.flow];
}

static void acknowledge(struct receiver *r, struct connection *c)
{
	const struct segment ack = { ISN + 1,
				     c->plan && c->plan->ack == SEGMENTS_ACK_MAX ? c->highest
										 : c->next,
				     PACKET_TCP_ACK, NULL, 0 };

	if (c->plan && c->plan->ack == SEGMENTS_ACK_NONE)
		return;
	c->acks += segments_send(&r->server->sockets[c->v6], &c->back, &ack);
}

static void take_data(struct receiver *r, struct connection *c, const struct packet *p)
{
	uint32_t end = p->seq + packet_seq_len(p);

	if (!c->plan)
		recognise(r, c, p);
	if (seq_lt(c->highest, end))
		c->highest = end;
	c->segments += keep(c, p->seq, end) && p->payload_len;
	acknowledge(r, c);
}

/* --- connections ---------------------------------------------------------------------- */

static struct connection *find(struct receiver *r, const struct packet *p)
{
	size_t len = p->version == 4 ? 4 : 16;

	for (size_t i = 0; i < r->len; i++) {
		struct connection *c = r->connections[i];

		if (c->v6 == (p->version == 6) && c->back.dport == p->sport &&
		    memcmp(c->back.dst, p->src, len) == 0)
			return c;
	}
	return NULL;
}

static struct connection *add(struct receiver *r, const struct packet *p)
{
	size_t len = p->version == 4 ? 4 : 16;
	struct connection *c = r->len < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->v6 = p->version == 6;
	memcpy(c->back.src, p->dst, len);
	memcpy(c->back.dst, p->src, len);
	c->back.sport = p->dport;
	c->back.dport = p->sport;
	c->mss = segments_mss(p);
	c->isn = p->seq;
	c->next = c->highest = p->seq + 1;
	r->connections[r->len++] = c;
	return c;
}

static void take(struct receiver *r, const struct packet *p)
{
	struct connection *c = find(r, p);

	if (p->dport != SEGMENTS_PORT || p->flags & PACKET_TCP_RST)
		return;
	if (p->flags & PACKET_TCP_SYN) {
		if (!c)
			c = add(r, p);
		if (c && p->seq == c->isn)
			segments_send(&r->server->sockets[c->v6], &c->back,
				      &(struct segment){ ISN, c->isn + 1,
							 PACKET_TCP_SYN | PACKET_TCP_ACK, NULL,
							 0 });
	} else if (c && packet_seq_len(p)) {
		take_data(r, c, p);
	}
}

static void report(struct receiver *r, const struct connection *c)
{
	event_log_add(&r->log, clock_stamp_ns(), "segments-received",
		      "\"flow\":%u,\"segments\":%llu,\"bytes\":%u,\"mss\":%u,\"acks\":%llu",
		      c->flow, (unsigned long long)c->segments, c->next - c->isn - 1, c->mss,
		      (unsigned long long)c->acks);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): poll() writes to it */
static int serve(struct receiver *r, int stop_fd, struct err *err)
{
	struct segments_socket *sockets = r->server->sockets;
	struct pollfd polls[] = { { .fd = sockets[0].in_fd, .events = POLLIN },
				  { .fd = sockets[1].in_fd, .events = POLLIN },
				  { .fd = stop_fd, .events = POLLIN } };
	uint8_t bytes[SEGMENTS_MAX];
	struct packet p;

	for (;;) {
		if (poll(polls, ARRAY_SIZE(polls), -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot wait for segments");
		}
		for (int i = 0; i < 2; i++)
			while (polls[i].revents && segments_receive(&sockets[i], bytes, &p))
				take(r, &p);
		if (polls[2].revents)
			return 0;
	}
}

/**
 * segments_server_run() - Receive until told to stop
 * @server:	Open
 * @stop_fd:	Readable or closed at the other side: stop
 * @events_fd:	Gets an event for each connection, at the end
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int segments_server_run(struct segments_server *server, int stop_fd, int events_fd, struct err *err)
{
	struct receiver r = { .server = server };
	struct err ignored = { 0 };
	int rc, closed;

	if (event_log_init(&r.log, events_fd, err))
		return -1;
	rc = serve(&r, stop_fd, err);
	for (size_t i = 0; i < r.len; i++) {
		report(&r, r.connections[i]);
		free(r.connections[i]);
	}
	closed = event_log_close(&r.log, rc ? &ignored : err);
	return rc ? rc : closed;
}
