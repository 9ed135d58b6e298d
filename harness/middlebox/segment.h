/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of TCP segments: options read, headers translated in place, ACKs
 * made.  No state.
 */
#ifndef DUPACK_MIDDLEBOX_SEGMENT_H
#define DUPACK_MIDDLEBOX_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_config;
struct packet;

/** What is done with headers, whatever their flow. */
struct segment_policy {
	uint8_t option[256]; /* enum action, by kind */
	bool clear_reserved, clear_urgent;
	uint16_t mss_maximum; /* 0: none */
};

/** The options that the engine knows: RFC 9293, 7323, 2018; not those that it clears. */
struct segment_options {
	bool unwanted; /* there is one whose action is to drop the segment */
	bool timestamps, window_scale, sack_permitted;
	uint32_t tsval, tsecr;
	uint8_t shift; /* of the window, at most 14 */
	uint16_t mss; /* 0: not given */
};

/** What is changed in a header, modulo 2^32. */
struct segment_translation {
	uint32_t add_seq; /* to the sequence number */
	uint32_t sub_ack; /* from the ACK number and the edges of SACK blocks */
	const struct segment_policy *policy;
};

/** What segment_translate() changed besides the numbers: a set. */
enum segment_change {
	SEGMENT_OPTION_CLEARED = 1,
	SEGMENT_URGENT_CLEARED = 2,
	SEGMENT_RESERVED_CLEARED = 4,
	SEGMENT_MSS_LOWERED = 8,
};

#define SEGMENT_SACK_MAX  4
#define SEGMENT_ACK_BYTES 120 /* IPv6, TCP with 60 bytes: enough for any */

struct segment_sack {
	uint32_t left, right;
};

/** An ACK without payload, or with other flags a SYN, a SYN-ACK, a RST. */
struct segment_ack {
	int version; /* 4 or 6 */
	uint8_t flags; /* PACKET_TCP_*; 0: ACK */
	uint8_t ttl;
	const uint8_t *src, *dst; /* 4 or 16 bytes */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t window;
	uint16_t mss; /* 0: no such option */
	bool timestamps;
	uint32_t tsval, tsecr;
	struct segment_sack sack[SEGMENT_SACK_MAX]; /* at most 3 with timestamps */
	size_t sack_len;
};

void segment_policy_init(struct segment_policy *ret, const struct engine_config *config);
bool segment_reserved_bits(const struct packet *p);
bool segment_read_options(const struct packet *p, const struct segment_policy *policy,
			  struct segment_options *ret);
unsigned int segment_translate(uint8_t *tcp, size_t header_len,
			       const struct segment_translation *t);
bool segment_raise_timestamp(uint8_t *tcp, size_t header_len, uint32_t *tsval);
size_t segment_make_ack(const struct segment_ack *a, uint8_t ret[SEGMENT_ACK_BYTES]);
void segment_set_ttl(uint8_t *ip, size_t len, uint8_t ttl);
void segment_restore_ttl(uint8_t *ip, size_t len);

#endif
