/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number for each of the last keys that were asked for, in bounded memory: how often a
 * message was seen, or which place a name has.  A key that was not used for long is
 * forgotten for a new one, and counts from zero if it comes again.
 */
#ifndef DUPACK_DECODE_COUNTS_H
#define DUPACK_DECODE_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counts {
	struct count_entry *entries; /* owned */
	size_t sets; /* a power of two */
	uint64_t clock;
};

bool counts_init(struct counts *c, size_t keys);
void counts_release(struct counts *c);
uint32_t counts_get(struct counts *c, uint64_t key);
void counts_set(struct counts *c, uint64_t key, uint32_t value);
uint32_t counts_add(struct counts *c, uint64_t key);

#endif
