// SPDX-License-Identifier: Apache-2.0
/*
 * The distributions of iproute2's tables, from their formulas.
 *
 * The kernel's netem has no distribution but the uniform one; for another it is given a
 * table of quantiles to draw from, which it can change but not forget.  So the uniform
 * one is a table too, and a timeline may go back to it.  iproute2 ships the other three.
 * Ours are computed, so that both engines draw from the same one and neither needs a file
 * of another package, in a place that differs by distribution and version.  What is
 * computed is what iproute2 computes (its netem/normal.c, pareto.c, paretonormal.c), in
 * the unit "jitter":
 *
 *   uniform		from -1 to 1
 *   normal		mean 0, standard deviation 1
 *   pareto		(u^(-1/3) - 1.5) 4/3: of index 3, shifted to mean 0.  Its standard
 *			deviation is 1.15, not 1
 *   paretonormal	a quarter of the normal quantile and three of the pareto one
 *
 * An entry has 16 bits, so all end at 4 units: of pareto that cuts the last 1.1 %.
 */
#include "impair/distribution.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define NORMAL_END 10.0 /* beyond it there is less than 1e-23 */

/* By bisection: 4096 values once are nothing, and no precision has to be argued for */
static double normal(double u)
{
	double low = -NORMAL_END, high = NORMAL_END;

	while (high - low > 1e-9) {
		double middle = (low + high) / 2;

		if (erfc(-middle / M_SQRT2) / 2 < u)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

static double pareto(double u)
{
	return (pow(1 - u, -1.0 / 3) - 1.5) * 4 / 3;
}

/**
 * distribution_quantile() - How far from the delay, in units of the jitter
 * @d:		The distribution
 * @u:		Which share of all is below it: above 0, below 1
 *
 * Return: the value, before the table cuts it
 */
double distribution_quantile(enum impair_distribution d, double u)
{
	switch (d) {
	case DISTRIBUTION_NORMAL:
		return normal(u);
	case DISTRIBUTION_PARETO:
		return pareto(u);
	case DISTRIBUTION_PARETONORMAL:
		return normal(u) / 4 + pareto(u) * 3 / 4;
	case DISTRIBUTION_UNIFORM:
	case DISTRIBUTION_COUNT:
		break;
	}
	return 2 * u - 1;
}

/**
 * distribution_table() - The table that a delay is drawn from
 * @d:		The distribution
 *
 * Return: DISTRIBUTION_LEN values that stay, ascending, at the middle of as many equal
 * shares
 */
const int16_t *distribution_table(enum impair_distribution d)
{
	static int16_t tables[DISTRIBUTION_COUNT][DISTRIBUTION_LEN];
	static bool made[DISTRIBUTION_COUNT];

	for (int i = 0; !made[d] && i < DISTRIBUTION_LEN; i++) {
		double value = distribution_quantile(d, (i + 0.5) / DISTRIBUTION_LEN);

		value = rint(value * DISTRIBUTION_SCALE);
		tables[d][i] = (int16_t)fmax(INT16_MIN, fmin(INT16_MAX, value));
	}
	made[d] = true;
	return tables[d];
}

/**
 * distribution_delay() - The delay that a draw means, as the kernel's tabledist() has it
 * @plan:	Its delay, jitter and distribution
 * @u:		The draw, 0 to below 1
 *
 * Return: ns; below 0 for what would come before it was sent
 */
int64_t distribution_delay(const struct impairment *plan, double u)
{
	const int16_t *table = distribution_table(plan->distribution);
	double off = (double)plan->jitter_ns * table[(int)(u * DISTRIBUTION_LEN)];

	return (int64_t)plan->delay_ns + (int64_t)rint(off / DISTRIBUTION_SCALE);
}
