/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that wait, by the time at which they are due: a heap. */
#ifndef DUPACK_IMPAIR_QUEUE_H
#define DUPACK_IMPAIR_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "spec/case.h"

struct err;

struct frame {
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	uint64_t order; /* of arrival: of two that are due at one time the first goes first */
	size_t len;
	uint8_t bytes[];
};

struct frame_queue {
	struct frame **heap; /* owned, and each frame */
	size_t len, room;
	uint64_t arrived;
};

int frame_queue_push(struct frame_queue *q, uint64_t due_ns, const uint8_t *bytes, size_t len,
		     struct err *err);
const struct frame *frame_queue_first(const struct frame_queue *q);
struct frame *frame_queue_pop(struct frame_queue *q);
void frame_queue_release(struct frame_queue *q);

uint32_t queue_limit(const struct impairment *plan);

#endif
