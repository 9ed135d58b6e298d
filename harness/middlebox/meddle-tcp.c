// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * An end's next is what is expected of it: it moves with segments that are in
 * order, and to what the other end acknowledged, as that one has them. A hole
 * behind which segments pass is so forgotten as soon as it is filled.
 *
 * Scaled windows.  Only the SYNs say by how much, so they are learned from the
 * SYNs as they are sent on; a flow that was picked up in the middle counts as
 * not scaled, which squeezes its window far more than was asked for, as
 * devices do that do not know of scaling.
 */
#include "middlebox/meddle-tcp.h"

#include <string.h>

#include "base/prng.h"
#include "decode/packet.h"
#include "middlebox/bytes.h"
#include "middlebox/counter.h"
#include "middlebox/edit.h"
#include "middlebox/proxy.h"

static const struct segment_policy all_options; /* none is cleared or unwanted */

/**
 * meddle_tcp_begin() - Begin a connection, in a new flow or in the place of an older one
 * @config:	The switches
 * @f:		Keeps its key, its place in lists, and what it has gathered
 * @now_ns:	Its age counts from here
 * @isn:	Where offsets come from; NULL: picked up in the middle, there are none
 */
void meddle_tcp_begin(const struct meddle_config *config, struct meddle_flow *f, uint64_t now_ns,
		      struct prng *isn)
{
	for (enum direction dir = DIR_UP; dir < DIR_COUNT; dir++) {
		uint32_t offset = isn && config->isn ? (uint32_t)prng_u64(isn) : 0;

		f->flow.half[dir] = (struct half){
			.offset = meddle_acts(config, dir) ? offset : 0,
		};
		reorder_init(&f->flow.half[dir].queue, 0);
		f->edge_known[dir] = f->ptb_forged[dir] = false;
	}
	f->first_ns = now_ns;
	f->looked_at = f->blocked = false;
	f->injections = 0;
}

static unsigned int shift_of(const struct meddle_flow *f, enum direction dir)
{
	const struct half *from = &f->flow.half[dir], *to = &f->flow.half[proxy_opposite(dir)];

	return from->window_scale && to->window_scale ? from->shift : 0;
}

static void meddle_options(const struct meddle_config *config, struct edit *e, bool syn,
			   uint64_t *counters)
{
	if (syn && config->mss_clamp && edit_clamp_mss(e, (uint16_t)config->mss_clamp))
		counters[COUNTER_MEDDLE_MSS]++;
	if (config->options_in != SEGMENTS_ALL && (config->options_in == SEGMENTS_SYN) != syn)
		return;
	if (config->strip_options && edit_strip_options(e, config->strip_options == STRIP_ALL))
		counters[COUNTER_MEDDLE_OPTIONS_STRIPPED]++;
	if (config->mtu && e->len + 4 > config->mtu)
		return; /* no room either */
	if (config->add_option && edit_add_option(e, (uint8_t)config->add_option))
		counters[COUNTER_MEDDLE_OPTION_ADDED]++;
	if (config->bad_option && edit_bad_option(e, config->bad_option))
		counters[COUNTER_MEDDLE_BAD_OPTION]++;
}

static void meddle_window(const struct meddle_config *config, uint64_t age_ns, unsigned int shift,
			  struct edit *e, uint64_t *counters)
{
	uint32_t field = get16(e->tcp + 14), wanted = field;

	if (config->window_bytes && age_ns >= config->window_from_ns &&
	    ((uint64_t)field << shift) > config->window_bytes) {
		wanted = (uint32_t)(config->window_bytes >> shift);
		wanted = wanted ? wanted : 1; /* 0 would be another fault */
	}
	if (wanted != field)
		counters[COUNTER_MEDDLE_WINDOW_SQUEEZED]++;
	if (config->zero_window_ns && wanted && age_ns >= config->zero_window_at_ns &&
	    age_ns - config->zero_window_at_ns < config->zero_window_ns) {
		wanted = 0;
		counters[COUNTER_MEDDLE_WINDOW_ZEROED]++;
	}
	put16(e->tcp + 14, wanted);
}

/* Where the window ends that this segment gives, and did one that was changed end later before? */
static void watch_edge(struct meddle_flow *f, enum direction dir, uint32_t edge, bool changed,
		       uint64_t *counters)
{
	if (f->edge_known[dir] && seq_lt(edge, f->edge[dir])) {
		if (changed)
			counters[COUNTER_MEDDLE_WINDOW_SHRUNK]++;
		return;
	}
	f->edge_known[dir] = true;
	f->edge[dir] = edge;
}

/**
 * meddle_tcp_headers() - Change a segment's options and window
 * @config:	The switches
 * @f:		Its flow
 * @now_ns:	Time
 * @dir:	The way it travels; meddle_acts() holds
 * @ip:		The packet, with EDIT_GROWS bytes of room behind it
 * @p:		The same taken apart, and again behind the changes
 * @counters:	By enum counter
 */
void meddle_tcp_headers(const struct meddle_config *config, struct meddle_flow *f, uint64_t now_ns,
			enum direction dir, uint8_t *ip, struct packet *p, uint64_t *counters)
{
	bool syn = (p->flags & PACKET_TCP_SYN) != 0;
	unsigned int shift = syn ? 0 : shift_of(f, dir);
	uint32_t ack = p->ack;
	uint16_t window = p->window;
	struct edit e = edit_begin(ip, p);

	meddle_options(config, &e, syn, counters);
	if (!(p->flags & PACKET_TCP_RST))
		meddle_window(config, now_ns - f->first_ns, shift, &e, counters);
	edit_end(&e);
	packet_parse_ip(ip, e.len, p);
	if ((p->flags & (PACKET_TCP_ACK | PACKET_TCP_RST)) == PACKET_TCP_ACK)
		watch_edge(f, dir, ack + ((uint32_t)p->window << shift), p->window != window,
			   counters);
}

/**
 * meddle_tcp_numbers() - Translate the numbers of a segment, as its flow's offsets say
 * @f:		Its flow
 * @dir:	The way it travels
 * @sack:	The edges of SACK blocks too
 * @ip:		The packet
 * @p:		The same taken apart, and again behind the changes
 */
void meddle_tcp_numbers(const struct meddle_flow *f, enum direction dir, bool sack, uint8_t *ip,
			struct packet *p)
{
	struct edit e = edit_begin(ip, p);

	edit_numbers(&e, f->flow.half[dir].offset, f->flow.half[proxy_opposite(dir)].offset, sack);
	edit_end(&e);
	packet_parse_ip(ip, e.len, p);
}

static void learn_syn(struct half *from, const struct packet *p, const struct packet *sent)
{
	struct segment_options o;

	segment_read_options(sent, &all_options, &o);
	from->syn = true;
	from->isn = p->seq;
	from->next = p->seq + 1 + (uint32_t)sent->payload_len;
	from->acked = p->seq;
	from->shift = o.shift;
	from->window_scale = o.window_scale;
	from->timestamps = o.timestamps;
	from->tsval = from->ts_recent = o.tsval;
}

/* Is what it sends now in order?  What the other end has is taken for expected */
static bool learn_place(struct half *from, const struct packet *p)
{
	uint32_t end = p->seq + packet_seq_len(p);

	if (!from->syn) { /* picked up */
		from->syn = true;
		from->next = from->acked = p->seq;
	}
	if (!seq_leq(p->seq, from->next) || !seq_lt(from->next, end))
		return false;
	from->next = end;
	return true;
}

/**
 * meddle_tcp_learn() - Take note of a segment that is sent on
 * @f:		Its flow
 * @dir:	The way it travels
 * @p:		As it came: its numbers count
 * @sent:	As it leaves: its options and its window count
 *
 * Return: true if it was in order and had sequence numbers that are new
 */
bool meddle_tcp_learn(struct meddle_flow *f, enum direction dir, const struct packet *p,
		      const struct packet *sent)
{
	struct half *from = &f->flow.half[dir], *to = &f->flow.half[proxy_opposite(dir)];
	bool syn = (p->flags & PACKET_TCP_SYN) != 0;
	uint32_t ack = p->ack - to->offset;
	struct segment_options o;
	bool in_order = false;

	if (p->flags & PACKET_TCP_RST)
		return false;
	if (syn && (!from->syn || from->isn != p->seq))
		learn_syn(from, p, sent);
	else if (!syn)
		in_order = learn_place(from, p);
	from->ttl = sent->ttl;
	if (p->flags & PACKET_TCP_ACK && (!to->syn || !seq_lt(ack, to->acked))) {
		if (!to->syn || seq_lt(to->next, ack))
			to->next = ack;
		to->acked = ack;
		to->syn = true; /* it has sent what is acknowledged */
		from->window = (uint32_t)sent->window << (syn ? 0 : shift_of(f, dir));
	}
	if (!syn && segment_read_options(sent, &all_options, &o) && o.timestamps) {
		from->tsval = o.tsval;
		if (in_order)
			from->ts_recent = o.tsval;
	}
	return in_order;
}

/**
 * meddle_tcp_reply() - An ACK in the receiver's name, of what is expected of the sender
 * @f:		The flow
 * @dir:	The way that the sender's segments travel: the reply goes back
 *
 * Its numbers are those that the sender sees; its window keeps the right edge.
 *
 * Return: it borrows the addresses of the flow
 */
struct segment_ack meddle_tcp_reply(const struct meddle_flow *f, enum direction dir)
{
	enum direction back = proxy_opposite(dir);
	const struct half *from = &f->flow.half[dir], *to = &f->flow.half[back];
	uint32_t edge = to->window + from->acked;
	uint32_t left = seq_lt(from->next, edge) ? edge - from->next : 0;

	left >>= shift_of(f, back);
	return (struct segment_ack){
		.version = f->flow.key.version,
		.ttl = to->ttl,
		.src = f->flow.key.addr[back],
		.dst = f->flow.key.addr[dir],
		.sport = f->flow.key.port[back],
		.dport = f->flow.key.port[dir],
		.seq = to->next + to->offset,
		.ack = from->next,
		.window = (uint16_t)(left > UINT16_MAX ? UINT16_MAX : left),
		.timestamps = from->timestamps && to->timestamps,
		.tsval = to->tsval,
		.tsecr = from->ts_recent,
	};
}
