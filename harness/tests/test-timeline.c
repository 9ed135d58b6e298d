// SPDX-License-Identifier: Apache-2.0
/*
 * spec/when and impair/timeline: what holds at which time.  The oracle of the arithmetic
 * is counting: every millisecond of a minute, one occurrence after the other.
 */
#include "impair/timeline.h"

#include "base/prng.h"
#include "base/units.h"
#include "tests/spec-files.h"

/* --- when: small numbers, counted --------------------------------------------------------- */

#define END 60ULL

/* Does it hold at @t, begin at @t, end at @t: by going through all occurrences */
static void count(const struct when *w, uint64_t t, bool *holds, bool *begins, bool *ends)
{
	*holds = *begins = *ends = false;
	for (uint64_t b = w->from_ns; b <= t; b += w->every_ns) {
		if (w->every_ns && b >= w->until_ns)
			break;
		*begins |= b == t;
		if (w->length_ns == WHEN_NEVER)
			*holds = true;
		else if (w->length_ns) {
			*holds |= t < b + w->length_ns;
			*ends |= t == b + w->length_ns;
		}
		if (!w->every_ns)
			break;
	}
}

static struct when random_when(struct prng *p)
{
	struct when w = { .from_ns = prng_u64(p) % 20, .until_ns = WHEN_NEVER };

	switch (prng_u64(p) % 5) {
	case 0: /* a moment */
		return w;
	case 1: /* stays */
		w.length_ns = WHEN_NEVER;
		return w;
	case 2:
		w.length_ns = 1 + prng_u64(p) % 20;
		return w;
	case 3: /* a moment that comes again */
		w.every_ns = 1 + prng_u64(p) % 12;
		return w;
	default:
		w.every_ns = 2 + prng_u64(p) % 12;
		w.length_ns = 1 + prng_u64(p) % (w.every_ns - 1);
		if (prng_u64(p) % 2)
			w.until_ns = w.from_ns + 1 + prng_u64(p) % 40;
		return w;
	}
}

static bool check_one(const struct when *w)
{
	for (uint64_t t = 0; t < END; t++) {
		enum when_turn turn = when_turn(w, t), want;
		uint64_t next = when_next(w, t), counted = t;
		bool holds, begins, ends, then_begins, then_ends, any;

		count(w, t, &holds, &begins, &ends);
		want = begins ? WHEN_BEGINS : ends ? WHEN_ENDS : WHEN_NOTHING;
		do
			count(w, counted, &any, &then_begins, &then_ends);
		while (!then_begins && !then_ends && counted++ < 2 * END);
		if (when_active(w, t) == holds && turn == want &&
		    (next == counted || (next == WHEN_NEVER && counted > 2 * END)))
			continue;
		printf("# from %llu length %lld every %llu until %lld at %llu: active %d (%d) "
		       "turn %d (%d) next %lld (%lld)\n",
		       (unsigned long long)w->from_ns, (long long)w->length_ns,
		       (unsigned long long)w->every_ns, (long long)w->until_ns,
		       (unsigned long long)t, when_active(w, t), holds, turn, want, (long long)next,
		       (long long)counted);
		return false;
	}
	return true;
}

static bool meet_counted(const struct when *a, const struct when *b)
{
	for (uint64_t t = 0; t < 400; t++) {
		bool in_a, in_b, unused;

		count(a, t, &in_a, &unused, &unused);
		count(b, t, &in_b, &unused, &unused);
		if (in_a && in_b)
			return true;
	}
	return false;
}

static void test_when(void)
{
	unsigned wrong = 0, missed = 0, invented = 0, met = 0;
	struct prng p;

	prng_init(&p, 1, "when");
	for (int n = 0; n < 3000; n++) {
		struct when a = random_when(&p), b = random_when(&p);
		bool said = when_meet(&a, &b), is = meet_counted(&a, &b);
		bool exact = !a.every_ns || !b.every_ns ||
			     (a.until_ns == WHEN_NEVER && b.until_ns == WHEN_NEVER);

		wrong += !check_one(&a);
		missed += is && !said;
		invented += said && !is && exact;
		met += is;
	}
	tap_is(wrong, 0, "begins, holds, ends and comes next as counted");
	tap_is(missed, 0, "of pairs of windows none that meets is missed");
	tap_is(invented, 0, "and none that does not is invented");
	tap_ok(met > 300 && met < 2700, "of 3000 pairs %u meet", met);
}

/* Numbers at the end of their range: no overflow, no endless counting */
static void test_when_far(void)
{
	const struct when often = { 1, 1, 2, WHEN_NEVER }, stays = { 5, WHEN_NEVER, 0, 0 };
	const uint64_t week = 7ULL * 24 * 3600 * NS_PER_S;
	const struct when slow = { week, week - 1, week, WHEN_NEVER };

	tap_is(when_next(&often, week), week, "every 2 ns, a week on: the end of one");
	tap_is(when_next(&often, week + 1), week + 1, "and the begin of the next");
	tap_ok(when_next(&stays, 6) == WHEN_NEVER, "what stays does not end");
	tap_ok(when_active(&stays, WHEN_NEVER - 1), "ever");
	tap_ok(when_next(&slow, WHEN_NEVER - 1) == WHEN_NEVER, "no time after the last");
	tap_ok(when_turn(&slow, 2 * week - 1) == WHEN_ENDS,
	       "a window that almost touches the next");
	tap_ok(when_turn(&slow, 2 * week) == WHEN_BEGINS, "and the next");
}

/* --- a case ------------------------------------------------------------------------------ */

static const char lines[] =
	"impair:\n"
	"  - {link: outside, direction: up, engine: wire, delay: 5ms, loss: 1%, drop: [7]}\n"
	"timeline:\n"
	"  - {at: 20s, link: outside, direction: up, loss: 2%}\n"
	"  - {from: 10s, to: 40s, link: outside, direction: up, loss: 10%, delay: 9ms}\n"
	"  - {every: 10s, for: 1s, link: outside, direction: down, do: block}\n"
	"  - {at: 5s, link: access, do: down}\n"
	"  - {at: 7s, link: access, do: up}\n"
	"  - {at: 15s, link: inside, mtu: 1400}\n"
	"  - {at: 25s, for: 5s, link: inside, mtu: 1280}\n"
	"  - {at: 30s, link: inside, mtu: 1500}\n"
	"  - {every: 20s, node: client, do: renumber, to: 50s}\n"
	"  - {at: 50s, link: lan, gemodel: {p: 1%, r: 50%}}\n"
	"traffic:\n"
	"  - echo: {interval: 1s, duration: 60s}\n";

#define S(n) ((n)*NS_PER_S)

static void test_case(void)
{
	static const struct {
		unsigned s, loss_permille, delay_ms, blocked_down, access_down, mtu;
	} table[] = {
		{ 0, 10, 5, 0, 0, 1500 },   { 5, 10, 5, 0, 1, 1500 },	{ 6, 10, 5, 0, 1, 1500 },
		{ 7, 10, 5, 0, 0, 1500 },   { 10, 100, 9, 1, 0, 1500 }, { 11, 100, 9, 0, 0, 1500 },
		{ 15, 100, 9, 0, 0, 1400 }, { 20, 100, 9, 1, 0, 1400 }, { 25, 100, 9, 0, 0, 1280 },
		{ 30, 100, 9, 1, 0, 1500 }, { 39, 100, 9, 0, 0, 1500 }, { 40, 20, 5, 1, 0, 1500 },
		{ 41, 20, 5, 0, 0, 1500 },
	};
	AUTO_CASE struct spec_case *c = NULL;
	struct err err = { 0 };
	struct timeline_lane lane;

	files_case("case.yaml", GOOD_LINES + 1, lines);
	c = spec_case_load("case.yaml", &err);
	tap_ok(c, "the case is good: %s", err.text);
	if (!c)
		return;
	tap_is(c->timeline.len, 9, "nine entries: 'up' is the end of another");
	tap_is(c->timeline.entries[0].what, TIMELINE_DOWN, "in the order of their times");
	tap_str(c->timeline.entries[0].when_text, "from 5s to 7s", "an outage with both its ends");
	tap_str(c->timeline.entries[1].what_text, "delay 9ms, loss 10%", "what, as written");
	tap_str(c->timeline.entries[2].when_text, "every 10s for 1s", "when, as written");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t t = S(table[i].s);

		timeline_lane_at(c, LINK_OUTSIDE, DIR_UP, t, &lane);
		tap_is((int)(lane.plan.loss * 1000 + 0.5), table[i].loss_permille, "%u s: loss",
		       table[i].s);
		tap_is(lane.plan.delay_ns, table[i].delay_ms * NS_PER_MS, "%u s: delay",
		       table[i].s);
		tap_ok(!lane.blocked && lane.plan.drop_len == 1, "%u s: the list stays",
		       table[i].s);
		timeline_lane_at(c, LINK_OUTSIDE, DIR_DOWN, t, &lane);
		tap_is(lane.blocked, table[i].blocked_down, "%u s: blocked", table[i].s);
		tap_ok(lane.plan.loss <= 0, "%u s: the other direction has no loss", table[i].s);
		tap_is(timeline_down_at(&c->timeline, LINK_ACCESS, t), table[i].access_down,
		       "%u s: down", table[i].s);
		tap_ok(!timeline_down_at(&c->timeline, LINK_OUTSIDE, t), "%u s: not the others",
		       table[i].s);
		tap_is(timeline_mtu_at(&c->timeline, LINK_INSIDE, t), table[i].mtu, "%u s: MTU",
		       table[i].s);
	}
	timeline_lane_at(c, LINK_LAN, DIR_DOWN, S(50), &lane);
	tap_ok(lane.plan.has_gemodel && lane.plan.gemodel.loss_bad > 0.99, "a model comes");
	tap_is(c->impair[LINK_LAN][DIR_UP].engine, ENGINE_NETEM, "its link gets an engine");
	tap_is(c->impair[LINK_ACCESS][DIR_UP].engine, ENGINE_NETEM, "as one that goes down does");
	tap_is(c->impair[LINK_INSIDE][DIR_UP].engine, ENGINE_NONE, "an MTU needs none");
}

static void test_next(void)
{
	static const unsigned want[] = { 5, 7, 10, 11, 15, 20, 21, 25, 30, 31, 40, 41, 50, 51, 60 };
	AUTO_CASE struct spec_case *c = NULL;
	struct err err = { 0 };
	uint64_t t = 0;
	size_t wrong = 0;

	c = spec_case_load("case.yaml", &err);
	if (!c)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++, t++) {
		t = timeline_next(&c->timeline, t);
		wrong += t != S(want[i]);
	}
	tap_is(wrong, 0, "every time at which something begins or ends, and no other");
	tap_ok(timeline_turns(&c->timeline, S(7), TIMELINE_DOWN, LINK_ACCESS), "an end is a turn");
	tap_ok(!timeline_turns(&c->timeline, S(6), TIMELINE_DOWN, LINK_ACCESS), "between is none");
}

/* All of it, keys that come later too; cases and their copies are zero where nothing is */
static bool same_plan(const struct impairment *a, const struct impairment *b)
{
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
	return !memcmp(a, b, sizeof(*a));
}

/* Is it what `impair` alone would have read, of both keys and values? */
static bool same_as_written(const struct impairment *plan, const char *base, const char *key,
			    const char *value)
{
	AUTO_FREE char *text = io_printf("impair: [{link: lan, engine: wire%s%s, %s: %s}]",
					 *base ? ", " : "", base, key, value);
	AUTO_CASE struct spec_case *c = NULL;
	struct err err = { 0 };

	files_case("same.yaml", GOOD_LINES + 1, text);
	c = spec_case_load("same.yaml", &err);
	return c && same_plan(plan, &c->impair[LINK_LAN][DIR_UP]);
}

/* A key that can change does: each of them, over a case that says something else */
static void test_keys(void)
{
	static const struct {
		const char *key, *value, *base; /* that it needs */
	} samples[] = {
		{ "delay", "7ms", "" },
		{ "jitter", "3ms", "delay: 9ms" },
		{ "delay-correlation", "3%", "delay: 9ms, jitter: 1ms" },
		{ "distribution", "normal", "delay: 9ms, jitter: 1ms" },
		{ "loss", "3%", "" },
		{ "gemodel", "{p: 1%, r: 9%}", "" },
		{ "state", "{p13: 1%, p31: 9%}", "" },
		{ "duplicate", "3%", "" },
		{ "duplicate-correlation", "3%", "duplicate: 1%" },
		{ "corrupt", "3%", "" },
		{ "corrupt-correlation", "3%", "corrupt: 1%" },
		{ "reorder", "3%", "delay: 9ms" },
		{ "gap", "5", "delay: 9ms, reorder: 1%" },
		{ "reorder-correlation", "3%", "delay: 9ms, reorder: 1%" },
		{ "rate", "3mbit", "" },
		{ "overhead", "24", "rate: 1mbit" },
		{ "limit", "77", "" },
		{ "slot", "{min: 1ms, max: 2ms}", "" },
	};
	const char *key;
	size_t n;

	for (n = 0; (key = impairment_change_key(n)); n++) {
		AUTO_FREE char *text = NULL;
		struct timeline_lane before, after;
		struct err err = { 0 };
		size_t i = 0;

		while (i < ARRAY_SIZE(samples) && strcmp(samples[i].key, key) != 0)
			i++;
		if (!tap_ok(i < ARRAY_SIZE(samples), "'%s': this test has a value of it", key))
			continue;
		text = io_printf("impair: [{link: lan, engine: wire%s%s}]\n"
				 "timeline: [{at: 1s, link: lan, %s: %s}]\n"
				 "traffic: [{tcp: {bytes: 1}}]",
				 *samples[i].base ? ", " : "", samples[i].base, key,
				 samples[i].value);
		files_case("key.yaml", GOOD_LINES + 1, text);

		AUTO_CASE struct spec_case *c = spec_case_load("key.yaml", &err);

		if (!tap_ok(c, "'%s' can change %s", key, err.text))
			continue;
		timeline_lane_at(c, LINK_LAN, DIR_UP, S(1) - 1, &before);
		timeline_lane_at(c, LINK_LAN, DIR_UP, S(1), &after);
		tap_ok(same_plan(&before.plan, &c->impair[LINK_LAN][DIR_UP]), "'%s' not before",
		       key);
		tap_ok(same_as_written(&after.plan, samples[i].base, key, samples[i].value),
		       "'%s': as if the case had said it", key);
	}
	tap_is(n, ARRAY_SIZE(samples), "and no other key can");
}

int main(void)
{
	files_begin();
	test_when();
	test_when_far();
	test_case();
	test_next();
	test_keys();
	return tap_done();
}
