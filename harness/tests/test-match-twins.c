// SPDX-License-Identifier: Apache-2.0
/* Frames that look the same: which of them was lost matters. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "decode/match.h"
#include "tests/tap.h"
#include "tests/tape.h"

/* When equal datagrams were sent and came, in ms; 0 ends a list; L: lost, else its arrival */
#define LOST  UINT64_MAX
#define TIMES 6

static const struct twins_case {
	const char *what;
	uint64_t sent[TIMES], came[TIMES], want[TIMES];
	bool with_others; /* frames without twins show that the way takes 40 ms */
} cases[] = {
	{ "all came", { 10, 20, 30 }, { 11, 21, 31 }, { 11, 21, 31 }, false },
	{ "the first was lost and sent again 4 s later",
	  { 10, 4010 },
	  { 4010 },
	  { LOST, 4010 },
	  false },
	{ "the same, and the way takes 40 ms", { 10, 4010 }, { 4050 }, { LOST, 4050 }, true },
	{ "the second was lost", { 10, 4010 }, { 50 }, { 50, LOST }, true },
	{ "one of many on their way at once",
	  { 10, 20, 30, 40 },
	  { 50, 70, 80 },
	  { 50, LOST, 70, 80 },
	  true },
	{ "all were lost", { 10, 20 }, { 0 }, { LOST, LOST }, true },
	{ "one came twice", { 10, 500 }, { 50, 51, 540 }, { 50, 540 }, true },
	{ "a queue delivers two at once", { 10, 11, 12 }, { 90, 90 }, { LOST, 90, 90 }, true },
};

static void test_twins(const struct twins_case *c)
{
	AUTO_TAPE struct tape a = { .at_server = false }, b = { .at_server = true };
	struct match m = { 0 };
	size_t n = 0;
	bool right = true;

	for (size_t i = 0; i < TIMES && c->sent[i]; i++, n++)
		tape_udp(&a, c->sent[i], false, 7);
	for (size_t i = 0; i < TIMES && c->came[i]; i++)
		tape_udp(&b, c->came[i], false, 7);
	for (uint32_t i = 100; c->with_others && i < 105; i++) {
		tape_udp(&a, 10000 + i, false, i);
		tape_udp(&b, 10040 + i, false, i);
	}
	if (match_link(&a.trace, &b.trace, UINT64_MAX, &m))
		abort();
	for (size_t i = 0; i < n; i++) {
		size_t at = m.received[i];
		uint64_t got = at < b.trace.len ? b.trace.frames[at].t_ns / TAPE_MS : LOST;

		if (got != c->want[i])
			printf("# frame %zu: got %lld, wanted %lld\n", i, (long long)got,
			       (long long)c->want[i]);
		right = right && got == c->want[i];
	}
	tap_ok(right && m.len == n + (c->with_others ? 5 : 0), "%s", c->what);
	match_release(&m);
}

/* A twin that is sent after the time that counts does not stand in for a lost one */
static void test_until(void)
{
	AUTO_TAPE struct tape a = { .at_server = false }, b = { .at_server = true };
	struct match m = { 0 };

	tape_udp(&a, 10, false, 7);
	tape_udp(&a, 4010, false, 7);
	tape_udp(&b, 4010, false, 7);
	if (match_link(&a.trace, &b.trace, 1000 * TAPE_MS, &m))
		abort();
	tap_ok(m.len == 1 && m.lost == 1, "a later twin is no substitute");
	match_release(&m);
}

static void test_directions(void)
{
	AUTO_TAPE struct tape a = { .at_server = false }, b = { .at_server = true };
	struct match m = { 0 };

	tape_udp(&a, 10, false, 7);
	tape_udp(&a, 20, true, 8); /* comes in: not sent here */
	tape_udp(&b, 20, true, 8);
	tape_udp(&b, 10, false, 7);
	if (match_link(&a.trace, &b.trace, UINT64_MAX, &m))
		abort();
	tap_ok(m.len == 1 && m.lost == 0 && m.received[0] == 1, "only what travels this way");
	match_release(&m);
}

/* Across a device that changes sequence numbers and TTL, and keeps one segment */
static void test_node(void)
{
	AUTO_TAPE struct tape in = { .at_server = true }, out = { .at_server = false };
	struct match m = { 0 };

	for (uint32_t i = 0; i < 5; i++) {
		struct tape_segment s = { .t_ms = 10 * (uint64_t)i,
					  .seq = 1000 + 100 * i,
					  .len = 100 + i };

		tape_tcp(&in, s);
		s.seq += 0x90000000;
		s.ttl = 63;
		s.t_ms++;
		if (i != 2)
			tape_tcp(&out, s);
	}
	if (match_node(&in.trace, &out.trace, &m))
		abort();
	tap_ok(m.len == 5 && m.lost == 1 && m.received[2] == MATCH_LOST && m.received[3] == 2,
	       "a node may change headers: the segment that it kept is known");
	match_release(&m);
	if (match_link(&in.trace, &out.trace, UINT64_MAX, &m))
		abort();
	tap_is(m.len, 0, "a link may not, nor is what came in what went out");
	match_release(&m);
}

/* 10^5 frames that all look the same, one in a hundred lost: linear */
static void test_many(void)
{
	AUTO_TAPE struct tape a = { .at_server = false }, b = { .at_server = true };
	struct match m = { 0 };
	uint64_t begin;
	size_t wrong = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		tape_udp(&a, 10 * (uint64_t)i, false, 7);
		if (i % 100 != 50)
			tape_udp(&b, 10 * (uint64_t)i, false, 7);
	}
	begin = clock_ns();
	if (match_link(&a.trace, &b.trace, UINT64_MAX, &m))
		abort();
	for (size_t i = 0; i < m.len; i++)
		wrong += (i % 100 == 50) != (m.received[i] == MATCH_LOST);
	printf("# %.1f ms\n", (double)(clock_ns() - begin) / 1e6);
	tap_is(wrong, 0, "10^5 equal frames: the lost ones are the right ones");
	tap_ok(clock_ns() - begin < 5000000000ULL, "without quadratic time");
	match_release(&m);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		test_twins(&cases[i]);
	test_until();
	test_directions();
	test_node();
	test_many();
	return tap_done();
}
