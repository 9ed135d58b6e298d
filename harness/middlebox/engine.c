// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A packet is taken apart once, its flow is found in one step, proxy.c judges
 * it, and here the judgement is carried out:
 *
 *   passes     translated (see segment.h), emitted; if it was in order, what waited behind it
 *              is emitted too
 *   is held    translated, copied into its direction's queue; the sender gets a duplicate ACK
 *   is dropped counted under its reason; an acknowledged retransmission is answered
 *
 * Every packet is counted once as passed-other, passed-unselected, forwarded,
 * queued, tcp-intercepted or a drop; every queued one once more as released or
 * a drop.  What is said to be "of these" in counter.c is a part of forwarded.
 *
 * A segment with a wrong checksum that is not to be dropped passes and changes
 * nothing here: who believed it would lose track of a connection whose ends
 * never take it.
 *
 * tcp-state-bypass is a property of a flow: a policy that begins is for
 * connections that begin after it.
 *
 * Not TCP, and fragments: they pass as they are.  A fragmented segment of a
 * flow therefore keeps its numbers; paths of a case have one MTU.  In an ICMP
 * error about a segment the numbers are those of its sender again, see quote.h.
 *
 * Cost per packet is constant but for the insertion into a queue, see
 * reorder.h.  Memory is bounded, see engine_bytes_max(), whatever the ends
 * send; what makes room for a new connection is the oldest embryonic one, never
 * an established one.
 */
#include "middlebox/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/prng.h"
#include "base/units.h"
#include "middlebox/answer.h"
#include "middlebox/engine-state.h"
#include "middlebox/intercept.h"
#include "middlebox/meddle.h"
#include "middlebox/quote.h"

#define PROTO_TCP 6
#define UNSEEN_NS UINT64_MAX

/**
 * engine_new() - Make an engine without flows
 * @config:	Copied; its mode is not DEVICE_ROUTER
 * @seed:	Of the run: decides the ISN offsets and cookies
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
		[TIMER_BYPASS] = config->engine.bypass_timeout_ns,
		[TIMER_INTERCEPT] = INTERCEPT_AGAIN_NS,
	};
	struct engine *e = calloc(1, sizeof(*e));
	struct prng hash, cookie;

	if (!e)
		abort();
	e->config = *config;
	e->begun_ns = UNSEEN_NS;
	segment_policy_init(&e->policy, &config->engine);
	prng_init(&e->isn, seed, "middlebox:isn");
	prng_init(&hash, seed, "middlebox:hash");
	prng_init(&cookie, seed, "middlebox:cookie");
	e->cookie_secret = prng_u64(&cookie);
	flow_table_init(&e->flows, config->engine.max_flows, prng_u64(&hash), timeouts);
	reorder_pool_init(&e->pool, config->engine.queue_timeout_ns, config->engine.queue_memory);
	e->history.memory = config->engine.history_memory;
	if (meddle_wanted(config))
		e->meddle = meddle_new(config, seed, e->counters);
	STAILQ_INIT(&e->between);
	return e;
}

/** engine_forget() - Remove a flow with all that it holds */
void engine_forget(struct engine *e, struct flow *f)
{
	for (size_t dir = 0; dir < DIR_COUNT; dir++) {
		e->counters[COUNTER_QUEUE_DISCARDED] +=
			reorder_clear(&e->pool, &f->half[dir].queue);
		history_clear(&e->history, &f->half[dir].history);
	}
	flow_remove(&e->flows, f);
}

/** engine_forget_all() - As a device does that restarts */
void engine_forget_all(struct engine *e)
{
	struct flow *f;

	for (size_t timer = 0; timer < TIMER_COUNT; timer++)
		while ((f = flow_oldest(&e->flows, timer)))
			engine_forget(e, f);
}

/** engine_free() - Free an engine with all that it holds; NULL does nothing */
void engine_free(struct engine *e)
{
	if (!e)
		return;
	engine_forget_all(e);
	flow_table_release(&e->flows);
	meddle_free(e->meddle);
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
	static const struct {
		enum segment_change change;
		enum counter counter;
	} changes[] = {
		{ SEGMENT_OPTION_CLEARED, COUNTER_OPTIONS_CLEARED },
		{ SEGMENT_URGENT_CLEARED, COUNTER_URGENT_CLEARED },
		{ SEGMENT_RESERVED_CLEARED, COUNTER_RESERVED_CLEARED },
		{ SEGMENT_MSS_LOWERED, COUNTER_MSS_LOWERED },
	};
	const struct packet *p = &a->packet;
	const struct half *from = &f->half[a->dir];
	const struct segment_translation t = {
		.add_seq = from->offset,
		.sub_ack = f->half[proxy_opposite(a->dir)].offset,
		.policy = &e->policy,
	};
	unsigned int changed;

	memcpy(e->scratch, p->ip, p->ip_len);
	changed = segment_translate(e->scratch + (p->l4 - p->ip), p->l4_len - p->payload_len, &t);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		e->counters[changes[i].counter] += (changed & changes[i].change) != 0;
	if (e->config.engine.ttl_protection && from->syn && p->ttl > from->ttl_least) {
		segment_set_ttl(e->scratch, p->ip_len, from->ttl_least);
		e->counters[COUNTER_TTL_LOWERED]++;
	}
	return e->scratch;
}

/* Remember what of a segment is new, before it counts as sent */
static void remember(struct engine *e, struct half *from, uint32_t seq, const uint8_t *payload,
		     size_t len)
{
	uint32_t old = seq_lt(seq, from->next) ? from->next - seq : 0;

	if (e->config.engine.check_retransmission && old < len)
		history_add(&e->history, &from->history, seq + old, payload + old, len - old);
}

/* What became old while it waited, or contradicts what was sent meanwhile; else it leaves */
static enum counter judge_held(const struct engine *e, const struct half *from,
			       const struct held *h)
{
	if (seq_leq(h->end, from->next))
		return COUNTER_TCP_DUP_IN_QUEUE;
	if (from->fin)
		return COUNTER_TCP_DATA_PAST_FIN;
	if (e->config.engine.check_retransmission &&
	    proxy_compare(from, h->seq, h->ip + h->payload, h->len - h->payload) == HISTORY_OTHER)
		return COUNTER_TCP_BAD_RETRANSMISSION;
	return COUNTER_RELEASED;
}

/*
 * What filled the hole was sent after what waited behind it, and has the newer timestamp.
 * A receiver that takes this one takes none of the others any more (RFC 7323 section 5.3).
 */
static void renew(struct engine *e, struct flow *f, enum direction dir, struct held *h)
{
	struct half *from = &f->half[dir];
	if (from->timestamps && f->half[proxy_opposite(dir)].timestamps &&
	    e->config.engine.raise_timestamps)
		e->counters[COUNTER_TIMESTAMP_RAISED] += segment_raise_timestamp(
			h->ip + h->tcp, h->payload - h->tcp, &from->ts_recent);
}

/* Send on what is in order now */
static void release_queue(struct engine *e, struct flow *f, const struct arrival *a,
			  const struct engine_out *out)
{
	struct half *from = &f->half[a->dir];
	struct held *h;

	while ((h = reorder_take(&e->pool, &from->queue, a->now_ns, from->next))) {
		enum counter what = judge_held(e, from, h);

		e->counters[what]++;
		if (what == COUNTER_RELEASED) {
			renew(e, f, a->dir, h);
			out->emit(out->ctx, a->dir, h->ip, h->len);
			remember(e, from, h->seq, h->ip + h->payload, h->len - h->payload);
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
	const struct packet *p = &a->packet;
	const struct held what = { .seq = p->seq,
				   .end = a->end,
				   .fin = (p->flags & PACKET_TCP_FIN) != 0,
				   .len = p->ip_len,
				   .tcp = (size_t)(p->l4 - p->ip),
				   .payload = (size_t)(p->payload - p->ip) };

	return counts[reorder_add(&e->pool, &f->half[a->dir].queue, a->now_ns, &what,
				  translate(e, f, a))];
}

/* Acknowledge what travels in @dir */
static void answer(struct engine *e, const struct flow *f, enum direction dir, enum counter counter,
		   const struct engine_out *out)
{
	uint8_t packet[SEGMENT_ACK_BYTES];
	size_t len = answer_ack(&e->config.engine, f, dir, packet);

	e->counters[counter]++;
	out->emit(out->ctx, proxy_opposite(dir), packet, len);
}

/**
 * engine_act() - Carry out a judgement
 * @e:		The engine
 * @f:		The flow; perhaps gone afterwards
 * @a:		The segment
 * @what:	As proxy_judge() said
 * @out:	Where packets go
 */
void engine_act(struct engine *e, struct flow *f, const struct arrival *a, enum counter what,
		const struct engine_out *out)
{
	const struct packet *p = &a->packet;
	bool passes = proxy_passes(what);

	if (what == COUNTER_QUEUED)
		what = hold(e, f, a);
	e->counters[what]++;
	if (passes && what != COUNTER_FORWARDED)
		e->counters[COUNTER_FORWARDED]++;
	e->counters[COUNTER_RETRANSMISSION_SEEN] += a->seen;
	e->counters[COUNTER_DUP_ACK_SEEN] += a->duplicate;
	if (passes && a->unchecked)
		e->counters[COUNTER_RETRANSMISSION_UNCHECKED]++;
	if (passes)
		out->emit(out->ctx, a->dir, translate(e, f, a), p->ip_len);
	if (a->reset) {
		engine_forget(e, f);
		return;
	}
	if (passes && a->in_order) {
		remember(e, &f->half[a->dir], p->seq, p->payload, p->payload_len);
		proxy_advance(f, a->dir, a->end, (p->flags & PACKET_TCP_FIN) != 0);
		release_queue(e, f, a, out);
	}
	if (a->answer)
		answer(e, f, a->dir, a->in_order ? COUNTER_ACK_SENT : COUNTER_DUP_ACK_SENT, out);
	if (a->reached && answer_has_sack(&e->config.engine, f, proxy_opposite(a->dir)))
		answer(e, f, proxy_opposite(a->dir), COUNTER_DUP_ACK_SENT, out);
	if (!counter_kinds[what].drop)
		flow_touch(&e->flows, f, a->now_ns);
}

/** engine_send_reset() - A RST to the end that it travels to in @dir, in the other's name */
void engine_send_reset(struct engine *e, const struct flow *f, enum direction dir,
		       const struct engine_out *out)
{
	uint8_t packet[SEGMENT_ACK_BYTES];

	e->counters[COUNTER_RESET_SENT]++;
	out->emit(out->ctx, dir, packet, answer_reset(f, dir, packet));
}

/* --- new connections -------------------------------------------------------------------- */

/**
 * engine_add_flow() - A flow for a new connection
 * @e:		The engine
 * @a:		The segment that begins it
 * @key:	Its addresses and ports
 * @state:	Its first state
 * @timer:	That state's; the oldest flow on it makes room
 *
 * Return: the flow, or NULL if there is no room
 */
struct flow *engine_add_flow(struct engine *e, const struct arrival *a, const struct flow_key *key,
			     enum flow_state state, enum flow_timer timer)
{
	uint64_t limit = e->config.engine.queue_limit;
	struct flow *oldest = flow_oldest(&e->flows, timer), *f;

	if (e->flows.count >= e->flows.max && oldest) {
		engine_forget(e, oldest);
		e->counters[COUNTER_FLOW_EVICTED]++;
	}
	f = flow_add(&e->flows, key, state, limit ? (unsigned int)limit : ENGINE_SYSTEM_QUEUE,
		     a->now_ns);
	if (f)
		e->counters[COUNTER_FLOW_CREATED]++;
	else
		e->counters[COUNTER_FLOW_TABLE_FULL] += state != FLOW_BYPASSED;
	return f;
}

static void open_flow(struct engine *e, const struct flow_key *key, struct arrival *a,
		      const struct engine_out *out)
{
	struct flow *f = engine_add_flow(e, a, key, FLOW_SYN_SENT, TIMER_EMBRYONIC);

	if (!f)
		return;
	for (size_t dir = 0; e->config.engine.isn_randomise && dir < DIR_COUNT; dir++)
		f->half[dir].offset = (uint32_t)prng_u64(&e->isn);
	proxy_open(f, a);
	engine_act(e, f, a, COUNTER_FORWARDED, out);
}

/* --- what becomes of a packet ----------------------------------------------------------- */

static bool checks(const struct engine *e)
{
	return e->config.mode == DEVICE_ASA || e->config.mode == DEVICE_PROXY;
}

/* Is a connection that begins now not checked? */
static bool bypasses(const struct engine *e, uint64_t now_ns)
{
	uint64_t after = e->config.engine.bypass_after_ns;

	return !checks(e) || (after && now_ns - e->begun_ns >= after);
}

/* Everything passes; an entry is kept, from any segment on, as long as something passes */
static void bypass(struct engine *e, const struct flow_key *key, struct flow *f,
		   const struct arrival *a, const struct engine_out *out)
{
	if (!f)
		f = engine_add_flow(e, a, key, FLOW_BYPASSED, TIMER_BYPASS);
	if (f)
		flow_touch(&e->flows, f, a->now_ns);
	e->counters[COUNTER_FORWARDED]++;
	e->counters[COUNTER_BYPASSED]++;
	out->emit(out->ctx, a->dir, a->packet.ip, a->packet.ip_len);
}

/* Why a segment is dropped before its flow is asked; COUNTER_FORWARDED if it is not */
static enum counter check_segment(const struct engine *e, struct arrival *a)
{
	const struct packet *p = &a->packet;

	if (!packet_l4_checksum_ok(p))
		return e->config.engine.verify_checksum ? COUNTER_TCP_BAD_CHECKSUM
							: COUNTER_BAD_CHECKSUM_PASSED;
	if (!proxy_flags_ok(p))
		return COUNTER_TCP_BAD_FLAGS;
	if (e->config.engine.reserved_bits == ACTION_DROP && segment_reserved_bits(p))
		return COUNTER_TCP_RESERVED_SET;
	if (e->config.engine.drop_syn_data && proxy_is_syn(p) && p->payload_len)
		return COUNTER_TCP_SYN_DATA;
	if (!segment_read_options(p, &e->policy, &a->options) || a->options.unwanted)
		return COUNTER_TCP_BAD_OPTION_LIST;
	return COUNTER_FORWARDED;
}

/* It passes as wrong as it is, and nothing is believed that it says */
static void pass_wrong(struct engine *e, const struct flow *f, const struct arrival *a,
		       const struct engine_out *out)
{
	e->counters[COUNTER_FORWARDED]++;
	e->counters[COUNTER_BAD_CHECKSUM_PASSED]++;
	out->emit(out->ctx, a->dir, f ? translate(e, f, a) : a->packet.ip, a->packet.ip_len);
}

static void check(struct engine *e, const struct flow_key *key, struct flow *f, struct arrival *a,
		  const struct engine_out *out)
{
	enum counter what = check_segment(e, a);

	if (what == COUNTER_BAD_CHECKSUM_PASSED && (f || proxy_is_syn(&a->packet)))
		pass_wrong(e, f, a, out);
	else if (what != COUNTER_FORWARDED && what != COUNTER_BAD_CHECKSUM_PASSED)
		e->counters[what]++;
	else if (f && f->state == FLOW_INTERCEPTED)
		intercept_segment(e, f, a, out);
	else if (f)
		engine_act(e, f, a, proxy_judge(&e->config.engine, f, a), out);
	else if (proxy_is_syn(&a->packet) && intercept_due(e))
		intercept_syn(e, key, a, out);
	else if (proxy_is_syn(&a->packet))
		open_flow(e, key, a, out);
	else if (what == COUNTER_BAD_CHECKSUM_PASSED || !intercept_ack(e, key, a, out))
		e->counters[COUNTER_TCP_NOT_SYN]++;
}

static void tcp(struct engine *e, struct arrival *a, const struct engine_out *out)
{
	struct flow_key key = key_of(a);
	struct flow *f = flow_find(&e->flows, &key);

	if (f && f->state != FLOW_BYPASSED && proxy_is_syn(&a->packet) && proxy_replaces(f, a) &&
	    check_segment(e, a) == COUNTER_FORWARDED) {
		engine_forget(e, f);
		f = NULL;
		e->counters[COUNTER_FLOW_REPLACED]++;
	}
	if (f ? f->state == FLOW_BYPASSED : bypasses(e, a->now_ns))
		bypass(e, &key, f, a, out);
	else
		check(e, &key, f, a, out);
}

/* An error about a segment that was translated, as its sender will know it: in e->scratch */
static const uint8_t *translate_error(struct engine *e, const struct arrival *a)
{
	const struct packet *p = &a->packet;
	struct arrival about = { .dir = proxy_opposite(a->dir) };
	struct flow_key key;
	struct quote q;
	struct flow *f;

	if (!quote_read(p, &q))
		return p->ip;
	about.packet = (struct packet){
		.version = q.version, .src = q.src, .dst = q.dst, .sport = q.sport, .dport = q.dport
	};
	key = key_of(&about);
	f = flow_find(&e->flows, &key);
	if (!f || (!f->half[DIR_UP].offset && !f->half[DIR_DOWN].offset))
		return p->ip;
	memcpy(e->scratch, p->ip, p->ip_len);
	quote_translate(e->scratch, p->ip_len, &q, -f->half[about.dir].offset,
			f->half[a->dir].offset);
	e->counters[COUNTER_QUOTE_TRANSLATED]++;
	return e->scratch;
}

/** engine_judge() - A packet arrives at the device; as engine_packet(), but without timeouts */
void engine_judge(struct engine *e, uint64_t now_ns, enum direction dir, const uint8_t *ip,
		  size_t len, const struct engine_out *out)
{
	struct arrival a = { .dir = dir, .now_ns = now_ns };
	enum counter what = COUNTER_PASSED_OTHER;

	if (e->begun_ns == UNSEEN_NS)
		e->begun_ns = now_ns;
	packet_parse_ip(ip, len, &a.packet);
	if (!class_map_has(&e->config.engine.match, dir, &a.packet)) {
		what = COUNTER_PASSED_UNSELECTED;
	} else if (a.packet.tcp && e->config.mode == DEVICE_MEDDLEBOX) {
		what = COUNTER_FORWARDED;
	} else if (a.packet.tcp) {
		tcp(e, &a, out);
		return;
	} else if (a.packet.problem && a.packet.l4 && a.packet.proto == PROTO_TCP && checks(e)) {
		what = COUNTER_TCP_BAD_HEADER;
	} else {
		ip = translate_error(e, &a);
	}
	e->counters[what]++;
	if (!counter_kinds[what].drop)
		out->emit(out->ctx, dir, ip, len);
}

/* --- time ----------------------------------------------------------------------------------- */

/* Do both ends hear of it when this time is over? */
static bool resets(const struct engine *e, enum flow_timer timer)
{
	switch (timer) {
	case TIMER_IDLE:
		return e->config.engine.timeout_reset != RESET_OFF;
	case TIMER_EMBRYONIC:
	case TIMER_INTERCEPT:
	case TIMER_HALF_CLOSED:
		return e->config.engine.timeout_reset == RESET_ALL;
	case TIMER_CLOSED:
	case TIMER_BYPASS:
	case TIMER_COUNT:
		break;
	}
	return false;
}

static void expire_flow(struct engine *e, struct flow *f, uint64_t now_ns,
			const struct engine_out *out)
{
	if (f->state == FLOW_INTERCEPTED &&
	    now_ns - f->created_ns < e->config.engine.embryonic_timeout_ns) {
		intercept_send_syn(e, f, out);
		flow_touch(&e->flows, f, now_ns);
		return;
	}
	for (enum direction dir = 0; resets(e, f->timer) && dir < DIR_COUNT; dir++)
		engine_send_reset(e, f, dir, out);
	engine_forget(e, f);
	e->counters[COUNTER_FLOW_TIMEOUT]++;
}

/** engine_expire() - The device's timeouts that are due */
void engine_expire(struct engine *e, uint64_t now_ns, const struct engine_out *out)
{
	struct reorder *q;
	struct flow *f;

	while ((q = reorder_expired(&e->pool, now_ns)))
		e->counters[COUNTER_TCP_BUFFER_TIMEOUT] += reorder_clear(&e->pool, q);
	while ((f = flow_expired(&e->flows, now_ns)))
		expire_flow(e, f, now_ns, out);
}

/* --- what it has and holds ------------------------------------------------------------------ */

/** engine_counters() - The counters, by enum counter; valid as long as the engine */
const uint64_t *engine_counters(const struct engine *e)
{
	return e->counters;
}

/** engine_usage() - What the engine holds now: the device's flows, or those of a meddlebox */
struct engine_usage engine_usage(const struct engine *e)
{
	size_t flows = 0, gathered = 0;
	size_t meddle = e->meddle ? meddle_usage(e->meddle, &flows, &gathered) : 0;
	size_t bytes = sizeof(*e) + (e->flows.mask + 1) * sizeof(*e->flows.buckets) +
		       e->flows.count * sizeof(struct flow);

	return (struct engine_usage){
		.flows = e->config.mode == DEVICE_MEDDLEBOX ? flows : e->flows.count,
		.queued_packets = e->pool.packets,
		.queued_bytes = e->pool.bytes,
		.history_bytes = e->history.bytes,
		.gathered_bytes = gathered,
		.bytes = bytes + e->pool.bytes + e->history.bytes + meddle,
	};
}

/**
 * engine_bytes_max() - What an engine holds at most, whatever the ends send
 * @config:	As for engine_new()
 *
 * Return: bound of engine_usage().bytes, without the overhead of malloc()
 */
size_t engine_bytes_max(const struct device_config *config)
{
	const struct engine_config *c = &config->engine;
	size_t buckets = 1;

	while (buckets < c->max_flows)
		buckets *= 2;
	return sizeof(struct engine) + buckets * sizeof(struct flow_bucket) +
	       c->max_flows * sizeof(struct flow) + c->queue_memory +
	       (c->check_retransmission ? c->history_memory : 0) +
	       (meddle_wanted(config) ? meddle_bytes_max(config) : 0);
}
