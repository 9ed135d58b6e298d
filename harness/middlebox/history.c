// SPDX-License-Identifier: Apache-2.0
#include "middlebox/history.h"

#include <stdlib.h>
#include <string.h>

#include "decode/packet.h"

#define FIRST_SIZE 4096

static void store(struct history *h, uint32_t seq, const uint8_t *bytes, size_t len)
{
	while (len) {
		size_t at = seq & (h->size - 1);
		size_t part = len < h->size - at ? len : h->size - at;

		memcpy(h->ring + at, bytes, part);
		seq += (uint32_t)part;
		bytes += part;
		len -= part;
	}
}

/* A ring of twice the size with the same bytes; without memory it stays as it is */
static void grow(struct history_pool *pool, struct history *h)
{
	struct history larger = { .size = h->size ? h->size * 2 : FIRST_SIZE,
				  .from = h->from,
				  .to = h->to };

	if (larger.size > HISTORY_BYTES_MAX || pool->bytes + larger.size - h->size > pool->memory)
		return;
	larger.ring = malloc(larger.size);
	if (!larger.ring)
		return;
	for (uint32_t seq = h->from; seq != h->to;) {
		uint32_t at = seq & (h->size - 1), part = h->size - at;

		part = part < h->to - seq ? part : h->to - seq;
		store(&larger, seq, h->ring + at, part);
		seq += part;
	}
	pool->bytes += larger.size - h->size;
	free(h->ring);
	*h = larger;
}

/**
 * history_add() - Bytes that an end sent for the first time
 * @pool:	The pool
 * @h:		History of that end
 * @seq:	Sequence number of the first byte; a gap before it makes all before unknown
 * @bytes:	The bytes; copied
 * @len:	How many
 *
 * Without memory the oldest are forgotten.
 */
void history_add(struct history_pool *pool, struct history *h, uint32_t seq, const uint8_t *bytes,
		 size_t len)
{
	if (seq != h->to)
		h->from = h->to = seq;
	while (h->to - h->from + len > h->size) {
		uint32_t before = h->size;

		grow(pool, h);
		if (h->size == before)
			break;
	}
	if (len > h->size) {
		bytes += len - h->size;
		h->to += (uint32_t)(len - h->size);
		len = h->size;
	}
	if (len)
		store(h, h->to, bytes, len);
	h->to += (uint32_t)len;
	if (h->to - h->from > h->size)
		h->from = h->to - h->size;
}

/**
 * history_compare() - Are these the bytes that were sent before?
 * @h:		History of the end
 * @seq:	Sequence number of the first byte
 * @bytes:	The bytes
 * @len:	How many; what is newer than the history is not looked at
 *
 * Return: HISTORY_OTHER if one of them is not; else HISTORY_UNKNOWN if the
 * history does not reach back to one of them
 */
enum history_result history_compare(const struct history *h, uint32_t seq, const uint8_t *bytes,
				    size_t len)
{
	enum history_result result = HISTORY_SAME;

	if (seq_lt(h->to, seq + (uint32_t)len))
		len = seq_lt(seq, h->to) ? h->to - seq : 0;
	if (len && seq_lt(seq, h->from)) {
		uint32_t unknown = h->from - seq;

		result = HISTORY_UNKNOWN;
		unknown = unknown < len ? unknown : (uint32_t)len;
		seq += unknown;
		bytes += unknown;
		len -= unknown;
	}
	while (len) {
		size_t at = seq & (h->size - 1);
		size_t part = len < h->size - at ? len : h->size - at;

		if (memcmp(h->ring + at, bytes, part) != 0)
			return HISTORY_OTHER;
		seq += (uint32_t)part;
		bytes += part;
		len -= part;
	}
	return result;
}

/** history_clear() - Forget all */
void history_clear(struct history_pool *pool, struct history *h)
{
	pool->bytes -= h->size;
	free(h->ring);
	memset(h, 0, sizeof(*h));
}
