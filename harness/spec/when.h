/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When something of a timeline holds: a moment, a window, a window that stays, or one
 * that comes again.  Times are in ns since the timeline began.
 */
#ifndef DUPACK_SPEC_WHEN_H
#define DUPACK_SPEC_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#define WHEN_NEVER UINT64_MAX

struct when {
	uint64_t from_ns; /* it begins, the first time */
	uint64_t length_ns; /* 0: a moment; WHEN_NEVER: it stays */
	uint64_t every_ns; /* from begin to begin, more than the length; 0: once */
	uint64_t until_ns; /* every: none begins then or later; WHEN_NEVER: no end */
};

/** What a time is to it. */
enum when_turn { WHEN_NOTHING, WHEN_BEGINS, WHEN_ENDS };

uint64_t when_next(const struct when *w, uint64_t t_ns);
enum when_turn when_turn(const struct when *w, uint64_t t_ns);
bool when_active(const struct when *w, uint64_t t_ns);
bool when_meet(const struct when *a, const struct when *b);

#endif
