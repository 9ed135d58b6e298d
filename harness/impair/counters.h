/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a link did to the frames of one direction: the witness of an impairment.
 * The same for both engines; always
 * seen + duplicated = dropped + overflow + failed + queued + delivered.
 */
#ifndef DUPACK_IMPAIR_COUNTERS_H
#define DUPACK_IMPAIR_COUNTERS_H

#include <jansson.h>
#include <stdint.h>

struct err;

/** In place of a number that the engine does not know; null in JSON */
#define IMPAIR_UNKNOWN UINT64_MAX

struct impair_counters {
	uint64_t seen; /* frames that arrived at the link */
	uint64_t counted; /* wire: of them, those that an exact list counts */
	uint64_t duplicated; /* copies that were made, whatever became of them */
	uint64_t corrupted; /* went on with a bit turned; netem: unknown */
	uint64_t reordered; /* went on without their delay, ahead of all that waited */
	uint64_t delayed; /* wire: had to wait; netem: unknown */
	uint64_t dropped; /* by plan: list, loss, gemodel, state, block */
	uint64_t acted; /* of dropped: by a rule of `act` */
	uint64_t blocked; /* of them, those while a timeline blocked the direction */
	uint64_t overflow; /* the queue was full: not by plan */
	uint64_t failed; /* the far interface did not take it: down, or gone */
	uint64_t queued; /* on the way when the counters were read */
	uint64_t delivered;
};

json_t *impair_counters_to_json(const struct impair_counters *c);
int impair_counters_from_json(const json_t *json, struct impair_counters *ret, struct err *err);

#endif
