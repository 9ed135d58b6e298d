// SPDX-License-Identifier: Apache-2.0
/*
 * Arithmetic of windows: [begin, begin + length).  Nothing here counts through the
 * occurrences, so a period of a millisecond over a week costs no more than one window.
 */
#include "spec/when.h"

static uint64_t add(uint64_t a, uint64_t b)
{
	return a > WHEN_NEVER - b ? WHEN_NEVER : a + b;
}

/* The first begin at or after @t_ns, or WHEN_NEVER */
static uint64_t next_begin(const struct when *w, uint64_t t_ns)
{
	uint64_t begin = w->from_ns;

	if (t_ns > begin) {
		uint64_t k;

		if (!w->every_ns)
			return WHEN_NEVER;
		k = (t_ns - begin - 1) / w->every_ns + 1;
		if (k > (WHEN_NEVER - begin) / w->every_ns)
			return WHEN_NEVER;
		begin += k * w->every_ns;
	}
	return w->every_ns && begin >= w->until_ns ? WHEN_NEVER : begin;
}

/* The begin of the last occurrence that began at or before @t_ns, or WHEN_NEVER */
static uint64_t last_begin(const struct when *w, uint64_t t_ns)
{
	uint64_t k = 0;

	if (t_ns < w->from_ns || (w->every_ns && w->from_ns >= w->until_ns))
		return WHEN_NEVER;
	if (w->every_ns) {
		k = (t_ns - w->from_ns) / w->every_ns;
		if (k > (w->until_ns - 1 - w->from_ns) / w->every_ns)
			k = (w->until_ns - 1 - w->from_ns) / w->every_ns;
	}
	return w->from_ns + k * w->every_ns;
}

/**
 * when_next() - The first time at or after @t_ns at which it begins or ends
 *
 * Return: the time, or WHEN_NEVER
 */
uint64_t when_next(const struct when *w, uint64_t t_ns)
{
	uint64_t begin = next_begin(w, t_ns), last = last_begin(w, t_ns);
	uint64_t end = last == WHEN_NEVER ? WHEN_NEVER : add(last, w->length_ns);

	if (w->length_ns && end != WHEN_NEVER && end >= t_ns && end < begin)
		return end;
	/* the one before may end now, as the next begins: they never touch, so it is earlier */
	return begin;
}

/** when_turn() - Does it begin or end at just this time? */
enum when_turn when_turn(const struct when *w, uint64_t t_ns)
{
	uint64_t last;

	if (next_begin(w, t_ns) == t_ns)
		return WHEN_BEGINS;
	last = last_begin(w, t_ns);
	return last != WHEN_NEVER && w->length_ns && w->length_ns != WHEN_NEVER &&
			       add(last, w->length_ns) == t_ns
		       ? WHEN_ENDS
		       : WHEN_NOTHING;
}

/** when_active() - Does it hold at this time? A moment never does */
bool when_active(const struct when *w, uint64_t t_ns)
{
	uint64_t last = last_begin(w, t_ns);

	return last != WHEN_NEVER && t_ns < add(last, w->length_ns);
}

/* When the last occurrence is over */
static uint64_t over(const struct when *w)
{
	if (!w->every_ns)
		return add(w->from_ns, w->length_ns);
	return w->until_ns == WHEN_NEVER ? WHEN_NEVER : add(w->until_ns - 1, w->length_ns);
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* A single window against one that comes again */
static bool meets_once(const struct when *once, const struct when *again)
{
	uint64_t end = add(once->from_ns, once->length_ns);
	uint64_t begin = next_begin(again, once->from_ns);

	return when_active(again, once->from_ns) || begin < end;
}

/**
 * when_meet() - Can two windows hold at the same time?
 *
 * Exact, except that of two that come again and end, one after the other began, it is
 * asked whether they would ever meet if both went on.
 *
 * Return: true if so; a moment meets nothing
 */
bool when_meet(const struct when *a, const struct when *b)
{
	uint64_t common, shift;

	if (!a->length_ns || !b->length_ns || a->from_ns >= over(b) || b->from_ns >= over(a))
		return false;
	if (!a->every_ns)
		return b->every_ns ? meets_once(a, b) : true;
	if (!b->every_ns)
		return meets_once(b, a);
	common = common_divisor(a->every_ns, b->every_ns);
	shift = a->from_ns <= b->from_ns ? (b->from_ns - a->from_ns) % common
					 : common - 1 - (a->from_ns - b->from_ns - 1) % common;
	return shift < a->length_ns || common - shift < b->length_ns;
}
