/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws that remember the one before, as netem's do, and the threshold that gives the
 * ratio that was asked for all the same.
 */
#ifndef DUPACK_IMPAIR_CHANCE_H
#define DUPACK_IMPAIR_CHANCE_H

#include <stdbool.h>

#include "base/prng.h"
#include "spec/case.h"

struct draws {
	struct prng prng;
	double correlation, last;
	double *share; /* of the draws below each point of a grid, owned; NULL: not correlated */
	double threshold; /* of draws_happens() */
};

double chance_threshold(const struct chance *c);

void draws_init(struct draws *d, const struct chance *c, uint64_t seed, const char *stream,
		const char *what);
bool draws_happens(struct draws *d);
double draws_uniform(struct draws *d);
void draws_release(struct draws *d);

#endif
