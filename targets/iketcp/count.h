/* SPDX-License-Identifier: Apache-2.0 */
/* What the carrier counts.  Whoever drops something says why by one of these. */
#ifndef IKETCP_COUNT_H
#define IKETCP_COUNT_H

#include <stdint.h>
#include <stdio.h>

enum count {
	COUNT_NONE,
	/* traffic */
	COUNT_IKE_IN, /* from the stream */
	COUNT_IKE_OUT,
	COUNT_ESP_IN,
	COUNT_ESP_OUT,
	COUNT_OPENED, /* connections */
	COUNT_CLOSED,
	/* dropped: messages of the stream */
	COUNT_KEEPALIVE,
	COUNT_RUNT,
	COUNT_STACK_ERROR,
	/* dropped: packets of the local stack, or anything that stands in the TUN */
	COUNT_NOT_IPSEC,
	COUNT_FRAGMENT,
	COUNT_NAT_KEEPALIVE,
	COUNT_NO_CONNECTION,
	COUNT_QUEUE_FULL,
	/* given up: connections */
	COUNT_REFUSED,
	COUNT_BAD_PREFIX,
	COUNT_BAD_LENGTH,
	COUNT_NO_PREFIX,
	COUNT_REPLACED,
	COUNT_TABLE_FULL,
	COUNT_MAX
};

#define COUNT_FIRST_DROP COUNT_KEEPALIVE

void counts_print(const uint64_t counts[COUNT_MAX], FILE *out);

#endif
