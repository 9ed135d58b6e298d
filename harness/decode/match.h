/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same frames in captures of two points of the path: what passed the first one,
 * and when it passed the second, or that it did not.
 */
#ifndef DUPACK_DECODE_MATCH_H
#define DUPACK_DECODE_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/trace.h"

#define MATCH_LOST SIZE_MAX

struct match {
	size_t *sent; /* frames of the first point, in order; owned */
	size_t *received; /* for each the frame of the second, or MATCH_LOST; owned */
	size_t len;
	size_t lost; /* did not come, not even corrupted */
	/* of a link only, else NULL and 0: */
	size_t *damaged; /* for each that is lost the frame that it came as, with a bit turned,
			  * or MATCH_LOST; owned */
	size_t duplicated; /* came once more than they were sent */
	size_t corrupted; /* came with a bit turned, copies included */
	size_t reordered; /* came after one that was sent later */
	size_t overtook; /* came before one that was sent earlier */
};

int match_link(const struct trace *sender, const struct trace *receiver, uint64_t until_ns,
	       struct match *ret);
int match_node(const struct trace *in, const struct trace *out, struct match *ret);
bool match_is_lost(const struct match *m, size_t i);
void match_release(struct match *m);

#endif
