/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cTCP on the wire: IPv4 | TCP, 20 bytes | inner datagram | trailer, 16 bytes.
 *
 * The inner datagram is what IPsec put behind its own IPv4 header: an ESP
 * packet from its SPI on, or a UDP header and an IKE message.  The trailer is
 * the last 16 bytes of the segment; there is no length field.  Pure: bytes
 * and structs in, bytes and structs out; nothing is allocated.
 */
#ifndef CTCP_CODEC_H
#define CTCP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "count.h"

#define CTCP_TRAILER_LEN 16
#define CTCP_PORT	 10000
#define CTCP_TTL	 240
#define CTCP_MTU	 1500 /* of the path, assumed: cTCP has no path MTU discovery */
#define CTCP_INNER_MAX	 (CTCP_MTU - 20 - 20 - CTCP_TRAILER_LEN) /* without its IP header */
#define CTCP_TUN_MTU	 (20 + CTCP_INNER_MAX)
#define CTCP_SEGMENT_MAX 65535

/** Byte 13 of the trailer: an IP protocol number. */
enum ctcp_protocol {
	CTCP_UDP = 0x11, /* an IKE message with its UDP header */
	CTCP_ESP = 0x32,
	/* 0x33 is AH, which covers the Identification of an IP header that is not carried */
};

struct ctcp_trailer {
	uint16_t id; /* IKE: Identification of the inner IPv4 packet; ESP: 0 */
	uint16_t fragment; /* its flags and fragment offset: 0x4000 is DF */
	uint8_t protocol; /* enum ctcp_protocol */
};

/** How the local IPsec stack wants its ESP. */
enum esp_form {
	ESP_FORM_UNKNOWN, /* it has sent none yet */
	ESP_FORM_IP, /* IP protocol 50 */
	ESP_FORM_UDP, /* in UDP (RFC 3948) */
};

/** One packet of an IPsec stack, without its IP header. */
struct ctcp_datagram {
	uint8_t protocol; /* enum ctcp_protocol */
	const uint8_t *bytes; /* borrowed */
	size_t len;
	uint16_t id; /* of the IP header that it had */
	enum esp_form form; /* ESP only: how the local stack sent it... */
	uint16_t sport, dport; /* ...and its ports, if in UDP */
	uint8_t src[4], dst[4]; /* of the IP header that it had */
};

/** One TCP segment, fields in host order. */
struct ctcp_segment {
	uint8_t src[4], dst[4];
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags; /* PACKET_TCP_* */
	uint16_t window;
	uint16_t mss; /* an MSS option if not 0 */
	const uint8_t *payload; /* borrowed */
	size_t payload_len;
	bool spoiled; /* a fault: its checksum is to be wrong */
};

void ctcp_trailer_encode(const struct ctcp_trailer *t, uint8_t out[CTCP_TRAILER_LEN]);
enum count ctcp_payload_decode(const uint8_t *payload, size_t len, bool check_cookie,
			       struct ctcp_trailer *ret_trailer, size_t *ret_inner_len);
size_t ctcp_payload_encode(const struct ctcp_datagram *d, bool client, uint8_t *buf, size_t size);

enum count ctcp_inner_parse(uint8_t *ip, size_t len, struct ctcp_datagram *ret);
size_t ctcp_inner_build(const struct ctcp_datagram *d, uint16_t outer_port, uint8_t *buf,
			size_t size);

size_t ctcp_segment_build(const struct ctcp_segment *s, uint16_t ip_id, uint8_t *buf, size_t size);

#endif
