/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one frame over the path: where it was seen last, and where it got lost. */
#ifndef DUPACK_GRADE_TRAIL_H
#define DUPACK_GRADE_TRAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "grade/evidence.h"

/** A frame at one point. */
struct trail_point {
	enum link_id link;
	enum link_end end;
	size_t frame;
};

struct trail {
	struct trail_point last; /* where it was seen last */
	char hop[32]; /* what lost it: a link ("outside:up") or a node; "" if it came through */
};

int trail_follow(const struct evidence *e, enum direction d, const struct trail_point *from,
		 struct trail *ret);

#endif
