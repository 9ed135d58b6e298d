// SPDX-License-Identifier: Apache-2.0
/* Jitter lets any frame overtake any other; with a heap each costs log n. */
#include "impair/queue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/units.h"

#define ROOM_MIN      64
#define FRAME_MIN     64 /* bytes of the smallest frame that a queue limit allows for */
#define LIMIT_MIN     1000 /* packets that may wait for the rate: netem's own default */
#define LIMIT_NO_RATE 100000 /* a second of 1 Gbit/s in full frames; some 230 MB of skbs */

static bool is_before(const struct frame *a, const struct frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static int grow(struct frame_queue *q, struct err *err)
{
	size_t room = q->room ? 2 * q->room : ROOM_MIN;
	struct frame **more;

	if (q->len < q->room)
		return 0;
	more = realloc(q->heap, room * sizeof(struct frame *));
	if (!more)
		return err_set(err, ENOMEM, "cannot hold %zu frames", room);
	q->heap = more;
	q->room = room;
	return 0;
}

/**
 * frame_queue_push() - Let a frame wait
 * @q:		The queue, zeroed at first
 * @due_ns:	Until when
 * @bytes:	The frame; copied
 * @len:	Its length
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int frame_queue_push(struct frame_queue *q, uint64_t due_ns, const uint8_t *bytes, size_t len,
		     struct err *err)
{
	struct frame *f;
	size_t i;

	if (grow(q, err))
		return -1;
	f = malloc(sizeof(*f) + len);
	if (!f)
		return err_set(err, ENOMEM, "cannot hold a frame of %zu bytes", len);
	f->due_ns = due_ns;
	f->order = q->arrived++;
	f->len = len;
	memcpy(f->bytes, bytes, len);
	for (i = q->len++; i && is_before(f, q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		q->heap[i] = q->heap[(i - 1) / 2];
	q->heap[i] = f;
	return 0;
}

/** frame_queue_first() - The frame that is due first; NULL if none waits */
const struct frame *frame_queue_first(const struct frame_queue *q)
{
	return q->len ? q->heap[0] : NULL;
}

/** frame_queue_pop() - Take it out; the caller's then, to be freed by free(), or NULL */
struct frame *frame_queue_pop(struct frame_queue *q)
{
	struct frame *first, *last;
	size_t i = 0, child;

	if (!q->len)
		return NULL;
	first = q->heap[0];
	last = q->heap[--q->len];
	while ((child = 2 * i + 1) < q->len) {
		if (child + 1 < q->len && is_before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!is_before(q->heap[child], last))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = last;
	return first;
}

/** frame_queue_release() - Free all; idempotent */
void frame_queue_release(struct frame_queue *q)
{
	for (size_t i = 0; i < q->len; i++)
		free(q->heap[i]);
	free(q->heap);
	*q = (struct frame_queue){ 0 };
}

/**
 * queue_limit() - How many packets the queue of an impairment has room for
 * @plan:	The impairment
 *
 * What is on the way during the delay must not overflow: at a rate that is the rate
 * times delay and jitter in the smallest of frames, and behind it LIMIT_MIN may wait
 * for the rate.  Without a rate nothing bounds it but memory.
 *
 * Return: the limit of the case, or one computed
 */
uint32_t queue_limit(const struct impairment *plan)
{
	double on_the_way = (double)plan->rate_bps * (double)(plan->delay_ns + plan->jitter_ns) /
			    (double)NS_PER_S / (8 * FRAME_MIN);

	if (plan->limit)
		return plan->limit < UINT32_MAX ? (uint32_t)plan->limit : UINT32_MAX;
	if (!plan->rate_bps)
		return LIMIT_NO_RATE;
	return on_the_way < UINT32_MAX - LIMIT_MIN ? (uint32_t)on_the_way + LIMIT_MIN : UINT32_MAX;
}
