// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 *   client:    CLOSED --IKE to send--> SYN_SENT --SYN|ACK--> ESTABLISHED
 *   head-end:  CLOSED --SYN--> SYN_RECEIVED --right ack--> ESTABLISHED
 *
 *   CLOSED        to send: the client opens on IKE; all else is dropped.  Received: the head-end
 *                 opens on SYN; anything but a RST gets RST|ACK.
 *   SYN_SENT      to send: IKE waits in a queue of 8; ESP is dropped.  The SYN is sent once: when
 *                 the handshake timer has run out the state is CLOSED again and the next IKE
 *                 message, which the daemon retransmits, opens anew with a new ISN.
 *   SYN_RECEIVED  any segment with ack = ISS+1 establishes, and its payload counts.
 *   ESTABLISHED   data passes.  FIN gets RST; a RST is believed whatever its sequence number.
 *                 Without ESP within the IKE timer it ends with RST.
 *
 * The default profile reads neither ack nor window of what it receives, takes data whatever its
 * sequence number, acknowledges the highest number seen and only on its next data, and never
 * sends anything twice.  That is cTCP, and why it dies behind a TCP proxy.  With retransmit=on it
 * does all of these as TCP does, unless a fault is asked for.
 */
#include "peer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "decode/packet.h"

#define PORT_NAT_T 4500

static const char *const state_names[] = {
	[PEER_CLOSED] = "closed",
	[PEER_SYN_SENT] = "syn-sent",
	[PEER_SYN_RECEIVED] = "syn-received",
	[PEER_ESTABLISHED] = "established",
};
static_assert(ARRAY_SIZE(state_names) == PEER_ESTABLISHED + 1, "every state has a name");

/** peer_state_name() - The name of a state, for status and logs */
const char *peer_state_name(enum peer_state s)
{
	return state_names[s];
}

/** peer_profile_default() - How the known implementation behaves */
void peer_profile_default(struct peer_profile *ret)
{
	*ret = (struct peer_profile){
		.ack = ACK_MAX,
		.check_cookie = true,
		.port = CTCP_PORT,
		.window = 65535,
		.handshake_ns = 3 * NS_PER_S,
		.ike_ns = 60 * NS_PER_S,
	};
}

/**
 * peer_init() - A closed connection
 * @p:		Filled in; peer_release() frees what it will come to own
 * @profile:	Behaviour; must outlive @p
 * @client:	Role
 * @at:		Addresses and ports
 */
void peer_init(struct peer *p, const struct peer_profile *profile, bool client,
	       const struct peer_addresses *at)
{
	*p = (struct peer){
		.profile = profile,
		.client = client,
		.at = *at,
		.form = profile->inner,
		.form_local_port = PORT_NAT_T,
		.form_remote_port = PORT_NAT_T,
	};
	sender_init(&p->out, 0);
}

static void queue_clear(struct peer *p)
{
	while (p->queue_len)
		free(p->queue[--p->queue_len].bytes);
}

/** peer_release() - Free all that a peer owns, silently */
void peer_release(struct peer *p)
{
	queue_clear(p);
	sender_release(&p->out);
}

static void enter(struct peer *p, enum peer_state state, uint64_t now, const struct peer_out *out)
{
	if (state == PEER_ESTABLISHED)
		out->counts[COUNT_OPENED]++;
	else if (p->state == PEER_ESTABLISHED)
		out->counts[COUNT_CLOSED]++;
	p->state = state;
	p->since_ns = now;
	if (state == PEER_ESTABLISHED) {
		p->esp_seen = false;
		p->next = p->iss + 1;
		sender_release(&p->out);
		sender_init(&p->out, p->next);
		p->out.no_backoff = p->profile->fault == PEER_NO_BACKOFF;
	} else if (state == PEER_CLOSED) {
		peer_release(p);
	}
}

static struct ctcp_segment segment(const struct peer *p, uint8_t flags, uint32_t seq,
				   const uint8_t *payload, size_t len)
{
	struct ctcp_segment s = {
		.sport = p->at.local_port,
		.dport = p->at.remote_port,
		.seq = seq,
		.ack = flags & PACKET_TCP_ACK ? p->in.next : 0,
		.flags = flags,
		.window = p->profile->window,
		.mss = flags & PACKET_TCP_SYN ? p->profile->syn_mss : 0,
		.payload = payload,
		.payload_len = len,
	};

	memcpy(s.src, p->at.local, sizeof(s.src));
	memcpy(s.dst, p->at.remote, sizeof(s.dst));
	return s;
}

static void emit(struct peer *p, uint8_t flags, uint32_t seq, const uint8_t *payload, size_t len,
		 uint64_t now, const struct peer_out *out)
{
	struct ctcp_segment s = segment(p, flags, seq, payload, len);

	p->sent_ns = now;
	out->segment(out->ctx, &s);
}

static uint8_t data_flags(const struct peer *p)
{
	return PACKET_TCP_ACK | (p->profile->psh ? PACKET_TCP_PSH : 0);
}

static void emit_ack(struct peer *p, uint64_t now, const struct peer_out *out)
{
	emit(p, PACKET_TCP_ACK, p->next, NULL, 0, now, out);
}

static void transmit(struct peer *p, const uint8_t *payload, size_t len, uint64_t now,
		     const struct peer_out *out)
{
	bool wraps = p->next + (uint32_t)len < p->next;

	if ((wraps && p->profile->fault == PEER_STOPS_AT_WRAP) ||
	    (p->profile->retransmit && !sender_keep(&p->out, p->next, payload, len, now))) {
		out->counts[COUNT_SEND_BUFFER_FULL]++;
		return;
	}
	emit(p, data_flags(p), p->next, payload, len, now, out);
	p->next += (uint32_t)len;
}

static void resend(struct peer *p, const struct unacked *u, uint64_t now,
		   const struct peer_out *out)
{
	uint8_t other[CTCP_INNER_MAX + CTCP_TRAILER_LEN];
	struct ctcp_segment s;

	if (!u)
		return;
	s = segment(p, data_flags(p), u->seq, u->payload, u->len);
	s.spoiled = p->profile->fault == PEER_BAD_CHECKSUM;
	if (p->profile->fault == PEER_OTHER_BYTES) {
		memcpy(other, u->payload, u->len);
		other[u->len / 2] ^= 1;
		s.payload = other;
	}
	out->counts[COUNT_RETRANSMITTED]++;
	p->sent_ns = now;
	out->segment(out->ctx, &s);
}

static void enqueue(struct peer *p, const uint8_t *payload, size_t len, const struct peer_out *out)
{
	uint8_t *copy = p->queue_len < PEER_QUEUE ? malloc(len) : NULL;

	if (!copy) {
		out->counts[COUNT_QUEUE_FULL]++;
		return;
	}
	memcpy(copy, payload, len);
	p->queue[p->queue_len].bytes = copy;
	p->queue[p->queue_len++].len = len;
}

static uint32_t choose_iss(const struct peer *p, const struct peer_out *out)
{
	return p->profile->iss ? p->profile->iss : out->random32(out->ctx);
}

static void open_active(struct peer *p, uint64_t now, const struct peer_out *out)
{
	p->iss = choose_iss(p, out);
	p->next = p->iss + 1;
	receiver_init(&p->in, p->profile->ack, 0);
	enter(p, PEER_SYN_SENT, now, out);
	emit(p, PACKET_TCP_SYN, p->iss, NULL, 0, now, out);
}

/**
 * peer_send() - The local stack has sent something for this peer
 * @p:		Peer
 * @d:		What ctcp_inner_parse() made of it
 * @now_ns:	The time
 * @out:	Output
 */
void peer_send(struct peer *p, const struct ctcp_datagram *d, uint64_t now_ns,
	       const struct peer_out *out)
{
	uint8_t payload[CTCP_INNER_MAX + CTCP_TRAILER_LEN];
	size_t len = ctcp_payload_encode(d, p->client, payload, sizeof(payload));
	bool esp = d->protocol == CTCP_ESP;

	if (!len) {
		out->counts[COUNT_TOO_BIG]++;
		return;
	}
	if (esp)
		p->form = d->form;
	if (esp && d->form == ESP_FORM_UDP) {
		p->form_local_port = d->sport;
		p->form_remote_port = d->dport;
	}
	switch (p->state) {
	case PEER_ESTABLISHED:
		p->esp_seen |= esp;
		transmit(p, payload, len, now_ns, out);
		return;
	case PEER_CLOSED:
		if (p->client && !esp) {
			open_active(p, now_ns, out);
			enqueue(p, payload, len, out);
			return;
		}
		break;
	case PEER_SYN_SENT:
		if (!esp) {
			enqueue(p, payload, len, out);
			return;
		}
		break;
	case PEER_SYN_RECEIVED:
		break;
	}
	out->counts[p->client && esp ? COUNT_ESP_BEFORE_IKE : COUNT_NOT_ESTABLISHED]++;
}

/**
 * peer_reject() - Answer a segment that belongs to no connection
 * @seg:	The segment; a RST gets no answer
 * @out:	Output
 *
 * The sequence number is what the sender has acknowledged, so that a real TCP
 * believes it too (RFC 9293 section 3.10.7.1).
 */
void peer_reject(const struct packet *seg, const struct peer_out *out)
{
	struct ctcp_segment s = {
		.sport = seg->dport,
		.dport = seg->sport,
		.seq = seg->flags & PACKET_TCP_ACK ? seg->ack : 0,
		.ack = seg->seq + packet_seq_len(seg),
		.flags = PACKET_TCP_RST | PACKET_TCP_ACK,
	};

	if (seg->flags & PACKET_TCP_RST)
		return;
	memcpy(s.src, seg->dst, sizeof(s.src));
	memcpy(s.dst, seg->src, sizeof(s.dst));
	out->segment(out->ctx, &s);
}

static void deliver(const struct peer *p, struct ctcp_datagram *d, const struct peer_out *out)
{
	d->form = p->form;
	d->sport = p->form_remote_port;
	d->dport = p->form_local_port;
	if (d->protocol != CTCP_ESP || p->form != ESP_FORM_UNKNOWN) {
		out->datagram(out->ctx, d);
		return;
	}
	/*
	 * The local stack has not shown its form yet.  An SA accepts one form and drops the
	 * other before its replay check (Linux xfrm_input(): XfrmInStateMismatch), so give both.
	 */
	d->form = ESP_FORM_IP;
	out->datagram(out->ctx, d);
	d->form = ESP_FORM_UDP;
	out->datagram(out->ctx, d);
}

static void receive_payload(struct peer *p, const struct packet *seg, const struct peer_out *out)
{
	struct ctcp_trailer t;
	struct ctcp_datagram d = { .bytes = seg->payload };
	enum count why = ctcp_payload_decode(seg->payload, seg->payload_len,
					     p->profile->check_cookie, &t, &d.len);

	if (why) {
		out->counts[why]++;
		return;
	}
	d.protocol = t.protocol;
	d.id = t.id;
	memcpy(d.src, p->at.remote, sizeof(d.src));
	memcpy(d.dst, p->at.local, sizeof(d.dst));
	p->esp_seen |= t.protocol == CTCP_ESP;
	deliver(p, &d, out);
}

static void note_window(struct peer *p, const struct packet *seg)
{
	if (p->profile->fault != PEER_IGNORES_WINDOW)
		p->out.window = seg->window;
}

static void receive_data(struct peer *p, const struct packet *seg, uint64_t now,
			 const struct peer_out *out)
{
	bool nothing = packet_seq_len(seg) == 0;
	enum count why;

	note_window(p, seg);
	if (p->profile->retransmit && seg->flags & PACKET_TCP_ACK)
		resend(p, sender_ack(&p->out, seg->ack, nothing, p->next, now), now, out);
	if (!seg->payload_len) {
		out->counts[COUNT_KEEPALIVES_IN]++;
		if (p->profile->pure_acks && seg->flags & PACKET_TCP_SYN)
			emit_ack(p, now, out); /* our ACK of the SYN|ACK was lost */
		return;
	}
	why = receiver_note(&p->in, seg->seq, (uint32_t)seg->payload_len);
	if (p->profile->pure_acks)
		emit_ack(p, now, out);
	if (why && p->profile->retransmit)
		out->counts[why]++;
	else
		receive_payload(p, seg, out);
}

static void open_passive(struct peer *p, const struct packet *seg, uint64_t now,
			 const struct peer_out *out)
{
	p->iss = choose_iss(p, out);
	p->irs = seg->seq;
	p->next = p->iss + 1;
	p->form = p->profile->inner;
	receiver_init(&p->in, p->profile->ack, seg->seq + 1);
	enter(p, PEER_SYN_RECEIVED, now, out);
	emit(p, PACKET_TCP_SYN | PACKET_TCP_ACK, p->iss, NULL, 0, now, out);
}

static void receive_closed(struct peer *p, const struct packet *seg, uint64_t now,
			   const struct peer_out *out)
{
	uint8_t kind = seg->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_FIN);

	if (!p->client && kind == PACKET_TCP_SYN) {
		open_passive(p, seg, now, out);
		return;
	}
	out->counts[COUNT_UNKNOWN_CONNECTION]++;
	peer_reject(seg, out);
}

static void receive_syn_sent(struct peer *p, const struct packet *seg, uint64_t now,
			     const struct peer_out *out)
{
	const uint8_t both = PACKET_TCP_SYN | PACKET_TCP_ACK;

	if ((seg->flags & both) != both || seg->ack != p->iss + 1) {
		out->counts[COUNT_BAD_ACK]++;
		return;
	}
	p->irs = seg->seq;
	receiver_init(&p->in, p->profile->ack, seg->seq + 1);
	enter(p, PEER_ESTABLISHED, now, out);
	note_window(p, seg);
	emit_ack(p, now, out);
	for (unsigned int i = 0; i < p->queue_len; i++)
		transmit(p, p->queue[i].bytes, p->queue[i].len, now, out);
	queue_clear(p);
}

/* A SYN on a connection that lives: one seen before, or the client has begun anew */
static void receive_syn_again(struct peer *p, const struct packet *seg, uint64_t now,
			      const struct peer_out *out)
{
	if (seg->seq != p->irs)
		open_passive(p, seg, now, out);
	else if (p->state == PEER_SYN_RECEIVED)
		emit(p, PACKET_TCP_SYN | PACKET_TCP_ACK, p->iss, NULL, 0, now, out);
}

/*
 * cTCP believes every RST.  RFC 5961 section 3.2: only one with the number that is expected; one
 * in the window is answered with an ACK, by which its sender, if it is the peer, finds that number.
 */
static void receive_reset(struct peer *p, const struct packet *seg, uint64_t now,
			  const struct peer_out *out)
{
	bool checks = p->profile->retransmit && p->profile->fault != PEER_BELIEVES_RESETS &&
		      p->state == PEER_ESTABLISHED;

	if (!checks || seg->seq == p->in.next) {
		out->counts[COUNT_RESET]++;
		enter(p, PEER_CLOSED, now, out);
	} else if (seq_lt(p->in.next, seg->seq) &&
		   seq_lt(seg->seq, p->in.next + p->profile->window)) {
		emit_ack(p, now, out);
	}
}

/**
 * peer_receive() - A segment of this connection has arrived
 * @p:		Peer
 * @seg:	A well-formed TCP segment with a right checksum
 * @now_ns:	The time
 * @out:	Output
 */
void peer_receive(struct peer *p, const struct packet *seg, uint64_t now_ns,
		  const struct peer_out *out)
{
	if (p->state == PEER_CLOSED) {
		receive_closed(p, seg, now_ns, out);
		return;
	}
	if (seg->flags & PACKET_TCP_RST) {
		receive_reset(p, seg, now_ns, out);
		return;
	}
	if (p->state == PEER_SYN_SENT) {
		receive_syn_sent(p, seg, now_ns, out);
		return;
	}
	if (!p->client && (seg->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) == PACKET_TCP_SYN) {
		receive_syn_again(p, seg, now_ns, out);
		return;
	}
	if (p->state == PEER_SYN_RECEIVED) {
		if ((seg->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) != PACKET_TCP_ACK ||
		    seg->ack != p->iss + 1) {
			out->counts[COUNT_BAD_ACK]++;
			return;
		}
		enter(p, PEER_ESTABLISHED, now_ns, out);
	}
	receive_data(p, seg, now_ns, out);
	if (seg->flags & PACKET_TCP_FIN) {
		peer_reject(seg, out);
		enter(p, PEER_CLOSED, now_ns, out);
	}
}

static uint64_t handshake_deadline(const struct peer *p)
{
	bool shaking = p->state == PEER_SYN_SENT || p->state == PEER_SYN_RECEIVED;

	return shaking ? p->since_ns + p->profile->handshake_ns : UINT64_MAX;
}

static uint64_t ike_deadline(const struct peer *p)
{
	bool negotiating = p->state == PEER_ESTABLISHED && !p->esp_seen && p->profile->ike_ns;

	return negotiating ? p->since_ns + p->profile->ike_ns : UINT64_MAX;
}

static uint64_t keepalive_deadline(const struct peer *p)
{
	bool on = p->state == PEER_ESTABLISHED && p->profile->keepalive_ns;

	return on ? p->sent_ns + p->profile->keepalive_ns : UINT64_MAX;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** peer_deadline() - When peer_expire() has something to do; UINT64_MAX: never */
uint64_t peer_deadline(const struct peer *p)
{
	return earlier(earlier(handshake_deadline(p), ike_deadline(p)),
		       earlier(keepalive_deadline(p), p->out.deadline_ns));
}

/**
 * peer_expire() - Do what is due
 * @p:		Peer
 * @now_ns:	The time
 * @out:	Output
 */
void peer_expire(struct peer *p, uint64_t now_ns, const struct peer_out *out)
{
	if (now_ns >= handshake_deadline(p)) {
		out->counts[COUNT_HANDSHAKE_TIMEOUT]++;
		enter(p, PEER_CLOSED, now_ns, out);
		return;
	}
	if (now_ns >= ike_deadline(p)) {
		out->counts[COUNT_IKE_TIMEOUT]++;
		peer_close(p, now_ns, out);
		return;
	}
	resend(p, sender_expire(&p->out, p->next, now_ns), now_ns, out);
	if (now_ns >= keepalive_deadline(p))
		emit_ack(p, now_ns, out);
}

/**
 * peer_close() - End the connection, if there is one, with the one RST of cTCP: seq 0, ack 0;
 * to one that checks it with the number that it expects
 */
void peer_close(struct peer *p, uint64_t now_ns, const struct peer_out *out)
{
	if (p->state == PEER_CLOSED)
		return;
	emit(p, PACKET_TCP_RST, p->profile->retransmit ? p->next : 0, NULL, 0, now_ns, out);
	enter(p, PEER_CLOSED, now_ns, out);
}
