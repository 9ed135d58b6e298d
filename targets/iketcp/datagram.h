/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets of the local IPsec stack: IP with ESP in it, or with UDP and in it
 * IKE or ESP (RFC 3948).  Pure, IPv4 and IPv6.
 */
#ifndef IKETCP_DATAGRAM_H
#define IKETCP_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "count.h"
#include "stream.h"

#define DATAGRAM_MTU 1500 /* of the TUN */
#define DATAGRAM_MAX (40 + 8 + UINT16_MAX)
#define PORT_IKE     500
#define PORT_NATT    4500

struct address {
	bool ipv6;
	uint8_t bytes[16]; /* IPv4: the first four */
};

/** How an IPsec stack sends its ESP. */
enum esp_form { ESP_FORM_UNKNOWN, ESP_FORM_IP, ESP_FORM_UDP };

/** A packet of the stack without its headers. */
struct datagram {
	enum stream_what what; /* STREAM_IKE or STREAM_ESP */
	const uint8_t *bytes; /* as in the stream, without the marker; borrowed */
	size_t len;
	bool udp; /* it is, or shall be, in UDP */
	uint16_t sport, dport; /* then: its ports; IKE has the marker if one is 4500 */
	struct address src, dst;
};

enum count datagram_parse(const uint8_t *packet, size_t len, struct datagram *ret);
size_t datagram_build(const struct datagram *d, uint8_t *buf, size_t size);

size_t address_len(const struct address *a);
bool address_equal(const struct address *a, const struct address *b);

#endif
