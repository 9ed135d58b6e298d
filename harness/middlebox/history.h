/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an end sent last, byte by byte, so that what it sends again can be held
 * against it.  A history is a ring over the sequence numbers: the newest bytes
 * overwrite the oldest.  It grows as far as the pool has room and stays so
 * until its flow ends; so the work is constant per byte, and memory bounded.
 */
#ifndef DUPACK_MIDDLEBOX_HISTORY_H
#define DUPACK_MIDDLEBOX_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_BYTES_MAX (1U << 20) /* of one end */

/** Zeroed: empty. */
struct history {
	uint8_t *ring; /* owned */
	uint32_t size; /* a power of 2, or 0 */
	uint32_t from, to; /* the sequence numbers that it knows: from <= n < to */
};

struct history_pool {
	uint64_t memory; /* bytes of all rings together */
	uint64_t bytes; /* now */
};

enum history_result { HISTORY_SAME, HISTORY_UNKNOWN, HISTORY_OTHER };

void history_add(struct history_pool *pool, struct history *h, uint32_t seq, const uint8_t *bytes,
		 size_t len);
enum history_result history_compare(const struct history *h, uint32_t seq, const uint8_t *bytes,
				    size_t len);
void history_clear(struct history_pool *pool, struct history *h);

#endif
