// SPDX-License-Identifier: Apache-2.0
/*
 * impair/loss: rates and bursts within 4 sigma of theory over 10^6 frames, with
 * the variance of the draws as they are correlated; streams that do not depend on
 * each other; lists to the letter.
 */
#include "impair/loss.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/tap.h"

#define FRAMES 1000000
#define SIGMAS 4.0

static bool near(double got, double want, double sigma, const char *what, double of)
{
	bool ok = fabs(got - want) <= SIGMAS * sigma;

	tap_ok(ok, "%s %g: measured %.7g is within 4 sigma (%.2g) of %.7g", what, of, got, sigma,
	       want);
	return ok;
}

static bool *decide_all(const struct impairment *plan, uint64_t seed, const char *stream)
{
	bool *lost = calloc(FRAMES, sizeof(*lost));
	struct loss_model m;

	loss_init(&m, plan, seed, stream);
	for (size_t n = 0; lost && n < FRAMES; n++)
		lost[n] = loss_decide(&m, n + 1);
	return lost;
}

static double mean(const bool *lost)
{
	size_t sum = 0;

	for (size_t n = 0; n < FRAMES; n++)
		sum += lost[n];
	return (double)sum / FRAMES;
}

/* Length of runs of losses; the last is left out, as it may be cut */
static double burst_mean(const bool *lost, size_t *ret_bursts)
{
	size_t bursts = 0, frames = 0, run = 0;

	for (size_t n = 0; n < FRAMES; n++) {
		if (lost[n]) {
			run++;
		} else if (run) {
			bursts++;
			frames += run;
			run = 0;
		}
	}
	*ret_bursts = bursts;
	return bursts ? (double)frames / (double)bursts : 0;
}

/* Independent draws: the variance of one is p(1-p); runs are geometric, with mean 1/(1-p) */
static void check_random(void)
{
	static const double rates[] = { 0.0001, 0.001, 0.01, 0.1, 0.5, 0.9 };

	for (size_t n = 0; n < ARRAY_SIZE(rates); n++) {
		double p = rates[n], pairs = 0, bursts_mean;
		struct impairment plan = { .loss = p };
		AUTO_FREE bool *lost = decide_all(&plan, 7, "wire:outside:up");
		size_t bursts;

		near(mean(lost), p, sqrt(p * (1 - p) / FRAMES), "loss", p);
		bursts_mean = burst_mean(lost, &bursts);
		near(bursts_mean, 1 / (1 - p), sqrt(p / ((1 - p) * (1 - p)) / (double)bursts),
		     "burst of loss", p);
		for (size_t i = 1; i < FRAMES; i++)
			pairs += (lost[i] - p) * (lost[i - 1] - p);
		near(pairs / (FRAMES - 1), 0, p * (1 - p) / sqrt(FRAMES - 1), "covariance at loss",
		     p);
	}
}

static void check_bounds(void)
{
	struct impairment none = { 0 }, all = { .loss = 1 };
	struct impairment burst = { .has_gemodel = true,
				    .gemodel = { .p = 1, .r = 0, .loss_bad = 1, .loss_good = 0 } };
	AUTO_FREE bool *passed = decide_all(&none, 1, "a");
	AUTO_FREE bool *lost = decide_all(&all, 1, "a");
	AUTO_FREE bool *bad = decide_all(&burst, 1, "a");

	tap_ok(mean(passed) == 0, "without a plan nothing is lost");
	tap_ok(mean(lost) == 1, "loss of 100%% loses all");
	tap_ok(!bad[0], "the frame that finds the good state is judged by it, as in the kernel");
	tap_ok(mean(bad) == (FRAMES - 1.0) / FRAMES, "and from then on the bad state loses all");
}

/*
 * The chain is in the bad state for the share b = p/(p+r) of the frames, and keeps
 * the memory 1-p-r from one to the next.  So the loss L = (1-b) good + b bad, and the
 * variance of a mean over N frames is, with lag k's covariance
 * (bad-good)^2 b (1-b) (1-p-r)^k summed over k,
 *	( L(1-L) + 2 (bad-good)^2 b (1-b) (1-p-r)/(p+r) ) / N
 */
static void check_gemodel(void)
{
	static const struct gemodel models[] = {
		{ .p = 0.01, .r = 0.3, .loss_bad = 1, .loss_good = 0 },
		{ .p = 0.001, .r = 0.1, .loss_bad = 1, .loss_good = 0 },
		{ .p = 0.02, .r = 0.25, .loss_bad = 0.6, .loss_good = 0 },
		{ .p = 0.05, .r = 0.5, .loss_bad = 0.8, .loss_good = 0.01 },
		{ .p = 0.3, .r = 0.9, .loss_bad = 1, .loss_good = 0 }, /* negative memory */
	};

	for (size_t n = 0; n < ARRAY_SIZE(models); n++) {
		const struct gemodel *g = &models[n];
		struct impairment plan = { .has_gemodel = true, .gemodel = *g };
		AUTO_FREE bool *lost = decide_all(&plan, 11, "wire:inside:down");
		double b = g->p / (g->p + g->r), gap = g->loss_bad - g->loss_good;
		double loss = g->loss_good + b * gap;
		double memory = (1 - g->p - g->r) / (g->p + g->r);
		double variance = loss * (1 - loss) + 2 * gap * gap * b * (1 - b) * memory;
		double again = (1 - g->r) * g->loss_bad; /* of the next frame after a loss */
		double bursts_mean;
		size_t bursts;

		near(mean(lost), loss, sqrt(variance / FRAMES), "gemodel", (double)n);
		bursts_mean = burst_mean(lost, &bursts);
		if (g->loss_good == 0) /* only then a run of losses is within one bad period */
			near(bursts_mean, 1 / (1 - again),
			     sqrt(again / ((1 - again) * (1 - again)) / (double)bursts),
			     "burst of gemodel", (double)n);
	}
}

/*
 * The share of each state solves pi = pi P, found by running the chain from one state
 * until it stays; loss is states 3 and 4.  A burst of losses ends by p31 + p32, if none
 * begins at once again and none is alone.
 */
static void check_state(void)
{
	static const struct fourstate models[] = {
		{ .p13 = 0.01, .p31 = 0.3, .p32 = 0, .p23 = 1, .p14 = 0 },
		{ .p13 = 0.02, .p31 = 0.2, .p32 = 0.1, .p23 = 0.3, .p14 = 0.01 },
		{ .p13 = 0.5, .p31 = 0.5, .p32 = 0.5, .p23 = 0.5, .p14 = 0.5 },
		{ .p13 = 0, .p31 = 1, .p32 = 0, .p23 = 1, .p14 = 0.05 },
	};

	for (size_t n = 0; n < ARRAY_SIZE(models); n++) {
		const struct fourstate *f = &models[n];
		struct impairment plan = { .has_state = true, .state = *f };
		AUTO_FREE bool *lost = decide_all(&plan, 11, "wire:inside:down");
		double s[4] = { 1, 0, 0, 0 }, stay = 1 - f->p31 - f->p32, bursts_mean;
		size_t bursts;

		for (int i = 0; i < 10000; i++) {
			double one = s[0] * (1 - f->p13 - f->p14) + s[2] * f->p31 + s[3];
			double two = s[1] * (1 - f->p23) + s[2] * f->p32;
			double three = s[0] * f->p13 + s[1] * f->p23 + s[2] * stay;
			double four = s[0] * f->p14;

			s[0] = one, s[1] = two, s[2] = three, s[3] = four;
		}
		/* the chains remember at most some ten frames: ten times the variance */
		near(mean(lost), s[2] + s[3], sqrt(10 * s[2] / FRAMES + s[3] / FRAMES), "state",
		     (double)n);
		bursts_mean = burst_mean(lost, &bursts);
		if (f->p14 <= 0)
			near(bursts_mean, 1 / (1 - stay),
			     sqrt(stay / ((1 - stay) * (1 - stay)) / (double)bursts),
			     "burst of state", (double)n);
		if (f->p13 <= 0)
			near(bursts_mean, 1, 0, "lost alone", (double)n);
	}
}

static void check_streams(void)
{
	struct impairment plan = { .loss = 0.1 };
	AUTO_FREE bool *a = decide_all(&plan, 5, "wire:outside:up");
	AUTO_FREE bool *same = decide_all(&plan, 5, "wire:outside:up");
	AUTO_FREE bool *stream = decide_all(&plan, 5, "wire:outside:down");
	AUTO_FREE bool *seed = decide_all(&plan, 6, "wire:outside:up");
	double both_stream = 0, both_seed = 0;
	int fourth = 0;

	tap_ok(!memcmp(a, same, FRAMES), "the same seed and stream decide the same");
	for (size_t n = 0; n < FRAMES; n++) {
		both_stream += a[n] && stream[n];
		both_seed += a[n] && seed[n];
	}
	near(both_stream / FRAMES, 0.01, sqrt(0.01 * 0.99 / FRAMES), "both of two streams", 0.1);
	near(both_seed / FRAMES, 0.01, sqrt(0.01 * 0.99 / FRAMES), "both of two seeds", 0.1);
	for (uint64_t s = 1; s <= 1000; s++) {
		struct loss_model m;

		loss_init(&m, &plan, s, "wire:outside:up");
		for (uint64_t n = 1; n <= 3; n++)
			loss_decide(&m, n);
		fourth += loss_decide(&m, 4);
	}
	near(fourth, 100, sqrt(1000 * 0.1 * 0.9), "losses of frame 4 in seeds up to", 1000);
}

static void check_list(void)
{
	uint64_t positions[] = { 1, 17, 400, 401, 999999 };
	struct impairment list = { .drop = positions, .drop_len = ARRAY_SIZE(positions) };
	struct impairment random = { .loss = 0.3 };
	struct impairment both = list;
	struct loss_model m;
	AUTO_FREE bool *l = decide_all(&list, 1, "a");
	AUTO_FREE bool *r = decide_all(&random, 1, "a");
	AUTO_FREE bool *b = NULL;
	size_t wrong = 0, next = 0;

	both.loss = random.loss;
	b = decide_all(&both, 1, "a");
	for (size_t n = 0; n < FRAMES; n++) {
		bool want = next < ARRAY_SIZE(positions) && positions[next] == n + 1;

		next += want;
		wrong += l[n] != want;
		wrong += b[n] != (r[n] || want);
	}
	tap_is(wrong, 0, "a list loses its positions and no others; random losses stay the same");

	loss_init(&m, &list, 1, "a");
	tap_ok(!loss_decide(&m, 0) && !m.why,
	       "a frame that is not counted is not lost by the list");
	tap_ok(loss_decide(&m, 1), "the next one that counts is");
	tap_str(m.why, "list", "and says by what");
	tap_ok(loss_decide(&m, 401), "positions may be passed over");
	tap_ok(!loss_decide(&m, 402), "none is left behind them");
	random.loss = 1;
	loss_init(&m, &random, 1, "a");
	loss_decide(&m, 1);
	tap_str(m.why, "loss", "a random loss says so");
}

int main(void)
{
	check_random();
	check_bounds();
	check_gemodel();
	check_state();
	check_streams();
	check_list();
	return tap_done();
}
