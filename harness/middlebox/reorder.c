// SPDX-License-Identifier: Apache-2.0
#include "middlebox/reorder.h"

#include <stdlib.h>
#include <string.h>

#include "decode/packet.h"

/**
 * reorder_pool_init() - Make an empty pool
 * @pool:	Lives longer than its queues
 * @timeout_ns:	How long a queue waits for a hole to be filled
 * @memory:	Bytes of packets in all queues together
 */
void reorder_pool_init(struct reorder_pool *pool, uint64_t timeout_ns, uint64_t memory)
{
	*pool = (struct reorder_pool){ .timeout_ns = timeout_ns, .memory = memory };
	TAILQ_INIT(&pool->waiting);
}

/** reorder_init() - Make an empty queue of at most @limit packets; it must not move afterwards */
void reorder_init(struct reorder *q, unsigned int limit)
{
	memset(q, 0, sizeof(*q));
	q->limit = limit;
	TAILQ_INIT(&q->held);
}

static void start_clock(struct reorder_pool *pool, struct reorder *q, uint64_t now_ns)
{
	q->since_ns = now_ns;
	TAILQ_INSERT_TAIL(&pool->waiting, q, waiting);
}

static void unlink_held(struct reorder_pool *pool, struct reorder *q, struct held *h)
{
	TAILQ_REMOVE(&q->held, h, link);
	q->newest = q->newest == h ? NULL : q->newest;
	q->count--;
	pool->packets--;
	pool->bytes -= sizeof(*h) + h->len;
}

/* The last held packet that begins at or before @seq, NULL if none */
static struct held *place(const struct reorder *q, uint32_t seq)
{
	struct held *h = TAILQ_LAST(&q->held, held_list);

	while (h && seq_lt(seq, h->seq))
		h = TAILQ_PREV(h, held_list, link);
	return h;
}

/**
 * reorder_add() - Hold a packet that arrived behind a hole
 * @pool:	The pool
 * @q:		Queue of its direction
 * @now_ns:	Time
 * @what:	seq, end, fin, len, tcp and payload of the packet; it is copied
 * @ip:		The packet, as it will leave; copied
 *
 * Return: held; or duplicate, if one held packet covers it; or full
 */
enum reorder_result reorder_add(struct reorder_pool *pool, struct reorder *q, uint64_t now_ns,
				const struct held *what, const uint8_t *ip)
{
	struct held *before = place(q, what->seq), *h;

	if (before && seq_leq(what->end, before->end))
		return REORDER_DUPLICATE;
	if (q->count >= q->limit || what->len > REORDER_PACKET_MAX ||
	    pool->bytes + sizeof(*h) + what->len > pool->memory)
		return REORDER_FULL;
	h = malloc(sizeof(*h) + what->len);
	if (!h)
		return REORDER_FULL;
	*h = *what;
	memcpy(h->ip, ip, h->len);
	if (before)
		TAILQ_INSERT_AFTER(&q->held, before, h, link);
	else
		TAILQ_INSERT_HEAD(&q->held, h, link);
	q->newest = h;
	if (q->count++ == 0)
		start_clock(pool, q, now_ns);
	pool->packets++;
	pool->bytes += sizeof(*h) + h->len;
	return REORDER_HELD;
}

/**
 * reorder_take() - Take the first packet out if there is no hole before it
 * @pool:	The pool
 * @q:		Queue
 * @now_ns:	Time
 * @next:	The next expected sequence number
 *
 * The clock restarts: what is left waits for another hole.
 *
 * Return: the packet, the caller frees it; NULL if there is none
 */
struct held *reorder_take(struct reorder_pool *pool, struct reorder *q, uint64_t now_ns,
			  uint32_t next)
{
	struct held *h = TAILQ_FIRST(&q->held);

	if (!h || seq_lt(next, h->seq))
		return NULL;
	unlink_held(pool, q, h);
	TAILQ_REMOVE(&pool->waiting, q, waiting);
	if (q->count)
		start_clock(pool, q, now_ns);
	return h;
}

/** reorder_clear() - Drop all that a queue holds; returns how many packets */
unsigned int reorder_clear(struct reorder_pool *pool, struct reorder *q)
{
	unsigned int count = q->count;
	struct held *h;

	if (count)
		TAILQ_REMOVE(&pool->waiting, q, waiting);
	while ((h = TAILQ_FIRST(&q->held))) {
		unlink_held(pool, q, h);
		free(h);
	}
	return count;
}

/** reorder_expired() - A queue that has waited its time, NULL if none; clear it */
struct reorder *reorder_expired(const struct reorder_pool *pool, uint64_t now_ns)
{
	return reorder_deadline(pool) <= now_ns ? TAILQ_FIRST(&pool->waiting) : NULL;
}

/** reorder_deadline() - When the next queue expires, UINT64_MAX if none waits */
uint64_t reorder_deadline(const struct reorder_pool *pool)
{
	const struct reorder *q = TAILQ_FIRST(&pool->waiting);

	return q ? q->since_ns + pool->timeout_ns : UINT64_MAX;
}
