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

struct packet;

/** The options that the engine knows: RFC 9293, 7323, 2018. */
struct segment_options {
	bool timestamps, window_scale, sack_permitted;
	uint32_t tsval, tsecr;
	uint8_t shift; /* of the window, at most 14 */
	uint16_t mss; /* 0: not given */
};

/** What is changed in a header, modulo 2^32. */
struct segment_translation {
	uint32_t add_seq; /* to the sequence number */
	uint32_t sub_ack; /* from the ACK number and the edges of SACK blocks */
	bool clear_options; /* kinds 6-7 and 9-255 become NOPs */
};

#define SEGMENT_SACK_MAX  4
#define SEGMENT_ACK_BYTES 120 /* IPv6, TCP with 60 bytes: enough for any */

struct segment_sack {
	uint32_t left, right;
};

/** An ACK without payload. */
struct segment_ack {
	int version; /* 4 or 6 */
	uint8_t ttl;
	const uint8_t *src, *dst; /* 4 or 16 bytes */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t window;
	bool timestamps;
	uint32_t tsval, tsecr;
	struct segment_sack sack[SEGMENT_SACK_MAX]; /* at most 3 with timestamps */
	size_t sack_len;
};

bool segment_read_options(const struct packet *p, struct segment_options *ret);
bool segment_translate(uint8_t *tcp, size_t header_len, const struct segment_translation *t);
size_t segment_make_ack(const struct segment_ack *a, uint8_t ret[SEGMENT_ACK_BYTES]);
void segment_restore_ttl(uint8_t *ip, size_t len);

#endif
