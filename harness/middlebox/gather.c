// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * Coalescing.  The payload of consecutive segments of one direction is put
 * together until there are as many bytes as were asked for, or the first of
 * them has waited long enough; then it leaves, in as few segments as the MTU
 * allows.  The header is that of the newest one, whose ACK, window, timestamp
 * and SACK blocks stand for all; PSH is kept if one had it, and does not send
 * the bytes off, as a relay that copies a stream does not know where it was.
 * What is not the next data with the same ECN bits (a retransmission, a pure
 * ACK, SYN, RST) first sends off what was gathered, so the order stays.
 *
 * Cutting.  Each piece has the same header; its sequence number, lengths and
 * checksums are its own.  FIN and PSH are on the last one, CWR on the first
 * (RFC 3168 section 6.1.2), and without DF each has an identification of its
 * own.
 *
 * Only segmentation changes, so ACKs and SACK blocks need no translation.
 *
 * Passes whole: a SYN, a RST, what has an urgent pointer, a header over
 * GATHER_HEADER_MAX; and what has a wrong checksum, lest it became right.
 *
 * Memory is bounded by GATHER_MEMORY: beyond it segments pass whole.
 */
#include "middlebox/gather.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "decode/packet.h"
#include "middlebox/bytes.h"
#include "middlebox/edit.h"
#include "middlebox/engine.h"

#define TCP_CWR 0x80
#define TCP_ECE 0x40

/**
 * gatherer_init() - Set up
 * @g:		What it keeps; to be emptied by gather_flush() or gather_drop()
 * @coalesce:	Bytes to put together, 0: none
 * @hold_ns:	How long the first of them waits at most
 * @resegment:	Bytes of payload of a segment at most, 0: as it comes
 * @mtu:	Bytes of a packet at most, where segments were put together
 * @counters:	By enum counter
 */
void gatherer_init(struct gatherer *g, size_t coalesce, uint64_t hold_ns, size_t resegment,
		   size_t mtu, uint64_t *counters)
{
	g->coalesce = coalesce;
	g->hold_ns = hold_ns;
	g->resegment = resegment;
	g->mtu = mtu;
	g->counters = counters;
	g->memory = 0;
	TAILQ_INIT(&g->waiting);
}

/* A stretch of payload and the header for its segments */
struct stretch {
	const uint8_t *header;
	size_t header_len;
	uint32_t seq;
	const uint8_t *payload;
	size_t len;
};

/* Write piece number @n of a stretch, from @at on */
static size_t piece(struct gatherer *g, const struct stretch *s, size_t at, size_t len,
		    unsigned int n)
{
	uint8_t *ip = g->piece, *tcp;
	struct packet p;

	memcpy(ip, s->header, s->header_len);
	memcpy(ip + s->header_len, s->payload + at, len);
	if (ip[0] >> 4 == 4 && !(ip[6] & 0x40))
		put16(ip + 4, get16(ip + 4) + n);
	edit_ip_lengths(ip, s->header_len + len);
	packet_parse_ip(ip, s->header_len + len, &p);
	tcp = ip + (p.l4 - p.ip);
	put32(tcp + 4, s->seq + (uint32_t)at);
	if (at + len < s->len)
		tcp[13] &= (uint8_t) ~(PACKET_TCP_FIN | PACKET_TCP_PSH);
	if (at)
		tcp[13] &= (uint8_t)~TCP_CWR;
	put16(tcp + 16, 0);
	put16(tcp + 16, packet_l4_checksum(&p));
	return s->header_len + len;
}

static void send(struct gatherer *g, enum direction dir, const struct stretch *s, size_t max,
		 const struct engine_out *out)
{
	unsigned int n = 0;

	for (size_t at = 0; at < s->len; n++) {
		size_t len = s->len - at < max ? s->len - at : max;

		out->emit(out->ctx, dir, g->piece, piece(g, s, at, len, n));
		at += len;
	}
	if (g->resegment && n > 1)
		g->counters[COUNTER_MEDDLE_RESEGMENTED]++;
}

/* Bytes of payload in a segment at most */
static size_t limit(const struct gatherer *g, size_t header_len, bool merged)
{
	size_t max = g->resegment ? g->resegment : SIZE_MAX;

	if (merged && header_len < g->mtu && g->mtu - header_len < max)
		max = g->mtu - header_len;
	return max;
}

static void release(struct gatherer *g, struct gather *q)
{
	TAILQ_REMOVE(&g->waiting, q, link);
	g->memory -= sizeof(*q) + g->coalesce;
	*q->slot = NULL;
	free(q);
}

/** gather_flush() - Send off what a direction has gathered, if it has anything */
void gather_flush(struct gatherer *g, struct gather **slot, const struct engine_out *out)
{
	struct gather *q = *slot;

	if (!q)
		return;
	send(g, q->dir, &(struct stretch){ q->header, q->header_len, q->seq, q->payload, q->len },
	     limit(g, q->header_len, true), out);
	release(g, q);
}

/**
 * gather_drop() - Forget what a direction has gathered
 *
 * Return: the number of segments that it was made of
 */
unsigned int gather_drop(struct gatherer *g, struct gather **slot)
{
	unsigned int merged = *slot ? (*slot)->merged : 0;

	if (*slot)
		release(g, *slot);
	return merged;
}

static struct gather *begin(struct gatherer *g, struct gather **slot, uint64_t now_ns,
			    enum direction dir, uint32_t seq)
{
	struct gather *q = NULL;

	if (g->memory + sizeof(*q) + g->coalesce <= GATHER_MEMORY)
		q = malloc(sizeof(*q) + g->coalesce);
	if (!q)
		return NULL;
	*q = (struct gather){ .slot = slot, .dir = dir, .since_ns = now_ns, .seq = seq };
	g->memory += sizeof(*q) + g->coalesce;
	TAILQ_INSERT_TAIL(&g->waiting, q, link);
	*slot = q;
	return q;
}

/* The bits that all segments of one gathering share */
static unsigned int marks(const uint8_t *ip, const uint8_t *tcp)
{
	return edit_ecn(ip) << 8 | (tcp[13] & (TCP_CWR | TCP_ECE));
}

static bool joins(const struct gather *q, const struct packet *p)
{
	struct packet first;

	packet_parse_ip(q->header, q->header_len, &first);
	return q->seq + (uint32_t)q->len == p->seq &&
	       marks(q->header, q->header + (first.l4 - first.ip)) == marks(p->ip, p->l4);
}

/* The header of the newest segment becomes that of all, whose length so far is q->len */
static void take_header(struct gather *q, const struct packet *p)
{
	q->push |= p->flags & PACKET_TCP_PSH;
	q->header_len = (size_t)(p->payload - p->ip);
	memcpy(q->header, p->ip, q->header_len);
	q->header[p->l4 - p->ip + 13] |= q->push;
	edit_ip_lengths(q->header, q->header_len); /* so that it can be taken apart alone */
}

static void coalesce(struct gatherer *g, struct gather **slot, uint64_t now_ns, enum direction dir,
		     const struct packet *p, const struct engine_out *out)
{
	size_t header = (size_t)(p->payload - p->ip), at = 0;

	if (*slot && joins(*slot, p))
		g->counters[COUNTER_MEDDLE_COALESCED]++;
	else
		gather_flush(g, slot, out);
	while (at < p->payload_len) {
		struct gather *q = *slot;
		size_t len = p->payload_len - at;

		if (!q && !(q = begin(g, slot, now_ns, dir, p->seq + (uint32_t)at))) {
			send(g, dir,
			     &(struct stretch){ p->ip, header, p->seq + (uint32_t)at,
						p->payload + at, len },
			     limit(g, header, false), out);
			return;
		}
		len = len < g->coalesce - q->len ? len : g->coalesce - q->len;
		take_header(q, p);
		memcpy(q->payload + q->len, p->payload + at, len);
		q->len += len;
		q->merged++;
		at += len;
		if (at < p->payload_len) /* its end is in the next one */
			q->header[p->l4 - p->ip + 13] &= (uint8_t)~PACKET_TCP_FIN;
		if (q->len == g->coalesce || p->flags & PACKET_TCP_FIN)
			gather_flush(g, slot, out);
	}
}

/**
 * gather_segment() - A segment, on its way out
 * @g:		The switches
 * @slot:	Of this direction of its flow
 * @now_ns:	Time
 * @dir:	The way it travels
 * @p:		The segment
 * @out:	Where segments go, perhaps later
 */
void gather_segment(struct gatherer *g, struct gather **slot, uint64_t now_ns, enum direction dir,
		    const struct packet *p, const struct engine_out *out)
{
	size_t header = (size_t)(p->payload - p->ip);
	bool plain = (g->coalesce || g->resegment) && p->payload_len &&
		     !(p->flags & (PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_URG)) &&
		     header <= GATHER_HEADER_MAX && packet_l4_checksum_ok(p);

	if (plain && g->coalesce) {
		coalesce(g, slot, now_ns, dir, p, out);
		return;
	}
	gather_flush(g, slot, out);
	if (plain && p->payload_len > g->resegment)
		send(g, dir, &(struct stretch){ p->ip, header, p->seq, p->payload, p->payload_len },
		     g->resegment, out);
	else
		out->emit(out->ctx, dir, p->ip, p->ip_len);
}

/** gather_expire() - Send off what has waited long enough */
void gather_expire(struct gatherer *g, uint64_t now_ns, const struct engine_out *out)
{
	struct gather *q;

	while ((q = TAILQ_FIRST(&g->waiting)) && q->since_ns + g->hold_ns <= now_ns)
		gather_flush(g, q->slot, out);
}

/** gather_deadline() - When the next is due, UINT64_MAX if none is */
uint64_t gather_deadline(const struct gatherer *g)
{
	const struct gather *q = TAILQ_FIRST(&g->waiting);

	return q ? q->since_ns + g->hold_ns : UINT64_MAX;
}
