// SPDX-License-Identifier: Apache-2.0
/*
 * Rules about what TCP, or what looks like it, does on the wire.  They know nothing of
 * the implementation: only segments and acknowledgements as a device in the path sees
 * them.  Each capture is judged by itself, since a device may change sequence numbers;
 * the one nearest to the sender is named.
 */
#include <stdio.h>

#include "base/units.h"
#include "grade/evidence.h"
#include "grade/findings.h"

#define PATIENCE_NS (3 * NS_PER_S) /* longer than the first RTO of anybody (RFC 6298: 1 s) */
#define SENT_AFTER  3 /* new segments that show that the sender lives */

struct place_of_stall {
	const struct evidence_trace *t;
	const struct tcp_connection *c;
	const struct tcp_half *half;
	const struct tcp_stall *stall;
};

static uint64_t time_of(const struct evidence_trace *t, size_t frame)
{
	return t->trace.frames[frame].t_ns;
}

/* In which direction of the path a half of a connection travels */
static enum direction direction_of(const struct evidence_trace *t, enum link_end end,
				   const struct tcp_connection *c, int half)
{
	bool leaves = t->trace.frames[c->first].direction == TRACE_OUTBOUND;
	bool first_is_up = (end == END_CLIENT) == leaves;

	return (half == 0) == first_is_up ? DIR_UP : DIR_DOWN;
}

/* Never sent again, though asked for and though the sender goes on */
static bool is_for_ever(const struct place_of_stall *p)
{
	const struct tcp_stall *s = p->stall;

	return s->duplicates >= 2 && !s->resolved && s->resent_by == TCP_NO_FRAME &&
	       s->sent_after >= SENT_AFTER &&
	       time_of(p->t, p->c->last) - time_of(p->t, s->first_duplicate) >= PATIENCE_NS;
}

/* Three duplicates, and no retransmission in good time */
static bool is_unanswered(const struct place_of_stall *p)
{
	const struct tcp_stall *s = p->stall;
	size_t until = s->resent_by == TCP_NO_FRAME ? p->c->last : s->resent_by;

	return s->duplicates >= 3 && (s->resent_by != TCP_NO_FRAME || !s->resolved) &&
	       s->sent_after >= SENT_AFTER &&
	       time_of(p->t, until) - time_of(p->t, s->first_duplicate) >= PATIENCE_NS;
}

/* The first stall at one point, of what travels in a direction */
static bool find_at(const struct evidence_trace *t, enum link_end end, enum direction d,
		    bool (*test)(const struct place_of_stall *p), struct place_of_stall *ret)
{
	for (size_t i = 0; i < t->tcp.len; i++)
		for (int half = 0; half < 2; half++) {
			const struct tcp_connection *c = &t->tcp.connections[i];
			const struct tcp_half *h = &c->half[half];

			if (direction_of(t, end, c, half) != d)
				continue;
			for (size_t k = 0; k < h->stalls_len; k++) {
				*ret = (struct place_of_stall){ t, c, h, &h->stalls[k] };
				if (test(ret))
					return true;
			}
		}
	return false;
}

/* From the sender on: links 0, 1, 2 up, and 2, 1, 0 down; the lan is not the tunnel's */
static bool find(const struct evidence *e, enum direction d,
		 bool (*test)(const struct place_of_stall *p), struct place_of_stall *ret)
{
	for (int step = 0; step < LINK_LAN; step++) {
		enum link_id l = (enum link_id)(d == DIR_UP ? step : LINK_LAN - 1 - step);
		enum link_end near = evidence_sender(d);

		if (find_at(evidence_end(e, l, near), near, d, test, ret) ||
		    find_at(evidence_end(e, l, !near), !near, d, test, ret))
			return true;
	}
	return false;
}

static bool carries(const struct trace_frame *f, const struct tcp_connection *c, uint32_t seq)
{
	const struct packet *p = &f->packet;

	return f->parsed && p->tcp && p->payload_len && seq_leq(p->seq, seq) &&
	       seq_lt(seq, p->seq + (uint32_t)p->payload_len) &&
	       ((p->sport == c->port[0] && p->dport == c->port[1]) ||
		(p->sport == c->port[1] && p->dport == c->port[0]));
}

static size_t find_segment(const struct evidence_trace *t, const struct tcp_connection *c,
			   uint32_t seq)
{
	for (size_t i = 0; i < t->trace.len; i++)
		if (carries(&t->trace.frames[i], c, seq))
			return i;
	return TCP_NO_FRAME;
}

/* The link at whose far end the segment did not come out, and its last sight */
static bool find_loss(const struct evidence *e, enum direction d, const struct tcp_connection *c,
		      uint32_t seq, enum link_id *ret_link, size_t *ret_frame)
{
	for (int l = 0; l < LINK_LAN; l++) {
		const struct match *m = &e->matches[l][d];
		const struct trace *t =
			&evidence_end(e, (enum link_id)l, evidence_sender(d))->trace;

		for (size_t i = 0; i < m->len; i++)
			if (m->received[i] == MATCH_LOST &&
			    carries(&t->frames[m->sent[i]], c, seq)) {
				*ret_link = (enum link_id)l;
				*ret_frame = m->sent[i];
				return true;
			}
	}
	return false;
}

static void report(const struct evidence *e, const struct rule *rule, enum direction d,
		   const struct place_of_stall *p, const char *end, json_t *findings)
{
	const struct tcp_stall *s = p->stall;
	double waited =
		(double)(time_of(p->t, s->last_duplicate) - time_of(p->t, s->first_duplicate)) /
		(double)NS_PER_S;
	enum link_id l = LINK_ACCESS;
	size_t lost = TCP_NO_FRAME;
	char hop[32] = "";
	json_t *f;

	if (find_loss(e, d, p->c, s->ack, &l, &lost))
		snprintf(hop, sizeof(hop), "%s:%s", link_names[l], direction_names[d]);
	f = finding_add(findings, rule, hop,
			"the segment with sequence number %u was lost%s%s; %llu duplicate ACKs in "
			"%.1f s asked for it; the %s sent %llu new segments and %s",
			s->ack, *hop ? " on " : "", hop, (unsigned long long)s->duplicates, waited,
			d == DIR_UP ? "client" : "head-end", (unsigned long long)s->sent_after,
			end);
	if (lost != TCP_NO_FRAME)
		finding_packet(f, evidence_end(e, l, evidence_sender(d)), lost,
			       "the segment, where it was seen last");
	else
		finding_packet(f, p->t, find_segment(p->t, p->c, s->ack), "the segment");
	finding_packet(f, p->t, s->first_duplicate, "the first duplicate ACK");
	finding_packet(f, p->t, s->first_sent_after, "the next new segment after it");
	finding_packet(f, p->t, s->resent_by, "the retransmission");
}

void rule_hole_never_filled(const struct evidence *e, const struct rule *rule, json_t *findings)
{
	struct place_of_stall p;

	for (enum direction d = 0; e->captured && d < DIR_COUNT; d++)
		if (find(e, d, is_for_ever, &p))
			report(e, rule, d, &p, "never this one again", findings);
}

void rule_duplicate_acks_unanswered(const struct evidence *e, const struct rule *rule,
				    json_t *findings)
{
	struct place_of_stall p;

	for (enum direction d = 0; e->captured && d < DIR_COUNT; d++)
		if (find(e, d, is_unanswered, &p))
			report(e, rule, d, &p, "did not answer within 3 s", findings);
}
