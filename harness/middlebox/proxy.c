// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * For each end the device knows what it expects next.  Where it keeps the order
 * (inspection, check-retransmission, a queue limit) it sends segments on in this
 * order only, each as it came: nothing is merged, cut or made up; a segment
 * behind a hole waits in the queue until the hole is filled.  Elsewhere all
 * pass as they come, and what it expects next is what follows the highest.
 *
 *   state          entered by                        what may pass
 *   -------------  --------------------------------  -------------------------------------------
 *   (no flow)                                        SYN
 *   SYN_SENT       SYN                               the same SYN; from the other end SYN-ACK
 *                                                    with the right ACK, RST with it, or SYN
 *   SYN_RECEIVED   SYN-ACK; a SYN from either end    these again; an ACK of exactly the SYN, at
 *                                                    exactly the next sequence number; RST
 *   ESTABLISHED    that ACK                          all within the window, in order; RST; the
 *                                                    SYN-ACK again
 *   HALF_CLOSED    FIN in order                      the same; nothing new from that end
 *   CLOSED         FIN in order from both            FIN and ACK again; a new SYN: a new flow
 *   INTERCEPTED    the ACK of a SYN cookie           RST; the handshake with the server is the
 *                                                    device's own: see engine.c
 *   BYPASSED       tcp-state-bypass                  everything; never comes here
 *
 * A RST that passes removes the flow.  In SYN_SENT and SYN_RECEIVED another
 * SYN of the initiator with another ISN begins anew: a peer that imitates TCP
 * opens again when the protocol inside it retransmits.  Timeouts: flow.c.
 *
 * The window is RFC 9293's (section 3.10.7.4): it begins at what the device
 * expects next and is as wide as the receiver said last.  Not at what the
 * receiver acknowledged: then one-way data whose receiver has nothing to carry
 * an ACK on would be cut off after 64 kB without any loss.
 *
 * Old segments.  Where the order is kept, a retransmission that the receiver
 * has acknowledged is dropped and acknowledged again by the device, as the ACK
 * was lost.  One that it has not acknowledged may have been lost behind the
 * device, so it passes.
 * Both are what keeps a healthy TCP going; so does a single byte just before
 * the next expected, which is a keepalive (RFC 9293 section 3.8.4) that only
 * the receiver may answer.  Pure ACKs take no sequence numbers: they pass a
 * hole in their own direction, or the other direction would stall.
 *
 * PAWS (RFC 7323 section 5.3) is for segments that take sequence numbers, and
 * for new ones only: pure ACKs overtake each other on healthy paths.  TS.Recent
 * is that of the segments before what the receiver acknowledged, which the
 * device sees no sooner than the receiver itself.
 *
 * The window (tcp-map's window-variation) shrinks if its right edge goes back
 * by more than its scale can make it (RFC 7323 section 2.4).
 *
 * Limits: no RFC 5961 challenge; an overlap passes whole and the receiver trims
 * it.
 */
#include "middlebox/proxy.h"

#include "base/units.h"

/* An unacknowledged stretch is kept under half of the sequence space, or comparing would lie */
#define UNACKED_MAX (1U << 30)

#define PAWS_NS		(24ULL * 86400 * NS_PER_S) /* RFC 7323 section 5.5 */
#define DEFAULT_MSS	536 /* RFC 9293 section 3.7.1 */
#define TIMESTAMP_BYTES 12 /* in each segment, two NOPs included */

/** proxy_flags_ok() - Do the flags go together: SYN alone or with ACK, else RST or ACK? */
bool proxy_flags_ok(const struct packet *p)
{
	if (p->flags & PACKET_TCP_SYN)
		return (p->flags & (PACKET_TCP_FIN | PACKET_TCP_RST)) == 0;
	return (p->flags & (PACKET_TCP_ACK | PACKET_TCP_RST)) != 0;
}

/** proxy_passes() - Is this outcome that the segment goes on now? */
bool proxy_passes(enum counter what)
{
	return what == COUNTER_FORWARDED || what == COUNTER_RETRANSMISSION_PASSED ||
	       what == COUNTER_OUT_OF_ORDER_PASSED || what == COUNTER_BAD_CHECKSUM_PASSED;
}

/** proxy_is_syn() - Is it a SYN without ACK? */
bool proxy_is_syn(const struct packet *p)
{
	return (p->flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) == PACKET_TCP_SYN;
}

/**
 * proxy_replaces() - Does this SYN begin a new connection in the place of a known one?
 * @f:		The known one
 * @a:		A SYN without ACK
 *
 * Return: true if @f is closed, or embryonic and its initiator has another ISN now
 */
bool proxy_replaces(const struct flow *f, const struct arrival *a)
{
	if (f->state == FLOW_SYN_SENT || f->state == FLOW_SYN_RECEIVED)
		return a->dir == f->initiator && a->packet.seq != f->half[a->dir].isn;
	return f->state == FLOW_CLOSED;
}

/**
 * proxy_open_half() - The SYN of an end: where its numbers begin
 * @h:		That end
 * @a:		Its SYN or SYN-ACK
 */
void proxy_open_half(struct half *h, const struct arrival *a)
{
	const struct packet *p = &a->packet;

	h->syn = true;
	h->isn = h->acked = p->seq;
	h->next = h->highest = p->seq + 1 + (uint32_t)p->payload_len;
	h->window = p->window; /* never scaled in a SYN (RFC 7323 section 2.2) */
	h->shift = a->options.shift;
	h->window_scale = a->options.window_scale;
	h->sack_permitted = a->options.sack_permitted;
	h->timestamps = a->options.timestamps;
	h->tsval = h->ts_recent = h->paws = a->options.tsval;
	h->paws_ns = a->options.timestamps ? a->now_ns : 0;
	h->mss = a->options.mss;
	h->ttl = h->ttl_least = p->ttl;
}

/**
 * proxy_open() - Begin a connection
 * @f:		A new flow, its offsets set
 * @a:		The SYN that opens it
 */
void proxy_open(struct flow *f, const struct arrival *a)
{
	f->initiator = a->dir;
	proxy_open_half(&f->half[a->dir], a);
}

static enum counter judge_syn(struct flow *f, const struct arrival *a)
{
	struct half *from = &f->half[a->dir];

	if (f->state > FLOW_SYN_RECEIVED)
		return COUNTER_TCP_SYN_OOO;
	if (from->syn)
		return a->packet.seq == from->isn ? COUNTER_RETRANSMISSION_PASSED
						  : COUNTER_TCP_3WHS_FAILED;
	proxy_open_half(from, a); /* simultaneous open (RFC 9293 section 3.5) */
	f->state = FLOW_SYN_RECEIVED;
	return COUNTER_FORWARDED;
}

static enum counter judge_synack(const struct engine_config *config, struct flow *f,
				 const struct arrival *a)
{
	struct half *from = &f->half[a->dir], *to = &f->half[proxy_opposite(a->dir)];
	bool fits = to->syn && seq_lt(to->isn, a->ack) && seq_leq(a->ack, to->next) &&
		    (!from->syn || a->packet.seq == from->isn);
	bool again = from->syn;

	if (a->packet.payload_len && config->drop_synack_data)
		return COUNTER_TCP_SYNACK_DATA;
	if (f->state > FLOW_SYN_RECEIVED)
		return fits ? COUNTER_RETRANSMISSION_PASSED : COUNTER_TCP_SYNACK_OOO;
	if (!fits)
		return COUNTER_TCP_3WHS_FAILED;
	if (!again)
		proxy_open_half(from, a);
	to->next = to->acked = a->ack; /* payload of the SYN that it does not take comes again */
	f->state = FLOW_SYN_RECEIVED;
	return again ? COUNTER_RETRANSMISSION_PASSED : COUNTER_FORWARDED;
}

/* First sequence number behind the window in which @from may send; a probe always fits */
static uint32_t window_end(const struct half *from, const struct half *to)
{
	return from->next + (to->window ? to->window : 1);
}

static enum counter judge_rst(const struct flow *f, struct arrival *a)
{
	const struct half *from = &f->half[a->dir], *to = &f->half[proxy_opposite(a->dir)];
	uint32_t seq = a->packet.seq;

	if (!from->syn) /* a refusal: only its ACK number says what it is about */
		a->reset = (a->packet.flags & PACKET_TCP_ACK) && seq_lt(to->isn, a->ack) &&
			   seq_leq(a->ack, to->next);
	else
		a->reset = seq_leq(from->acked, seq) && seq_leq(seq, window_end(from, to));
	return a->reset ? COUNTER_FORWARDED : COUNTER_TCP_RSTFIN_OOO;
}

/* How its sender's window is written */
static uint8_t shift_of(const struct half *from, const struct half *to)
{
	return from->window_scale && to->window_scale ? from->shift : 0;
}

/* Both ends send timestamps, and this one is older than what was acknowledged */
static bool paws_fails(const struct half *from, const struct half *to, const struct arrival *a)
{
	return from->timestamps && to->timestamps && a->options.timestamps && from->paws_ns &&
	       a->now_ns - from->paws_ns < PAWS_NS && seq_lt(a->options.tsval, from->paws) &&
	       seq_lt(from->acked, a->end) && a->end != a->packet.seq;
}

static bool window_shrinks(const struct half *from, const struct half *to, const struct arrival *a)
{
	uint8_t shift = shift_of(from, to);
	uint32_t edge = to->acked + from->window;
	uint32_t now = a->ack + ((uint32_t)a->packet.window << shift) + (1U << shift) - 1;

	return !seq_lt(a->ack, to->acked) && seq_lt(now, edge);
}

/* The system's queue limit, once a window has changed: the full segments that it lets begin */
static unsigned int queue_limit_of(const struct half *receiver, bool timestamps)
{
	uint32_t mss = receiver->mss ? receiver->mss : DEFAULT_MSS;
	uint32_t segment = timestamps && mss > TIMESTAMP_BYTES ? mss - TIMESTAMP_BYTES : mss;
	uint32_t fit = (receiver->window + segment - 1) / segment;

	return fit < 1 ? 1 : fit > ENGINE_SYSTEM_QUEUE_MAX ? ENGINE_SYSTEM_QUEUE_MAX : fit;
}

static void learn_window(const struct engine_config *config, struct half *from, struct half *to,
			 struct arrival *a)
{
	uint32_t window = (uint32_t)a->packet.window << shift_of(from, to);

	a->reached = a->ack == to->next && to->acked != to->next;
	to->acked = seq_lt(to->next, a->ack) ? to->next : a->ack;
	if (window == from->window)
		return;
	from->window = window;
	if (!config->queue_limit && config->queue_window)
		to->queue.limit = queue_limit_of(from, from->timestamps && to->timestamps);
}

static void learn_timestamp(struct half *from, const struct arrival *a)
{
	uint32_t seq = a->packet.seq, tsval = a->options.tsval;

	if (seq_leq(from->tsval, tsval))
		from->tsval = tsval;
	if (seq_leq(seq, from->next) && seq_leq(from->ts_recent, tsval))
		from->ts_recent = tsval;
	if (seq_leq(seq, from->acked) &&
	    (seq_leq(from->paws, tsval) || a->now_ns - from->paws_ns >= PAWS_NS)) {
		from->paws = tsval;
		from->paws_ns = a->now_ns;
	}
}

/* What the device learns from a segment that it accepts */
static void learn(const struct engine_config *config, struct flow *f, struct arrival *a)
{
	struct half *from = &f->half[a->dir], *to = &f->half[proxy_opposite(a->dir)];

	from->ttl = a->packet.ttl;
	if (a->packet.ttl < from->ttl_least)
		from->ttl_least = a->packet.ttl;
	if (!seq_lt(a->ack, to->acked)) /* an old ACK has an old window */
		learn_window(config, from, to, a);
	if (a->options.timestamps)
		learn_timestamp(from, a);
}

/* A single byte just before the next expected, which may be any byte */
static bool is_keepalive(const struct half *from, const struct arrival *a)
{
	return a->end - a->packet.seq == 1 && a->end == from->next;
}

/**
 * proxy_compare() - Hold what an end sends against what it sent before
 * @from:	That end
 * @seq:	Sequence number of the first byte
 * @bytes:	The bytes
 * @len:	How many; those that are new are not looked at
 *
 * Return: as history_compare()
 */
enum history_result proxy_compare(const struct half *from, uint32_t seq, const uint8_t *bytes,
				  size_t len)
{
	size_t old = seq_lt(seq, from->next) ? from->next - seq : 0;

	return history_compare(&from->history, seq, bytes, old < len ? old : len);
}

/* What the segment is as seen from outside, whatever becomes of it: for the counters */
static void observe(struct half *from, const struct half *to, struct arrival *a)
{
	const struct packet *p = &a->packet;

	a->seen = a->end != p->seq && seq_lt(p->seq, from->highest);
	a->duplicate = a->end == p->seq && p->seq == from->highest && a->ack == to->acked &&
		       to->acked != to->isn &&
		       from->window == (uint32_t)p->window << shift_of(from, to);
	if (seq_lt(from->highest, a->end))
		from->highest = a->end;
}

/* Where the segment lies: before what is expected next, there, or behind a hole */
static enum counter judge_place(const struct engine_config *config, const struct half *from,
				struct arrival *a)
{
	uint32_t seq = a->packet.seq;

	if (a->end == seq)
		return COUNTER_FORWARDED;
	if (!engine_keeps_order(config)) {
		a->in_order = seq_lt(from->next, a->end); /* as far as the device looks */
		return seq_lt(from->next, seq) ? COUNTER_OUT_OF_ORDER_PASSED
		       : a->in_order	       ? COUNTER_FORWARDED
					       : COUNTER_RETRANSMISSION_PASSED;
	}
	if (seq_lt(from->next, seq)) {
		a->answer = true;
		return COUNTER_QUEUED;
	}
	if (seq_lt(from->next, a->end)) {
		a->in_order = true;
		a->answer = config->ack_mode == ACK_EVERY;
		return COUNTER_FORWARDED;
	}
	if (seq_leq(a->end, from->acked) && !is_keepalive(from, a)) {
		a->answer = true;
		return COUNTER_TCP_ACKED;
	}
	a->answer = config->ack_mode == ACK_EVERY;
	return COUNTER_RETRANSMISSION_PASSED;
}

static enum counter judge_segment(const struct engine_config *config, struct flow *f,
				  struct arrival *a)
{
	struct half *from = &f->half[a->dir];
	const struct half *to = &f->half[proxy_opposite(a->dir)];
	const struct packet *p = &a->packet;
	enum history_result known = HISTORY_SAME;

	if (f->state == FLOW_SYN_SENT || !from->syn || !to->syn)
		return COUNTER_TCP_3WHS_FAILED;
	if (config->drop_invalid_ack &&
	    (f->state == FLOW_SYN_RECEIVED ? a->ack != to->next : seq_lt(to->next, a->ack)))
		return COUNTER_TCP_INVALID_ACK;
	if (f->state == FLOW_SYN_RECEIVED && p->seq != from->next)
		return COUNTER_TCP_DISCARDED_OOO;
	if (from->fin && a->end != p->seq && seq_lt(from->next, a->end))
		return COUNTER_TCP_DATA_PAST_FIN;
	if (config->drop_exceed_mss && to->mss && p->payload_len > to->mss)
		return COUNTER_TCP_MSS_EXCEEDED;
	if (config->drop_seq_past_window && seq_lt(window_end(from, to), a->end))
		return p->flags & PACKET_TCP_FIN ? COUNTER_TCP_RSTFIN_OOO
						 : COUNTER_TCP_SEQ_PAST_WIN;
	if (paws_fails(from, to, a))
		return COUNTER_TCP_PAWS_FAIL;
	if (config->drop_window_variation && f->state != FLOW_SYN_RECEIVED &&
	    window_shrinks(from, to, a))
		return COUNTER_TCP_WINDOW_VARIATION;
	if (config->check_retransmission && !is_keepalive(from, a))
		known = proxy_compare(from, p->seq, p->payload, p->payload_len);
	a->unchecked = known == HISTORY_UNKNOWN;
	if (known == HISTORY_OTHER)
		return COUNTER_TCP_BAD_RETRANSMISSION;
	observe(from, to, a);
	if (f->state == FLOW_SYN_RECEIVED)
		f->state = FLOW_ESTABLISHED;
	learn(config, f, a);
	return judge_place(config, from, a);
}

/**
 * proxy_judge() - What becomes of a segment
 * @config:	The switches
 * @f:		Its flow; the state is advanced, except past the segment: see proxy_advance()
 * @a:		The segment, its flags right; .ack, .end and the decisions are set
 *
 * Return: proxy_passes() tells whether it passes; QUEUED: it is to be held;
 * else the reason why it is dropped
 */
enum counter proxy_judge(const struct engine_config *config, struct flow *f, struct arrival *a)
{
	const struct packet *p = &a->packet;
	enum counter what;

	a->ack = p->ack - f->half[proxy_opposite(a->dir)].offset;
	a->end = p->seq + packet_seq_len(p);
	if (p->flags & PACKET_TCP_RST)
		return judge_rst(f, a);
	if (!(p->flags & PACKET_TCP_SYN))
		return judge_segment(config, f, a);
	what = proxy_is_syn(p) ? judge_syn(f, a) : judge_synack(config, f, a);
	a->seen = what == COUNTER_RETRANSMISSION_PASSED;
	return what;
}

/**
 * proxy_advance() - A segment was sent on in order
 * @f:		Its flow
 * @dir:	The way it travels
 * @end:	First sequence number behind it
 * @fin:	It has a FIN
 */
void proxy_advance(struct flow *f, enum direction dir, uint32_t end, bool fin)
{
	struct half *from = &f->half[dir];

	from->next = end;
	if (seq_lt(from->acked, end - UNACKED_MAX))
		from->acked = end - UNACKED_MAX;
	if (!fin || from->fin)
		return;
	from->fin = true;
	f->state = f->half[proxy_opposite(dir)].fin ? FLOW_CLOSED : FLOW_HALF_CLOSED;
}

/**
 * proxy_ack_point() - The ACK number of an ACK in the receiver's name
 * @config:	The switches
 * @sender:	Who gets it
 *
 * By default what the receiver itself acknowledged last, which comes to rest
 * at the hole.  More, and the sender would forget what can still get lost
 * between the device and the receiver.
 *
 * Return: in @sender's numbers
 */
uint32_t proxy_ack_point(const struct engine_config *config, const struct half *sender)
{
	bool next = config->ack_mode == ACK_EVERY || config->ack_point == ACK_POINT_NEXT;

	return next ? sender->next : sender->acked;
}
