/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IP packet taken apart: pointers into the caller's bytes, nothing copied,
 * nothing changed.  Lengths are checked; what is cut short or malformed is
 * said in .problem and the parts that could not be read are NULL.
 */
#ifndef DUPACK_DECODE_PACKET_H
#define DUPACK_DECODE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_TCP_FIN 0x01
#define PACKET_TCP_SYN 0x02
#define PACKET_TCP_RST 0x04
#define PACKET_TCP_PSH 0x08
#define PACKET_TCP_ACK 0x10
#define PACKET_TCP_URG 0x20

struct packet {
	const uint8_t *ip; /* first byte of the IP header */
	size_t ip_len; /* total length from the header, <= bytes given */
	int version; /* 4 or 6, 0: not IP */
	uint8_t proto; /* transport protocol, after IPv6 extension headers */
	bool fragment; /* not the first fragment: no transport header */
	bool more_fragments;
	uint8_t ttl;
	const uint8_t *src, *dst; /* 4 or 16 bytes */
	const uint8_t *l4; /* transport header, NULL if none */
	size_t l4_len; /* bytes of it and all behind it */
	const uint8_t *payload; /* behind the TCP or UDP header, else l4 */
	size_t payload_len;
	uint16_t sport, dport; /* TCP and UDP, host order */
	/* TCP, host order */
	bool tcp;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	const uint8_t *options;
	size_t options_len;
	const char *problem; /* NULL if well formed */
};

bool packet_parse_ip(const uint8_t *bytes, size_t len, struct packet *ret);
bool packet_parse_frame(const uint8_t *frame, size_t len, struct packet *ret);
uint16_t packet_checksum(const uint8_t *bytes, size_t len, uint32_t start);
uint16_t packet_l4_checksum(const struct packet *p);
bool packet_l4_checksum_ok(const struct packet *p);
bool packet_carries_payload(const struct packet *p);

/** seq_lt() - Is sequence number a before b, modulo 2^32 (RFC 9293 section 3.4)? */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/** seq_leq() - Is a before b or equal? */
static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/** packet_seq_len() - Sequence numbers that a TCP segment takes: payload, SYN, FIN */
static inline uint32_t packet_seq_len(const struct packet *p)
{
	return (uint32_t)p->payload_len + ((p->flags & PACKET_TCP_SYN) != 0) +
	       ((p->flags & PACKET_TCP_FIN) != 0);
}

#endif
