/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of a wire: where its frames wait, and when they leave. */
#ifndef DUPACK_IMPAIR_LANE_H
#define DUPACK_IMPAIR_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "impair/counters.h"
#include "impair/model.h"
#include "impair/queue.h"
#include "spec/case.h"

struct err;

struct lane {
	const char *name; /* "up" */
	int in, out; /* TAPs; in: -1 once it is gone; borrowed */
	const struct impairment *plan; /* borrowed, or .changed */
	struct impairment changed; /* by a timeline */
	struct model model;
	bool active; /* losses and lists act */
	bool blocked; /* every frame is lost */
	uint64_t limit;
	struct frame_queue queue;
	uint64_t last_ns; /* the latest time at which a frame was ever due */
	struct { /* that is open, or opens next */
		uint64_t open_ns; /* 0: there was none */
		uint64_t packets, bytes; /* that it has room for */
		struct prng prng;
	} slot;
	struct impair_counters n;
};

void lane_init(struct lane *l, const struct impairment *plan, uint64_t seed, const char *stream);
void lane_change(struct lane *l, const struct impairment *plan, bool blocked, uint64_t seed,
		 const char *stream);
int lane_forward(struct lane *l, uint64_t now_ns, const struct fate *fate, uint8_t *bytes,
		 size_t len, uint64_t *ret_wait_ns, struct err *err);
void lane_release(struct lane *l, uint64_t now_ns);
uint64_t lane_due_ns(const struct lane *l);
void lane_lose_waiting(struct lane *l);
void lane_close(struct lane *l);

#endif
