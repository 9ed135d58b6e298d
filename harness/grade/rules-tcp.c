// SPDX-License-Identifier: Apache-2.0
/*
 * Rules about what TCP, or what looks like it, does on the wire.  They know nothing of
 * the implementation: only segments and acknowledgements as a device in the path sees
 * them.  Each capture is judged by itself, since a device may change sequence numbers;
 * the one nearest to the sender is named.
 */
#include <string.h>

#include "base/units.h"
#include "grade/evidence.h"
#include "grade/findings.h"
#include "grade/trail.h"

#define PATIENCE_NS (3 * NS_PER_S) /* longer than the first RTO of anybody (RFC 6298: 1 s) */
#define SENT_AFTER  3 /* new segments that show that the sender lives */

struct place_of_stall {
	const struct evidence_trace *t;
	const struct tcp_connection *c;
	int half; /* of the connection: who sends the data */
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

static bool carries(const struct trace_frame *f, const struct tcp_connection *c, int half,
		    uint32_t seq)
{
	const struct packet *p = &f->packet;

	return f->parsed && p->tcp && p->payload_len && seq_leq(p->seq, seq) &&
	       seq_lt(seq, p->seq + (uint32_t)p->payload_len) && p->sport == c->port[half] &&
	       p->dport == c->port[!half];
}

/* The next segment from @frame on that has what the stall asks for; TCP_NO_FRAME: none */
static size_t next_transmission(const struct place_of_stall *p, size_t frame)
{
	for (; frame <= p->stall->first_duplicate; frame++)
		if (carries(&p->t->trace.frames[frame], p->c, p->half, p->stall->ack))
			return frame;
	return TCP_NO_FRAME;
}

/* A time-out may have sent it again before the duplicate ACKs of what came late */
static bool was_resent_before(const struct place_of_stall *p)
{
	size_t first = next_transmission(p, p->c->first);

	return first != TCP_NO_FRAME && next_transmission(p, first + 1) != TCP_NO_FRAME;
}

/* Never sent again, though asked for and though the sender goes on */
static bool is_for_ever(const struct place_of_stall *p)
{
	const struct tcp_stall *s = p->stall;

	return s->duplicates >= 2 && !s->resolved && s->resent_by == TCP_NO_FRAME &&
	       s->sent_after >= SENT_AFTER &&
	       time_of(p->t, p->c->last) - time_of(p->t, s->first_duplicate) >= PATIENCE_NS &&
	       !was_resent_before(p);
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

/* From the sender on: links 0, 1, 2 up, and 2, 1, 0 down; the lan is not the tunnel's */
#define POINTS (2 * LINK_LAN)

static struct sight point(enum direction d, int step)
{
	int at = d == DIR_UP ? step : POINTS - 1 - step;

	return (struct sight){ (enum link_id)(at / END_COUNT), (enum link_end)(at % END_COUNT), 0 };
}

static bool same_ends(const struct tcp_connection *a, const struct tcp_connection *b, int swap)
{
	return a->port[0] == b->port[swap] && a->port[1] == b->port[!swap] &&
	       memcmp(a->address[0], b->address[swap], sizeof(a->address[0])) == 0 &&
	       memcmp(a->address[1], b->address[!swap], sizeof(a->address[1])) == 0;
}

/*
 * Was the connection seen nearer to its sender?  Then it is judged there: a retransmission
 * that was lost on the way is none at this point.
 */
static bool is_seen_nearer(const struct evidence *e, enum direction d, int step,
			   const struct tcp_connection *c)
{
	while (step-- > 0) {
		struct sight at = point(d, step);
		const struct tcp_trace *t = &evidence_end(e, at.link, at.end)->tcp;

		for (size_t i = 0; i < t->len; i++)
			if (same_ends(&t->connections[i], c, 0) ||
			    same_ends(&t->connections[i], c, 1))
				return true;
	}
	return false;
}

/* The first stall of a half of a connection that the test is about */
static bool find_in(const struct evidence_trace *t, const struct tcp_connection *c, int half,
		    bool (*test)(const struct place_of_stall *p), struct place_of_stall *ret)
{
	const struct tcp_half *h = &c->half[half];

	for (size_t k = 0; k < h->stalls_len; k++) {
		*ret = (struct place_of_stall){ t, c, half, &h->stalls[k] };
		if (test(ret))
			return true;
	}
	return false;
}

static bool find(const struct evidence *e, enum direction d,
		 bool (*test)(const struct place_of_stall *p), struct place_of_stall *ret)
{
	for (int step = 0; step < POINTS; step++) {
		struct sight at = point(d, step);
		const struct evidence_trace *t = evidence_end(e, at.link, at.end);

		for (size_t i = 0; i < t->tcp.len; i++) {
			const struct tcp_connection *c = &t->tcp.connections[i];
			int half = direction_of(t, at.end, c, 0) == d ? 0 : 1;

			if (find_in(t, c, half, test, ret) && !is_seen_nearer(e, d, step, c))
				return true;
		}
	}
	return false;
}

/* The last frame with the segment at a point, before it was asked for */
static size_t last_sight(const struct evidence_trace *t, const struct place_of_stall *p)
{
	uint64_t until_ns = time_of(p->t, p->stall->first_duplicate);
	size_t found = TCP_NO_FRAME;

	for (size_t i = 0; i < t->trace.len && t->trace.frames[i].t_ns <= until_ns; i++)
		if (carries(&t->trace.frames[i], p->c, p->half, p->stall->ack))
			found = i;
	return found;
}

/* Follow the segment of a stall from the first point that saw it; false: none did */
static bool find_loss(const struct evidence *e, enum direction d, const struct place_of_stall *p,
		      struct trail *ret)
{
	for (int step = 0; step < POINTS; step++) {
		struct sight from = point(d, step);

		from.frame = last_sight(evidence_end(e, from.link, from.end), p);
		if (from.frame != TCP_NO_FRAME)
			return trail_follow(e, d, &from, ret) == 0;
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
	struct trail trail = { .hop = "" };
	bool seen = find_loss(e, d, p, &trail);
	const char *hop = trail.hop;
	json_t *f;

	f = finding_add(findings, rule, hop,
			"the segment with sequence number %u %s%s; %llu duplicate ACKs in %.1f s "
			"asked for it; the %s sent %llu new segments and %s",
			s->ack, *hop ? "was lost on " : "is missing", hop,
			(unsigned long long)s->duplicates, waited,
			d == DIR_UP ? "client" : "head-end", (unsigned long long)s->sent_after,
			end);
	if (seen)
		finding_packet(f, evidence_end(e, trail.last.link, trail.last.end),
			       trail.last.frame, "the segment, where it was seen last");
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
