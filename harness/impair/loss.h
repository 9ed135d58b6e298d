/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss models: which frames of one direction of a link are lost.
 *
 * Pure: the decisions are a function of the impairment, the seed and the frames
 * before; time and input are arguments.  An exact list never changes what the
 * random models decide about the other frames.
 */
#ifndef DUPACK_IMPAIR_LOSS_H
#define DUPACK_IMPAIR_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "spec/case.h"

struct loss_model {
	const struct impairment *plan; /* borrowed: outlives the model */
	struct prng prng;
	size_t next; /* index into plan->drop: all before are behind us */
	bool bad; /* Gilbert-Elliott: in the bad state */
	enum { PASS_GAP, PASS_BURST, LOST_BURST, LOST_GAP } at; /* of the four states */
	const char
		*why; /* of the last decision: "list", "loss", "gemodel", "state"; NULL: passed */
};

void loss_init(struct loss_model *m, const struct impairment *plan, uint64_t seed,
	       const char *stream);
bool loss_decide(struct loss_model *m, uint64_t position);

#endif
