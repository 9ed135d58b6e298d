// SPDX-License-Identifier: Apache-2.0
/*
 * The tracker.  One pass over the frames; a connection is found by a hash of its
 * addresses and ports, a SYN with another initial sequence number begins a new one.
 *
 * Holes are kept in the order of their start; a segment that fills is looked up by
 * binary search, so a capture with many holes stays quick.
 */
#include "decode/tcp.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 1024 /* hash chains; a power of two */
#define NOBODY SIZE_MAX

/* --- growing arrays -------------------------------------------------------------- */

static bool grow(void **array, size_t len, size_t *room, size_t size)
{
	size_t want = *room ? *room * 2 : 8;
	void *more;

	if (len < *room)
		return true;
	more = realloc(*array, want * size);
	if (!more)
		return false;
	*array = more;
	*room = want;
	return true;
}

/* --- holes ------------------------------------------------------------------------ */

static bool insert_hole(struct tcp_half *h, size_t at, struct tcp_hole hole)
{
	if (!grow((void **)&h->holes, h->holes_len, &h->holes_room, sizeof(*h->holes)))
		return false;
	memmove(&h->holes[at + 1], &h->holes[at], (h->holes_len - at) * sizeof(*h->holes));
	h->holes[at] = hole;
	h->holes_len++;
	return true;
}

/* The first hole that ends behind @seq; holes do not overlap and are sorted */
static size_t find_hole(const struct tcp_half *h, uint32_t seq)
{
	size_t low = 0, high = h->holes_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (seq_leq(h->holes[middle].end, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* [start, end) arrived: cut it out of the holes; true if it filled anything */
static bool fill_holes(struct tcp_half *h, uint32_t start, uint32_t end, size_t frame, bool *failed)
{
	bool filled = false;

	for (size_t i = find_hole(h, start); i < h->holes_len; i++) {
		struct tcp_hole *hole = &h->holes[i], rest = *hole;

		if (seq_leq(end, hole->start))
			break;
		if (hole->start == hole->end)
			continue;
		filled = true;
		rest.start = end;
		if (seq_leq(start, hole->start) && seq_leq(hole->end, end)) {
			hole->start = hole->end;
			hole->filled_by = frame;
		} else if (seq_leq(start, hole->start)) {
			hole->start = end;
		} else {
			hole->end = start;
			if (seq_lt(end, rest.end) && !insert_hole(h, i + 1, rest))
				*failed = true;
		}
	}
	return filled;
}

/** tcp_holes_unfilled() - How many holes of a half are still open at the end */
size_t tcp_holes_unfilled(const struct tcp_half *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->holes_len; i++)
		n += h->holes[i].start != h->holes[i].end;
	return n;
}

/* --- what a segment means ----------------------------------------------------------- */

static struct tcp_stall *open_stall(struct tcp_half *h)
{
	if (!h->stalls_len || h->stalls[h->stalls_len - 1].resolved)
		return NULL;
	return &h->stalls[h->stalls_len - 1];
}

/* A SYN that is sent again, or comes late, says nothing new */
static void see_syn(struct tcp_half *h, const struct packet *p)
{
	if (h->isn_known && h->isn == p->seq)
		return;
	h->isn = p->seq;
	h->next = p->seq + 1;
	h->isn_known = h->next_known = true;
}

static void note_in_stall(struct tcp_stall *stall, uint32_t start, uint32_t end, bool fresh,
			  size_t frame)
{
	if (seq_leq(start, stall->ack) && seq_lt(stall->ack, end) &&
	    stall->resent_by == TCP_NO_FRAME)
		stall->resent_by = frame;
	if (fresh && !stall->sent_after++)
		stall->first_sent_after = frame;
}

static void see_data(struct tcp_half *h, const struct packet *p, size_t frame, bool *failed)
{
	uint32_t start = p->seq + ((p->flags & PACKET_TCP_SYN) != 0);
	uint32_t end = p->seq + packet_seq_len(p);
	bool fresh, data = p->payload_len != 0;

	if (p->flags & PACKET_TCP_SYN)
		see_syn(h, p);
	if (!h->next_known)
		h->next = start;
	h->next_known = true;
	if (start == end)
		return;
	if (data) {
		h->segments++;
		h->last = frame;
	}
	fresh = seq_lt(h->next, end);
	if (seq_lt(h->next, start)) {
		if (!insert_hole(h, h->holes_len,
				 (struct tcp_hole){ h->next, start, frame, TCP_NO_FRAME }))
			*failed = true;
	} else if (!fill_holes(h, start, end, frame, failed) && !fresh && data) {
		h->retransmissions++;
	}
	if (open_stall(h))
		note_in_stall(open_stall(h), start, end, fresh && data, frame);
	if (fresh)
		h->next = end;
}

static void repeat_ack(struct tcp_half *h, const struct packet *p, size_t frame, bool *failed)
{
	struct tcp_stall *stall = open_stall(h);

	h->duplicate_acks++;
	if (!stall) {
		if (!grow((void **)&h->stalls, h->stalls_len, &h->stalls_room,
			  sizeof(*h->stalls))) {
			*failed = true;
			return;
		}
		stall = &h->stalls[h->stalls_len++];
		*stall = (struct tcp_stall){ .ack = p->ack,
					     .first_duplicate = frame,
					     .first_sent_after = TCP_NO_FRAME,
					     .resent_by = TCP_NO_FRAME };
	}
	stall->duplicates++;
	stall->last_duplicate = frame;
}

/* @h: what the receiver of this acknowledgement sends */
static void see_ack(struct tcp_half *h, const struct packet *p, size_t frame, bool *failed)
{
	struct tcp_stall *stall = open_stall(h);
	bool pure = p->payload_len == 0 &&
		    !(p->flags & (PACKET_TCP_SYN | PACKET_TCP_FIN | PACKET_TCP_RST));

	if (!(p->flags & PACKET_TCP_ACK) || (p->flags & PACKET_TCP_RST))
		return;
	if (!h->ack_known || seq_lt(h->ack, p->ack)) {
		if (stall)
			stall->resolved = true;
		h->ack = p->ack;
		h->ack_known = true;
	} else if (pure && p->ack == h->ack && p->window == h->window && h->next_known &&
		   seq_lt(p->ack, h->next)) {
		repeat_ack(h, p, frame, failed);
	}
	h->window = p->window;
}

/* --- connections --------------------------------------------------------------------- */

static size_t address_len(int version)
{
	return version == 4 ? 4 : 16;
}

/* The same for both directions */
static size_t chain_of(const struct packet *p)
{
	uint32_t sum = (uint32_t)p->sport + p->dport;

	for (size_t i = 0; i < address_len(p->version); i++)
		sum += (uint32_t)(p->src[i] + p->dst[i]) << (8 * (i % 3));
	return (sum * 2654435761U >> 16) & (CHAINS - 1);
}

static bool is_end(const struct tcp_connection *c, int end, const uint8_t *address, uint16_t port)
{
	return c->port[end] == port &&
	       memcmp(c->address[end], address, address_len(c->version)) == 0;
}

/* Which end sent this segment, or -1 if it is of another connection */
static int sender_of(const struct tcp_connection *c, const struct packet *p)
{
	if (c->version != p->version)
		return -1;
	for (int end = 0; end < 2; end++)
		if (is_end(c, end, p->src, p->sport) && is_end(c, !end, p->dst, p->dport))
			return end;
	return -1;
}

static bool is_new_incarnation(const struct tcp_connection *c, int end, const struct packet *p)
{
	const struct tcp_half *h = &c->half[end];

	return (p->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) == PACKET_TCP_SYN && h->seen &&
	       !(h->isn_known && h->isn == p->seq);
}

static struct tcp_connection *add_connection(struct tcp_trace *t, const struct packet *p,
					     size_t chain, size_t frame)
{
	struct tcp_connection *c;

	if (!grow((void **)&t->connections, t->len, &t->room, sizeof(*t->connections)))
		return NULL;
	c = &t->connections[t->len];
	*c = (struct tcp_connection){ .version = p->version,
				      .port = { p->sport, p->dport },
				      .first = frame,
				      .older = t->chains[chain] };
	c->half[0].last = c->half[1].last = TCP_NO_FRAME;
	memcpy(c->address[0], p->src, address_len(p->version));
	memcpy(c->address[1], p->dst, address_len(p->version));
	t->chains[chain] = t->len++;
	return c;
}

static struct tcp_connection *find_connection(struct tcp_trace *t, const struct packet *p,
					      size_t frame, int *ret_end)
{
	size_t chain = chain_of(p);

	for (size_t i = t->chains[chain]; i != NOBODY; i = t->connections[i].older) {
		*ret_end = sender_of(&t->connections[i], p);
		if (*ret_end < 0)
			continue;
		if (is_new_incarnation(&t->connections[i], *ret_end, p))
			break;
		return &t->connections[i];
	}
	*ret_end = 0;
	return add_connection(t, p, chain, frame);
}

static void see(struct tcp_trace *t, const struct packet *p, size_t frame)
{
	int end;
	struct tcp_connection *c = find_connection(t, p, frame, &end);

	if (!c) {
		t->failed = true;
		return;
	}
	c->last = frame;
	c->half[end].seen = true;
	see_ack(&c->half[!end], p, frame, &t->failed);
	if (!(p->flags & PACKET_TCP_RST))
		see_data(&c->half[end], p, frame, &t->failed);
}

/**
 * tcp_track() - Follow all TCP connections of a capture
 * @t:		The capture
 * @ret:	Filled in; frames in it are indices into @t.  Give it to tcp_trace_release()
 */
void tcp_track(const struct trace *t, struct tcp_trace *ret)
{
	*ret = (struct tcp_trace){ .chains = malloc(CHAINS * sizeof(*ret->chains)) };
	if (!ret->chains) {
		ret->failed = true;
		return;
	}
	for (size_t i = 0; i < CHAINS; i++)
		ret->chains[i] = NOBODY;
	for (size_t i = 0; i < t->len; i++)
		if (t->frames[i].parsed && t->frames[i].packet.tcp)
			see(ret, &t->frames[i].packet, i);
}

/** tcp_trace_release() - Free it; idempotent */
void tcp_trace_release(struct tcp_trace *t)
{
	for (size_t i = 0; i < t->len; i++)
		for (int end = 0; end < 2; end++) {
			free(t->connections[i].half[end].holes);
			free(t->connections[i].half[end].stalls);
		}
	free(t->connections);
	free(t->chains);
	*t = (struct tcp_trace){ 0 };
}
