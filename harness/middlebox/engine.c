// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A packet is taken apart once, its flow is found in one step, proxy.c judges
 * it, and here the judgement is carried out:
 *
 *   passes     translated (ISN, SACK, options cleared), emitted; if it was in order, what
 *              waited behind it is emitted too
 *   is held    translated, copied into its direction's queue; the sender gets a duplicate ACK
 *   is dropped counted under its reason; an acknowledged retransmission is answered
 *
 * Every packet is counted once as passed-other, forwarded, queued or a drop;
 * every queued one once more as released or a drop.  retransmission-passed is
 * a part of forwarded.
 *
 * Not TCP, and fragments: they pass as they are.  A fragmented segment of a
 * flow therefore keeps its numbers; paths of a case have one MTU.
 *
 * Cost per packet is constant but for the insertion into a queue, see
 * reorder.h.  Memory is bounded by max-flows and queue-memory, whatever the
 * ends send.
 */
#include "middlebox/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "middlebox/proxy.h"

#define PROTO_TCP 6

struct engine {
	struct device_config config;
	struct prng isn;
	struct flow_table flows;
	struct reorder_pool pool;
	uint64_t counters[COUNTER_COUNT];
	uint8_t scratch[65536];
};

/**
 * engine_new() - Make an engine without flows
 * @config:	Copied; its mode is not DEVICE_ROUTER
 * @seed:	Of the run: decides the ISN offsets
 *
 * Memory exhausted aborts, as in io_printf().
 *
 * Return: the engine, to be freed with engine_free()
 */
struct engine *engine_new(const struct device_config *config, uint64_t seed)
{
	const uint64_t timeouts[TIMER_COUNT] = {
		[TIMER_EMBRYONIC] = config->engine.embryonic_timeout_ns,
		[TIMER_IDLE] = config->engine.idle_timeout_ns,
		[TIMER_HALF_CLOSED] = config->engine.half_closed_timeout_ns,
		[TIMER_CLOSED] = config->engine.closed_timeout_ns,
	};
	struct engine *e = calloc(1, sizeof(*e));
	struct prng hash;

	if (!e)
		abort();
	e->config = *config;
	prng_init(&e->isn, seed, "middlebox:isn");
	prng_init(&hash, seed, "middlebox:hash");
	flow_table_init(&e->flows, config->engine.max_flows, prng_u64(&hash), timeouts);
	reorder_pool_init(&e->pool, config->engine.queue_limit, config->engine.queue_timeout_ns,
			  config->engine.queue_memory);
	return e;
}

static void forget(struct engine *e, struct flow *f)
{
	for (size_t dir = 0; dir < DIR_COUNT; dir++)
		e->counters[COUNTER_QUEUE_DISCARDED] +=
			reorder_clear(&e->pool, &f->half[dir].queue);
	flow_remove(&e->flows, f);
}

/** engine_free() - Free an engine with all that it holds; NULL does nothing */
void engine_free(struct engine *e)
{
	struct flow *f;

	if (!e)
		return;
	for (size_t timer = 0; timer < TIMER_COUNT; timer++)
		while ((f = flow_oldest(&e->flows, timer)))
			forget(e, f);
	flow_table_release(&e->flows);
	free(e);
}

static struct flow_key key_of(const struct arrival *a)
{
	const struct packet *p = &a->packet;
	enum direction back = proxy_opposite(a->dir);
	size_t len = p->version == 4 ? 4 : 16;
	struct flow_key key = { .version = (uint8_t)p->version };

	memcpy(key.addr[a->dir], p->src, len);
	memcpy(key.addr[back], p->dst, len);
	key.port[a->dir] = p->sport;
	key.port[back] = p->dport;
	return key;
}

/* The packet as it leaves: in e->scratch */
static const uint8_t *translate(struct engine *e, const struct flow *f, const struct arrival *a)
{
	const struct packet *p = &a->packet;
	const struct segment_translation t = {
		.add_seq = f->half[a->dir].offset,
		.sub_ack = f->half[proxy_opposite(a->dir)].offset,
		.clear_options = e->config.engine.clear_options != 0,
	};

	memcpy(e->scratch, p->ip, p->ip_len);
	if (segment_translate(e->scratch + (p->l4 - p->ip), p->l4_len - p->payload_len, &t))
		e->counters[COUNTER_OPTIONS_CLEARED]++;
	return e->scratch;
}

/* Up to @max SACK blocks of what a queue holds, the newest first (RFC 2018 section 4) */
static size_t sack_blocks(const struct reorder *q, struct segment_sack *ret, size_t max)
{
	const struct held *h = TAILQ_FIRST(&q->held);
	size_t len = 0;

	while (h) {
		struct segment_sack block = { h->seq, h->end };
		bool newest = false;

		for (; h && seq_leq(h->seq, block.right); h = TAILQ_NEXT(h, link)) {
			block.right = seq_lt(block.right, h->end) ? h->end : block.right;
			newest |= h == q->newest;
		}
		if (newest) {
			size_t moved = len < max ? len++ : max - 1;

			memmove(ret + 1, ret, moved * sizeof(*ret));
			ret[0] = block;
		} else if (len < max) {
			ret[len++] = block;
		}
	}
	return len;
}

/* What of the receiver's window is left behind @ack: its right edge stays where it put it */
static uint16_t window_behind(const struct half *from, const struct half *to, uint32_t ack)
{
	uint32_t edge = from->acked + to->window;
	uint32_t left = seq_lt(ack, edge) ? edge - ack : 0;

	left >>= from->window_scale && to->window_scale ? to->shift : 0;
	return (uint16_t)(left > UINT16_MAX ? UINT16_MAX : left);
}

/* Acknowledge to the sender of what travels in @dir, in the receiver's name */
static void send_ack(struct engine *e, const struct flow *f, enum direction dir,
		     const struct engine_out *out)
{
	enum direction back = proxy_opposite(dir);
	const struct half *from = &f->half[dir], *to = &f->half[back];
	uint32_t point = proxy_ack_point(&e->config.engine, from);
	struct segment_ack ack = {
		.version = f->key.version,
		.ttl = to->ttl,
		.src = f->key.addr[back],
		.dst = f->key.addr[dir],
		.sport = f->key.port[back],
		.dport = f->key.port[dir],
		.seq = to->next + to->offset,
		.ack = point,
		.window = window_behind(from, to, point),
		.timestamps = from->timestamps && to->timestamps,
		.tsval = to->tsval,
		.tsecr = from->ts_recent,
	};
	uint8_t packet[SEGMENT_ACK_BYTES];

	if (e->config.engine.ack_sack && from->sack_permitted && to->sack_permitted)
		ack.sack_len = sack_blocks(&from->queue, ack.sack,
					   SEGMENT_SACK_MAX - (ack.timestamps ? 1 : 0));
	out->emit(out->ctx, back, packet, segment_make_ack(&ack, packet));
}

/* Send on what is in order now */
static void release_queue(struct engine *e, struct flow *f, const struct arrival *a,
			  const struct engine_out *out)
{
	struct half *from = &f->half[a->dir];
	struct held *h;

	while ((h = reorder_take(&e->pool, &from->queue, a->now_ns, from->next))) {
		if (seq_leq(h->end, from->next)) {
			e->counters[COUNTER_TCP_DUP_IN_QUEUE]++;
		} else if (from->fin) {
			e->counters[COUNTER_TCP_DATA_PAST_FIN]++;
		} else {
			e->counters[COUNTER_RELEASED]++;
			out->emit(out->ctx, a->dir, h->ip, h->len);
			proxy_advance(f, a->dir, h->end, h->fin);
		}
		free(h);
	}
}

static enum counter hold(struct engine *e, struct flow *f, const struct arrival *a)
{
	static const enum counter counts[] = {
		[REORDER_HELD] = COUNTER_QUEUED,
		[REORDER_DUPLICATE] = COUNTER_TCP_DUP_IN_QUEUE,
		[REORDER_FULL] = COUNTER_TCP_BUFFER_FULL,
	};
	const struct held what = { .seq = a->packet.seq,
				   .end = a->end,
				   .fin = (a->packet.flags & PACKET_TCP_FIN) != 0,
				   .len = a->packet.ip_len };

	return counts[reorder_add(&e->pool, &f->half[a->dir].queue, a->now_ns, &what,
				  translate(e, f, a))];
}

/* Carry out a judgement */
static void act(struct engine *e, struct flow *f, const struct arrival *a, enum counter what,
		const struct engine_out *out)
{
	bool passes = what == COUNTER_FORWARDED || what == COUNTER_RETRANSMISSION_PASSED;

	if (what == COUNTER_QUEUED)
		what = hold(e, f, a);
	e->counters[what]++;
	if (what == COUNTER_RETRANSMISSION_PASSED)
		e->counters[COUNTER_FORWARDED]++;
	if (passes)
		out->emit(out->ctx, a->dir, translate(e, f, a), a->packet.ip_len);
	if (a->reset) {
		forget(e, f);
		return;
	}
	if (passes && a->in_order) {
		proxy_advance(f, a->dir, a->end, (a->packet.flags & PACKET_TCP_FIN) != 0);
		release_queue(e, f, a, out);
	}
	if (a->answer) {
		e->counters[a->in_order ? COUNTER_ACK_SENT : COUNTER_DUP_ACK_SENT]++;
		send_ack(e, f, a->dir, out);
	}
	if (!counter_kinds[what].drop)
		flow_touch(&e->flows, f, a->now_ns);
}

/* A flow for a new connection; the oldest on @timer makes room; NULL if there is none */
static struct flow *add_flow(struct engine *e, const struct arrival *a, const struct flow_key *key,
			     enum flow_state state, enum flow_timer timer)
{
	struct flow *oldest = flow_oldest(&e->flows, timer), *f;

	if (e->flows.count >= e->flows.max && oldest) {
		forget(e, oldest);
		e->counters[COUNTER_FLOW_EVICTED]++;
	}
	f = flow_add(&e->flows, key, state, a->now_ns);
	if (f)
		e->counters[COUNTER_FLOW_CREATED]++;
	return f;
}

static void open_flow(struct engine *e, const struct flow_key *key, struct arrival *a,
		      const struct engine_out *out)
{
	struct flow *f = add_flow(e, a, key, FLOW_SYN_SENT, TIMER_EMBRYONIC);

	if (!f) {
		e->counters[COUNTER_FLOW_TABLE_FULL]++;
		return;
	}
	for (size_t dir = 0; e->config.engine.isn_randomise && dir < DIR_COUNT; dir++)
		f->half[dir].offset = (uint32_t)prng_u64(&e->isn);
	proxy_open(f, a);
	act(e, f, a, COUNTER_FORWARDED, out);
}

/* Why a segment is dropped before its flow is looked for; COUNTER_FORWARDED if it is not */
static enum counter check_segment(const struct engine *e, struct arrival *a)
{
	if (e->config.engine.verify_checksum && !packet_l4_checksum_ok(&a->packet))
		return COUNTER_TCP_BAD_CHECKSUM;
	if (!proxy_flags_ok(&a->packet))
		return COUNTER_TCP_BAD_FLAGS;
	if (!segment_read_options(&a->packet, &a->options))
		return COUNTER_TCP_BAD_OPTION_LIST;
	return COUNTER_FORWARDED;
}

static void proxy(struct engine *e, struct arrival *a, const struct engine_out *out)
{
	enum counter check = check_segment(e, a);
	struct flow_key key = key_of(a);
	struct flow *f;

	if (check != COUNTER_FORWARDED) {
		e->counters[check]++;
		return;
	}
	f = flow_find(&e->flows, &key);
	if (f && proxy_is_syn(&a->packet) && proxy_replaces(f, a)) {
		forget(e, f);
		f = NULL;
		e->counters[COUNTER_FLOW_REPLACED]++;
	}
	if (f)
		act(e, f, a, proxy_judge(&e->config.engine, f, a), out);
	else if (proxy_is_syn(&a->packet))
		open_flow(e, &key, a, out);
	else
		e->counters[COUNTER_TCP_NOT_SYN]++;
}

/* Everything passes; an entry is kept, from any segment on, as long as something passes */
static void bypass(struct engine *e, struct arrival *a, const struct engine_out *out)
{
	struct flow_key key = key_of(a);
	struct flow *f = flow_find(&e->flows, &key);

	if (!f)
		f = add_flow(e, a, &key, FLOW_BYPASSED, TIMER_IDLE);
	if (f)
		flow_touch(&e->flows, f, a->now_ns);
	e->counters[COUNTER_FORWARDED]++;
	out->emit(out->ctx, a->dir, a->packet.ip, a->packet.ip_len);
}

/**
 * engine_packet() - A packet arrives
 * @e:		The engine
 * @now_ns:	Time, never less than before; due timeouts happen first
 * @dir:	The way it travels
 * @ip:		An IP packet; not changed
 * @len:	Bytes
 * @out:	Called for each packet that leaves because of it, in order
 */
void engine_packet(struct engine *e, uint64_t now_ns, enum direction dir, const uint8_t *ip,
		   size_t len, const struct engine_out *out)
{
	struct arrival a = { .dir = dir, .now_ns = now_ns };

	engine_timer(e, now_ns, out);
	packet_parse_ip(ip, len, &a.packet);
	if (a.packet.tcp && e->config.mode == DEVICE_PROXY) {
		proxy(e, &a, out);
	} else if (a.packet.tcp) {
		bypass(e, &a, out);
	} else if (a.packet.problem && a.packet.l4 && a.packet.proto == PROTO_TCP &&
		   e->config.mode == DEVICE_PROXY) {
		e->counters[COUNTER_TCP_BAD_HEADER]++;
	} else {
		e->counters[COUNTER_PASSED_OTHER]++;
		out->emit(out->ctx, dir, ip, len);
	}
}

/**
 * engine_timer() - Do what is due
 * @e:		The engine
 * @now_ns:	Time; before engine_deadline() nothing happens
 * @out:	Where packets go; no timeout sends one yet
 *
 * Linear in what expires, so constant per packet over time.
 */
void engine_timer(struct engine *e, uint64_t now_ns, const struct engine_out *out)
{
	struct reorder *q;
	struct flow *f;

	(void)out;
	while ((q = reorder_expired(&e->pool, now_ns)))
		e->counters[COUNTER_TCP_BUFFER_TIMEOUT] += reorder_clear(&e->pool, q);
	while ((f = flow_expired(&e->flows, now_ns))) {
		forget(e, f);
		e->counters[COUNTER_FLOW_TIMEOUT]++;
	}
}

/** engine_deadline() - When engine_timer() is due, UINT64_MAX if it is not */
uint64_t engine_deadline(const struct engine *e)
{
	uint64_t queues = reorder_deadline(&e->pool), flows = flow_deadline(&e->flows);

	return queues < flows ? queues : flows;
}

/** engine_counters() - The counters, by enum counter; valid as long as the engine */
const uint64_t *engine_counters(const struct engine *e)
{
	return e->counters;
}

/** engine_usage() - What the engine holds now */
struct engine_usage engine_usage(const struct engine *e)
{
	return (struct engine_usage){ .flows = e->flows.count,
				      .queued_packets = e->pool.packets,
				      .queued_bytes = e->pool.bytes };
}
