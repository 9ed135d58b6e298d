// SPDX-License-Identifier: Apache-2.0
/* What became of synthetic segments: their sender and receiver say it. */
#include <stddef.h>

#include "grade/evidence.h"
#include "grade/measure.h"

/*
 * Sum of a number over all flows of segments.  A receiver that saw no connection says
 * nothing: that is none of the segments.
 */
static bool sum(const struct evidence *e, size_t offset, struct metric_value *ret)
{
	bool any = false;

	for (size_t i = 0; i < e->c->traffic_len; i++) {
		const struct segment_events *s = &e->flows[i].segments;

		if (e->c->traffic[i].kind != TRAFFIC_SEGMENTS || !s->sent_known)
			continue;
		any = true;
		ret->number += (double)*(const uint64_t *)((const char *)s + offset);
	}
	return any;
}

/* Of the first flow that got so far */
static bool first(const struct evidence *e, size_t offset, bool by_receiver,
		  struct metric_value *ret)
{
	for (size_t i = 0; i < e->c->traffic_len; i++) {
		const struct segment_events *s = &e->flows[i].segments;

		if (!(by_receiver ? s->received_known : s->sent_known && s->sent))
			continue;
		ret->number = (double)*(const uint64_t *)((const char *)s + offset);
		return true;
	}
	return false;
}

#define SUM(name, member)                                                                          \
	MEASURE(segments_##name)                                                                   \
	{                                                                                          \
		return sum(e, offsetof(struct segment_events, member), ret);                       \
	}
#define FIRST(name, by_receiver)                                                                   \
	MEASURE(segments_##name)                                                                   \
	{                                                                                          \
		return first(e, offsetof(struct segment_events, name), by_receiver, ret);          \
	}

SUM(sent, sent)
SUM(received, received)
SUM(bytes, bytes)
SUM(acks, acks)
SUM(duplicate_acks, duplicate_acks)
SUM(resets, resets)
FIRST(first_window, false)
FIRST(client_mss, false)
FIRST(server_mss, true)
