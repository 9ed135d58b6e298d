/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that rules keep back, until a time or until a gate opens; in bounded memory. */
#ifndef DUPACK_IMPAIR_HELD_H
#define DUPACK_IMPAIR_HELD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "decode/meaning.h"
#include "impair/model.h"
#include "spec/case.h"

#define HELD_MAX       4096 /* frames of a wire */
#define HELD_BYTES_MAX (16U << 20)
#define HELD_NO_GATE   SIZE_MAX

struct held {
	TAILQ_ENTRY(held) link;
	uint64_t due_ns; /* UINT64_MAX: when its gate opens */
	size_t gate; /* the rule that holds it, or HELD_NO_GATE */
	enum direction direction;
	struct meanings meanings;
	struct fates fates; /* what the models decided when it came */
	uint64_t copies;
	size_t len;
	uint8_t bytes[];
};

struct held_frames {
	TAILQ_HEAD(held_list, held) list; /* by due_ns, then in the order of arrival */
	size_t len, bytes;
	size_t waiting[DIR_COUNT];
};

void held_init(struct held_frames *h);
struct held *held_add(struct held_frames *h, enum direction d, uint64_t due_ns, size_t gate,
		      const uint8_t *bytes, size_t len);
void held_open(struct held_frames *h, size_t gate, uint64_t now_ns);
struct held *held_take(struct held_frames *h, uint64_t now_ns);
uint64_t held_due_ns(const struct held_frames *h);
void held_release(struct held_frames *h);

#endif
