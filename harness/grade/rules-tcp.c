// SPDX-License-Identifier: Apache-2.0
/*
 * Rules about what TCP, or what looks like it, does on the wire.  They know nothing of
 * the implementation: only segments and acknowledgements as a device in the path sees
 * them.
 *
 * Each capture is judged by itself, since a device may answer on its own; the one
 * nearest to the sender is named.  But that a segment was not sent again can only be
 * said if no point nearer to the sender saw it again: behind the link that loses the
 * retransmissions too, a good sender looks like one that does not retransmit.  A device
 * may change sequence numbers, so that a segment is known at another point by its
 * distance from the SYN.
 */
#include <string.h>

#include "base/units.h"
#include "grade/evidence.h"
#include "grade/findings.h"
#include "grade/trail.h"

#define PATIENCE_NS (3 * NS_PER_S) /* longer than the first RTO of anybody (RFC 6298: 1 s) */
#define SENT_AFTER  3 /* new segments that show that the sender lives */
#define STEPS	    (LINK_LAN * END_COUNT) /* captures of a tunnel's way; the lan is not its */

struct place_of_stall {
	const struct evidence *e;
	enum direction d;
	int step; /* of the way, from the sender on */
	const struct evidence_trace *t;
	const struct tcp_connection *c;
	int half;
	const struct tcp_stall *stall;
};

/** A byte of a connection, as one capture numbers it. */
struct sight {
	const struct evidence_trace *t;
	const struct tcp_connection *c;
	int half;
	uint32_t seq;
};

static uint64_t time_of(const struct evidence_trace *t, size_t frame)
{
	return t->trace.frames[frame].t_ns;
}

/* Links 0, 1, 2 up, and 2, 1, 0 down, each with its sending end first */
static const struct evidence_trace *capture_at(const struct evidence *e, enum direction d, int step,
					       enum link_end *ret_end)
{
	int link = step / END_COUNT;
	enum link_end near = evidence_sender(d);

	*ret_end = step % END_COUNT ? !near : near;
	return evidence_end(e, (enum link_id)(d == DIR_UP ? link : LINK_LAN - 1 - link), *ret_end);
}

/* In which direction of the path a half of a connection travels; false: not known */
static bool travels(const struct evidence_trace *t, enum link_end end,
		    const struct tcp_connection *c, int half, enum direction d)
{
	enum trace_direction first = t->trace.frames[c->first].direction;
	bool first_is_up = (end == END_CLIENT) == (first == TRACE_OUTBOUND);

	return first != TRACE_UNKNOWN && ((half == 0) == first_is_up ? DIR_UP : DIR_DOWN) == d;
}

/* --- the same byte at another point ----------------------------------------------------- */

static bool same_end(const struct tcp_connection *a, int i, const struct tcp_connection *b, int k)
{
	return a->port[i] == b->port[k] && memcmp(a->address[i], b->address[k], 16) == 0;
}

/* Of several incarnations on the same ports the one that began at about the same time */
static bool find_sight(const struct place_of_stall *p, const struct evidence_trace *other,
		       struct sight *ret)
{
	uint64_t begun = time_of(p->t, p->c->first), nearest = UINT64_MAX;

	for (size_t i = 0; i < other->tcp.len; i++) {
		const struct tcp_connection *c = &other->tcp.connections[i];
		uint64_t t = time_of(other, c->first), apart = t < begun ? begun - t : t - begun;
		int half = same_end(p->c, p->half, c, 0) ? 0 : 1;

		if (c->version != p->c->version || apart >= nearest ||
		    !same_end(p->c, p->half, c, half) || !same_end(p->c, !p->half, c, !half))
			continue;
		nearest = apart;
		*ret = (struct sight){ other, c, half, p->stall->ack };
		if (c->half[half].isn_known && p->c->half[p->half].isn_known)
			ret->seq += c->half[half].isn - p->c->half[p->half].isn;
	}
	return nearest != UINT64_MAX;
}

static bool carries(const struct sight *s, size_t frame)
{
	const struct trace_frame *f = &s->t->trace.frames[frame];
	const struct packet *p = &f->packet;

	return frame >= s->c->first && frame <= s->c->last && f->parsed && p->tcp &&
	       p->version == s->c->version && p->sport == s->c->port[s->half] &&
	       p->dport == s->c->port[!s->half] &&
	       memcmp(p->src, s->c->address[s->half], p->version == 4 ? 4 : 16) == 0 &&
	       seq_leq(p->seq, s->seq) && seq_lt(s->seq, p->seq + (uint32_t)p->payload_len);
}

/* The first frame that has the byte, sent from @from_ns on and before @until_ns */
static size_t find_segment(const struct sight *s, uint64_t from_ns, uint64_t until_ns)
{
	const struct trace *t = &s->t->trace;
	size_t low = 0, high = t->len;

	while (low < high) { /* a capture is in the order of time */
		size_t middle = low + (high - low) / 2;

		if (t->frames[middle].t_ns < from_ns)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < t->len && t->frames[low].t_ns < until_ns; low++)
		if (carries(s, low))
			return low;
	return TCP_NO_FRAME;
}

/*
 * Was it sent again within @patience_ns, here or at a point nearer to the sender?  Where
 * the connection is not found under its name, behind a NAT or a relay, nobody can say
 * that it was not.
 */
static bool was_resent(const struct place_of_stall *p, uint64_t patience_ns)
{
	uint64_t from = time_of(p->t, p->stall->first_duplicate);
	uint64_t until = patience_ns == UINT64_MAX ? UINT64_MAX : from + patience_ns;

	if (p->stall->resent_by != TCP_NO_FRAME && time_of(p->t, p->stall->resent_by) < until)
		return true;
	for (int step = 0; step < p->step; step++) {
		enum link_end end;
		struct sight s;

		if (!find_sight(p, capture_at(p->e, p->d, step, &end), &s) ||
		    find_segment(&s, from, until) != TCP_NO_FRAME)
			return true;
	}
	return false;
}

/*
 * Had it been sent again before the duplicate ACKs came?  A time-out may be quicker than
 * the answers to what was delayed.  The point nearest to the sender knows: further on a
 * link may have made the copy.
 */
static bool was_resent_before(const struct place_of_stall *p)
{
	uint64_t until = time_of(p->t, p->stall->first_duplicate);
	enum link_end end;
	struct sight s;
	size_t first;

	if (!find_sight(p, capture_at(p->e, p->d, 0, &end), &s))
		return true; /* as above: it may have been */
	first = find_segment(&s, 0, until);
	return first != TCP_NO_FRAME &&
	       find_segment(&s, time_of(s.t, first) + 1, until) != TCP_NO_FRAME;
}

/* --- stalls --------------------------------------------------------------------------------- */

/* Does the sender live, and was there time enough to answer? */
static bool had_its_chance(const struct place_of_stall *p)
{
	return p->stall->sent_after >= SENT_AFTER &&
	       time_of(p->t, p->c->last) - time_of(p->t, p->stall->first_duplicate) >= PATIENCE_NS;
}

/* Never sent again, though asked for and though the sender goes on */
static bool is_for_ever(const struct place_of_stall *p)
{
	return p->stall->duplicates >= 2 && !p->stall->resolved && had_its_chance(p) &&
	       !was_resent(p, UINT64_MAX) && !was_resent_before(p);
}

/* Three duplicates, and no retransmission in good time; resolved without one: reordering */
static bool is_unanswered(const struct place_of_stall *p)
{
	return p->stall->duplicates >= 3 &&
	       (p->stall->resent_by != TCP_NO_FRAME || !p->stall->resolved) && had_its_chance(p) &&
	       !was_resent(p, PATIENCE_NS);
}

/* The first stall at one point, of what travels in a direction; @p says which point */
static bool find_at(struct place_of_stall *p, enum link_end end,
		    bool (*test)(const struct place_of_stall *p))
{
	for (size_t i = 0; i < p->t->tcp.len; i++)
		for (p->half = 0; p->half < 2; p->half++) {
			const struct tcp_half *h;

			p->c = &p->t->tcp.connections[i];
			h = &p->c->half[p->half];
			if (!travels(p->t, end, p->c, p->half, p->d))
				continue;
			for (size_t k = 0; k < h->stalls_len; k++) {
				p->stall = &h->stalls[k];
				if (test(p))
					return true;
			}
		}
	return false;
}

static bool find(const struct evidence *e, enum direction d,
		 bool (*test)(const struct place_of_stall *p), struct place_of_stall *ret)
{
	*ret = (struct place_of_stall){ .e = e, .d = d };
	for (; ret->step < STEPS; ret->step++) {
		enum link_end end;

		ret->t = capture_at(e, d, ret->step, &end);
		if (find_at(ret, end, test))
			return true;
	}
	return false;
}

/* --- the finding ---------------------------------------------------------------------------- */

/* Follow the segment from the first point that saw it; false: none did */
static bool find_loss(const struct place_of_stall *p, struct trail *ret)
{
	for (int step = 0; step < STEPS; step++) {
		struct trail_point from = { 0 };
		const struct evidence_trace *t = capture_at(p->e, p->d, step, &from.end);
		struct sight s;

		if (!find_sight(p, t, &s))
			continue;
		from.link = (enum link_id)((int)t->node - (int)from.end);
		from.frame = find_segment(&s, 0, UINT64_MAX);
		if (from.frame != TCP_NO_FRAME)
			return trail_follow(p->e, p->d, &from, ret) == 0;
	}
	return false;
}

static void report(const struct rule *rule, const struct place_of_stall *p, const char *end,
		   json_t *findings)
{
	const struct tcp_stall *s = p->stall;
	double waited =
		(double)(time_of(p->t, s->last_duplicate) - time_of(p->t, s->first_duplicate)) /
		(double)NS_PER_S;
	struct trail trail = { .hop = "" };
	bool seen = find_loss(p, &trail);
	json_t *f;

	f = finding_add(findings, rule, trail.hop,
			"the segment with sequence number %u %s%s; %llu duplicate ACKs in %.1f s "
			"asked for it; the %s sent %llu new segments and %s",
			s->ack, *trail.hop ? "was lost on " : "is missing", trail.hop,
			(unsigned long long)s->duplicates, waited,
			p->d == DIR_UP ? "client" : "head-end", (unsigned long long)s->sent_after,
			end);
	if (seen)
		finding_packet(f, evidence_end(p->e, trail.last.link, trail.last.end),
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
			report(rule, &p, "never this one again", findings);
}

void rule_duplicate_acks_unanswered(const struct evidence *e, const struct rule *rule,
				    json_t *findings)
{
	struct place_of_stall p;

	for (enum direction d = 0; e->captured && d < DIR_COUNT; d++)
		if (find(e, d, is_unanswered, &p))
			report(rule, &p, "did not answer within 3 s", findings);
}
