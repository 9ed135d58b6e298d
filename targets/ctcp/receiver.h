/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer acknowledges.  Which rule Cisco's peers follow is not known, so
 * it is a parameter; the rule of the known implementation is ACK_MAX.
 */
#ifndef CTCP_RECEIVER_H
#define CTCP_RECEIVER_H

#include <stdint.h>

#include "count.h"

#define RECEIVER_WINDOW 65535
#define RECEIVER_HELD	64

enum ack_rule {
	ACK_MAX, /* the highest sequence number seen: past holes */
	ACK_INORDER, /* up to the first hole, as TCP does (RFC 9293 section 3.4) */
	ACK_LAST, /* the end of the last segment, be it an old one */
};

struct receiver {
	enum ack_rule rule;
	uint32_t next; /* what we acknowledge */
	/* ACK_INORDER: what arrived behind a hole; disjoint, in no order */
	struct {
		uint32_t start, end;
	} held[RECEIVER_HELD];
	unsigned int held_len;
};

void receiver_init(struct receiver *r, enum ack_rule rule, uint32_t next);
enum count receiver_note(struct receiver *r, uint32_t seq, uint32_t len);

#endif
