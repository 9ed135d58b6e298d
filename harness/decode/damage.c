// SPDX-License-Identifier: Apache-2.0
/*
 * Once frames are paired, some that came in are left over.  One that equals a frame that
 * was sent is a copy of it; one that differs from it in a single bit is that frame,
 * corrupted.  It is looked for among what was sent before it came, from the latest on,
 * not longer back than twice the slowest way that any frame had, and a second.
 */
#include "decode/damage.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS 1000000000ULL
#define NONE	    SIZE_MAX

/* In how many bits two frames differ, no more than 2 */
static int bits_apart(const struct trace_frame *a, const struct trace_frame *b)
{
	int n = 0;

	if (a->len != b->len)
		return 2;
	for (size_t i = 0; i < a->len && n < 2; i++)
		n += __builtin_popcount((unsigned int)(a->bytes[i] ^ b->bytes[i]));
	return n < 2 ? n : 2;
}

static uint64_t slowest_ns(const struct trace *sender, const struct trace *receiver,
			   const struct match *m)
{
	uint64_t slowest = 0;

	for (size_t i = 0; i < m->len; i++) {
		uint64_t took;

		if (m->received[i] == MATCH_LOST)
			continue;
		took = receiver->frames[m->received[i]].t_ns - sender->frames[m->sent[i]].t_ns;
		if (took > slowest && took < UINT64_MAX / 4) /* it may seem to come too early */
			slowest = took;
	}
	return slowest;
}

/* How many of the frames that were sent were sent at @t_ns or before */
static size_t sent_until(const struct trace *sender, const struct match *m, uint64_t t_ns)
{
	size_t low = 0, high = m->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sender->frames[m->sent[middle]].t_ns <= t_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The place in @m of the frame that was sent and is this one, or NONE */
static size_t source_of(const struct trace *sender, const struct match *m,
			const struct trace_frame *came, uint64_t window_ns, int *ret_bits)
{
	for (size_t i = sent_until(sender, m, came->t_ns); i--;) {
		const struct trace_frame *f = &sender->frames[m->sent[i]];

		if (came->t_ns - f->t_ns > window_ns)
			break;
		*ret_bits = bits_apart(f, came);
		if (*ret_bits < 2)
			return i;
	}
	return NONE;
}

/* What came in and has no partner */
static void find_orphans(const struct trace *sender, const struct trace *receiver,
			 const size_t *arrival, struct match *m)
{
	uint64_t window = 2 * slowest_ns(sender, receiver, m) + PATIENCE_NS;

	for (size_t r = 0; r < receiver->len; r++) {
		const struct trace_frame *f = &receiver->frames[r];
		size_t i;
		int bits;

		if (f->direction != TRACE_INBOUND || arrival[r] != NONE)
			continue;
		i = source_of(sender, m, f, window, &bits);
		if (i == NONE)
			continue;
		m->corrupted += (size_t)bits;
		if (m->received[i] != MATCH_LOST || m->damaged[i] != MATCH_LOST) {
			m->duplicated++;
		} else {
			m->damaged[i] = r;
			m->lost--;
		}
	}
}

/* RFC 4737 section 3 from the receiver's side, and the same from the other */
static void find_disorder(const size_t *arrival, size_t len, struct match *m)
{
	size_t latest = 0, earliest = NONE;

	for (size_t r = 0; r < len; r++)
		if (arrival[r] != NONE) {
			m->reordered += arrival[r] < latest;
			latest = arrival[r] > latest ? arrival[r] : latest;
		}
	for (size_t r = len; r--;)
		if (arrival[r] != NONE) {
			m->overtook += arrival[r] > earliest;
			earliest = arrival[r] < earliest ? arrival[r] : earliest;
		}
}

/**
 * damage_find() - What else happened to frames on a link
 * @sender:	Capture at the sending end
 * @receiver:	Capture at the other end
 * @m:		Their match; its counts are completed, and what came corrupted is no
 *		longer counted as lost
 *
 * Return: 0, or -1 if there is no memory
 */
int damage_find(const struct trace *sender, const struct trace *receiver, struct match *m)
{
	size_t *arrival = malloc((receiver->len + 1) * sizeof(*arrival));

	m->damaged = malloc((m->len + 1) * sizeof(*m->damaged));
	if (!arrival || !m->damaged) {
		free(arrival);
		return -1;
	}
	for (size_t r = 0; r < receiver->len; r++)
		arrival[r] = NONE;
	for (size_t i = 0; i < m->len; i++) {
		m->damaged[i] = MATCH_LOST;
		if (m->received[i] != MATCH_LOST)
			arrival[m->received[i]] = i;
	}
	find_orphans(sender, receiver, arrival, m);
	find_disorder(arrival, receiver->len, m);
	free(arrival);
	return 0;
}
