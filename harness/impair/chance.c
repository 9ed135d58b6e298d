// SPDX-License-Identifier: Apache-2.0
/*
 * netem's correlation (net/sched/sch_netem.c, get_crandom()) is a moving mean: a draw is
 * the share rho of the draw before and the rest of a fresh one.  A mean crowds in the
 * middle, so a small ratio is hardly ever reached: "10% 25%" happens in 1.7 % of the
 * frames.  A ratio in a case is what comes out.  So the threshold is not the ratio, but
 * the point below which that share of the correlated draws is, computed here; both
 * engines use it.
 *
 * The share F(x) of a draw X = (1 - rho) U + rho X' below x is the solution of
 *
 *	F(x) = rho / (1 - rho) * integral of F from (x - 1 + rho) / rho to x / rho
 *
 * found by iteration from the uniform one: the error shrinks by rho each time.
 *
 * A sequence of numbers has to keep its distribution, whatever the correlation.  It is
 * normal inside, where that is simple, and made uniform by the normal distribution
 * function.  Normal numbers that correlate by w give uniform ones that correlate by
 * 6/pi asin(w/2), so w = 2 sin(pi rho / 6).
 */
#include "impair/chance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define GRID	  16384
#define PRECISION 1e-9

/* Integral of a function on the grid from 0 to @y; it is 0 below the grid and 1 above */
static double integral(const double *f, const double *sums, double y)
{
	double at = y * GRID, t;
	int k = (int)at;

	if (y <= 0)
		return 0;
	if (y >= 1)
		return sums[GRID] + y - 1;
	t = at - k;
	return sums[k] + (f[k] * t + (f[k + 1] - f[k]) * t * t / 2) / GRID;
}

/* One step of the iteration; returns the largest change */
static double iterate(double rho, double *f, double *sums, double *next)
{
	double change = 0;

	sums[0] = 0;
	for (int k = 0; k < GRID; k++)
		sums[k + 1] = sums[k] + (f[k] + f[k + 1]) / 2 / GRID;
	for (int k = 0; k <= GRID; k++) {
		double x = (double)k / GRID;

		next[k] = rho / (1 - rho) *
			  (integral(f, sums, x / rho) - integral(f, sums, (x - 1 + rho) / rho));
		change = fmax(change, fabs(next[k] - f[k]));
	}
	memcpy(f, next, (GRID + 1) * sizeof(*f));
	return change;
}

/* Share of the draws below each point of the grid; owned by the caller */
static double *shares(double rho)
{
	AUTO_FREE double *f = malloc((GRID + 1) * sizeof(*f));
	AUTO_FREE double *sums = malloc((GRID + 1) * sizeof(*sums));
	AUTO_FREE double *next = malloc((GRID + 1) * sizeof(*next));

	if (!f || !sums || !next)
		abort();
	for (int k = 0; k <= GRID; k++)
		f[k] = (double)k / GRID;
	while (iterate(rho, f, sums, next) > PRECISION * (1 - rho))
		;
	return steal_ptr(&f);
}

static double point_of(const double *f, double ratio)
{
	int low = 0, high = GRID;

	if (ratio >= 1)
		return 1;
	while (high - low > 1) {
		int middle = (low + high) / 2;

		if (f[middle] <= ratio)
			low = middle;
		else
			high = middle;
	}
	return (low + (ratio - f[low]) / (f[high] - f[low])) / GRID;
}

/**
 * chance_threshold() - Below which point a draw means that it happens
 * @c:		Ratio and correlation
 *
 * Return: 0 to 1; the ratio itself without a correlation
 */
double chance_threshold(const struct chance *c)
{
	AUTO_FREE double *f = NULL;

	if (c->correlation <= 0 || c->ratio <= 0)
		return c->ratio;
	f = shares(c->correlation);
	return point_of(f, c->ratio);
}

static void stream_init(struct prng *prng, uint64_t seed, const char *stream, const char *what)
{
	char name[96];

	snprintf(name, sizeof(name), "%s:%s", stream, what);
	prng_init(prng, seed, name);
}

static double draw(struct draws *d)
{
	double fresh = prng_unit(&d->prng);

	d->last = (1 - d->correlation) * fresh + d->correlation * d->last;
	return d->last;
}

/* By Box and Muller */
static double normal(struct prng *prng)
{
	double far = sqrt(-2 * log(1 - prng_unit(prng)));

	return far * cos(2 * M_PI * prng_unit(prng));
}

/**
 * draws_init() - Begin to draw for something
 * @d:		Filled in
 * @c:		Ratio and correlation
 * @seed:	The seed of the case
 * @stream:	Name of the random stream of the link and direction
 * @what:	And of what is drawn for
 */
void draws_init(struct draws *d, const struct chance *c, uint64_t seed, const char *stream,
		const char *what)
{
	double weight = c->correlation; /* of where it began */

	*d = (struct draws){ .correlation = c->correlation, .threshold = chance_threshold(c) };
	stream_init(&d->prng, seed, stream, what);
	while (weight > PRECISION) { /* until where it began is forgotten */
		draw(d);
		weight *= c->correlation;
	}
}

/** draws_happens() - Does it happen to this frame? */
bool draws_happens(struct draws *d)
{
	return d->threshold > 0 && draw(d) < d->threshold;
}

/**
 * sequence_init() - Begin a sequence of numbers
 * @s:		Filled in
 * @correlation: Of each with the one before: 0 to below 1
 * @seed:	The seed of the case
 * @stream:	Name of the random stream of the link and direction
 * @what:	And of what is drawn for
 */
void sequence_init(struct sequence *s, double correlation, uint64_t seed, const char *stream,
		   const char *what)
{
	*s = (struct sequence){ .weight = 2 * sin(M_PI * correlation / 6) };
	stream_init(&s->prng, seed, stream, what);
	if (s->weight > 0)
		s->last = normal(&s->prng);
}

/** sequence_next() - A number in [0, 1) */
double sequence_next(struct sequence *s)
{
	if (s->weight <= 0)
		return prng_unit(&s->prng);
	s->last = s->weight * s->last + sqrt(1 - s->weight * s->weight) * normal(&s->prng);
	return fmin(erfc(-s->last / M_SQRT2) / 2, 1 - 0x1p-53);
}
