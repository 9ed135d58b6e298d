// SPDX-License-Identifier: Apache-2.0
/* Sets of a few places, found by a hash; in a full set the longest unused gives way. */
#include "decode/counts.h"

#include <stdlib.h>

#include "base/prng.h"

#define WAYS 4

struct count_entry {
	uint64_t key; /* mixed; 0 is one too, as an unused place has .used 0 */
	uint64_t used; /* by the clock; 0: free */
	uint32_t value;
};

/**
 * counts_init() - Begin with nothing counted
 * @c:		Filled in; release with counts_release()
 * @keys:	How many are remembered at least if they are spread well; rounded up to a power
 *		of two
 *
 * Return: false without memory
 */
bool counts_init(struct counts *c, size_t keys)
{
	*c = (struct counts){ .sets = 1 };
	while (c->sets * WAYS < keys)
		c->sets *= 2;
	c->entries = calloc(c->sets, WAYS * sizeof(*c->entries));
	return c->entries;
}

/** counts_release() - Free it; idempotent */
void counts_release(struct counts *c)
{
	free(c->entries);
	*c = (struct counts){ 0 };
}

/* The place of a key, or the one that it shall have */
static struct count_entry *find(struct counts *c, uint64_t mixed, bool *ret_found)
{
	struct count_entry *set = &c->entries[(mixed & (c->sets - 1)) * WAYS], *oldest = set;

	for (size_t i = 0; i < WAYS; i++) {
		*ret_found = set[i].used && set[i].key == mixed;
		if (*ret_found)
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	return oldest;
}

/** counts_get() - The number of a key, 0 if it has none */
uint32_t counts_get(struct counts *c, uint64_t key)
{
	bool found;
	struct count_entry *e = find(c, prng_mix(key), &found);

	if (!found)
		return 0;
	e->used = ++c->clock;
	return e->value;
}

/** counts_set() - Give a key a number */
void counts_set(struct counts *c, uint64_t key, uint32_t value)
{
	uint64_t mixed = prng_mix(key);
	bool found;
	struct count_entry *e = find(c, mixed, &found);

	*e = (struct count_entry){ mixed, ++c->clock, value };
}

/** counts_add() - One more of a key; the new number */
uint32_t counts_add(struct counts *c, uint64_t key)
{
	uint32_t value = counts_get(c, key) + 1;

	counts_set(c, key, value);
	return value;
}
