// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A packet goes through the switches in this order; one that drops it ends its
 * way.  `direction` says which packets are acted upon; flows are followed in
 * both directions.
 *
 *   of any packet      restart-outage, police, ecn, ptb=lost
 *   of its flow        idle-timeout, pick-up; blocked flows; dpi
 *   of TCP             syn-data, contiguous, isn-rewrite, options, mss-clamp, windows,
 *                      proxy-ack, coalesce, resegment
 *   as it leaves       ptb=forged, mtu
 *
 * A flow is what has the same addresses, protocol and, for TCP and UDP, ports.
 * It begins with any packet, and with a SYN that has another ISN.  Fragments
 * belong to none: they are subject to the first and the last line only.
 *
 * Time.  The age of a flow counts from its first packet; a SYN with another
 * ISN makes it young again.  restart-at counts from the first packet that the
 * device saw.  So nothing depends on when the device was started.
 *
 * Numbers.  Merging and cutting keep them.  isn-rewrite adds an offset to the
 * sender's and takes it from the receiver's ACKs; with not-sack their SACK
 * blocks keep the numbers that the sender never used.  After a restart the
 * offsets are gone, as they were only in the device.  A bad checksum stays bad
 * through all changes.
 *
 * proxy-ack.  The sender forgets what the device acknowledged: a loss between
 * device and receiver is never repaired.  That is the fault.
 *
 * Limits.  pick-up is about TCP only; UDP and ESP have no beginning.  The
 * filter sees the first packet with payload and not the stream.  A flow that
 * was closed stays known until it is idle for long enough, or makes room.
 * What ICMP quotes is not translated back by isn-rewrite.
 *
 * Memory is bounded by max-flows and GATHER_MEMORY.
 */
#include "middlebox/meddle.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "decode/packet.h"
#include "middlebox/dpi.h"
#include "middlebox/edit.h"
#include "middlebox/engine.h"
#include "middlebox/forge.h"
#include "middlebox/inject.h"
#include "middlebox/meddle-tcp.h"
#include "middlebox/policer.h"
#include "middlebox/proxy.h"

#define PACKET_BYTES 65536
#define MTU_DEFAULT  1500
#define TCP_CWR	     0x80
#define TCP_ECE	     0x40

struct meddle {
	struct meddle_config config;
	uint64_t *counters; /* the engine's */
	struct prng isn;
	struct flow_table flows; /* of struct meddle_flow */
	struct gatherer gatherer;
	struct policer policers[DIR_COUNT];
	struct injector injector;
	uint64_t restart_ns, outage_end_ns; /* UINT64_MAX: never (again); 0: none */
	bool seen; /* a packet */
	uint8_t work[PACKET_BYTES + EDIT_GROWS];
	uint8_t fragment[PACKET_BYTES];
};

/* A packet on its way */
struct passing {
	struct meddle *m;
	const struct engine_out *out;
	uint64_t now_ns;
	enum direction dir;
	bool acts; /* on packets that travel this way */
	struct packet p; /* in m->work */
	struct meddle_flow *f; /* NULL: none */
};

/** meddle_wanted() - Is a switch on, or is it the device that has nothing else? */
bool meddle_wanted(const struct device_config *config)
{
	const struct meddle_config *c = &config->meddle;

	return config->mode == DEVICE_MEDDLEBOX || c->contiguous || c->proxy_ack || c->isn ||
	       c->coalesce_bytes || c->resegment_bytes || c->strip_options || c->bad_option ||
	       c->add_option || c->mss_clamp || c->window_bytes || c->zero_window_ns ||
	       c->syn_data || c->ecn || c->restart_at_ns || c->dpi || c->police_bps || c->ptb ||
	       c->inject || (c->mtu && c->mtu != MTU_DEFAULT);
}

/**
 * meddle_new() - Make a box that knows no flow
 * @config:	Copied; what a device has no option for comes from its own
 * @seed:	Of the run: decides ISN offsets
 * @counters:	By enum counter, counted up; live longer than the box
 *
 * Memory exhausted aborts, as in io_printf().
 *
 * Return: the box, to be freed with meddle_free()
 */
struct meddle *meddle_new(const struct device_config *config, uint64_t seed, uint64_t *counters)
{
	struct meddle *m = calloc(1, sizeof(*m));
	struct meddle_config *c;
	uint64_t timeouts[TIMER_COUNT];
	struct prng hash;

	if (!m)
		abort();
	m->config = config->meddle;
	m->counters = counters;
	c = &m->config;
	c->max_flows = c->max_flows ? c->max_flows : config->engine.max_flows;
	c->idle_timeout_ns =
		c->idle_timeout_ns ? c->idle_timeout_ns : config->engine.idle_timeout_ns;
	for (size_t i = 0; i < TIMER_COUNT; i++)
		timeouts[i] = c->idle_timeout_ns;
	prng_init(&m->isn, seed, "middlebox:meddle-isn");
	prng_init(&hash, seed, "middlebox:meddle-hash");
	flow_table_init(&m->flows, c->max_flows, prng_u64(&hash), timeouts);
	m->flows.flow_bytes = sizeof(struct meddle_flow);
	gatherer_init(&m->gatherer, c->coalesce_bytes, c->coalesce_hold_ns, c->resegment_bytes,
		      c->mtu, counters);
	for (size_t dir = 0; dir < DIR_COUNT; dir++)
		policer_init(&m->policers[dir], c->police_bps, c->police_burst_bytes);
	injector_init(&m->injector, c, counters);
	m->restart_ns = UINT64_MAX;
	return m;
}

/* --- flows ---------------------------------------------------------------------------------- */

/* Its gathered bytes have been sent off or dropped */
static void forget(struct meddle *m, struct meddle_flow *f)
{
	inject_lose_turn(&m->injector, f);
	flow_remove(&m->flows, &f->flow);
}

static void flush(struct meddle *m, struct meddle_flow *f, const struct engine_out *out)
{
	for (size_t dir = 0; dir < DIR_COUNT; dir++)
		gather_flush(&m->gatherer, &f->gather[dir], out);
}

/* As a device does that has lost its memory */
static void forget_all(struct meddle *m)
{
	struct meddle_flow *f;

	while ((f = (struct meddle_flow *)flow_oldest(&m->flows, TIMER_BYPASS))) {
		for (size_t dir = 0; dir < DIR_COUNT; dir++)
			m->counters[COUNTER_MEDDLE_RESTART_DROPPED] +=
				gather_drop(&m->gatherer, &f->gather[dir]);
		forget(m, f);
	}
}

/** meddle_free() - Free a box with all that it holds; NULL does nothing */
void meddle_free(struct meddle *m)
{
	if (!m)
		return;
	forget_all(m);
	flow_table_release(&m->flows);
	free(m);
}

static struct flow_key key_of(const struct packet *p, enum direction dir)
{
	enum direction back = proxy_opposite(dir);
	size_t len = p->version == 4 ? 4 : 16;
	struct flow_key key = { .version = (uint8_t)p->version, .proto = p->proto };

	memcpy(key.addr[dir], p->src, len);
	memcpy(key.addr[back], p->dst, len);
	key.port[dir] = p->sport;
	key.port[back] = p->dport;
	return key;
}

static void add_flow(struct passing *w, const struct flow_key *key)
{
	struct meddle *m = w->m;
	struct flow *oldest = flow_oldest(&m->flows, TIMER_BYPASS);
	bool syn = w->p.tcp && proxy_is_syn(&w->p);

	if (m->flows.count >= m->flows.max) {
		flush(m, (struct meddle_flow *)oldest, w->out);
		forget(m, (struct meddle_flow *)oldest);
		m->counters[COUNTER_MEDDLE_EVICTED]++;
	}
	w->f = (struct meddle_flow *)flow_add(&m->flows, key, FLOW_BYPASSED, 0, w->now_ns);
	if (!w->f)
		abort();
	meddle_tcp_begin(&m->config, w->f, w->now_ns, syn ? &m->isn : NULL);
	inject_take_turn(&m->injector, w->f);
	if (w->p.tcp && !syn)
		m->counters[COUNTER_MEDDLE_PICKED_UP]++;
}

/* --- what is sent in another's name ----------------------------------------------------------- */

/* Tell the sender of a segment that there is no connection (RFC 9293 section 3.5.2) */
static void refuse(struct passing *w)
{
	const struct packet *p = &w->p;
	bool has_ack = (p->flags & PACKET_TCP_ACK) != 0;
	const struct segment_ack rst = { .version = p->version,
					 .ttl = p->ttl,
					 .src = p->dst,
					 .dst = p->src,
					 .sport = p->dport,
					 .dport = p->sport,
					 .seq = has_ack ? p->ack : 0,
					 .ack = p->seq + packet_seq_len(p) };

	if (!(p->flags & PACKET_TCP_RST))
		inject_send(proxy_opposite(w->dir), &rst,
			    has_ack ? PACKET_TCP_RST : PACKET_TCP_RST | PACKET_TCP_ACK,
			    COUNTER_MEDDLE_RESET_SENT, w->m->counters, w->out);
}

static void send_ptb(struct passing *w, uint64_t mtu)
{
	uint8_t message[FORGE_PTB_BYTES];

	if (forge_is_error(&w->p))
		return;
	w->m->counters[COUNTER_MEDDLE_PTB_SENT]++;
	w->out->emit(w->out->ctx, proxy_opposite(w->dir), message,
		     forge_ptb(&w->p, (uint32_t)mtu, message));
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A packet leaves: what is too long is cut, or goes no further */
static void leave(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	struct passing *w = ctx;
	struct meddle *m = w->m;
	struct passing leaving = { .m = m, .out = w->out, .dir = dir };
	const struct packet *p = &leaving.p;
	size_t at = 0, part;

	if (!m->config.mtu || len <= m->config.mtu || !meddle_acts(&m->config, dir) ||
	    !packet_parse_ip(ip, len, &leaving.p)) {
		w->out->emit(w->out->ctx, dir, ip, len);
		return;
	}
	m->counters[COUNTER_MEDDLE_TOO_BIG]++;
	if (forge_may_fragment(p)) {
		m->counters[COUNTER_MEDDLE_FRAGMENTED]++;
		while ((part = forge_fragment(p, m->config.mtu, &at, m->fragment)))
			w->out->emit(w->out->ctx, dir, m->fragment, part);
		return;
	}
	m->counters[COUNTER_MEDDLE_MTU_DROPPED]++;
	if (m->config.ptb == PTB_LOST)
		m->counters[COUNTER_MEDDLE_PTB]++;
	else
		send_ptb(&leaving, m->config.mtu);
}

static bool dropped(struct passing *w, enum counter why)
{
	w->m->counters[why]++;
	return true;
}

/* Drops it, or changes its ECN bits */
static bool meddle_ecn(struct passing *w)
{
	enum meddle_ecn what = w->m->config.ecn;
	unsigned int ecn = edit_ecn(w->p.ip);
	bool setup = w->p.tcp && proxy_is_syn(&w->p) &&
		     (w->p.flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
	bool about_setup = what == ECN_REFUSE_SETUP || what == ECN_STRIP_SETUP;

	if (what == ECN_PASS || (about_setup ? !setup : ecn == EDIT_ECN_NOT) ||
	    (what == ECN_MARK && ecn == EDIT_ECN_CE))
		return false;
	w->m->counters[COUNTER_MEDDLE_ECN]++;
	if (what == ECN_BLACKHOLE || what == ECN_REFUSE_SETUP)
		return dropped(w, COUNTER_MEDDLE_ECN_DROPPED);
	if (what == ECN_STRIP_SETUP) {
		struct edit e = edit_begin(w->m->work, &w->p);

		e.tcp[13] &= (uint8_t) ~(TCP_ECE | TCP_CWR);
		edit_end(&e);
	} else {
		edit_set_ecn(w->m->work, what == ECN_MARK ? EDIT_ECN_CE : EDIT_ECN_NOT);
	}
	packet_parse_ip(w->m->work, w->p.ip_len, &w->p);
	return false;
}

static bool meddle_ip(struct passing *w)
{
	struct meddle *m = w->m;

	if (m->config.police_bps && !policer_admits(&m->policers[w->dir], w->now_ns, w->p.ip_len))
		return dropped(w, COUNTER_MEDDLE_POLICED);
	if (meddle_ecn(w))
		return true;
	if (m->config.ptb != PTB_LOST || !forge_is_ptb(&w->p))
		return false;
	m->counters[COUNTER_MEDDLE_PTB]++;
	return dropped(w, COUNTER_MEDDLE_PTB_LOST);
}

/* The flow of a packet, w->f; drops what must not begin one */
static bool find_flow(struct passing *w)
{
	struct meddle *m = w->m;
	struct flow_key key = key_of(&w->p, w->dir);
	bool syn = w->p.tcp && proxy_is_syn(&w->p);
	const struct half *half;

	w->f = (struct meddle_flow *)flow_find(&m->flows, &key);
	if (!w->f && w->p.tcp && !syn && m->config.pick_up) {
		if (m->config.pick_up == PICK_UP_RESET)
			refuse(w);
		return dropped(w, COUNTER_MEDDLE_PICK_UP_REFUSED);
	}
	if (!w->f)
		add_flow(w, &key);
	flow_touch(&m->flows, &w->f->flow, w->now_ns);
	half = &w->f->flow.half[w->dir];
	if (syn && half->syn && half->isn != w->p.seq) {
		flush(m, w->f, w->out);
		inject_lose_turn(&m->injector, w->f);
		meddle_tcp_begin(&m->config, w->f, w->now_ns, &m->isn);
		inject_take_turn(&m->injector, w->f);
	}
	return false;
}

/* Look at the first payload of a flow; drops it and all that follows */
static bool filter(struct passing *w)
{
	const struct meddle_config *c = &w->m->config;

	if (c->dpi && w->acts && !w->f->looked_at && w->p.payload_len) {
		w->f->looked_at = true;
		w->f->blocked = dpi_matches(c, &w->p) == (c->dpi_block == DPI_BLOCK_MATCH);
		if (w->f->blocked) {
			w->m->counters[COUNTER_MEDDLE_DPI]++;
			if (c->dpi_action == MEDDLE_RESET && w->p.tcp)
				inject_resets(w->f, w->m->counters, w->out);
		}
	}
	return w->f->blocked && dropped(w, COUNTER_MEDDLE_DPI_DROPPED);
}

static bool meddle_syn_data(struct passing *w)
{
	struct meddle *m = w->m;
	struct edit e;

	if (!m->config.syn_data || !proxy_is_syn(&w->p) || !w->p.payload_len)
		return false;
	m->counters[COUNTER_MEDDLE_SYN_DATA]++;
	if (m->config.syn_data == SYN_DATA_DROP)
		return dropped(w, COUNTER_MEDDLE_SYN_DATA_DROPPED);
	e = edit_begin(m->work, &w->p);
	edit_drop_payload(&e);
	edit_end(&e);
	packet_parse_ip(m->work, e.len, &w->p);
	return false;
}

/* Behind a hole, where only what is contiguous passes; a pure ACK has no place */
static bool meddle_hole(struct passing *w)
{
	const struct half *from = &w->f->flow.half[w->dir];

	return w->m->config.contiguous && from->syn && packet_seq_len(&w->p) &&
	       !(w->p.flags & (PACKET_TCP_SYN | PACKET_TCP_RST)) && seq_lt(from->next, w->p.seq) &&
	       dropped(w, COUNTER_MEDDLE_NOT_CONTIGUOUS);
}

static void meddle_tcp(struct passing *w)
{
	struct meddle *m = w->m;
	const struct meddle_config *c = &m->config;
	const struct engine_out leaving = { leave, w };
	struct packet came;
	bool translated = w->f->flow.half[DIR_UP].offset || w->f->flow.half[DIR_DOWN].offset;

	if (w->acts && (meddle_syn_data(w) || meddle_hole(w)))
		return;
	came = w->p; /* only its numbers are used: pointers are into what changes */
	if (translated) {
		if (w->p.flags & PACKET_TCP_SYN && w->f->flow.half[w->dir].offset)
			m->counters[COUNTER_MEDDLE_ISN]++;
		meddle_tcp_numbers(w->f, w->dir, c->isn == ISN_REWRITE, m->work, &w->p);
	}
	if (w->acts)
		meddle_tcp_headers(c, w->f, w->now_ns, w->dir, m->work, &w->p, m->counters);
	if (meddle_tcp_learn(w->f, w->dir, &came, &w->p) && w->acts && c->proxy_ack &&
	    came.payload_len) {
		const struct segment_ack ack = meddle_tcp_reply(w->f, w->dir);

		inject_send(proxy_opposite(w->dir), &ack, PACKET_TCP_ACK, COUNTER_MEDDLE_PROXY_ACK,
			    m->counters, w->out);
	}
	if (w->acts)
		gather_segment(&m->gatherer, &w->f->gather[w->dir], w->now_ns, w->dir, &w->p,
			       &leaving);
	else
		leave(w, w->dir, w->p.ip, w->p.ip_len);
}

/* Tell the sender of a flow once that its packets are too big */
static void meddle_ptb(struct passing *w)
{
	const struct meddle_config *c = &w->m->config;

	if (c->ptb != PTB_FORGED || !w->acts || w->p.ip_len <= c->ptb_mtu ||
	    w->f->ptb_forged[w->dir] || forge_may_fragment(&w->p) || forge_is_error(&w->p))
		return;
	w->f->ptb_forged[w->dir] = true;
	w->m->counters[COUNTER_MEDDLE_PTB]++;
	send_ptb(w, c->ptb_mtu);
}

/* It has a whole transport header, or one that has no ports */
static bool has_flow(const struct packet *p)
{
	return p->l4 && !p->problem && !p->fragment && !p->more_fragments;
}

/**
 * meddle_packet() - A packet arrives
 * @m:		The box
 * @now_ns:	Time, never less than before; meddle_timer() has done what is due
 * @dir:	The way it travels
 * @ip:		An IP packet; not changed
 * @len:	Bytes
 * @out:	Called for each packet that leaves because of it, in order; must not call back
 */
void meddle_packet(struct meddle *m, uint64_t now_ns, enum direction dir, const uint8_t *ip,
		   size_t len, const struct engine_out *out)
{
	struct passing w = { .m = m, .out = out, .now_ns = now_ns, .dir = dir };

	if (!m->seen && m->config.restart_at_ns)
		m->restart_ns = now_ns + m->config.restart_at_ns;
	m->seen = true;
	w.acts = meddle_acts(&m->config, dir);
	if (now_ns < m->outage_end_ns) {
		dropped(&w, COUNTER_MEDDLE_RESTART_DROPPED);
		return;
	}
	if (len >= PACKET_BYTES) {
		out->emit(out->ctx, dir, ip, len);
		return;
	}
	memcpy(m->work, ip, len);
	packet_parse_ip(m->work, len, &w.p);
	if (w.p.version && w.acts && meddle_ip(&w))
		return;
	if (!has_flow(&w.p)) {
		leave(&w, dir, m->work, len);
		return;
	}
	if (find_flow(&w) || filter(&w))
		return;
	meddle_ptb(&w);
	if (w.p.tcp)
		meddle_tcp(&w);
	else
		leave(&w, dir, m->work, len);
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void expire_idle(struct meddle *m, uint64_t now_ns, const struct engine_out *out)
{
	struct meddle_flow *f;

	while ((f = (struct meddle_flow *)flow_expired(&m->flows, now_ns))) {
		m->counters[COUNTER_MEDDLE_IDLE]++;
		if (m->config.idle_end == MEDDLE_RESET && inject_resets(f, m->counters, out))
			m->counters[COUNTER_MEDDLE_IDLE_RESET]++;
		flush(m, f, out);
		forget(m, f);
	}
}

/**
 * meddle_timer() - Do what is due
 * @m:		The box
 * @now_ns:	Time; before meddle_deadline() nothing happens
 * @out:	Where packets go; must not call back
 *
 * Return: true if the device restarts now, so that all of it must forget
 */
bool meddle_timer(struct meddle *m, uint64_t now_ns, const struct engine_out *out)
{
	struct passing w = { .m = m, .out = out, .now_ns = now_ns };
	const struct engine_out leaving = { leave, &w };
	bool restart = m->restart_ns <= now_ns;

	if (restart) {
		m->counters[COUNTER_MEDDLE_RESTARTED]++;
		m->outage_end_ns = m->restart_ns + m->config.restart_outage_ns;
		m->restart_ns = UINT64_MAX;
		forget_all(m);
	}
	gather_expire(&m->gatherer, now_ns, &leaving);
	inject_due(&m->injector, now_ns, out);
	expire_idle(m, now_ns, out);
	return restart;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** meddle_deadline() - When meddle_timer() is due, UINT64_MAX if it is not */
uint64_t meddle_deadline(const struct meddle *m)
{
	uint64_t device = earlier(m->restart_ns, flow_deadline(&m->flows));
	uint64_t flows = earlier(gather_deadline(&m->gatherer), inject_deadline(&m->injector));

	return earlier(device, flows);
}

/**
 * meddle_usage() - What the box holds now
 * @m:		The box
 * @ret_flows:	Flows
 * @ret_gathered: Bytes of segments that wait, with what it costs to keep them
 *
 * Return: bytes of all
 */
size_t meddle_usage(const struct meddle *m, size_t *ret_flows, size_t *ret_gathered)
{
	*ret_flows = m->flows.count;
	*ret_gathered = m->gatherer.memory;
	return sizeof(*m) + (m->flows.mask + 1) * sizeof(*m->flows.buckets) +
	       m->flows.count * m->flows.flow_bytes + m->gatherer.memory;
}

/** meddle_bytes_max() - The bound of what meddle_usage() returns */
size_t meddle_bytes_max(const struct device_config *config)
{
	uint64_t flows =
		config->meddle.max_flows ? config->meddle.max_flows : config->engine.max_flows;
	size_t buckets = 1;

	while (buckets < flows)
		buckets *= 2;
	return sizeof(struct meddle) + buckets * sizeof(struct flow_bucket) +
	       flows * sizeof(struct meddle_flow) + GATHER_MEMORY;
}
