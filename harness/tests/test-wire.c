// SPDX-License-Identifier: Apache-2.0
/*
 * impair/wire between two socket pairs that stand for the TAPs: which frames come
 * out, in what order and not before when, and what the counters say.
 *
 * No test sleeps: wire_arm() returns when all that was sent before it has been
 * judged, so it serves as a fence too; wire_stop() likewise.
 */
#include "impair/wire.h"

#include <sys/resource.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/units.h"
#include "impair/loss.h"
#include "tests/wire-rig.h"

static void check_lists(void)
{
	uint64_t up[] = { 1, 5, 6, 100 }, down[] = { 2 };
	struct impairment plan_up = { .drop = up, .drop_len = ARRAY_SIZE(up) };
	struct impairment plan_down = { .drop = down, .drop_len = ARRAY_SIZE(down) };
	struct rig r;

	rig_start(&r, &plan_up, &plan_down);
	for (unsigned n = 1; n <= 100; n++) {
		send_frame(r.end[DIR_UP], n, n % 2);
		if (n <= 10)
			send_frame(r.end[DIR_DOWN], n, n % 2);
	}
	rig_fence(&r);
	tap_ok(all_but(r.end[DIR_DOWN], 100, up, ARRAY_SIZE(up)), "up: just the list is lost");
	tap_ok(all_but(r.end[DIR_UP], 10, down, ARRAY_SIZE(down)), "down: just its own list is");
	rig_stop(&r);
	tap_is(r.n[DIR_UP].seen, 100, "up: seen");
	tap_is(r.n[DIR_UP].dropped, 4, "up: dropped");
	tap_is(r.n[DIR_UP].delivered, 96, "up: delivered");
	tap_is(r.n[DIR_DOWN].seen, 10, "down: seen");
	tap_is(r.n[DIR_DOWN].dropped, 1, "down: dropped");
	tap_ok(adds_up(&r.n[DIR_UP]) && adds_up(&r.n[DIR_DOWN]), "the counters add up");
	rig_close(&r);
}

/* Bare ACKs do not count: of frames 1 to 30, every third has payload, from 3 on */
static void check_payload(void)
{
	uint64_t list[] = { 2, 4 }, want[] = { 6, 12 };
	struct impairment plan = { .drop = list, .drop_len = 2, .count = COUNT_PAYLOAD };
	struct rig r;

	rig_start(&r, &plan, NULL);
	for (unsigned n = 1; n <= 30; n++)
		send_frame(r.end[DIR_UP], n, n % 3 == 0);
	rig_fence(&r);
	tap_ok(all_but(r.end[DIR_DOWN], 30, want, 2), "count: payload counts payload only");
	rig_stop(&r);
	tap_is(r.n[DIR_UP].counted, 10, "and says how many it counted");
	rig_close(&r);
}

/* Frames 1 to 10 before the tunnel is up, 11 to 20 after */
static void check_arming(void)
{
	uint64_t list[] = { 3 }, want_up[] = { 13 }, want_start[] = { 3 };
	struct impairment armed = { .drop = list, .drop_len = 1, .arm = ARM_UP };
	struct impairment start = { .drop = list, .drop_len = 1, .arm = ARM_START };
	struct rig r;

	rig_start(&r, &armed, &start);
	for (unsigned n = 1; n <= 20; n++) {
		if (n == 11)
			rig_fence(&r);
		send_frame(r.end[DIR_UP], n, true);
		send_frame(r.end[DIR_DOWN], n, true);
	}
	rig_fence(&r); /* a second arming changes nothing */
	tap_ok(all_but(r.end[DIR_DOWN], 20, want_up, 1), "arm: up counts from the arming on");
	tap_ok(all_but(r.end[DIR_UP], 20, want_start, 1), "arm: start counts from the start");
	rig_stop(&r);
	tap_is(r.n[DIR_UP].counted, 10, "counted since the arming");
	rig_close(&r);
}

static void rig_do(bool failed, const struct err *err, const char *what)
{
	tap_ok(!failed, "%s%s%s", what, failed ? ": " : "", failed ? err->text : "");
}

/*
 * What a timeline does, between frames: each order holds for what is sent after it and for
 * nothing before.  Frames 1 to 10 as the case says, 11 to 20 blocked, 21 to 30 with a loss
 * of everything as the plan, 31 to 40 without a carrier, 41 to 50 as the case says again.
 */
static void check_changes(void)
{
	uint64_t list[] = { 2, 45 }, want[32];
	struct impairment plan = { .drop = list, .drop_len = 2 }, all = plan;
	struct impair_counters now[DIR_COUNT] = { 0 };
	size_t want_len = 0;
	struct err err = { 0 };
	struct rig r;

	all.loss = 1;
	want[want_len++] = 2;
	for (unsigned n = 11; n <= 40; n++)
		want[want_len++] = n;
	want[want_len++] = 45;
	rig_start(&r, &plan, NULL);
	for (unsigned n = 1; n <= 50; n++) {
		if (n == 11)
			rig_do(wire_change(r.control, DIR_UP, &plan, true, &err), &err, "block");
		if (n == 21) {
			rig_do(wire_change(r.control, DIR_UP, &all, false, &err), &err, "change");
			rig_do(wire_read(r.control, now, &err), &err, "read");
		}
		if (n == 31)
			rig_do(wire_cut(r.control, true, &err), &err, "down");
		if (n == 41) {
			rig_do(wire_cut(r.control, false, &err), &err, "up");
			rig_do(wire_change(r.control, DIR_UP, &plan, false, &err), &err, "back");
		}
		send_frame(r.end[DIR_UP], n, true);
		send_frame(r.end[DIR_DOWN], n, true);
	}
	rig_fence(&r);
	tap_ok(all_but(r.end[DIR_DOWN], 50, want, want_len), "up: lost as ordered");
	tap_ok(all_but(r.end[DIR_UP], 50, want + 21, 10), "down: only without a carrier");
	tap_is(now[DIR_UP].seen, 20, "counters so far: seen");
	tap_is(now[DIR_UP].blocked, 10, "blocked");
	tap_is(now[DIR_UP].dropped, 11, "dropped, the blocked ones included");
	rig_stop(&r);
	tap_is(r.n[DIR_UP].dropped, 1 + 10 + 10 + 1, "at the end: dropped");
	tap_is(r.n[DIR_UP].blocked, 10, "blocked");
	tap_is(r.n[DIR_UP].failed, 10, "failed without a carrier");
	tap_is(r.n[DIR_UP].counted, 50, "the list counts on");
	tap_is(r.n[DIR_DOWN].failed, 10, "down: failed");
	tap_ok(adds_up(&r.n[DIR_UP]) && adds_up(&r.n[DIR_DOWN]), "the counters add up");
	rig_close(&r);
}

/* A delay that gets less lets a frame overtake, as with netem; a cut cable loses all on it */
static void check_change_of_delay(void)
{
	struct impairment slow = { .delay_ns = 200 * NS_PER_MS }, fast = { 0 };
	struct impairment ever = { .delay_ns = 3600 * NS_PER_S };
	struct err err = { 0 };
	struct rig r;

	rig_start(&r, &slow, &ever);
	send_frame(r.end[DIR_UP], 1, true);
	send_frame(r.end[DIR_DOWN], 1, true);
	rig_do(wire_change(r.control, DIR_UP, &fast, false, &err), &err, "less delay");
	send_frame(r.end[DIR_UP], 2, true);
	rig_fence(&r);
	tap_is(receive_frame(r.end[DIR_DOWN], WAIT_MS), 2, "the second comes first");
	tap_is(receive_frame(r.end[DIR_DOWN], WAIT_MS), 1, "then the first, when it was due");
	rig_do(wire_cut(r.control, true, &err), &err, "down");
	rig_stop(&r);
	tap_is(r.n[DIR_DOWN].failed, 1, "what was on the way is lost");
	tap_is(r.n[DIR_DOWN].queued, 0, "and no longer on the way");
	rig_close(&r);
}

/* The wire's losses are those of the model for its stream, and begin when armed */
static void check_random(void)
{
	struct impairment plan = { .loss = 0.3, .arm = ARM_UP };
	uint64_t want[200];
	size_t want_len = 0;
	struct loss_model m;
	struct rig r;

	loss_init(&m, &plan, 42, "wire:outside:up");
	for (unsigned n = 1; n <= 150; n++)
		if (loss_decide(&m, n))
			want[want_len++] = n + 50;
	rig_start(&r, &plan, NULL);
	for (unsigned n = 1; n <= 200; n++) {
		if (n == 51)
			rig_fence(&r);
		send_frame(r.end[DIR_UP], n, true);
	}
	rig_fence(&r);
	tap_ok(all_but(r.end[DIR_DOWN], 200, want, want_len), "%zu random losses, none unarmed",
	       want_len);
	rig_stop(&r);
	rig_close(&r);
}

/* Where processors take no time, delays can be judged */
static bool virtual_time(void)
{
	struct err err = { 0 };
	AUTO_FREE char *cmdline = io_read_file("/proc/cmdline", &(size_t){ 0 }, &err);

	return cmdline && strstr(cmdline, "time-travel=inf-cpu");
}

static void check_delay(void)
{
	const uint64_t delay_ns = 30 * NS_PER_MS;
	struct impairment slow = { .delay_ns = delay_ns };
	uint64_t sent_ns[50];
	uint64_t latest_ns = 0;
	unsigned down = 0, early = 0, disorder = 0;
	struct rig r;

	rig_start(&r, &slow, NULL);
	for (unsigned n = 0; n < ARRAY_SIZE(sent_ns); n++) {
		sent_ns[n] = clock_ns();
		send_frame(r.end[DIR_UP], n + 1, true);
		if (n % 10 == 9) { /* down has no delay, and does not wait for up */
			send_frame(r.end[DIR_DOWN], n + 1, true);
			down += receive_frame(r.end[DIR_UP], WAIT_MS) == n + 1;
		}
	}
	for (unsigned n = 0; n < ARRAY_SIZE(sent_ns); n++) {
		uint64_t took_ns;

		disorder += receive_frame(r.end[DIR_DOWN], WAIT_MS) != n + 1;
		took_ns = clock_ns() - sent_ns[n];
		early += took_ns < delay_ns;
		latest_ns = took_ns > latest_ns ? took_ns : latest_ns;
	}
	tap_is(down, 5, "the direction without delay does not wait for the other");
	tap_is(disorder, 0, "delayed frames keep their order");
	tap_is(early, 0, "none comes before its delay is over");
	if (virtual_time())
		tap_ok(latest_ns < delay_ns + NS_PER_MS / 10, "30 ms are %.6f ms at most",
		       (double)latest_ns / 1e6);
	rig_stop(&r);
	tap_is(r.n[DIR_UP].delivered, ARRAY_SIZE(sent_ns), "all are delivered");
	rig_close(&r);
}

static long processor_us(const struct rusage *u)
{
	return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000L + u->ru_utime.tv_usec +
	       u->ru_stime.tv_usec;
}

/* Half a second of waits costs a few ppolls, not a spinning processor */
static void check_idle(void)
{
	struct impairment slow = { .delay_ns = 300 * NS_PER_MS };
	struct rusage before, after;
	long us;
	struct rig r;

	getrusage(RUSAGE_CHILDREN, &before);
	rig_start(&r, &slow, &slow);
	send_frame(r.end[DIR_UP], 1, true);
	send_frame(r.end[DIR_DOWN], 2, true);
	tap_is(receive_frame(r.end[DIR_DOWN], WAIT_MS), 1, "up comes after its delay");
	tap_is(receive_frame(r.end[DIR_UP], WAIT_MS), 2, "down comes after its delay");
	tap_is(receive_frame(r.end[DIR_UP], 200), 0, "and then nothing");
	rig_stop(&r);
	getrusage(RUSAGE_CHILDREN, &after);
	us = processor_us(&after) - processor_us(&before);
	tap_ok(us < 30000, "it sleeps meanwhile: %ld us of processor time", us);
	rig_close(&r);
}

static void check_overflow(void)
{
	uint64_t list[] = { 2 };
	struct impairment plan = {
		.delay_ns = 3600 * NS_PER_S, .limit = 5, .drop = list, .drop_len = 1
	};
	struct rig r;

	rig_start(&r, &plan, NULL);
	for (unsigned n = 1; n <= 20; n++)
		send_frame(r.end[DIR_UP], n, true);
	rig_stop(&r);
	tap_is(r.n[DIR_UP].dropped, 1, "a planned loss takes no place in the queue");
	tap_is(r.n[DIR_UP].queued, 5, "the queue holds its limit");
	tap_is(r.n[DIR_UP].overflow, 14, "the rest is counted apart");
	tap_is(r.n[DIR_UP].delivered, 0, "a stop flushes nothing");
	tap_ok(adds_up(&r.n[DIR_UP]), "the counters add up");
	tap_is(receive_frame(r.end[DIR_DOWN], 0), 0, "nothing came out");
	rig_close(&r);
}

/* Many frames, in lockstep so that no queue fills: the buffer of lines is flushed on the way */
static void check_many(void)
{
	const unsigned rounds = 200, batch = 100;
	AUTO_FREE char *text = NULL;
	struct err err = { 0 };
	char path[64];
	size_t lines = 0;
	unsigned wrong = 0;
	struct rig r;

	rig_start(&r, NULL, NULL);
	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned n = 1; n <= batch; n++)
			send_frame(r.end[DIR_UP], i * batch + n, true);
		for (unsigned n = 1; n <= batch; n++)
			wrong += receive_frame(r.end[DIR_DOWN], WAIT_MS) != i * batch + n;
	}
	rig_stop(&r);
	tap_is(wrong, 0, "%u frames come through in order", rounds * batch);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r.decisions);
	text = io_read_file(path, &(size_t){ 0 }, &err);
	for (const char *p = text; p && (p = strchr(p, '\n')); p++)
		lines++;
	tap_is(lines, rounds * batch, "and each has its line");
	rig_close(&r);
}

static void check_ends(void)
{
	struct err err = { 0 };
	struct rig r;

	rig_start(&r, NULL, NULL);
	close(r.end[DIR_DOWN]); /* a TAP goes */
	r.end[DIR_DOWN] = -1;
	send_frame(r.end[DIR_UP], 1, true);
	rig_fence(&r);
	rig_stop(&r);
	tap_is(r.n[DIR_UP].failed, 1, "a frame to a TAP that is gone is counted as failed");
	rig_close(&r);

	rig_start(&r, NULL, NULL);
	close(r.control); /* the owner goes */
	tap_is(rig_wait(&r), 0, "the end of the control socket ends the wire");
	r.control = -1;
	rig_close(&r);

	rig_start(&r, NULL, NULL);
	if (send(r.control, "x", 1, MSG_NOSIGNAL) != 1)
		abort();
	tap_ok(rig_wait(&r) != 0, "an unknown order is an error");
	tap_ok(wire_arm(r.control, &err) == -1 && err_is_set(&err),
	       "arming a wire that has ended is an error: %s", err.text);
	rig_close(&r);
}

int main(void)
{
	check_lists();
	check_payload();
	check_arming();
	check_changes();
	check_change_of_delay();
	check_random();
	check_delay();
	check_idle();
	check_overflow();
	check_many();
	check_ends();
	return tap_done();
}
