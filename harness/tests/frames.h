/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet frames made of numbers, for tests; checksums are left zero. */
#ifndef DUPACK_TESTS_FRAMES_H
#define DUPACK_TESTS_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decode/packet.h"

#define FRAME_MAX    1600
#define FRAME_HEADER 14

#define FIN PACKET_TCP_FIN
#define SYN PACKET_TCP_SYN
#define RST PACKET_TCP_RST
#define ACK PACKET_TCP_ACK

/** A segment; zero means what is usual. */
struct frame_tcp {
	bool from_server; /* from 10.0.0.2:10000, else from 10.0.0.1 and a port */
	uint16_t client_port; /* 0: 40000 */
	uint32_t seq, ack;
	uint8_t flags; /* 0: ACK */
	uint16_t window; /* 0: 1000 */
	size_t len; /* payload bytes */
	int version; /* 0: 4 */
};

static inline void frame_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void frame_put32(uint8_t *p, uint32_t v)
{
	frame_put16(p, v >> 16);
	frame_put16(p + 2, v);
}

/* Ethernet and IP headers around @l4_len bytes; where the transport header begins */
static inline uint8_t *frame_ip(uint8_t *frame, int version, uint8_t proto, bool from_server,
				size_t l4_len)
{
	uint8_t *ip = frame + FRAME_HEADER;
	uint8_t src = from_server ? 2 : 1;

	memset(frame, 0, FRAME_HEADER + 40);
	frame_put16(frame + 12, version == 6 ? 0x86dd : 0x0800);
	if (version == 6) {
		ip[0] = 0x60;
		frame_put16(ip + 4, (uint32_t)l4_len);
		ip[6] = proto;
		ip[7] = 64;
		ip[8] = ip[24] = 0xfd;
		ip[23] = src;
		ip[39] = (uint8_t)(3 - src);
		return ip + 40;
	}
	ip[0] = 0x45;
	frame_put16(ip + 2, (uint32_t)l4_len + 20);
	ip[8] = 64;
	ip[9] = proto;
	ip[12] = ip[16] = 10;
	ip[15] = src;
	ip[19] = (uint8_t)(3 - src);
	return ip + 20;
}

/** frame_tcp() - Build a segment whose payload depends on its bytes' sequence numbers */
static inline size_t frame_tcp(uint8_t *frame, const struct frame_tcp *s)
{
	uint8_t *t = frame_ip(frame, s->version, 6, s->from_server, 20 + s->len);
	uint16_t port = s->client_port ? s->client_port : 40000;

	memset(t, 0, 20);
	frame_put16(t, s->from_server ? 10000 : port);
	frame_put16(t + 2, s->from_server ? port : 10000);
	frame_put32(t + 4, s->seq);
	frame_put32(t + 8, s->ack);
	t[12] = 5 << 4;
	t[13] = s->flags ? s->flags : ACK;
	frame_put16(t + 14, s->window ? s->window : 1000);
	for (size_t i = 0; i < s->len; i++)
		t[20 + i] = (uint8_t)((s->seq + i) * 7 >> 3);
	return (size_t)(t + 20 - frame) + s->len;
}

/** frame_udp() - Build a datagram that has a number in its payload */
static inline size_t frame_udp(uint8_t *frame, bool from_server, uint32_t number, size_t len)
{
	uint8_t *u = frame_ip(frame, 4, 17, from_server, 8 + len);

	memset(u, 0, 8 + len);
	frame_put16(u, 500);
	frame_put16(u + 2, 500);
	frame_put16(u + 4, (uint32_t)len + 8);
	if (len >= 4)
		frame_put32(u + 8, number);
	return (size_t)(u + 8 - frame) + len;
}

#endif
