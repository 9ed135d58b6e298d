/* SPDX-License-Identifier: Apache-2.0 */
/* The key `act` of an impairment: what happens to messages by their meaning. */
#ifndef DUPACK_SPEC_ACT_H
#define DUPACK_SPEC_ACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/document.h"
#include "spec/selector.h"

enum act_kind {
	ACT_DROP,
	ACT_DUPLICATE,
	ACT_DELAY,
	ACT_HOLD,
	ACT_CORRUPT,
	ACT_TRUNCATE,
	ACT_KINDS,
};
extern const char *const act_names[ACT_KINDS]; /* "drop", ... */

/** A message's pattern in a case, and the text of it. */
struct pattern {
	struct selector selector;
	char *text; /* as written; owned; NULL: there is none */
};

/** One rule: which messages of a direction, which of them, and what is done. */
struct act {
	struct pattern on;
	enum act_kind kind;
	/* acts on the nth match, then on every @every-th, at most @count times */
	uint64_t nth, every, count; /* count 0: without end */
	uint64_t times; /* duplicate: copies */
	uint64_t time_ns; /* delay; hold: at most so long, 0: without end */
	struct pattern until; /* hold: a message has passed that has this */
	uint64_t offset, bit; /* corrupt: byte of the message, and the bit in it from the least */
	uint64_t to; /* truncate: bytes of the message that are left */
	bool mend; /* corrupt, truncate: lengths and checksums in front of it are made right */
};

bool acts_read(struct document *doc, yaml_node_t *node, void *ret_acts);
void acts_release(struct acts *acts);

#endif
