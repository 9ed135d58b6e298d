// SPDX-License-Identifier: Apache-2.0
/*
 * impair/netem and the engine table on top of it, against the kernel that we run on.
 * Skips what the kernel cannot do; the guest's can do all.
 */
#include "impair/netem.h"

#include <math.h>

#include "impair/queue.h"
#include "tests/netem-rig.h"

static void check_delay(void)
{
	struct impairment plan = { .delay_ns = 40 * NS_PER_MS };
	uint64_t min = UINT64_MAX, max = 0;

	rig_open(&plan, NULL);
	traffic(DIR_UP, 1000, NS_PER_S);
	for (unsigned n = 0; n < 1000; n++) {
		min = rig.delay_ns[n] < min ? rig.delay_ns[n] : min;
		max = rig.delay_ns[n] > max ? rig.delay_ns[n] : max;
	}
	tap_is(rig.arrived, 1000, "all arrive");
	tap_ok(min > plan.delay_ns && min < plan.delay_ns + NS_PER_MS,
	       "40 ms measure as %.6f ms at least", (double)(min - 1) / 1e6);
	if (virtual_time)
		tap_ok(max <= plan.delay_ns + NS_PER_MS / 10, "and %.6f ms at most",
		       (double)(max - 1) / 1e6);
	tap_is(counters(DIR_UP).delivered, 1000, "delivered");
	memset(rig.delay_ns, 0, sizeof(rig.delay_ns));
	traffic(DIR_DOWN, 100, NS_PER_MS);
	tap_is(rig.arrived, 1100, "down comes at once");
	tap_is(counters(DIR_DOWN).delivered, 100, "and is counted apart");
}

/* Frames come in slots of three, 5 to 15 ms after the one before */
static void check_slots(void)
{
	struct impairment plan = { .slot = { 5 * NS_PER_MS, 15 * NS_PER_MS, 3, 0 } };
	unsigned early = 0, bursts = 0, odd = 0, n = 0;

	rig_open(&plan, NULL);
	send_frames(DIR_UP, 0, 300, 100);
	receive_for(DIR_UP, 3 * NS_PER_S);
	while (n < 300) {
		int64_t at = (int64_t)rig.delay_ns[n], next = 0;
		unsigned first = n;

		/* they were sent within microseconds */
		while (++n < 300 && (next = (int64_t)rig.delay_ns[n] - at) < (int64_t)NS_PER_MS)
			;
		early += n < 300 && next < (int64_t)(5 * NS_PER_MS - NS_PER_MS / 10);
		odd += n - first != 3;
		bursts++;
	}
	tap_is(rig.arrived, 300, "slots: all arrive");
	tap_is(bursts, 100, "in slots");
	tap_is(odd, 0, "of three packets");
	tap_is(early, 0, "5 ms apart at least");
}

/* With a correlation the ratio stays what was asked for: where it began nobody can predict */
static void check_chances(void)
{
	const unsigned frames = 40000;
	struct impairment plan = { .delay_ns = 10 * NS_PER_MS,
				   .duplicate = { 0.1, 0.5 },
				   .reorder = { 0.1, 0.25 } };
	double sigma = sqrt(frames * 0.09 * 3); /* 50 %: (1 + 0.5) / (1 - 0.5) */
	struct impair_counters c;

	rig_open(&plan, NULL);
	traffic(DIR_UP, frames, NS_PER_S);
	c = counters(DIR_UP);
	tap_ok(fabs((double)c.duplicated - frames * 0.1) < 4 * sigma,
	       "10%% correlated by 50%%: %llu of %u are duplicated",
	       (unsigned long long)c.duplicated, frames);
	tap_ok(fabs((double)c.reordered - frames * 0.11) < 4 * sigma,
	       "10%% correlated by 25%%: %llu of %llu are reordered",
	       (unsigned long long)c.reordered, (unsigned long long)c.delivered);
	tap_ok(c.corrupted == IMPAIR_UNKNOWN && c.delayed == IMPAIR_UNKNOWN,
	       "what the kernel does not tell is said to be unknown");
}

/* 1 ms of 10 Mbit/s is 1250 bytes, with the Ethernet header */
static void check_rate(void)
{
	struct impairment plan = { .rate_bps = 10000000 };
	const unsigned frames = 500;
	double took;

	rig_open(&plan, NULL);
	send_frames(DIR_UP, 0, frames, 1250);
	receive_for(DIR_UP, 2 * NS_PER_S);
	took = (double)(rig.last_ns - rig.first_ns) / 1e6;
	tap_is(rig.arrived, frames, "all arrive, in a queue of 1000");
	tap_ok(fabs(took - (frames - 1)) < 0.01 * frames, "%u frames at 10 Mbit/s take %.3f ms",
	       frames, took);
	tap_is(rig.disorder, 0, "in order");
	(void)counters(DIR_UP);
}

/* What is on the way at the arming arrives, with its delay; what comes after is lost */
static void check_arming(void)
{
	struct impairment late = { .delay_ns = 100 * NS_PER_MS, .loss = 1, .arm = ARM_UP };
	struct impairment early = { .loss = 0.5, .arm = ARM_START };
	struct err err = { 0 };
	struct impair_counters c;
	unsigned lost = 0, short_delay = 0, arrived;

	rig_open(&late, &early);
	send_frames(DIR_UP, 0, 50, 100);
	receive_for(DIR_UP, 10 * NS_PER_MS);
	tap_is(counters(DIR_UP).queued, 50, "50 are on the way");
	tap_ok(!impair_arm(&rig.link, &err), "armed%s%s", err.text[0] ? ": " : "", err.text);
	send_frames(DIR_UP, 50, 100, 100);
	receive_for(DIR_UP, NS_PER_S);
	for (unsigned n = 0; n < 100; n++) {
		lost += !rig.delay_ns[n];
		short_delay += rig.delay_ns[n] && rig.delay_ns[n] <= late.delay_ns;
	}
	tap_is(rig.arrived, 50, "they arrive");
	tap_is(lost, 50, "what was sent after is lost");
	tap_is(short_delay, 0, "none lost its delay by the arming");
	c = counters(DIR_UP);
	tap_is(c.dropped, 50, "dropped");
	tap_is(c.delivered, 50, "delivered");

	arrived = rig.arrived;
	traffic(DIR_DOWN, 1000, NS_PER_MS);
	tap_ok(rig.arrived - arrived < 600, "arm: start loses too: %u of 1000 came",
	       rig.arrived - arrived);
}

/* Planned losses and a full queue at once: the counters tell them apart */
static void check_overflow(void)
{
	struct impairment plan = { .delay_ns = NS_PER_S, .loss = 0.5, .limit = 10 };
	struct netem_stats stats = { 0 };
	struct err err = { 0 };
	struct impair_counters c;
	unsigned lost = 0;
	struct taus t;

	rig_open(&plan, NULL);
	netem_stats(rig.sock, rig.ifindex[2], &stats, &err);
	send_frames(DIR_UP, 0, 100, 100);
	c = counters(DIR_UP);
	tap_is(c.queued, 10, "the queue holds its limit");
	tap_is(c.dropped + c.overflow, 90, "the rest is lost");
	taus_of_link(&t);
	for (unsigned n = 0; n < 100; n++)
		lost += taus_next(&t) / 0x1p32 < plan.loss;
	if (!stats.seed)
		tap_skip("the kernel's netem has no seed (Linux 6.6)");
	else
		tap_is(c.dropped, lost, "by plan, of them");
	receive_for(DIR_UP, 2 * NS_PER_S);
	tap_is(rig.arrived, 10, "what was queued arrives");

	/* The far interface is down: neither lost by plan nor overflow */
	rig_open(&(struct impairment){ 0 }, NULL);
	set_up(rig.ifindex[2], false);
	send_frames(DIR_UP, 0, 1, 100);
	c = counters(DIR_UP);
	tap_is(c.failed, 1, "a frame for an interface that is down has failed");
	tap_is(c.dropped + c.overflow, 0, "and is nothing else");
}

static void check_refusals(void)
{
	uint64_t position = 1;
	struct impairment list = { .drop = &position, .drop_len = 1 };
	struct impairment jitter = { .delay_ns = 3 * NS_PER_S, .jitter_ns = 3 * NS_PER_S };
	struct impairment correlated = { .delay_ns = NS_PER_S,
					 .jitter_ns = NS_PER_MS,
					 .delay_correlation = 0.5 };
	struct impairment fast = { .rate_bps = 100000000000, .delay_ns = NS_PER_S };
	struct netem_stats stats;
	struct err err = { 0 };

	rig_open(NULL, NULL);
	tap_ok(netem_set(rig.sock, rig.ifindex[2], &list, true, 1, &err) == -1, "%s", err.text);
	tap_ok(netem_set(rig.sock, rig.ifindex[2], &jitter, true, 1, &err) == -1, "%s", err.text);
	tap_ok(netem_set(rig.sock, rig.ifindex[2], &correlated, true, 1, &err) == -1, "%s",
	       err.text);
	tap_ok(netem_set(rig.sock, 12345, &fast, true, 1, &err) == -1, "no interface: %s",
	       err.text);
	tap_ok(netem_stats(rig.sock, rig.ifindex[0], &stats, &err) == -1, "no netem there: %s",
	       err.text);
	tap_ok(!netem_set(rig.sock, rig.ifindex[2], &fast, true, 1, &err), "100 Gbit/s fit");
	err_clear(&err);
	tap_ok(!netem_supported(rig.sock, &err), "supported");
	tap_ok(!netem_supported(rig.sock, &err), "and leaves nothing behind");
	tap_is(if_nametoindex("dupackprobe0"), 0, "not even a link");
}

static void check_limit(void)
{
	static const struct {
		struct impairment plan;
		uint32_t want;
	} rows[] = {
		{ { .limit = 7 }, 7 },
		{ { .limit = 7, .rate_bps = 1000000000, .delay_ns = NS_PER_S }, 7 },
		{ { .limit = UINT64_MAX }, UINT32_MAX },
		{ { .delay_ns = NS_PER_S }, 100000 },
		{ { .rate_bps = 10000000 }, 1000 },
		/* 100 Mbit/s x 200 ms = 2.5 MB, in frames of 64 bytes */
		{ { .rate_bps = 100000000, .delay_ns = 200 * NS_PER_MS }, 1000 + 39062 },
		{ { .rate_bps = 100000000,
		    .delay_ns = 100 * NS_PER_MS,
		    .jitter_ns = 100 * NS_PER_MS },
		  1000 + 39062 },
		{ { .rate_bps = 1000000000000, .delay_ns = 3600 * NS_PER_S }, UINT32_MAX },
	};

	for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
		tap_is(queue_limit(&rows[n].plan), rows[n].want, "queue limit %zu", n);
}

int main(void)
{
	check_limit();
	if (!rig_supported())
		return tap_done();
	check_delay();
	check_slots();
	check_chances();
	check_rate();
	check_arming();
	check_overflow();
	check_refusals();
	rig_close();
	return tap_done();
}
