// SPDX-License-Identifier: Apache-2.0
#include "receiver.h"

#include <stdbool.h>
#include <string.h>

#include "decode/packet.h"

/** receiver_init() - Nothing received yet; @next is the first number expected */
void receiver_init(struct receiver *r, enum ack_rule rule, uint32_t next)
{
	memset(r, 0, sizeof(*r));
	r->rule = rule;
	r->next = next;
}

/* Take out whatever begins at or before the point that we have reached */
static void close_holes(struct receiver *r)
{
	for (unsigned int i = 0; i < r->held_len;) {
		if (!seq_leq(r->held[i].start, r->next)) {
			i++;
			continue;
		}
		if (seq_lt(r->next, r->held[i].end))
			r->next = r->held[i].end;
		r->held[i] = r->held[--r->held_len];
		i = 0; /* the point has moved: look at all again; at most 64 */
	}
}

static enum count hold(struct receiver *r, uint32_t start, uint32_t end)
{
	for (unsigned int i = 0; i < r->held_len;) {
		uint32_t from = r->held[i].start, to = r->held[i].end;

		if (seq_leq(from, start) && seq_leq(end, to))
			return COUNT_DUPLICATE;
		if (seq_lt(to, start) || seq_lt(end, from)) {
			i++;
			continue;
		}
		start = seq_lt(from, start) ? from : start;
		end = seq_lt(end, to) ? to : end;
		r->held[i] = r->held[--r->held_len];
		i = 0;
	}
	if (r->held_len == RECEIVER_HELD)
		return COUNT_OUT_OF_WINDOW; /* as if it were lost: not acknowledged */
	r->held[r->held_len].start = start;
	r->held[r->held_len++].end = end;
	return COUNT_NONE;
}

static enum count note_inorder(struct receiver *r, uint32_t seq, uint32_t end)
{
	if (seq_leq(end, r->next))
		return COUNT_DUPLICATE;
	if (!seq_leq(end, r->next + RECEIVER_WINDOW))
		return COUNT_OUT_OF_WINDOW;
	if (!seq_leq(seq, r->next))
		return hold(r, seq, end);
	r->next = end;
	close_holes(r);
	return COUNT_NONE;
}

/**
 * receiver_note() - A segment with payload has arrived
 * @r:		Receiver; its .next is brought up to date
 * @seq:	Of the segment
 * @len:	Of its payload, over 0
 *
 * Only ACK_INORDER knows duplicates and a window: the other rules take data
 * whatever its sequence number, as cTCP does.
 *
 * Return: COUNT_NONE if it is new, else what it is
 */
enum count receiver_note(struct receiver *r, uint32_t seq, uint32_t len)
{
	uint32_t end = seq + len;

	switch (r->rule) {
	case ACK_INORDER:
		return note_inorder(r, seq, end);
	case ACK_LAST:
		r->next = end;
		return COUNT_NONE;
	case ACK_MAX:
		break;
	}
	if (seq_lt(r->next, end))
		r->next = end;
	return COUNT_NONE;
}
