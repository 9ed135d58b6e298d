// SPDX-License-Identifier: Apache-2.0
/*
 * Delay, rate and slots mean what they mean to Linux (net/sched/sch_netem.c):
 *
 *   rate	a frame begins when its delay is over and the one before has left, and is due
 *		when its bytes have: so the delay of a frame in a queue counts from its arrival
 *   slots	a frame that is due after the last slot opened waits for the next one, which
 *		opens min to max later.  A slot takes what is due when it opens and what comes
 *		until it is full.  (With a delay the kernel draws more often than that, namely
 *		whenever it looks at a frame that is not due yet)
 *
 * A frame that need not wait is written at once.
 */
#include "impair/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/units.h"

/**
 * lane_init() - Begin a direction
 * @l:		Its names and TAPs are the caller's; the rest is filled in.  Give it to
 *		lane_close()
 * @plan:	What shall happen; borrowed, must outlive @l
 * @seed:	The seed of the case
 * @stream:	Name of the random streams, one for each link and direction
 */
void lane_init(struct lane *l, const struct impairment *plan, uint64_t seed, const char *stream)
{
	char slot[80];

	l->plan = plan;
	l->active = plan->arm == ARM_START;
	l->limit = queue_limit(plan);
	model_init(&l->model, plan, seed, stream);
	snprintf(slot, sizeof(slot), "%s:slot", stream);
	prng_init(&l->slot.prng, seed, slot);
}

/**
 * lane_change() - Let another plan hold for the frames that come from now on
 * @l:		The lane
 * @plan:	What shall happen; copied, but for its list, which is borrowed
 * @blocked:	Lose every frame, whatever the plan says
 * @seed:	The seed of the case
 * @stream:	Name of the random streams, another one for each change
 *
 * Frames that wait stay due when they are; positions go on.
 */
void lane_change(struct lane *l, const struct impairment *plan, bool blocked, uint64_t seed,
		 const char *stream)
{
	l->changed = *plan;
	l->plan = &l->changed;
	l->blocked = blocked;
	l->limit = queue_limit(plan);
	model_init(&l->model, l->plan, seed, stream);
}

/* A TAP that is down says EIO, one without memory EAGAIN: the frame is lost, as on a real wire */
static void deliver(struct lane *l, const uint8_t *bytes, size_t len)
{
	if (write(l->out, bytes, len) == (ssize_t)len)
		l->n.delivered++;
	else
		l->n.failed++;
}

/* When a frame that comes now is due */
static uint64_t due(struct lane *l, uint64_t now_ns, int64_t delay_ns, size_t len)
{
	uint64_t at = delay_ns > 0 ? now_ns + (uint64_t)delay_ns : now_ns;
	uint64_t bytes_per_s = l->plan->rate_bps / 8; /* as netem has it */

	if (bytes_per_s) {
		if (l->queue.len && l->last_ns > at)
			at = l->last_ns;
		at += (len + l->plan->overhead) * NS_PER_S / bytes_per_s;
	}
	if (at > l->last_ns)
		l->last_ns = at;
	return at;
}

static void turn(uint8_t *bytes, const struct fate *fate)
{
	if (fate->corrupted)
		bytes[fate->bit / 8] ^= (uint8_t)(1U << fate->bit % 8);
}

/**
 * lane_forward() - Send a frame on its way, as it was decided
 * @l:		The lane
 * @now_ns:	The time, CLOCK_MONOTONIC
 * @fate:	What becomes of the frame: not lost
 * @bytes:	The frame; changed if it is corrupted, and then restored
 * @len:	Its length
 * @ret_wait_ns: Set to how long it waits, slots not counted
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int lane_forward(struct lane *l, uint64_t now_ns, const struct fate *fate, uint8_t *bytes,
		 size_t len, uint64_t *ret_wait_ns, struct err *err)
{
	bool waits = !fate->reordered &&
		     (fate->delay_ns > 0 || l->plan->rate_bps || l->plan->slot.max_ns);
	int rc = 0;

	turn(bytes, fate);
	*ret_wait_ns = 0;
	if (waits) {
		uint64_t at = due(l, now_ns, fate->delay_ns, len);

		*ret_wait_ns = at - now_ns;
		rc = frame_queue_push(&l->queue, at, bytes, len, err);
		l->n.queued = l->queue.len;
	} else {
		deliver(l, bytes, len);
	}
	turn(bytes, fate);
	l->n.corrupted += fate->corrupted;
	l->n.reordered += fate->reordered;
	l->n.delayed += waits;
	return rc;
}

static void next_slot(struct lane *l, uint64_t now_ns)
{
	const struct slots *s = &l->plan->slot;
	double range = (double)(s->max_ns - s->min_ns);

	l->slot.open_ns = now_ns + s->min_ns + (uint64_t)(range * prng_unit(&l->slot.prng));
	l->slot.packets = s->packets ? s->packets : UINT64_MAX;
	l->slot.bytes = s->bytes ? s->bytes : UINT64_MAX;
}

/* May the frame that is due first leave now? */
static bool slot_is_open(struct lane *l, const struct frame *f, uint64_t now_ns)
{
	if (!l->plan->slot.max_ns)
		return true;
	if (l->slot.open_ns < f->due_ns)
		next_slot(l, now_ns);
	return l->slot.open_ns <= now_ns;
}

static void fill_slot(struct lane *l, size_t len, uint64_t now_ns)
{
	if (!l->plan->slot.max_ns)
		return;
	l->slot.packets--;
	l->slot.bytes = l->slot.bytes > len ? l->slot.bytes - len : 0;
	if (!l->slot.packets || !l->slot.bytes)
		next_slot(l, now_ns);
}

/** lane_release() - Let leave what is due at @now_ns */
void lane_release(struct lane *l, uint64_t now_ns)
{
	const struct frame *first;

	while ((first = frame_queue_first(&l->queue)) && first->due_ns <= now_ns &&
	       slot_is_open(l, first, now_ns)) {
		struct frame *f = frame_queue_pop(&l->queue);

		l->n.queued = l->queue.len;
		deliver(l, f->bytes, f->len);
		fill_slot(l, f->len, now_ns);
		free(f);
	}
}

/** lane_due_ns() - When lane_release() has something to do next; UINT64_MAX: never */
uint64_t lane_due_ns(const struct lane *l)
{
	const struct frame *first = frame_queue_first(&l->queue);

	if (!first)
		return UINT64_MAX;
	return first->due_ns > l->slot.open_ns ? first->due_ns : l->slot.open_ns;
}

/** lane_lose_waiting() - Lose what waits: it counts as failed */
void lane_lose_waiting(struct lane *l)
{
	while (l->queue.len) {
		free(frame_queue_pop(&l->queue));
		l->n.failed++;
	}
	l->n.queued = 0;
}

/** lane_close() - Free what it holds; idempotent.  Frames that wait are gone */
void lane_close(struct lane *l)
{
	frame_queue_release(&l->queue);
}
