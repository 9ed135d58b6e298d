/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws that remember the one before: of something that happens or not, as netem does it,
 * but with the ratio that was asked for; and of numbers.
 */
#ifndef DUPACK_IMPAIR_CHANCE_H
#define DUPACK_IMPAIR_CHANCE_H

#include <stdbool.h>

#include "base/prng.h"
#include "spec/case.h"

/** Does it happen? */
struct draws {
	struct prng prng;
	double correlation, last, threshold;
};

/** Numbers in [0, 1), each as likely as any other. */
struct sequence {
	struct prng prng;
	double weight, last; /* of a normal distribution, from one to the next */
};

double chance_threshold(const struct chance *c);

void draws_init(struct draws *d, const struct chance *c, uint64_t seed, const char *stream,
		const char *what);
bool draws_happens(struct draws *d);

void sequence_init(struct sequence *s, double correlation, uint64_t seed, const char *stream,
		   const char *what);
double sequence_next(struct sequence *s);

#endif
