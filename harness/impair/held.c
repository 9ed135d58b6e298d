// SPDX-License-Identifier: Apache-2.0
/*
 * A list by the time of release.  Delays are mostly alike, so that a new frame has its
 * place near the end; linear otherwise, over at most HELD_MAX.
 */
#include "impair/held.h"

#include <stdlib.h>
#include <string.h>

/** held_init() - Begin with none */
void held_init(struct held_frames *h)
{
	memset(h, 0, sizeof(*h));
	TAILQ_INIT(&h->list);
}

static void insert(struct held_frames *h, struct held *f)
{
	struct held *before = TAILQ_LAST(&h->list, held_list);

	while (before && before->due_ns > f->due_ns)
		before = TAILQ_PREV(before, held_list, link);
	if (before)
		TAILQ_INSERT_AFTER(&h->list, before, f, link);
	else
		TAILQ_INSERT_HEAD(&h->list, f, link);
}

/**
 * held_add() - Keep a frame back
 * @h:		The frames
 * @d:		Where it travels
 * @due_ns:	When it goes on; UINT64_MAX: only with its gate
 * @gate:	Of which rule, or HELD_NO_GATE
 * @bytes:	The frame; copied
 * @len:	Its length
 *
 * Return: it, for the caller to write down what he has to know of it; NULL: no room
 */
struct held *held_add(struct held_frames *h, enum direction d, uint64_t due_ns, size_t gate,
		      const uint8_t *bytes, size_t len)
{
	struct held *f;

	if (h->len >= HELD_MAX || len > HELD_BYTES_MAX - h->bytes)
		return NULL;
	f = malloc(sizeof(*f) + len);
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->due_ns = due_ns;
	f->gate = gate;
	f->direction = d;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	insert(h, f);
	h->len++;
	h->bytes += len;
	h->waiting[d]++;
	return f;
}

/** held_open() - What a gate holds goes on now, in the order in which it came */
void held_open(struct held_frames *h, size_t gate, uint64_t now_ns)
{
	struct held_list open = TAILQ_HEAD_INITIALIZER(open);
	struct held *f, *next;

	for (f = TAILQ_FIRST(&h->list); f; f = next) {
		next = TAILQ_NEXT(f, link);
		if (f->gate != gate)
			continue;
		TAILQ_REMOVE(&h->list, f, link);
		TAILQ_INSERT_TAIL(&open, f, link);
	}
	while ((f = TAILQ_FIRST(&open))) {
		TAILQ_REMOVE(&open, f, link);
		f->due_ns = now_ns;
		insert(h, f);
	}
}

/** held_take() - The next frame that is due, for the caller to free, or NULL */
struct held *held_take(struct held_frames *h, uint64_t now_ns)
{
	struct held *f = TAILQ_FIRST(&h->list);

	if (!f || f->due_ns > now_ns)
		return NULL;
	TAILQ_REMOVE(&h->list, f, link);
	h->len--;
	h->bytes -= f->len;
	h->waiting[f->direction]--;
	return f;
}

/** held_due_ns() - When held_take() has one next; UINT64_MAX: at no known time */
uint64_t held_due_ns(const struct held_frames *h)
{
	const struct held *f = TAILQ_FIRST(&h->list);

	return f ? f->due_ns : UINT64_MAX;
}

/** held_release() - Free all that is held */
void held_release(struct held_frames *h)
{
	struct held *f;

	while ((f = TAILQ_FIRST(&h->list))) {
		TAILQ_REMOVE(&h->list, f, link);
		free(f);
	}
	held_init(h);
}
