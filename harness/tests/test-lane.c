// SPDX-License-Identifier: Apache-2.0
/*
 * impair/lane, impair/queue and impair/model, with a time that the test makes: when each
 * frame leaves, to the nanosecond, and what becomes of many, against what it is a function
 * of.
 */
#include "impair/lane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "impair/model.h"
#include "impair/queue.h"
#include "tests/tap.h"

#define MS     NS_PER_MS
#define FRAMES 100000
#define BEGIN  (1000 * MS)
#define NEVER  UINT64_MAX

static int end; /* where the frames of a lane come out */
static uint8_t bytes[1514];

static void lane_open(struct lane *l, const struct impairment *plan)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		abort();
	memset(l, 0, sizeof(*l));
	l->out = pair[0];
	end = pair[1];
	lane_init(l, plan, 1, "wire:outside:up");
}

static void lane_end(struct lane *l)
{
	lane_close(l);
	close(l->out);
	close(end);
}

/* Frame @number comes at @ms, with no jitter; returns how long it is said to wait */
static uint64_t come(struct lane *l, double ms, uint8_t number, size_t len)
{
	struct fate fate = { .delay_ns = (int64_t)l->plan->delay_ns };
	struct err err = { 0 };
	uint64_t wait_ns;

	bytes[0] = number;
	if (lane_forward(l, BEGIN + (uint64_t)(ms * MS), &fate, bytes, len, &wait_ns, &err))
		abort();
	return wait_ns;
}

/* The number of the next frame that has come out, or 0 */
static unsigned out(void)
{
	uint8_t got[sizeof(bytes)];

	return recv(end, got, sizeof(got), 0) > 0 ? got[0] : 0;
}

/* Let time go on from event to event; each frame that leaves must be the next that is wanted */
static void leaves(struct lane *l, const char *what, const double *want_ms, unsigned len)
{
	unsigned n = 0;

	for (uint64_t now; (now = lane_due_ns(l)) != NEVER && n < len;) {
		unsigned number;

		lane_release(l, now);
		while ((number = out())) {
			double ms = (double)(now - BEGIN) / MS;

			tap_ok(number == n + 1 && n < len && fabs(ms - want_ms[n]) < 1e-9,
			       "%s: frame %u leaves at %g ms", what, number, ms);
			n++;
		}
	}
	tap_is(n, len, "%s: all leave", what);
	tap_ok(lane_due_ns(l) == NEVER, "%s: and then there is nothing to wait for", what);
}

/* 1250 bytes at 10 Mbit/s are 1 ms */
static void check_rate(void)
{
	struct impairment plan = { .rate_bps = 10000000 };
	struct lane l;

	lane_open(&l, &plan);
	for (uint8_t n = 1; n <= 4; n++)
		come(&l, 0, n, 1250);
	come(&l, 3.5, 5, 625);
	leaves(&l, "rate", (double[]){ 1, 2, 3, 4, 4.5 }, 5);
	come(&l, 10, 1, 1250);
	leaves(&l, "rate, idle before", (double[]){ 11 }, 1);
	lane_end(&l);

	plan.delay_ns = 40 * MS;
	lane_open(&l, &plan);
	tap_is(come(&l, 0, 1, 1250), 41 * MS, "delay and rate add up");
	tap_is(come(&l, 0.5, 2, 1250), 41.5 * MS, "the delay counts from the arrival");
	come(&l, 30, 3, 1250);
	leaves(&l, "rate with delay", (double[]){ 41, 42, 71 }, 3);
	lane_end(&l);

	plan = (struct impairment){ .rate_bps = 10000000, .overhead = 250 };
	lane_open(&l, &plan);
	come(&l, 0, 1, 1000);
	leaves(&l, "overhead", (double[]){ 1 }, 1);
	lane_end(&l);
}

static void check_slots(void)
{
	struct impairment plan = { .slot = { 10 * MS, 10 * MS, 2, 0 } };
	struct lane l;
	unsigned late = 0, early = 0;

	lane_open(&l, &plan);
	for (uint8_t n = 1; n <= 5; n++)
		come(&l, 0, n, 100);
	lane_release(&l, BEGIN);
	tap_is(out(), 0, "none leaves before the slot");
	leaves(&l, "slots of 2 packets", (double[]){ 10, 10, 20, 20, 30 }, 5);
	lane_end(&l);

	plan.slot = (struct slots){ 10 * MS, 10 * MS, 0, 250 };
	lane_open(&l, &plan);
	for (uint8_t n = 1; n <= 4; n++)
		come(&l, 0, n, 100);
	leaves(&l, "slots of 250 bytes, the last frame whole", (double[]){ 10, 10, 10, 20 }, 4);
	lane_end(&l);

	plan.slot = (struct slots){ 5 * MS, 15 * MS, 0, 0 };
	lane_open(&l, &plan);
	for (uint64_t n = 0; n < 1000; n++) {
		uint64_t due;

		come(&l, (double)n * 100, 1, 100);
		lane_release(&l, BEGIN + n * 100 * MS);
		due = lane_due_ns(&l) - BEGIN - n * 100 * MS;
		early += due < 7 * MS;
		late += due < 5 * MS || due >= 15 * MS;
		lane_release(&l, lane_due_ns(&l));
		if (out() != 1)
			abort();
	}
	tap_is(late, 0, "a slot opens between min and max");
	/* 0.2 of 1000, 4 sigma */
	tap_ok(early > 149 && early < 251, "uniformly: %u of 1000 in the first fifth", early);
	lane_end(&l);
}

static void check_fates(void)
{
	struct impairment plan = { .delay_ns = 10 * MS };
	struct fate fate = { .delay_ns = 10 * MS, .corrupted = true, .bit = 8 * 5 + 3 };
	uint8_t got[sizeof(bytes)];
	struct err err = { 0 };
	uint64_t wait_ns;
	struct lane l;

	lane_open(&l, &plan);
	memset(bytes, 0x55, sizeof(bytes));
	lane_forward(&l, BEGIN, &fate, bytes, 60, &wait_ns, &err);
	tap_is(wait_ns, 10 * MS, "it waits");
	tap_is(bytes[5], 0x55, "the frame of the caller is whole again");
	fate = (struct fate){ .delay_ns = 10 * MS, .reordered = true };
	lane_forward(&l, BEGIN, &fate, bytes, 61, &wait_ns, &err);
	tap_is(recv(end, got, sizeof(got), 0), 61, "a reordered one goes at once");
	fate = (struct fate){ .delay_ns = -1 };
	lane_forward(&l, BEGIN, &fate, bytes, 62, &wait_ns, &err);
	tap_is(recv(end, got, sizeof(got), 0), 62, "and one that would come too early");
	lane_release(&l, BEGIN + 10 * MS);
	tap_is(recv(end, got, sizeof(got), 0), 60, "the other in its time");
	tap_is(got[5], 0x5d, "with a bit turned");
	tap_ok(l.n.corrupted == 1 && l.n.reordered == 1 && l.n.delayed == 1 && l.n.delivered == 3,
	       "and all of it is counted");
	lane_end(&l);
}

static int by_due(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b; /* due, then order */

	return x[0] != y[0] ? (x[0] > y[0]) - (x[0] < y[0]) : (x[1] > y[1]) - (x[1] < y[1]);
}

/* Half of it goes in and out again on the way; the order is that of qsort() */
static void check_queue(void)
{
	static uint64_t want[FRAMES][2];
	struct frame_queue q = { 0 };
	struct err err = { 0 };
	struct prng prng;
	size_t wrong = 0;

	prng_init(&prng, 1, "queue");
	for (size_t n = 0; n < FRAMES; n++) {
		want[n][0] = 1 + prng_u64(&prng) % (FRAMES / 4); /* many at one time */
		want[n][1] = n;
		if (frame_queue_push(&q, want[n][0], (uint8_t *)&n, sizeof(n), &err))
			abort();
	}
	qsort(want, FRAMES, sizeof(want[0]), by_due);
	for (size_t n = 0; n < FRAMES; n++) {
		struct frame *f = frame_queue_pop(&q);
		size_t number;

		memcpy(&number, f->bytes, sizeof(number));
		wrong += f->due_ns != want[n][0] || number != want[n][1];
		if (n % 3 == 0) { /* one more, that is due at once, in the middle */
			struct frame *again;

			frame_queue_push(&q, 0, f->bytes, f->len, &err);
			again = frame_queue_pop(&q);
			wrong += memcmp(again->bytes, f->bytes, f->len) != 0;
			free(again);
		}
		free(f);
	}
	tap_is(wrong, 0, "%d frames leave in the order of their times", FRAMES);
	tap_ok(!frame_queue_first(&q) && !frame_queue_pop(&q), "and none is left");
	frame_queue_release(&q);
}

static bool near(double got, double want, double sigma, const char *what)
{
	return tap_ok(fabs(got - want) <= 4 * sigma, "%s: %.6g is within 4 sigma (%.2g) of %.6g",
		      what, got, sigma, want);
}

struct sums {
	double lost, copied, copies_lost, corrupted, reordered;
	double bits[8], last_byte;
};

static struct sums decide(const struct impairment *plan, bool armed)
{
	struct sums s = { 0 };
	struct model m;

	model_init(&m, plan, 3, "wire:outside:up");
	for (unsigned n = 1; n <= FRAMES; n++) {
		struct fates f;

		model_decide(&m, armed, n, 100, &f);
		s.lost += f.frame.why != NULL;
		s.copied += f.copied;
		s.copies_lost += f.copied && f.copy.why;
		s.corrupted += f.frame.corrupted;
		s.reordered += f.frame.reordered;
		if (f.frame.corrupted) {
			s.bits[f.frame.bit % 8]++;
			s.last_byte += f.frame.bit / 8 == 99;
		}
	}
	return s;
}

static double sigma_of(double p)
{
	return sqrt(p * (1 - p) / FRAMES);
}

/* Linux: of two copies one may be lost, so a frame that is drawn for both goes on alone */
static void check_model(void)
{
	struct impairment plan = {
		.loss = 0.2, .duplicate = { 0.1, 0 }, .corrupt = { 0.3, 0 }, .reorder = { 0.25, 0 }
	};
	struct sums s = decide(&plan, true), same = decide(&plan, true), idle;
	double lost = s.lost, reordered;

	near(s.lost / FRAMES, 0.2 * 0.9, sigma_of(0.18), "lost");
	near(s.copied / FRAMES, 0.1 * 0.8, sigma_of(0.08), "copied");
	near(s.copies_lost / FRAMES, 0.1 * 0.8 * 0.2, sigma_of(0.016), "copies that are lost");
	near(s.corrupted / FRAMES, 0.3 * 0.82, sigma_of(0.246), "corrupted, of what goes on");
	near(s.reordered / FRAMES, 0.25 * 0.82, sigma_of(0.205), "reordered, of what goes on");
	for (int i = 0; i < 8; i++)
		near(s.bits[i] / s.corrupted, 0.125, sqrt(0.125 * 0.875 / s.corrupted), "a bit");
	near(s.last_byte / s.corrupted, 0.01, sqrt(0.0099 / s.corrupted), "the last byte");
	tap_ok(fabs(s.lost - same.lost) < 1 && fabs(s.copied - same.copied) < 1 &&
		       fabs(s.corrupted - same.corrupted) < 1 &&
		       fabs(s.reordered - same.reordered) < 1 && fabs(s.bits[3] - same.bits[3]) < 1,
	       "the same seed decides the same");

	plan.corrupt.ratio = plan.reorder.ratio = 0;
	s = decide(&plan, true);
	tap_ok(fabs(s.lost - lost) < 1, "without corruption the losses are the same");
	idle = decide(&plan, false);
	tap_ok(idle.lost + idle.copied < 1, "unarmed nothing happens");

	/* With a gap of 5, four wait and then each is drawn for: 1 in 4 + 1/r */
	plan = (struct impairment){ .reorder = { 0.25, 0 }, .gap = 5 };
	reordered = decide(&plan, true).reordered / FRAMES;
	near(reordered, 1 / (4 + 1 / 0.25), sigma_of(0.125), "reordered with a gap");
	plan.reorder.ratio = 1;
	tap_is(decide(&plan, true).reordered, FRAMES / 5, "at 100%% each fifth");
}

static void check_list(void)
{
	uint64_t drop[] = { 10, 20 };
	struct impairment plan = { .drop = drop, .drop_len = 2, .duplicate = { 1, 0 } };
	struct sums s = decide(&plan, true);

	tap_is(s.lost, 2, "a list loses what is duplicated too");
	tap_is(s.copied, FRAMES - 2, "with its copy");
}

int main(void)
{
	check_rate();
	check_slots();
	check_fates();
	check_queue();
	check_model();
	check_list();
	return tap_done();
}
