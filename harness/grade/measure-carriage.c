// SPDX-License-Identifier: Apache-2.0
/*
 * How client and head-end are TCP senders, each seen at its own end of the link: what they
 * sent again, with which checksums, and whether they kept to the window.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "grade/evidence.h"
#include "grade/measure.h"

#define STREAM_MAX (256U * 1024 * 1024) /* bytes of a connection that are compared */

/** What an end sends in one connection, and the capture that shows it. */
struct sender {
	const struct trace *t;
	const struct tcp_connection *c;
	int own; /* which half */
};

static bool is_of(const struct sender *s, const struct trace_frame *f, bool own)
{
	const struct packet *p = &f->packet;
	int from = own ? s->own : !s->own;
	size_t len = s->c->version == 4 ? 4 : 16;

	return f->parsed && p->tcp && p->version == s->c->version && p->sport == s->c->port[from] &&
	       p->dport == s->c->port[!from] && memcmp(p->src, s->c->address[from], len) == 0 &&
	       memcmp(p->dst, s->c->address[!from], len) == 0;
}

/* Each of client and head-end in each connection.  Return: was there any? */
static bool each_sender(const struct evidence *e,
			double (*count)(const struct sender *s, void *ctx), void *ctx,
			struct metric_value *ret)
{
	const struct evidence_trace *ends[] = { evidence_end(e, LINK_ACCESS, END_CLIENT),
						evidence_end(e, LINK_INSIDE, END_SERVER) };
	bool any = false;

	for (size_t k = 0; e->captured && k < ARRAY_SIZE(ends); k++)
		for (size_t i = 0; i < ends[k]->tcp.len; i++) {
			struct sender s = { &ends[k]->trace, &ends[k]->tcp.connections[i], 0 };

			s.own = s.t->frames[s.c->first].direction == TRACE_OUTBOUND ? 0 : 1;
			ret->number += count(&s, ctx);
			any = true;
		}
	return any;
}

/* --- what is sent again ------------------------------------------------------------------ */

/* However it is cut: each byte by its place in the stream */
static double changed_bytes(const struct sender *s, void *ctx)
{
	const struct tcp_half *h = &s->c->half[s->own];
	uint32_t base = h->isn + 1, size = h->next - base;
	AUTO_FREE uint8_t *stream = NULL, *known = NULL;
	double changed = 0;

	(void)ctx;
	if (!h->isn_known || !h->next_known || size > STREAM_MAX)
		return 0;
	stream = calloc(size + 1, 1);
	known = calloc(size + 1, 1);
	for (size_t i = s->c->first; stream && known && i <= s->c->last; i++) {
		const struct packet *p = &s->t->frames[i].packet;

		if (!is_of(s, &s->t->frames[i], true))
			continue;
		for (uint32_t k = 0, at = p->seq - base; k < p->payload_len && at < size;
		     k++, at++) {
			changed += known[at] && stream[at] != p->payload[k];
			stream[at] = p->payload[k];
			known[at] = 1;
		}
	}
	return changed;
}

MEASURE(changed_bytes)
{
	return each_sender(e, changed_bytes, NULL, ret);
}

static double bad_checksums(const struct sender *s, void *ctx)
{
	double n = 0;

	(void)ctx;
	for (size_t i = s->c->first; i <= s->c->last; i++)
		n += is_of(s, &s->t->frames[i], true) &&
		     !packet_l4_checksum_ok(&s->t->frames[i].packet);
	return n;
}

MEASURE(bad_checksums)
{
	return each_sender(e, bad_checksums, NULL, ret);
}

/** A segment with payload. */
struct sending {
	uint32_t seq;
	uint64_t t_ns;
};

static int by_seq(const void *a, const void *b)
{
	const struct sending *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->t_ns < y->t_ns ? -1 : x->t_ns > y->t_ns;
}

/** The segment that was sent most often, and whether that was ever more seldom. */
struct worst {
	size_t times;
	bool grows;
};

/* The first time again may be a fast retransmission: what counts is from there on */
static bool grows(const struct sending *s, size_t len)
{
	for (size_t i = 3; i < len; i++)
		if ((s[i].t_ns - s[i - 1].t_ns) * 10 < (s[i - 1].t_ns - s[i - 2].t_ns) * 9)
			return false;
	return len > 3 && s[len - 1].t_ns - s[len - 2].t_ns >= 2 * (s[2].t_ns - s[1].t_ns);
}

static double find_worst(const struct sender *s, void *ctx)
{
	struct worst *found = ctx;
	AUTO_FREE struct sending *all = NULL;
	size_t n = 0;

	if (!s->c->half[s->own].retransmissions)
		return 0;
	all = calloc(s->c->last - s->c->first + 1, sizeof(*all));
	for (size_t i = s->c->first; all && i <= s->c->last; i++) {
		const struct trace_frame *f = &s->t->frames[i];

		if (is_of(s, f, true) && f->packet.payload_len)
			all[n++] = (struct sending){ f->packet.seq, f->t_ns };
	}
	if (n)
		qsort(all, n, sizeof(*all), by_seq);
	for (size_t i = 0, times; i < n; i += times) {
		for (times = 1; i + times < n && all[i + times].seq == all[i].seq;)
			times++;
		if (times > found->times)
			*found = (struct worst){ times, grows(all + i, times) };
	}
	return 0;
}

/* RFC 6298 section 5.5 */
MEASURE(carriage_backoff)
{
	struct worst w = { 0 };

	return each_sender(e, find_worst, &w, ret) && w.times >= 4 && measure_yes_no(w.grows, ret);
}

/* --- the window ------------------------------------------------------------------------------ */

/* RFC 7323 section 2.2: kind 3, of a SYN; -1: there is none */
static int scale_of(const struct packet *p)
{
	for (size_t i = 0; i + 2 < p->options_len && p->options[i];) {
		uint8_t kind = p->options[i], len = kind == 1 ? 1 : p->options[i + 1];

		if (kind == 3 && len == 3)
			return p->options[i + 2] < 14 ? p->options[i + 2] : 14;
		if (!len)
			break;
		i += len;
	}
	return -1;
}

/*
 * RFC 9293 section 3.8.6.  Only what is new: what was sent once may be sent again behind a
 * window that was taken back; and a probe of one byte may be sent into a closed one.
 */
static double beyond_window(const struct sender *s, void *ctx)
{
	int scale[2] = { -1, -1 }; /* of our window, of theirs */
	uint32_t edge = 0, acked = 0, highest = 0;
	bool offered = false, begun = false;
	double n = 0;

	(void)ctx;
	for (size_t i = s->c->first; i <= s->c->last; i++) {
		const struct packet *p = &s->t->frames[i].packet;
		bool own = is_of(s, &s->t->frames[i], true);
		uint32_t end = p->seq + packet_seq_len(p);

		if (!own && !is_of(s, &s->t->frames[i], false))
			continue;
		if (p->flags & PACKET_TCP_SYN)
			scale[!own] = scale_of(p);
		if (!own && p->flags & PACKET_TCP_ACK) {
			bool scaled =
				!(p->flags & PACKET_TCP_SYN) && scale[0] >= 0 && scale[1] >= 0;
			uint32_t right = p->ack + ((uint32_t)p->window << (scaled ? scale[1] : 0));

			if (!offered || seq_leq(acked, p->ack)) /* not one that was overtaken */
				edge = right;
			acked = !offered || seq_lt(acked, p->ack) ? p->ack : acked;
			offered = true;
		}
		if (!own || p->flags & PACKET_TCP_RST)
			continue;
		n += offered && begun && p->payload_len > 1 && seq_lt(highest, end) &&
		     seq_lt(edge, end);
		if (!begun || seq_lt(highest, end))
			highest = end;
		begun = true;
	}
	return n;
}

MEASURE(beyond_window)
{
	return each_sender(e, beyond_window, NULL, ret);
}
