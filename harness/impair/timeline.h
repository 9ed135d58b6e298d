/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a timeline makes of the links at a time.  Pure: times are in ns since the
 * timeline began, and nothing is remembered.
 */
#ifndef DUPACK_IMPAIR_TIMELINE_H
#define DUPACK_IMPAIR_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/timeline.h"

/** One direction of a link. */
struct timeline_lane {
	struct impairment plan; /* the case's, with all changes that hold; borrows its list */
	bool blocked; /* every frame is lost */
};

uint64_t timeline_next(const struct timeline *t, uint64_t t_ns);
bool timeline_turns(const struct timeline *t, uint64_t t_ns, enum timeline_what what,
		    enum link_id link);
bool timeline_turns_lane(const struct timeline *t, uint64_t t_ns, enum link_id link,
			 enum direction d);
bool timeline_renumbers(const struct timeline *t);
void timeline_lane_at(const struct spec_case *c, enum link_id link, enum direction d, uint64_t t_ns,
		      struct timeline_lane *ret);
bool timeline_down_at(const struct timeline *t, enum link_id link, uint64_t t_ns);
uint64_t timeline_mtu_at(const struct timeline *t, enum link_id link, uint64_t t_ns);

#endif
