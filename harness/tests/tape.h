/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures made up by a test: frames of a client (10.0.1.1:40000) and a head-end
 * (10.0.3.2:10000), as the trace that a reader would make of them, or as a file.
 */
#ifndef DUPACK_TESTS_TAPE_H
#define DUPACK_TESTS_TAPE_H

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "decode/trace.h"
#include "observe/pcapng.h"

#define TAPE_MS		 1000000ULL
#define TAPE_FRAME_MAX	 1600
#define TAPE_CLIENT_PORT 40000
#define TAPE_SERVER_PORT 10000

struct tape {
	struct trace trace;
	bool at_server; /* the point is the head-end's side: what the client sent comes in */
};

/** A segment; what is not said is an ACK with the usual window and no payload. */
struct tape_segment {
	uint64_t t_ms;
	bool from_server;
	uint32_t seq, ack;
	uint8_t flags; /* 0: ACK */
	uint16_t window; /* 0: 65535 */
	size_t len;
	uint16_t id; /* IPv4 identification */
	uint8_t ttl; /* 0: 64 */
};

static inline void tape_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void tape_put32(uint8_t *p, uint32_t v)
{
	tape_put16(p, v >> 16);
	tape_put16(p + 2, v);
}

/** tape_add() - Append a frame; its bytes are copied */
static inline void tape_add(struct tape *tape, uint64_t t_ns, bool from_server,
			    const uint8_t *bytes, size_t len)
{
	struct trace *t = &tape->trace;
	uint8_t *copy = malloc(len);
	struct trace_frame *f;

	if (t->len == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->frames = realloc(t->frames, t->room * sizeof(*t->frames));
	}
	if (!copy || !t->frames)
		abort();
	memcpy(copy, bytes, len);
	f = &t->frames[t->len++];
	*f = (struct trace_frame){
		.t_ns = t_ns,
		.bytes = copy,
		.len = len,
		.direction = from_server == tape->at_server ? TRACE_OUTBOUND : TRACE_INBOUND,
	};
	f->parsed = packet_parse_frame(copy, len, &f->packet);
}

static inline uint8_t *tape_ip(uint8_t *frame, uint8_t proto, bool from_server, size_t l4_len)
{
	static const uint8_t client[4] = { 10, 0, 1, 1 }, server[4] = { 10, 0, 3, 2 };
	uint8_t *ip = frame + 14;

	memset(frame, 0, 34);
	tape_put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	tape_put16(ip + 2, (uint32_t)l4_len + 20);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, from_server ? server : client, 4);
	memcpy(ip + 16, from_server ? client : server, 4);
	return ip + 20;
}

/** tape_tcp() - Append a segment; its payload follows from its length alone */
static inline void tape_tcp(struct tape *tape, struct tape_segment s)
{
	uint8_t frame[TAPE_FRAME_MAX];
	uint8_t *t = tape_ip(frame, 6, s.from_server, 20 + s.len);

	tape_put16(frame + 18, s.id);
	if (s.ttl)
		frame[22] = s.ttl;
	memset(t, 0, 20);
	tape_put16(t, s.from_server ? TAPE_SERVER_PORT : TAPE_CLIENT_PORT);
	tape_put16(t + 2, s.from_server ? TAPE_CLIENT_PORT : TAPE_SERVER_PORT);
	tape_put32(t + 4, s.seq);
	tape_put32(t + 8, s.ack);
	t[12] = 5 << 4;
	t[13] = s.flags ? s.flags : PACKET_TCP_ACK;
	tape_put16(t + 14, s.window ? s.window : 65535);
	for (size_t i = 0; i < s.len; i++)
		t[20 + i] = (uint8_t)(i + s.len);
	tape_add(tape, s.t_ms * TAPE_MS, s.from_server, frame, 54 + s.len);
}

/** tape_udp() - Append a datagram with a number in it */
static inline void tape_udp(struct tape *tape, uint64_t t_ms, bool from_server, uint32_t number)
{
	uint8_t frame[TAPE_FRAME_MAX];
	uint8_t *u = tape_ip(frame, 17, from_server, 12);

	memset(u, 0, 12);
	tape_put16(u, 500);
	tape_put16(u + 2, 500);
	tape_put16(u + 4, 12);
	tape_put32(u + 8, number);
	tape_add(tape, t_ms * TAPE_MS, from_server, frame, 54);
}

/** tape_write() - Write it as a capture file */
static inline void tape_write(const struct tape *tape, const char *path)
{
	struct err err = { 0 };
	struct pcapng w;

	if (pcapng_open(&w, path, "tape", &err))
		abort();
	for (size_t i = 0; i < tape->trace.len; i++) {
		const struct trace_frame *f = &tape->trace.frames[i];

		pcapng_write(&w, f->t_ns,
			     f->direction == TRACE_INBOUND ? PCAPNG_INBOUND : PCAPNG_OUTBOUND,
			     f->bytes, f->len, f->len);
	}
	if (pcapng_close(&w, &err))
		abort();
}

static inline void tape_release(struct tape *tape)
{
	for (size_t i = 0; i < tape->trace.len; i++)
		free((void *)tape->trace.frames[i].bytes);
	trace_release(&tape->trace);
}

#define AUTO_TAPE __attribute__((cleanup(tape_release)))

#endif
