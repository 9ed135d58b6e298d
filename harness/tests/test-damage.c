// SPDX-License-Identifier: Apache-2.0
/*
 * decode/damage: frames at both ends of a link, each a word; what differs in one bit is
 * corrupted, in more another frame.
 */
#include "decode/damage.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/tap.h"

#define FRAMES_MAX 12
#define BIT(n)	   (1U << (n))

/* Far from each other: any two differ in many bits */
enum { A = 0x11111111, B = 0x22222222, C = 0x44444444, D = 0x88888888, E = 0xffffffff };

static const struct row {
	const char *what;
	uint32_t sent[FRAMES_MAX], received[FRAMES_MAX]; /* at the time of their index */
	size_t lost, duplicated, corrupted, reordered, overtook;
} rows[] = {
	{ "nothing happened", { A, B, C }, { A, B, C }, 0, 0, 0, 0, 0 },
	{ "one was lost", { A, B, C }, { A, C }, 1, 0, 0, 0, 0 },
	{ "one came twice", { A, B, C }, { A, A, B, C }, 0, 1, 0, 0, 0 },
	{ "one came three times", { A, B }, { A, A, B, A }, 0, 2, 0, 0, 0 },
	{ "one was corrupted", { A, B, C }, { A, B ^ BIT(7), C }, 0, 0, 1, 0, 0 },
	{ "the copy was corrupted", { A, B }, { A ^ BIT(31), A, B }, 0, 1, 1, 0, 0 },
	{ "both were, each in its place", { A, B }, { A ^ BIT(3), A ^ BIT(9), B }, 0, 1, 2, 0, 0 },
	{ "two bits are another frame", { A, B }, { A ^ BIT(3) ^ BIT(4), B }, 1, 0, 0, 0, 0 },
	{ "a frame that nobody sent", { A, B }, { E, A, B }, 0, 0, 0, 0, 0 },
	{ "it came before it was sent", { A, B, C }, { C ^ BIT(1), A, B }, 1, 0, 0, 0, 0 },
	/* one that does not wait makes all that wait late */
	{ "one overtakes three", { A, B, C, D }, { D, A, B, C }, 0, 0, 0, 3, 1 },
	{ "one is late", { A, B, C, D }, { B, C, D, A }, 0, 0, 0, 1, 3 },
	{ "two change places", { A, B, C, D }, { A, C, B, D }, 0, 0, 0, 1, 1 },
	{ "a copy is no disorder", { A, B }, { A, B, A }, 0, 1, 0, 0, 0 },
};

static void fill(struct trace *t, struct trace_frame *frames, const uint32_t *words,
		 enum trace_direction d)
{
	*t = (struct trace){ .frames = frames };
	for (size_t i = 0; i < FRAMES_MAX && words[i]; i++)
		frames[t->len++] = (struct trace_frame){
			.t_ns = i, .bytes = (const uint8_t *)&words[i], .len = 4, .direction = d
		};
}

static void test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trace_frame a[FRAMES_MAX], b[FRAMES_MAX];
		struct trace sender, receiver;
		struct match m;
		size_t lost = 0;

		fill(&sender, a, rows[i].sent, TRACE_OUTBOUND);
		fill(&receiver, b, rows[i].received, TRACE_INBOUND);
		tap_is(match_link(&sender, &receiver, UINT64_MAX, &m), 0, "%s", rows[i].what);
		for (size_t k = 0; k < m.len; k++)
			lost += match_is_lost(&m, k);
		tap_is(m.lost, rows[i].lost, "%s: lost", rows[i].what);
		tap_is(lost, rows[i].lost, "%s: and each says so", rows[i].what);
		tap_is(m.duplicated, rows[i].duplicated, "%s: duplicated", rows[i].what);
		tap_is(m.corrupted, rows[i].corrupted, "%s: corrupted", rows[i].what);
		tap_is(m.reordered, rows[i].reordered, "%s: reordered", rows[i].what);
		tap_is(m.overtook, rows[i].overtook, "%s: overtook", rows[i].what);
		match_release(&m);
	}
}

/* What was sent last, and came later than the end: its copy does not count either */
static void test_until(void)
{
	static const uint32_t sent[FRAMES_MAX] = { A, B }, received[FRAMES_MAX] = { A, A, B, B };
	struct trace_frame a[FRAMES_MAX], b[FRAMES_MAX];
	struct trace sender, receiver;
	struct match m;

	fill(&sender, a, sent, TRACE_OUTBOUND);
	fill(&receiver, b, received, TRACE_INBOUND);
	match_link(&sender, &receiver, 1, &m);
	tap_is(m.len, 1, "until B: one frame");
	tap_is(m.duplicated, 1, "and its copy");
	match_release(&m);
}

int main(void)
{
	test_rows();
	test_until();
	return tap_done();
}
