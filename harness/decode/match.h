/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same frames in captures at both ends of a link: what was sent and came, when,
 * and what did not come.
 */
#ifndef DUPACK_DECODE_MATCH_H
#define DUPACK_DECODE_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "decode/trace.h"

#define MATCH_LOST SIZE_MAX

struct match {
	size_t *sent; /* frames of the sending end that went out, in order; owned */
	size_t *received; /* for each the frame of the other end, or MATCH_LOST; owned */
	size_t len;
	size_t lost;
};

int match_link(const struct trace *sender, const struct trace *receiver, uint64_t until_ns,
	       struct match *ret);
void match_release(struct match *m);

#endif
