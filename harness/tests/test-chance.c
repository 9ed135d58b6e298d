// SPDX-License-Identifier: Apache-2.0
/*
 * impair/chance and impair/distribution.  The oracle of a correlated chance is the kernel's
 * generator (get_crandom() in net/sched/sch_netem.c), written again from its definition in
 * its own 32 bit arithmetic; of a distribution, its formula turned around.
 */
#include "impair/chance.h"

#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "impair/distribution.h"
#include "tests/tap.h"
#include "tests/taus.h"

#define DRAWS 2000000

struct kernel_draws {
	struct taus t;
	uint64_t rho;
	uint32_t last;
};

static struct kernel_draws kernel_init(double correlation)
{
	struct kernel_draws k = { .rho = (uint64_t)lrint(correlation * UINT32_MAX) + 1,
				  .last = UINT32_MAX / 2 };

	taus_seed(&k.t, 0x9e3779b97f4a7c15ULL);
	return k;
}

static uint32_t kernel_draw(struct kernel_draws *k)
{
	uint64_t value = taus_next(&k->t);

	k->last = (uint32_t)((value * ((1ULL << 32) - k->rho) + k->last * k->rho) >> 32);
	return k->last;
}

/* Draws of the kernel that fall on the threshold or below, as a share */
static double kernel_share(double threshold, double correlation)
{
	uint32_t limit = (uint32_t)lrint(threshold * UINT32_MAX);
	struct kernel_draws k = kernel_init(correlation);
	unsigned happened = 0;

	for (int n = 0; n < DRAWS; n++)
		happened += limit >= kernel_draw(&k);
	return (double)happened / DRAWS;
}

/* Why a correlation of the delay is refused for netem: what its modulo leaves of one */
static void check_kernel_delay(void)
{
	static const uint32_t modulos[] = { 2000000, 20000000, DISTRIBUTION_LEN };

	for (size_t i = 0; i < ARRAY_SIZE(modulos); i++) {
		struct kernel_draws k = kernel_init(0.9);
		double before = 0, product = 0, square = 0;

		for (int n = 0; n < DRAWS; n++) {
			double x = kernel_draw(&k) % modulos[i] / (double)modulos[i] - 0.5;

			product += x * before;
			square += x * x;
			before = x;
		}
		tap_ok(fabs(product / square) < 0.01,
		       "90%% modulo %u: the kernel's delays correlate by %.4f", modulos[i],
		       product / square);
	}
}

/* Correlated by rho from one to the next, a mean varies (1 + rho) / (1 - rho) times as much */
static double sigma(double ratio, double rho)
{
	return sqrt(ratio * (1 - ratio) / DRAWS * (1 + rho) / (1 - rho));
}

static void check_ratio(void)
{
	static const double ratios[] = { 0.001, 0.01, 0.1, 0.5, 0.9 };
	static const double correlations[] = { 0.01, 0.25, 0.5, 0.9, 0.99 };

	tap_ok(fabs(kernel_share(0.1, 0.25) - 0.017) < 0.001,
	       "without a threshold of ours 10%% with 25%% is 1.7%%");
	for (size_t c = 0; c < ARRAY_SIZE(correlations); c++)
		for (size_t r = 0; r < ARRAY_SIZE(ratios); r++) {
			struct chance chance = { ratios[r], correlations[c] };
			double share = kernel_share(chance_threshold(&chance), chance.correlation);
			double four = 4 * sigma(chance.ratio, chance.correlation);

			tap_ok(fabs(share - chance.ratio) < four,
			       "%g correlated by %g: the kernel has %.6f, within %.6f",
			       chance.ratio, chance.correlation, share, four);
		}
	tap_ok(fabs(chance_threshold(&(struct chance){ 0.3, 0 }) - 0.3) < 1e-12,
	       "not correlated, the threshold is the ratio");
	tap_ok(chance_threshold(&(struct chance){ 1, 0.5 }) >= 1, "always is always");
	tap_ok(chance_threshold(&(struct chance){ 0, 0.5 }) <= 0, "never is never");
}

static void check_draws(void)
{
	static const double correlations[] = { 0, 0.25, 0.5, 0.9 };

	for (size_t c = 0; c < ARRAY_SIZE(correlations); c++) {
		const struct chance chance = { 0.1, correlations[c] };
		double rho = chance.correlation, before = 0, product = 0, square = 0, chi = 0, lag;
		unsigned happened = 0, tenths[10] = { 0 };
		struct sequence s;
		struct draws d;

		draws_init(&d, &chance, 7, "wire:outside:up", "duplicate");
		sequence_init(&s, rho, 7, "wire:outside:up", "jitter");
		for (int n = 0; n < DRAWS; n++) {
			double x = sequence_next(&s) - 0.5;

			happened += draws_happens(&d);
			tenths[(int)((x + 0.5) * 10)]++;
			product += x * before;
			square += x * x;
			before = x;
		}
		tap_ok(fabs((double)happened / DRAWS - 0.1) < 4 * sigma(0.1, rho),
		       "10%% correlated by %g: %u of %d", rho, happened, DRAWS);
		for (int i = 0; i < 10; i++)
			chi += pow(tenths[i] - DRAWS / 10.0, 2) / (DRAWS / 10.0);
		/* 9 degrees of freedom: 27.9 in 0.1 % of all; correlation spreads it as above */
		tap_ok(chi < 27.9 * (1 + rho) / (1 - rho), "any number as likely: chi2 %.1f", chi);
		lag = product / square;
		tap_ok(fabs(lag - rho) < 4 / sqrt(DRAWS),
		       "numbers correlated by %g: measured %.5f, within %.5f", rho, lag,
		       4 / sqrt(DRAWS));
	}
}

static double pareto_share(double x)
{
	return x <= -2.0 / 3 ? 0 : 1 - pow(x * 3 / 4 + 1.5, -3);
}

static double normal_share(double x)
{
	return erfc(-x / M_SQRT2) / 2;
}

static double uniform_share(double x)
{
	return (x + 1) / 2;
}

static void check_table(enum impair_distribution d, double (*share)(double x))
{
	const int16_t *t = distribution_table(d);
	double worst = 0;
	bool ascends = true;

	for (int i = 0; i < DISTRIBUTION_LEN; i++) {
		double x = (double)t[i] / DISTRIBUTION_SCALE, want = (i + 0.5) / DISTRIBUTION_LEN;

		ascends = ascends && (!i || t[i] >= t[i - 1]);
		if (t[i] < INT16_MAX)
			worst = fmax(worst, fabs(share(x) - want));
	}
	tap_ok(ascends, "%s ascends", distribution_names[d]);
	/* half a unit of the table, where the density is highest: 2.25 of pareto */
	tap_ok(worst < 1.2 / DISTRIBUTION_SCALE, "%s: at most %.6f beside its formula",
	       distribution_names[d], worst);
}

static void check_distributions(void)
{
	struct impairment plan = { .delay_ns = 10 * NS_PER_MS, .jitter_ns = NS_PER_MS };

	check_table(DISTRIBUTION_UNIFORM, uniform_share);
	check_table(DISTRIBUTION_NORMAL, normal_share);
	check_table(DISTRIBUTION_PARETO, pareto_share);
	for (int tenth = 0; tenth < 10; tenth++) {
		double u = tenth / 10.0 + 0.05;

		tap_ok(fabs(distribution_quantile(DISTRIBUTION_PARETONORMAL, u) -
			    0.25 * distribution_quantile(DISTRIBUTION_NORMAL, u) -
			    0.75 * distribution_quantile(DISTRIBUTION_PARETO, u)) < 1e-9,
		       "paretonormal at %g", u);
	}
	tap_is(distribution_table(DISTRIBUTION_PARETO)[DISTRIBUTION_LEN - 1], INT16_MAX,
	       "pareto is cut at four units");
	tap_ok(llabs(distribution_delay(&plan, 0) - 9 * (int64_t)NS_PER_MS) < 1000,
	       "uniform from delay - jitter");
	tap_ok(llabs(distribution_delay(&plan, 1 - 0x1p-53) - 11 * (int64_t)NS_PER_MS) < 1000,
	       "to their sum");
	plan.distribution = DISTRIBUTION_NORMAL;
	tap_ok(llabs(distribution_delay(&plan, 0.5) - 10 * (int64_t)NS_PER_MS) < 1000,
	       "the middle of the normal one is the delay");
	tap_ok(llabs(distribution_delay(&plan, 0.8413) - 11 * (int64_t)NS_PER_MS) < 5000,
	       "one sigma is the jitter");
	plan.jitter_ns = 0;
	tap_is(distribution_delay(&plan, 0.9), 10 * NS_PER_MS, "without jitter always the delay");
}

int main(void)
{
	check_ratio();
	check_kernel_delay();
	check_draws();
	check_distributions();
	return tap_done();
}
