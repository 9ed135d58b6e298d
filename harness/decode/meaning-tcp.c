// SPDX-License-Identifier: Apache-2.0
/*
 * Flows, and the segments of TCP.  A segment of cTCP carries one packet and is read by
 * itself; all else may be a stream (meaning-stream.c).
 */
#include "base/prng.h"
#include "decode/bytes.h"
#include "decode/ctcp.h"
#include "decode/meaning-state.h"

enum { KEY_TCP_DATA = 100, KEY_TCP_OTHER };

/* --- flows ---------------------------------------------------------------------------------- */

static uint64_t hash_end(const struct packet *p, const uint8_t *address, uint16_t port)
{
	size_t len = p->version == 4 ? 4 : 16;
	uint64_t hash = meaning_key(len, port, 0, 0);

	for (size_t i = 0; i < len; i += 4)
		hash = prng_mix(hash ^ bytes_be32(address + i));
	return hash;
}

/** meaning_forget() - A flow with the same ends begins anew */
void meaning_forget(struct flow *f)
{
	*f = (struct flow){ .end = { f->end[0], f->end[1] }, .proto = f->proto, .used = f->used };
}

/**
 * meaning_flow() - The flow of a packet with ports
 * @s:		The state; the longest unused flow gives way for a new one
 * @p:		The packet
 * @ret_end:	Set to the end of the flow that sent it
 */
struct flow *meaning_flow(struct meaning_state *s, const struct packet *p, int *ret_end)
{
	uint64_t from = hash_end(p, p->src, p->sport), to = hash_end(p, p->dst, p->dport);
	struct flow *oldest = s->flows;

	for (struct flow *f = s->flows; f < s->flows + FLOWS; f++) {
		if (f->used < oldest->used)
			oldest = f;
		if (!f->used || f->proto != p->proto)
			continue;
		*ret_end = f->end[0] != from;
		if (f->end[*ret_end] != from || f->end[!*ret_end] != to)
			continue;
		f->used = s->clock;
		return f;
	}
	*oldest = (struct flow){ .end = { from, to }, .proto = p->proto, .used = s->clock };
	*ret_end = 0;
	return oldest;
}

/* The UDP header of an IKE packet says which port it had: the NAT-T port has a marker */
static void ctcp(const struct meaning_frame *f, const struct packet *p, enum ctcp_inner inner,
		 size_t len)
{
	const uint8_t *udp = p->payload;

	if (inner == CTCP_INNER_ESP)
		meaning_esp(f, p->payload, len);
	else if (len > 8 && (bytes_be16(udp) == MEANING_PORT_NAT_T ||
			     bytes_be16(udp + 2) == MEANING_PORT_NAT_T))
		meaning_natt(f, udp + 8, len - 8);
	else if (len > 8)
		meaning_ike(f, udp + 8, len - 8, len - 8);
}

/* --- segments ----------------------------------------------------------------------------------
 */

/* Where a half begins, if its SYN was not seen: at what is seen of it first */
static void guess(struct half *h, uint32_t isn)
{
	if (h->isn_known)
		return;
	h->isn_known = h->isn_guessed = true;
	h->isn = isn;
}

static void see_syn(struct half *h, const struct packet *p)
{
	h->isn_known = true;
	h->isn_guessed = false;
	h->isn = p->seq;
	h->framed = true;
	h->frontier = p->seq + 1;
}

static struct meaning *segment(const struct meaning_frame *f, const struct packet *p,
			       const struct flow *flow, uint16_t kind, uint32_t relative,
			       uint32_t tx)
{
	struct meaning *m = meaning_add(f, MEANING_TCP, p->l4, p->l4_len);

	m->word[0] = kind;
	meaning_number(m, N_TCP_POS, relative);
	meaning_number(m, N_TCP_CONN, flow->conn);
	meaning_number(m, N_TCP_TX, tx);
	return m;
}

static void pure_ack(const struct meaning_frame *f, const struct packet *p, const struct flow *flow,
		     struct half *from, const struct half *to)
{
	if (!from->acked || from->last_ack != p->ack)
		from->acks = 0;
	from->acked = true;
	from->last_ack = p->ack;
	segment(f, p, flow, TCP_ACK, p->ack - to->isn, ++from->acks);
}

/* How often a segment that begins here was sent, by its first sequence number */
static uint32_t times(const struct meaning_frame *f, const struct flow *flow, uint16_t kind,
		      uint32_t seq)
{
	uint64_t what = (uint64_t)f->direction << 40 | (uint64_t)kind << 32 | seq;
	struct counts *c = kind == TCP_DATA ? &f->s->data : &f->s->control;

	return counts_add(c, meaning_key(kind == TCP_DATA ? KEY_TCP_DATA : KEY_TCP_OTHER,
					 flow->end[0] ^ flow->end[1], flow->conn, what));
}

/** meaning_tcp() - A segment, and what is in it */
void meaning_tcp(const struct meaning_frame *f, const struct packet *p)
{
	bool syn = p->flags & PACKET_TCP_SYN, ack = p->flags & PACKET_TCP_ACK;
	bool fin = p->flags & PACKET_TCP_FIN, rst = p->flags & PACKET_TCP_RST;
	uint32_t start = p->seq + syn;
	enum ctcp_inner inner;
	struct half *from, *to;
	struct flow *flow;
	size_t len = 0;
	int end;

	flow = meaning_flow(f->s, p, &end);
	if (syn && !ack && flow->half[end].isn_known && flow->half[end].isn != p->seq) {
		meaning_forget(flow); /* the same ports again */
		if (end) {
			flow->end[1] = flow->end[0];
			flow->end[0] = hash_end(p, p->src, p->sport);
			end = 0;
		}
	}
	if (!flow->conn)
		flow->conn = ++f->s->conns;
	from = &flow->half[end];
	to = &flow->half[!end];
	if (syn && (!from->isn_known || from->isn_guessed))
		see_syn(from, p);
	guess(from, p->seq - 1);
	if (ack)
		guess(to, p->ack - 1);
	if (rst)
		segment(f, p, flow, TCP_RST, p->seq - from->isn, times(f, flow, TCP_RST, p->seq));
	else if (syn)
		segment(f, p, flow, ack ? TCP_SYNACK : TCP_SYN, p->seq - from->isn,
			times(f, flow, TCP_SYN, p->seq));
	if (!rst && fin)
		segment(f, p, flow, TCP_FIN, p->seq + (uint32_t)p->payload_len - from->isn,
			times(f, flow, TCP_FIN, p->seq));
	if (!rst && !syn && !fin && !p->payload_len)
		pure_ack(f, p, flow, from, to);
	if (rst || !p->payload_len)
		return;
	segment(f, p, flow, TCP_DATA, start - from->isn, times(f, flow, TCP_DATA, start))->span =
		(uint32_t)p->payload_len;
	inner = ctcp_inner(p->payload, p->payload_len, &len);
	if (inner)
		ctcp(f, p, inner, len);
	else if (flow->kind != STREAM_OPAQUE)
		meaning_stream(f, flow, from, p, start);
}
