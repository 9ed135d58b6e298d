// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Above the embryonic limit a SYN is answered with a cookie and
 * forgotten.  An ACK that brings a cookie back makes a flow in INTERCEPTED: the
 * device opens to the server, once a second until it answers, with a SYN of the
 * client's ISN and no option but the MSS.  With the server's SYN-ACK it knows
 * the distance between the cookie and the server's ISN: from then on the flow
 * is like any other whose ISN was changed.  The client's window was 0 until
 * then, and what it sends nevertheless it has to send again.
 */
#include "middlebox/intercept.h"

#include "middlebox/answer.h"
#include "middlebox/cookie.h"
#include "middlebox/engine-state.h"

/** intercept_due() - Are there so many handshakes that a new one gets a cookie? */
bool intercept_due(const struct engine *e)
{
	const size_t *on = e->flows.on_timer;
	uint64_t limit = e->config.engine.embryonic_limit;

	return limit && on[TIMER_EMBRYONIC] + on[TIMER_INTERCEPT] >= limit;
}

/**
 * intercept_syn() - Answer a SYN with a cookie, and forget it
 * @e:		The engine
 * @key:	Its addresses and ports
 * @a:		The SYN
 * @out:	Where the SYN-ACK goes
 */
void intercept_syn(struct engine *e, const struct flow_key *key, const struct arrival *a,
		   const struct engine_out *out)
{
	uint32_t cookie =
		cookie_make(e->cookie_secret, key, a->packet.seq, a->options.mss, a->now_ns);
	uint8_t packet[SEGMENT_ACK_BYTES];
	size_t len = answer_cookie(key, a, cookie, cookie_mss(a->options.mss), packet);

	e->counters[COUNTER_INTERCEPTED]++;
	e->counters[COUNTER_SYN_COOKIE_SENT]++;
	out->emit(out->ctx, proxy_opposite(a->dir), packet, len);
}

/** intercept_send_syn() - Ask the server, or ask it again */
void intercept_send_syn(struct engine *e, const struct flow *f, const struct engine_out *out)
{
	uint8_t packet[SEGMENT_ACK_BYTES];

	e->counters[COUNTER_SYN_SENT]++;
	out->emit(out->ctx, f->initiator, packet, answer_syn(f, packet));
}

/**
 * intercept_ack() - Does an ACK without a flow bring a cookie back?
 * @e:		The engine
 * @key:	Its addresses and ports
 * @a:		The ACK
 * @out:	Where the SYN to the server goes
 *
 * Return: true if so; then it is counted, and a flow begins if there is room
 */
bool intercept_ack(struct engine *e, const struct flow_key *key, const struct arrival *a,
		   const struct engine_out *out)
{
	const struct packet *p = &a->packet;
	const uint8_t others = PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_FIN;
	struct half *client;
	struct flow *f;
	uint16_t mss;

	if (!e->config.engine.embryonic_limit || (p->flags & others) ||
	    !cookie_check(e->cookie_secret, key, p->seq - 1, p->ack - 1, a->now_ns, &mss))
		return false;
	f = engine_add_flow(e, a, key, FLOW_INTERCEPTED, TIMER_INTERCEPT);
	if (!f)
		return true;
	f->initiator = a->dir;
	client = &f->half[a->dir];
	client->syn = true;
	client->window = p->window;
	client->isn = client->acked = p->seq - 1;
	client->next = client->highest = p->seq;
	client->ttl = client->ttl_least = p->ttl;
	client->mss = mss;
	client->offset = e->config.engine.isn_randomise ? (uint32_t)prng_u64(&e->isn) : 0;
	f->half[proxy_opposite(a->dir)].offset = p->ack - 1;
	e->counters[COUNTER_INTERCEPTED]++;
	intercept_send_syn(e, f, out);
	return true;
}

/* The server's SYN-ACK: the client may begin */
static void join(struct engine *e, struct flow *f, const struct arrival *a,
		 const struct engine_out *out)
{
	struct half *server = &f->half[a->dir], *client = &f->half[f->initiator];
	uint8_t packet[SEGMENT_ACK_BYTES];
	uint32_t cookie = server->offset;

	proxy_open_half(server, a);
	server->offset = cookie - server->isn;
	server->next = server->acked = server->isn + 1; /* payload comes again */
	client->acked = client->next;
	f->state = FLOW_ESTABLISHED;
	flow_touch(&e->flows, f, a->now_ns);
	e->counters[COUNTER_ACK_SENT] += 2;
	out->emit(out->ctx, f->initiator, packet, answer_plain(f, f->initiator, packet));
	out->emit(out->ctx, a->dir, packet, answer_plain(f, a->dir, packet));
}

/**
 * intercept_segment() - A segment of a flow that the server has not answered yet
 * @e:		The engine
 * @f:		In state FLOW_INTERCEPTED; perhaps gone afterwards
 * @a:		The segment
 * @out:	Where packets go
 */
void intercept_segment(struct engine *e, struct flow *f, struct arrival *a,
		       const struct engine_out *out)
{
	const struct packet *p = &a->packet;
	const struct half *client = &f->half[f->initiator];
	bool mine = (p->flags & PACKET_TCP_ACK) && p->ack - client->offset == client->next;

	if (a->dir == f->initiator && (p->flags & PACKET_TCP_RST)) {
		engine_act(e, f, a, proxy_judge(&e->config.engine, f, a), out);
		return;
	}
	if (a->dir != f->initiator && (!mine || !(p->flags & (PACKET_TCP_SYN | PACKET_TCP_RST)))) {
		e->counters[COUNTER_TCP_3WHS_FAILED]++;
		return;
	}
	e->counters[COUNTER_INTERCEPTED]++;
	if (a->dir == f->initiator)
		return;
	if (p->flags & PACKET_TCP_RST) {
		engine_send_reset(e, f, a->dir, out);
		engine_forget(e, f);
	} else {
		join(e, f, a, out);
	}
}
