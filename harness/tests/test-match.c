// SPDX-License-Identifier: Apache-2.0
/* Frames at both ends of a link, each a number; equal numbers are equal frames. */
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "decode/match.h"
#include "tests/tap.h"

#define FRAMES_MAX 12
#define LOST	   99

/* Frames as numbers from 1 on; sent and received at the time of their index */
static const struct match_case {
	const char *what;
	uint32_t sent[FRAMES_MAX], received[FRAMES_MAX];
	size_t want[FRAMES_MAX]; /* for each sent: the index where it came, or LOST */
	uint64_t until;
} cases[] = {
	{ "nothing", { 0 }, { 0 }, { 0 }, UINT64_MAX },
	{ "all came", { 1, 2, 3 }, { 1, 2, 3 }, { 0, 1, 2 }, UINT64_MAX },
	{ "one was lost", { 1, 2, 3 }, { 1, 3 }, { 0, LOST, 1 }, UINT64_MAX },
	{ "all were lost", { 1, 2 }, { 0 }, { LOST, LOST }, UINT64_MAX },
	{ "another order", { 1, 2, 3, 4 }, { 4, 2, 1, 3 }, { 2, 1, 3, 0 }, UINT64_MAX },
	{ "equal frames, in order", { 7, 7, 1, 7 }, { 7, 7, 1, 7 }, { 0, 1, 2, 3 }, UINT64_MAX },
	{ "of equal frames the last is missing",
	  { 7, 7, 7 },
	  { 7, 7 },
	  { 0, 1, LOST },
	  UINT64_MAX },
	{ "a frame that came twice", { 1, 2 }, { 1, 1, 2 }, { 0, 2 }, UINT64_MAX },
	{ "a frame that nobody sent", { 1, 2 }, { 5, 1, 2 }, { 1, 2 }, UINT64_MAX },
	{ "until the third", { 1, 2, 3, 4 }, { 1 }, { 0, LOST }, 2 },
	{ "what was sent before, and came later", { 1, 2, 3 }, { 9, 9, 9, 9, 1, 2 }, { 4, 5 }, 2 },
	{ "until the beginning", { 1 }, { 1 }, { 0 }, 0 },
};

static void fill(struct trace *t, struct trace_frame *frames, const uint32_t *numbers,
		 enum trace_direction d)
{
	*t = (struct trace){ .frames = frames };
	for (size_t i = 0; i < FRAMES_MAX && numbers[i]; i++)
		frames[t->len++] = (struct trace_frame){
			.t_ns = i, .bytes = (const uint8_t *)&numbers[i], .len = 4, .direction = d
		};
}

static void test_cases(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct match_case *c = &cases[i];
		struct trace_frame a[FRAMES_MAX], b[FRAMES_MAX];
		struct trace sender, receiver;
		struct match m;
		size_t wrong = 0, lost = 0, sent = 0;

		fill(&sender, a, c->sent, TRACE_OUTBOUND);
		fill(&receiver, b, c->received, TRACE_INBOUND);
		if (!tap_ok(match_link(&sender, &receiver, c->until, &m) == 0, "%s", c->what))
			continue;
		while (sent < sender.len && sent < c->until)
			sent++;
		for (size_t k = 0; k < m.len && k < FRAMES_MAX; k++) {
			size_t want = c->want[k] == LOST ? MATCH_LOST : c->want[k];

			wrong += m.sent[k] != k || m.received[k] != want;
			lost += want == MATCH_LOST;
		}
		tap_is(m.len, sent, "%s: frames sent", c->what);
		tap_is(wrong, 0, "%s: each where it should be", c->what);
		tap_is(m.lost, lost, "%s: lost", c->what);
		match_release(&m);
		match_release(&m);
	}
}

/* Only what goes out at one end and comes in at the other counts */
static void test_directions(void)
{
	static const uint32_t numbers[FRAMES_MAX] = { 1, 2, 3, 4 };
	static const struct {
		enum trace_direction at_sender, at_receiver;
		size_t len, lost;
	} table[] = {
		{ TRACE_OUTBOUND, TRACE_INBOUND, 4, 0 }, { TRACE_OUTBOUND, TRACE_OUTBOUND, 4, 4 },
		{ TRACE_INBOUND, TRACE_INBOUND, 0, 0 },	 { TRACE_UNKNOWN, TRACE_INBOUND, 0, 0 },
		{ TRACE_OUTBOUND, TRACE_UNKNOWN, 4, 4 }, { TRACE_UNKNOWN, TRACE_UNKNOWN, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct trace_frame a[FRAMES_MAX], b[FRAMES_MAX];
		struct trace sender, receiver;
		struct match m;

		fill(&sender, a, numbers, table[i].at_sender);
		fill(&receiver, b, numbers, table[i].at_receiver);
		match_link(&sender, &receiver, UINT64_MAX, &m);
		tap_ok(m.len == table[i].len && m.lost == table[i].lost,
		       "directions %d and %d: %zu sent, %zu lost", table[i].at_sender,
		       table[i].at_receiver, m.len, m.lost);
		match_release(&m);
	}
}

/* Many equal frames, and as many that came in reverse */
static void test_many(bool equal)
{
	const size_t n = 100000;
	AUTO_FREE uint64_t *numbers = malloc(n * sizeof(*numbers));
	AUTO_FREE struct trace_frame *a = calloc(n, sizeof(*a)), *b = calloc(n, sizeof(*b));
	struct trace sender = { .frames = a, .len = n }, receiver = { .frames = b, .len = n };
	struct timespec begun, ended;
	struct match m;
	double took;

	for (size_t i = 0; i < n; i++) {
		numbers[i] = equal ? 1 : i;
		a[i] = b[n - 1 - i] = (struct trace_frame){ .bytes = (uint8_t *)&numbers[i],
							    .len = 8,
							    .direction = TRACE_OUTBOUND };
		b[n - 1 - i].direction = TRACE_INBOUND;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
	tap_is(match_link(&sender, &receiver, UINT64_MAX, &m), 0, "many, equal %d", equal);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
	took = (double)(ended.tv_sec - begun.tv_sec) +
	       (double)(ended.tv_nsec - begun.tv_nsec) / 1e9;
	tap_is(m.lost, 0, "all matched");
	tap_is(m.received[0], equal ? 0 : n - 1, "the first where it should be");
	tap_ok(took < 1, "in %.3f s", took);
	match_release(&m);
}

int main(void)
{
	test_cases();
	test_directions();
	test_many(true);
	test_many(false);
	return tap_done();
}
