/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a frame: all random and listed impairments of one direction.
 *
 * Pure: a function of the impairment, the seed and the frames before.  Each model has a
 * random stream of its own, so that one more or less leaves the others as they were.
 */
#ifndef DUPACK_IMPAIR_MODEL_H
#define DUPACK_IMPAIR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "impair/chance.h"
#include "impair/loss.h"
#include "spec/case.h"

/** What becomes of one frame, or of its copy. */
struct fate {
	const char *why; /* it is lost: "list", "loss", "gemodel", "state"; NULL: it goes on */
	bool corrupted;
	size_t bit; /* that is turned: 8 times the byte, plus the bit in it */
	bool reordered; /* goes at once, ahead of all that waits */
	int64_t delay_ns; /* with its jitter; below 0: at once */
};

/** Of a frame and, if it is duplicated, of the copy, which goes first. */
struct fates {
	struct fate frame, copy;
	bool copied;
};

struct model {
	const struct impairment *plan; /* borrowed: outlives the model */
	struct loss_model loss;
	struct draws duplicate, corrupt, reorder;
	struct sequence jitter, bit;
	uint64_t behind; /* frames that were delayed since the last that was reordered */
};

void model_init(struct model *m, const struct impairment *plan, uint64_t seed, const char *stream);
void model_decide(struct model *m, bool armed, uint64_t position, size_t len, struct fates *ret);

#endif
