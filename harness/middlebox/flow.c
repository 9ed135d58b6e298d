// SPDX-License-Identifier: Apache-2.0
#include "middlebox/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"

static const enum flow_timer timer_of[FLOW_STATE_COUNT] = {
	[FLOW_SYN_SENT] = TIMER_EMBRYONIC,	[FLOW_SYN_RECEIVED] = TIMER_EMBRYONIC,
	[FLOW_ESTABLISHED] = TIMER_IDLE,	[FLOW_BYPASSED] = TIMER_BYPASS,
	[FLOW_HALF_CLOSED] = TIMER_HALF_CLOSED, [FLOW_CLOSED] = TIMER_CLOSED,
	[FLOW_INTERCEPTED] = TIMER_INTERCEPT,
};

/**
 * flow_table_init() - Make an empty table
 * @t:		The table; release with flow_table_release()
 * @max:	Flows at a time, at least 1
 * @hash_key:	Secret of the hash: a sender cannot aim at one bucket
 * @timeout_ns:	For each timer
 *
 * Memory exhausted aborts, as in io_printf().
 */
void flow_table_init(struct flow_table *t, size_t max, uint64_t hash_key,
		     const uint64_t timeout_ns[TIMER_COUNT])
{
	size_t buckets = 1;

	while (buckets < max)
		buckets *= 2;
	*t = (struct flow_table){ .mask = buckets - 1,
				  .max = max,
				  .flow_bytes = sizeof(struct flow),
				  .hash_key = hash_key };
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	if (!t->buckets)
		abort();
	for (size_t i = 0; i < TIMER_COUNT; i++) {
		t->timeout_ns[i] = timeout_ns[i];
		TAILQ_INIT(&t->lists[i]);
	}
}

/** flow_table_release() - Free a table whose flows have been removed */
void flow_table_release(struct flow_table *t)
{
	free(t->buckets);
	t->buckets = NULL;
}

static struct flow_bucket *bucket(const struct flow_table *t, const struct flow_key *key)
{
	uint64_t words[5] = { 0 }, hash = t->hash_key;

	memcpy(words, key->addr, sizeof(key->addr));
	words[4] = (uint64_t)key->port[DIR_UP] << 32 | (uint64_t)key->port[DIR_DOWN] << 16 |
		   (uint64_t)key->proto << 8 | key->version;
	for (size_t i = 0; i < 5; i++)
		hash = prng_mix(hash ^ words[i]);
	return &t->buckets[hash & t->mask];
}

static bool same_key(const struct flow_key *a, const struct flow_key *b)
{
	return a->version == b->version && a->proto == b->proto &&
	       memcmp(a->port, b->port, sizeof(a->port)) == 0 &&
	       memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

/* Of many flows none is in the cache: have both ends come while the key is compared */
static void expect_halves(const struct flow *f)
{
	__builtin_prefetch(&f->half[DIR_UP]);
	__builtin_prefetch(&f->half[DIR_UP].window);
	__builtin_prefetch(&f->half[DIR_DOWN]);
	__builtin_prefetch(&f->half[DIR_DOWN].window);
}

/** flow_find() - The flow with these addresses and ports, NULL if there is none */
struct flow *flow_find(const struct flow_table *t, const struct flow_key *key)
{
	for (struct flow *f = LIST_FIRST(bucket(t, key)); f; f = LIST_NEXT(f, by_key)) {
		expect_halves(f);
		if (same_key(&f->key, key))
			return f;
	}
	return NULL;
}

/**
 * flow_add() - A new flow, all zero but for key, state and time
 * @t:		The table; it owns the flow
 * @key:	Not in the table yet
 * @state:	Its first state
 * @queue_limit: Packets in each of its queues
 * @now_ns:	Time
 *
 * Return: the flow; NULL if the table is full
 */
struct flow *flow_add(struct flow_table *t, const struct flow_key *key, enum flow_state state,
		      unsigned int queue_limit, uint64_t now_ns)
{
	struct flow *f = t->count < t->max ? calloc(1, t->flow_bytes) : NULL;

	if (!f)
		return NULL;
	f->key = *key;
	f->state = state;
	f->timer = timer_of[state];
	f->created_ns = f->touched_ns = now_ns;
	reorder_init(&f->half[DIR_UP].queue, queue_limit);
	reorder_init(&f->half[DIR_DOWN].queue, queue_limit);
	LIST_INSERT_HEAD(bucket(t, key), f, by_key);
	TAILQ_INSERT_TAIL(&t->lists[f->timer], f, by_time);
	t->on_timer[f->timer]++;
	t->count++;
	return f;
}

/** flow_remove() - Free a flow; its queues and histories have been cleared */
void flow_remove(struct flow_table *t, struct flow *f)
{
	LIST_REMOVE(f, by_key);
	TAILQ_REMOVE(&t->lists[f->timer], f, by_time);
	t->on_timer[f->timer]--;
	t->count--;
	free(f);
}

/**
 * flow_touch() - Something of this flow passed: its timeout begins anew
 * @t:		The table
 * @f:		A flow, perhaps in another state than before
 * @now_ns:	Time
 *
 * The embryonic timeout does not: it is for the whole handshake.
 */
void flow_touch(struct flow_table *t, struct flow *f, uint64_t now_ns)
{
	enum flow_timer timer = timer_of[f->state];

	if (timer == TIMER_EMBRYONIC)
		return;
	TAILQ_REMOVE(&t->lists[f->timer], f, by_time);
	t->on_timer[f->timer]--;
	f->timer = timer;
	f->touched_ns = now_ns;
	t->on_timer[f->timer]++;
	TAILQ_INSERT_TAIL(&t->lists[f->timer], f, by_time);
}

/** flow_oldest() - The flow that will expire first of those on a timer, NULL if none */
struct flow *flow_oldest(const struct flow_table *t, enum flow_timer timer)
{
	return TAILQ_FIRST(&t->lists[timer]);
}

/** flow_expired() - A flow whose time is over, NULL if none */
struct flow *flow_expired(const struct flow_table *t, uint64_t now_ns)
{
	for (size_t i = 0; i < TIMER_COUNT; i++) {
		struct flow *f = flow_oldest(t, i);

		if (f && f->touched_ns + t->timeout_ns[i] <= now_ns)
			return f;
	}
	return NULL;
}

/** flow_deadline() - When the next flow expires, UINT64_MAX if there is none */
uint64_t flow_deadline(const struct flow_table *t)
{
	uint64_t deadline = UINT64_MAX;

	for (size_t i = 0; i < TIMER_COUNT; i++) {
		const struct flow *f = flow_oldest(t, i);

		if (f && f->touched_ns + t->timeout_ns[i] < deadline)
			deadline = f->touched_ns + t->timeout_ns[i];
	}
	return deadline;
}
