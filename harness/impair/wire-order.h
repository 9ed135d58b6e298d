/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ends of a wire's control socket say to each other; wire.c has the letters. */
#ifndef DUPACK_IMPAIR_WIRE_ORDER_H
#define DUPACK_IMPAIR_WIRE_ORDER_H

#include <stdbool.h>

#include "spec/case.h"

/* What follows a 'C'.  Its sender is who forked us: the list that it borrows is ours too */
struct change {
	enum direction d;
	bool blocked;
	struct impairment plan;
};

#endif
