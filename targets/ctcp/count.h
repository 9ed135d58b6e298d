/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the carrier counts.  Whoever drops something says why by one of these;
 * a decoder returns COUNT_NONE for "nothing to complain of".
 */
#ifndef CTCP_COUNT_H
#define CTCP_COUNT_H

#include <stdint.h>
#include <stdio.h>

enum count {
	COUNT_NONE,
	/* traffic */
	COUNT_SEGMENTS_IN,
	COUNT_SEGMENTS_OUT,
	COUNT_DATAGRAMS_IN, /* from the local IPsec stack */
	COUNT_DATAGRAMS_OUT, /* to it */
	COUNT_KEEPALIVES_IN, /* segments without payload */
	COUNT_RETRANSMITTED,
	COUNT_OPENED,
	COUNT_CLOSED,
	/* dropped: segments that came in */
	COUNT_BAD_CHECKSUM,
	COUNT_MALFORMED,
	COUNT_NO_COOKIE,
	COUNT_TRUNCATED,
	COUNT_BAD_PROTOCOL,
	COUNT_BAD_INNER,
	COUNT_BAD_ACK,
	COUNT_UNKNOWN_CONNECTION,
	COUNT_DUPLICATE,
	COUNT_OUT_OF_WINDOW,
	COUNT_TABLE_FULL,
	/* dropped: datagrams of the local stack, or anything that stands in the TUN */
	COUNT_NOT_IPSEC,
	COUNT_FRAGMENT,
	COUNT_NAT_KEEPALIVE,
	COUNT_TOO_BIG,
	COUNT_NOT_ESTABLISHED,
	COUNT_ESP_BEFORE_IKE,
	COUNT_QUEUE_FULL,
	COUNT_SEND_BUFFER_FULL,
	COUNT_SEND_ERROR,
	/* given up: connections */
	COUNT_HANDSHAKE_TIMEOUT,
	COUNT_IKE_TIMEOUT,
	COUNT_RESET,
	COUNT_MAX
};

#define COUNT_FIRST_DROP COUNT_BAD_CHECKSUM

const char *count_name(enum count c);
void counts_print(const uint64_t counts[COUNT_MAX], FILE *out);

#endif
