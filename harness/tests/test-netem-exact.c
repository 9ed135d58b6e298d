// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's netem, frame by frame: from its seed and its own generator (taus.h) a model
 * of it says which frames are lost, copied, corrupted and reordered, and when each arrives.
 * The model is written again from its definition (net/sched/sch_netem.c, netem_enqueue()).
 * What it cannot know is the bit that is corrupted and where a correlation begins: those
 * the kernel does not draw from the seed.
 */
#include <math.h>

#include "impair/distribution.h"
#include "tests/netem-rig.h"

#define EXACT_FRAMES 2000
#define EXACT_SEEDS  20

/* --- the kernel's netem once more, from its definition ----------------------------------- */

struct kernel {
	const struct impairment *plan;
	struct taus t;
	bool bad;
	int state;
	uint32_t counter; /* since the last frame that was reordered */
	unsigned lost, copies, corrupted, reordered;
};

/* What becomes of a frame */
struct expected {
	unsigned intact;
	int64_t delay_ns; /* of the last */
};

static uint32_t ratio(double r)
{
	return (uint32_t)lrint(r * UINT32_MAX);
}

static bool kernel_state(struct kernel *k)
{
	const struct fourstate *f = &k->plan->state;
	uint64_t u = taus_next(&k->t), first;

	switch (k->state) {
	case 1:
		first = ratio(f->p14);
		k->state = u < first ? 4 : u < first + ratio(f->p13) ? 3 : 1;
		return k->state != 1;
	case 2:
		k->state = u < ratio(f->p23) ? 3 : 2;
		return k->state == 3;
	case 3:
		first = ratio(f->p32);
		k->state = u < first ? 2 : u < first + ratio(f->p31) ? 1 : 3;
		return k->state == 3;
	default:
		k->state = 1;
		return false;
	}
}

static bool kernel_loss(struct kernel *k)
{
	const struct gemodel *g = &k->plan->gemodel;
	bool was_bad = k->bad;

	if (k->plan->has_state)
		return kernel_state(k);
	if (!k->plan->has_gemodel)
		return k->plan->loss > 0 && taus_next(&k->t) <= ratio(k->plan->loss);
	if (taus_next(&k->t) < ratio(k->bad ? g->r : g->p))
		k->bad = !k->bad;
	/* In the bad state the high draws lose, in the good one the low */
	return was_bad ? taus_next(&k->t) > UINT32_MAX - ratio(g->loss_bad)
		       : taus_next(&k->t) < ratio(g->loss_good);
}

static int64_t kernel_delay(struct kernel *k)
{
	int64_t mu = (int64_t)k->plan->delay_ns, sigma = (int64_t)k->plan->jitter_ns, x, t;
	const int16_t *table = distribution_table(k->plan->distribution);

	if (!sigma)
		return mu;
	t = table[taus_next(&k->t) % DISTRIBUTION_LEN];
	x = sigma % 8192 * t;
	return (x + (x >= 0 ? 4096 : -4096)) / 8192 + sigma / 8192 * t + mu;
}

static bool kernel_chance(struct kernel *k, const struct chance *c)
{
	return c->ratio > 0 && taus_next(&k->t) <= ratio(c->ratio);
}

static void kernel_enqueue(struct kernel *k, bool is_copy, struct expected *ret)
{
	const struct impairment *plan = k->plan;
	bool twice = !is_copy && kernel_chance(k, &plan->duplicate);
	bool lost = kernel_loss(k), corrupted, reordered = false;
	uint32_t gap = plan->gap ? (uint32_t)plan->gap : 1;
	int64_t delay_ns = 0;

	k->lost += lost && !twice;
	if (lost && !twice)
		return;
	corrupted = kernel_chance(k, &plan->corrupt);
	k->corrupted += corrupted;
	k->copies += twice && !lost;
	if (twice && !lost)
		kernel_enqueue(k, true, ret);
	if (plan->reorder.ratio > 0 && k->counter >= gap - 1)
		reordered = kernel_chance(k, &plan->reorder);
	k->reordered += reordered;
	k->counter = reordered ? 0 : k->counter + 1;
	if (!reordered)
		delay_ns = kernel_delay(k);
	if (corrupted)
		return;
	ret->intact++;
	ret->delay_ns = delay_ns;
}

static struct kernel kernel_begin(const struct impairment *plan)
{
	struct kernel k = { .plan = plan, .state = 1 };

	taus_of_link(&k.t);
	return k;
}

/* Did each frame come as often, and as late, as it should? */
static unsigned mispredicted(struct kernel *k, unsigned frames)
{
	unsigned wrong = 0;

	for (unsigned n = 0; n < frames; n++) {
		struct expected e = { 0 };

		kernel_enqueue(k, false, &e);
		wrong += rig.intact[n] != e.intact;
		if (rig.intact[n] == 1 && e.intact == 1 && k->plan->delay_ns) {
			int64_t late = (int64_t)rig.delay_ns[n] - 1 - e.delay_ns;

			wrong += late < 0 || (virtual_time && late > (int64_t)NS_PER_MS / 10);
		}
	}
	return wrong;
}

static bool same_as_kernel(const struct impairment *plan, unsigned frames)
{
	struct kernel k = kernel_begin(plan);
	struct netem_stats stats = { 0 };
	struct err err = { 0 };
	unsigned wrong;

	if (netem_stats(rig.sock, rig.ifindex[2], &stats, &err))
		return false;
	if (!stats.seed)
		return tap_skip("the kernel's netem has no seed (Linux 6.6)"), true;
	wrong = mispredicted(&k, frames);
	if (wrong)
		printf("# %u frames are not as predicted\n", wrong);
	return !wrong;
}

/* @variance: of a single draw, with its correlations */
static void check_loss(const char *what, unsigned frames, const struct impairment *plan,
		       double want, double variance)
{
	struct impair_counters c;
	double sigma = sqrt(frames * variance);

	rig_open(plan, NULL);
	traffic(DIR_UP, frames, NS_PER_S);
	c = counters(DIR_UP);
	tap_is(c.seen, frames, "%s: seen", what);
	tap_is(c.dropped, frames - rig.arrived, "%s: counted as measured", what);
	tap_is(c.overflow, 0, "%s: nothing overflowed", what);
	tap_ok(fabs((double)c.dropped - frames * want) < 4 * sigma,
	       "%s: %llu lost are within 4 sigma (%.0f) of %.0f", what,
	       (unsigned long long)c.dropped, sigma, frames * want);
	tap_ok(same_as_kernel(plan, frames), "%s: each frame is as predicted", what);
}

static void check_losses(void)
{
	const double p = 0.01, r = 0.3, b = p / (p + r);
	struct impairment random = { .loss = 0.1, .delay_ns = 40 * NS_PER_MS };
	struct impairment jitter = { .loss = 0.1,
				     .delay_ns = 10 * NS_PER_MS,
				     .jitter_ns = 2 * NS_PER_MS };
	struct impairment burst = { .has_gemodel = true, .gemodel = { p, r, 1, 0 } };
	struct impairment partial = { .has_gemodel = true, .gemodel = { p, r, 0.5, 0.01 } };
	double loss = 0.01 + b * 0.49, memory = 2 * b * (1 - b) * (1 - p - r) / (p + r);

	check_loss("loss 10%", FRAMES_MAX, &random, 0.1, 0.1 * 0.9);
	check_loss("loss 10% with jitter", FRAMES_MAX / 5, &jitter, 0.1, 0.1 * 0.9);
	/* variances as in test-loss.c */
	check_loss("gemodel", FRAMES_MAX / 5, &burst, b, b * (1 - b) + memory);
	check_loss("gemodel with 1-h and 1-k", FRAMES_MAX / 5, &partial, loss,
		   loss * (1 - loss) + 0.49 * 0.49 * memory);
}

/*
 * The drop list of a seed, packet for packet: each of EXACT_FRAMES frames of EXACT_SEEDS
 * seeds arrives as often as the model of the kernel says, and when it says.  @before: a
 * plan that holds first, NULL: none
 */
static void check_exact(const char *what, const struct impairment *plan,
			const struct impairment *before)
{
	unsigned lost = 0, copies = 0, corrupted = 0, reordered = 0, wrong = 0;

	for (rig_seed = 1; rig_seed <= EXACT_SEEDS; rig_seed++) {
		struct impair_counters c[DIR_COUNT];
		struct kernel k;
		struct err err = { 0 };

		rig_open(before ? before : plan, NULL);
		if (before)
			must(!netem_set(rig.sock, rig.ifindex[2], plan, true, seed_of_link(), &err),
			     err.text);
		k = kernel_begin(plan);
		traffic(DIR_UP, EXACT_FRAMES, NS_PER_S);
		wrong += mispredicted(&k, EXACT_FRAMES);
		must(!impair_stop(&rig.link, c, NULL, &err), err.text);
		wrong += c[DIR_UP].dropped != k.lost || c[DIR_UP].duplicated != k.copies ||
			 c[DIR_UP].reordered != k.reordered || c[DIR_UP].overflow;
		lost += k.lost;
		copies += k.copies;
		corrupted += k.corrupted;
		reordered += k.reordered;
	}
	rig_seed = SEED;
	tap_is(wrong, 0,
	       "%s: %u lost, %u copied, %u corrupted, %u reordered of %d times %d frames, each "
	       "as predicted",
	       what, lost, copies, corrupted, reordered, EXACT_SEEDS, EXACT_FRAMES);
}

static void check_predictions(void)
{
	const struct impairment plans[] = {
		{ .loss = 0.1 },
		{ .has_gemodel = true, .gemodel = { 0.02, 0.25, 0.9, 0.01 } },
		{ .has_state = true, .state = { 0.02, 0.2, 0.1, 0.3, 0.01 } },
		{ .has_state = true, .state = { 0.5, 0.5, 0.5, 0.5, 0.5 } },
		{ .loss = 0.2, .duplicate = { 0.1, 0 }, .corrupt = { 0.05, 0 } },
		{ .delay_ns = 5 * NS_PER_MS, .reorder = { 0.2, 0 }, .gap = 4, .loss = 0.01 },
		{ .delay_ns = 50 * NS_PER_MS,
		  .jitter_ns = 3 * NS_PER_MS,
		  .distribution = DISTRIBUTION_NORMAL },
		{ .delay_ns = 20 * NS_PER_MS,
		  .jitter_ns = 3 * NS_PER_MS,
		  .distribution = DISTRIBUTION_PARETONORMAL,
		  .loss = 0.1 },
	};
	const struct impairment uniform = { .delay_ns = 20 * NS_PER_MS,
					    .jitter_ns = 3 * NS_PER_MS };
	static const char *const names[] = {
		"random",    "Gilbert-Elliott", "four states", "four states, none stays",
		"duplicate", "reorder",		"normal",      "paretonormal",
	};

	for (size_t n = 0; n < ARRAY_SIZE(plans); n++)
		check_exact(names[n], &plans[n], NULL);
	check_exact("uniform after paretonormal", &uniform, &plans[7]);
}

int main(void)
{
	if (!rig_supported())
		return tap_done();
	check_losses();
	check_predictions();
	rig_close();
	return tap_done();
}
