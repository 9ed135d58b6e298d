// SPDX-License-Identifier: Apache-2.0
/*
 * The sender of a flow.
 *
 *   WAITING  until the start of the flow
 *   SYN      sent, and again each second, at most five times
 *   SENDING  segment n is due at (n - 1) intervals after the handshake
 *   LINGER   all is sent; ends when all is acknowledged, or after the time-out
 *   OVER     its event is written
 */
#include "observe/segments.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/units.h"
#include "observe/event.h"
#include "observe/payload.h"

#define SYN_AGAIN_NS NS_PER_S
#define SYN_TRIES    5
#define ISN	     1000000U /* plus the number of the flow: known, so that captures are legible */

enum sender_state { WAITING, SYN, SENDING, LINGER, OVER };

struct segments_sender {
	const struct traffic *plan; /* borrowed */
	unsigned int flow;
	struct segments_socket socket;
	struct segments_way way;
	enum sender_state state;
	uint64_t due_ns, began_ns;
	unsigned int tries;
	uint32_t next; /* sequence number */
	uint32_t peer_next; /* what is acknowledged */
	uint32_t acked;
	uint64_t sent, acks, duplicate_acks, resets;
	unsigned int first_window, mss;
	bool connected;
	uint8_t payload[SEGMENTS_MAX];
};

static int parse(const char *text, bool *ret_v6, uint8_t ret[16])
{
	*ret_v6 = strchr(text, ':');
	return inet_pton(*ret_v6 ? AF_INET6 : AF_INET, text, ret) == 1 ? 0 : -1;
}

/**
 * segments_sender_new() - A flow that begins later
 * @plan:	What to send; borrowed as long as it lives
 * @path:	From where to where
 * @flow:	Its number in the case
 * @now_ns:	From when its start counts
 * @err:	Set on failure
 *
 * Return: the flow, or NULL
 */
struct segments_sender *segments_sender_new(const struct traffic *plan,
					    const struct traffic_path *path, unsigned int flow,
					    uint64_t now_ns, struct err *err)
{
	struct segments_sender *s = calloc(1, sizeof(*s));
	bool v6 = false;

	if (!s) {
		err_set(err, ENOMEM, "cannot send segments");
		return NULL;
	}
	s->socket = (struct segments_socket)SEGMENTS_SOCKET_NONE;
	s->plan = plan;
	s->flow = flow;
	s->way.sport = (uint16_t)(SEGMENTS_SOURCE + flow);
	s->way.dport = SEGMENTS_PORT;
	s->next = s->acked = ISN + flow;
	s->due_ns = now_ns + plan->start_ns;
	if (parse(path->local, &v6, s->way.src) || parse(path->remote, &v6, s->way.dst))
		err_set(err, EINVAL, "cannot send segments");
	else if (!segments_open(&s->socket, v6, err))
		return s;
	segments_sender_free(s);
	return NULL;
}

/** segments_sender_free() - NULL is fine */
void segments_sender_free(struct segments_sender *s)
{
	if (!s)
		return;
	segments_close(&s->socket);
	free(s);
}

/** segments_sender_fd() - Where answers come: wait for POLLIN */
int segments_sender_fd(const struct segments_sender *s)
{
	return s->socket.in_fd;
}

/* --- what comes ------------------------------------------------------------------ */

static bool is_answer(const struct segments_sender *s, const struct packet *p)
{
	return p->sport == s->way.dport && p->dport == s->way.sport &&
	       memcmp(p->src, s->way.dst, p->version == 4 ? 4 : 16) == 0;
}

static void take_synack(struct segments_sender *s, const struct packet *p, uint64_t now)
{
	s->connected = true;
	s->first_window = p->window;
	s->mss = segments_mss(p);
	s->next++;
	s->acked = s->next;
	s->peer_next = p->seq + 1;
	s->state = SENDING;
	s->began_ns = s->due_ns = now;
	segments_send(&s->socket, &s->way,
		      &(struct segment){ s->next, s->peer_next, PACKET_TCP_ACK, NULL, 0 });
}

static void take(struct segments_sender *s, const struct packet *p, uint64_t now)
{
	bool synack =
		(p->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) == (PACKET_TCP_SYN | PACKET_TCP_ACK);

	if (p->flags & PACKET_TCP_RST) {
		s->resets++;
	} else if (s->state == SYN && synack && p->ack == s->next + 1) {
		take_synack(s, p, now);
	} else if (s->connected && synack) { /* our ACK was lost */
		segments_send(&s->socket, &s->way,
			      &(struct segment){ s->next, s->peer_next, PACKET_TCP_ACK, NULL, 0 });
	} else if (s->connected && p->flags & PACKET_TCP_ACK) {
		s->acks++;
		s->duplicate_acks += p->ack == s->acked && !p->payload_len && s->sent;
		if (seq_lt(s->acked, p->ack))
			s->acked = p->ack;
	}
}

/* --- what is due --------------------------------------------------------------------- */

static void send_syn(struct segments_sender *s, uint64_t now)
{
	s->state = s->tries++ < SYN_TRIES ? SYN : LINGER;
	s->due_ns = now + SYN_AGAIN_NS;
	if (s->state == LINGER)
		s->due_ns = now;
	else
		segments_send(&s->socket, &s->way,
			      &(struct segment){ s->next, 0, PACKET_TCP_SYN, NULL, 0 });
}

static void send_data(struct segments_sender *s)
{
	const struct payload_head head = { PAYLOAD_SEGMENT, s->flow, s->sent + 1 };

	payload_put_head(s->payload, &head);
	segments_send(&s->socket, &s->way,
		      &(struct segment){ s->next, s->peer_next, PACKET_TCP_ACK | PACKET_TCP_PSH,
					 s->payload, s->plan->size });
	s->next += (uint32_t)s->plan->size;
	s->sent++;
	s->due_ns = s->began_ns + s->sent * s->plan->interval_ns;
	if (s->sent < s->plan->count)
		return;
	s->state = LINGER;
	s->due_ns = clock_ns() + s->plan->timeout_ns;
}

static void finish(struct segments_sender *s, struct event_log *log)
{
	event_log_add(log, clock_stamp_ns(), "segments-sent",
		      "\"flow\":%u,\"connected\":%s,\"sent\":%llu,\"acks\":%llu,"
		      "\"duplicate_acks\":%llu,\"first_window\":%u,\"mss\":%u,\"resets\":%llu",
		      s->flow, s->connected ? "true" : "false", (unsigned long long)s->sent,
		      (unsigned long long)s->acks, (unsigned long long)s->duplicate_acks,
		      s->first_window, s->mss, (unsigned long long)s->resets);
	s->state = OVER;
	s->due_ns = UINT64_MAX;
	segments_close(&s->socket);
}

/**
 * segments_sender_step() - Take what came and send what is due
 * @s:		The flow
 * @now_ns:	CLOCK_MONOTONIC
 * @log:	Gets its event at the end
 *
 * Return: when it wants to be called at the latest; UINT64_MAX: it is over
 */
uint64_t segments_sender_step(struct segments_sender *s, uint64_t now_ns, struct event_log *log)
{
	uint8_t bytes[SEGMENTS_MAX];
	struct packet p;

	while (s->state != OVER && segments_receive(&s->socket, bytes, &p))
		if (is_answer(s, &p))
			take(s, &p, now_ns);
	if ((s->state == WAITING || s->state == SYN) && now_ns >= s->due_ns)
		send_syn(s, now_ns);
	while (s->state == SENDING && now_ns >= s->due_ns)
		send_data(s);
	if (s->state == LINGER && (now_ns >= s->due_ns || s->acked == s->next))
		finish(s, log);
	return s->due_ns;
}
