/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same frames in captures of two points of the path: what passed the first one,
 * and when it passed the second, or that it did not.
 */
#ifndef DUPACK_DECODE_MATCH_H
#define DUPACK_DECODE_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "decode/trace.h"

#define MATCH_LOST SIZE_MAX

struct match {
	size_t *sent; /* frames of the first point, in order; owned */
	size_t *received; /* for each the frame of the second, or MATCH_LOST; owned */
	size_t len;
	size_t lost;
};

int match_link(const struct trace *sender, const struct trace *receiver, uint64_t until_ns,
	       struct match *ret);
int match_node(const struct trace *in, const struct trace *out, struct match *ret);
void match_release(struct match *m);

#endif
