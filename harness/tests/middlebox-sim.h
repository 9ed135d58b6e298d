/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine with two ends made of numbers: segments are described, sent, and
 * what leaves is kept for inspection.  Checksums are computed here once more,
 * word by word, so that a mistake in the library does not agree with itself.
 */
#ifndef DUPACK_TESTS_MIDDLEBOX_SIM_H
#define DUPACK_TESTS_MIDDLEBOX_SIM_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "decode/packet.h"
#include "middlebox/engine.h"
#include "spec/name.h"
#include "tests/tap.h"

#define FIN PACKET_TCP_FIN
#define SYN PACKET_TCP_SYN
#define RST PACKET_TCP_RST
#define ACK PACKET_TCP_ACK

#define CLIENT_PORT 40000
#define SERVER_PORT 10000
#define OUT_MAX	    512

struct seg {
	enum direction dir;
	uint32_t seq, ack;
	uint8_t flags;
	int window; /* 0: 65535; below 0: none */
	size_t len; /* payload bytes */
	const uint8_t *options;
	size_t options_len; /* a multiple of 4 */
	uint16_t client_port; /* 0: CLIENT_PORT */
	uint8_t client_host; /* 0: 1, as in 10.0.1.1 */
	int version; /* 0: 4 */
	bool bad_checksum;
	uint8_t fill; /* payload */
	uint8_t reserved; /* bits of the header */
	uint8_t ttl; /* 0: 63 */
	uint16_t urgent;
};

struct leaving {
	enum direction dir;
	size_t len;
	uint8_t ip[2048];
	struct packet p;
};

struct sim {
	struct engine *engine;
	uint64_t now;
	struct leaving out[OUT_MAX]; /* of the last segment */
	unsigned int count;
};

static uint64_t sim_totals[COUNTER_COUNT]; /* of all engines of a test */

static unsigned int sim_wrong; /* packets that left with a wrong checksum */

static inline uint16_t sim_sum(uint16_t sum, const uint8_t *p, size_t len);
static inline uint16_t sim_tcp_sum(const uint8_t *ip, size_t len);

static inline void sim_emit(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	struct sim *s = ctx;
	struct leaving *l = &s->out[s->count % OUT_MAX];

	s->count++;
	l->dir = dir;
	l->len = len;
	memcpy(l->ip, ip, len > sizeof(l->ip) ? sizeof(l->ip) : len);
	packet_parse_ip(l->ip, len, &l->p);
	if (len <= sizeof(l->ip) && l->p.tcp)
		sim_wrong += (l->p.version == 4 && sim_sum(0, l->ip, 20) != 0xffff) ||
			     sim_tcp_sum(l->ip, len) != 0xffff;
}

static inline struct sim *sim_new(const char *device)
{
	struct sim *s = calloc(1, sizeof(*s));
	struct device_config config;
	struct choice choice;
	struct err err = { 0 };

	if (choice_parse(device, &choice, &err) ||
	    device_config_from_choice(&choice, &config, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	choice_release(&choice);
	s->engine = engine_new(&config, 1);
	s->now = NS_PER_S;
	return s;
}

static inline void sim_free(struct sim *s)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		sim_totals[i] += engine_counters(s->engine)[i];
	engine_free(s->engine);
	free(s);
}

static inline uint64_t sim_counter(const struct sim *s, enum counter c)
{
	return engine_counters(s->engine)[c];
}

static inline void be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void be32(uint8_t *p, uint32_t v)
{
	be16(p, v >> 16);
	be16(p + 2, v & 0xffff);
}

/* RFC 1071 as its text says it: add with end-around carry, one word at a time */
static inline uint16_t sim_sum(uint16_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint32_t word = i % 2 ? p[i] : (uint32_t)p[i] << 8;
		uint32_t next = sum + word;

		sum = (uint16_t)((next & 0xffff) + (next >> 16));
	}
	return sum;
}

/* What the checksum field of a TCP segment must add up to: 0xffff */
static inline uint16_t sim_tcp_sum(const uint8_t *ip, size_t len)
{
	size_t header = ip[0] >> 4 == 4 ? 20 : 40, addrs = ip[0] >> 4 == 4 ? 8 : 32;
	uint8_t tail[4] = { 0, 6, 0, 0 };
	uint16_t sum;

	be16(tail + 2, (uint32_t)(len - header));
	sum = sim_sum(0, ip + header - addrs, addrs);
	sum = sim_sum(sum, tail, sizeof(tail));
	return sim_sum(sum, ip + header, len - header);
}

static inline size_t sim_build(const struct seg *g, uint8_t ip[2048])
{
	/* 10.0.1.1 and 10.0.3.2 */
	const uint8_t hosts[2][2] = { { 1, g->client_host ? g->client_host : 1 }, { 3, 2 } };
	int family = g->version ? g->version : 4;
	size_t head = family == 4 ? 20 : 40, tcp_len = 20 + g->options_len + g->len;
	uint16_t client = g->client_port ? g->client_port : CLIENT_PORT;
	uint8_t *tcp = ip + head;

	memset(ip, 0, head + 20);
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *host = hosts[g->dir == DIR_UP ? i : 1 - i];
		uint8_t *addr = family == 4 ? ip + 12 + 4 * i : ip + 8 + 16 * i;

		if (family == 4)
			memcpy(addr, (uint8_t[]){ 10, 0, host[0], host[1] }, 4);
		else
			memcpy(addr,
			       (uint8_t[]){ 0x20, 1, 0x0d, 0xb8, 0, host[0], 0, 0, 0, 0, 0, 0, 0, 0,
					    0, host[1] },
			       16);
	}
	if (family == 4) {
		ip[0] = 0x45;
		be16(ip + 2, (uint32_t)(head + tcp_len));
		ip[8] = g->ttl ? g->ttl : 63;
		ip[9] = 6;
		be16(ip + 10, (uint16_t)~sim_sum(0, ip, 20));
	} else {
		ip[0] = 0x60;
		be16(ip + 4, (uint32_t)tcp_len);
		ip[6] = 6;
		ip[7] = g->ttl ? g->ttl : 63;
	}
	be16(tcp, g->dir == DIR_UP ? client : SERVER_PORT);
	be16(tcp + 2, g->dir == DIR_UP ? SERVER_PORT : client);
	be32(tcp + 4, g->seq);
	be32(tcp + 8, g->ack);
	tcp[12] = (uint8_t)((20 + g->options_len) / 4 << 4 | g->reserved);
	tcp[13] = g->flags;
	be16(tcp + 14, g->window ? (g->window < 0 ? 0 : (uint32_t)g->window) : 65535);
	be16(tcp + 18, g->urgent);
	if (g->options_len)
		memcpy(tcp + 20, g->options, g->options_len);
	memset(tcp + 20 + g->options_len, g->fill ? g->fill : 0x5a, g->len);
	be16(tcp + 16, (uint16_t)~sim_tcp_sum(ip, head + tcp_len));
	if (g->bad_checksum)
		tcp[17] ^= 0x11;
	return head + tcp_len;
}

static inline void sim_raw(struct sim *s, enum direction dir, const uint8_t *ip, size_t len)
{
	const struct engine_out out = { .emit = sim_emit, .ctx = s };
	uint8_t *exact = malloc(len); /* so that a sanitizer sees the end */

	memcpy(exact, ip, len);
	s->count = 0;
	engine_packet(s->engine, s->now, dir, exact, len, &out);
	free(exact);
}

static inline void sim_send(struct sim *s, const struct seg *g)
{
	uint8_t ip[2048];
	size_t len = sim_build(g, ip);

	sim_raw(s, g->dir, ip, len);
}

#define SEND(s, ...) sim_send((s), &(const struct seg){ __VA_ARGS__ })
#define UP(s, ...)   SEND(s, .dir = DIR_UP, __VA_ARGS__)
#define DOWN(s, ...) SEND(s, .dir = DIR_DOWN, __VA_ARGS__)

/* Advance time; timers only act if they are due */
static inline void sim_wait(struct sim *s, uint64_t ns)
{
	const struct engine_out out = { .emit = sim_emit, .ctx = s };

	s->now += ns;
	s->count = 0;
	engine_timer(s->engine, s->now, &out);
}

/* The only packet that left travels this way */
static inline bool sim_passed(const struct sim *s, enum direction dir)
{
	return s->count == 1 && s->out[0].dir == dir;
}

/* A handshake without options: ISN 1000 and 9000; then both ends are at 1001 and 9001 */
static inline void sim_handshake(struct sim *s)
{
	UP(s, .seq = 1000, .flags = SYN);
	DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK);
}

/* Counters of TCP intercept, that test-middlebox-intercept sees count */
static inline bool sim_intercept_counts(enum counter c)
{
	return c == COUNTER_INTERCEPTED || c == COUNTER_SYN_COOKIE_SENT || c == COUNTER_SYN_SENT;
}

/* These, and others that test-middlebox-asa sees count */
static inline bool sim_asa_counts(enum counter c)
{
	static const enum counter those[] = {
		COUNTER_OUT_OF_ORDER_PASSED,
		COUNTER_BAD_CHECKSUM_PASSED,
		COUNTER_BYPASSED,
		COUNTER_PASSED_UNSELECTED,
		COUNTER_URGENT_CLEARED,
		COUNTER_RESERVED_CLEARED,
		COUNTER_MSS_LOWERED,
		COUNTER_TTL_LOWERED,
		COUNTER_RETRANSMISSION_UNCHECKED,
		COUNTER_TCP_RESERVED_SET,
		COUNTER_TCP_SYN_DATA,
		COUNTER_TCP_WINDOW_VARIATION,
		COUNTER_TCP_PAWS_FAIL,
		COUNTER_TCP_BAD_RETRANSMISSION,
		COUNTER_INTERCEPTED,
		COUNTER_SYN_COOKIE_SENT,
		COUNTER_SYN_SENT,
		COUNTER_RESET_SENT,
		COUNTER_TIMESTAMP_RAISED,
	};

	for (size_t i = 0; i < ARRAY_SIZE(those); i++)
		if (those[i] == c)
			return true;
	return sim_intercept_counts(c);
}

static inline void sim_counted(enum counter c)
{
	tap_ok(sim_totals[c] > 0, "counter '%s' was seen to count", counter_kinds[c].name);
}

/* It was dropped for this reason: nothing came out that way, and the reason counted */
#define DROPPED(s, way, reason, what, ...)                                                         \
	do {                                                                                       \
		uint64_t before_ = sim_counter((s), (reason));                                     \
		bool out_ = false;                                                                 \
		SEND((s), .dir = (way), __VA_ARGS__);                                              \
		for (unsigned int i_ = 0; i_ < (s)->count; i_++)                                   \
			out_ |= (s)->out[i_].dir == (way);                                         \
		tap_ok(!out_ && sim_counter((s), (reason)) == before_ + 1, "%s: %s",               \
		       counter_kinds[(reason)].name, (what));                                      \
	} while (0)

#define PASSES(s, way, what, ...)                                                                  \
	do {                                                                                       \
		SEND((s), .dir = (way), __VA_ARGS__);                                              \
		tap_ok(sim_passed((s), (way)), "%s", what);                                        \
	} while (0)

#endif
