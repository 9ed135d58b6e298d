/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out-of-order queues: what arrived behind a hole, one queue for each
 * direction of a flow, all of them drawing on one pool.
 *
 *   empty --add--> waiting --hole filled, another behind it--> waiting, clock restarted
 *                     |------hole filled, all released--------> empty
 *                     `------timeout, all dropped-------------> empty
 *
 * A queue waits for one hole at a time.  Its clock starts when that hole
 * becomes the first one: with the first segment behind it, or when the hole
 * before it was filled.  So the pool's list of waiting queues is always in the
 * order of their deadlines, and the next deadline costs nothing to find.
 *
 * Inserting is linear in the queue's limit, at most 250; at the tail, where a
 * sender that goes on sending appends, it is one step.
 */
#ifndef DUPACK_MIDDLEBOX_REORDER_H
#define DUPACK_MIDDLEBOX_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define REORDER_PACKET_MAX 9216 /* longer ones are not held */

/** A held packet, as it will leave. */
struct held {
	TAILQ_ENTRY(held) link;
	uint32_t seq, end; /* in its sender's numbers */
	bool fin;
	size_t len, tcp, payload; /* bytes; where header and payload begin */
	uint8_t ip[];
};

TAILQ_HEAD(held_list, held);

struct reorder {
	struct held_list held; /* ascending by seq */
	unsigned int count, limit; /* packets: now, at most */
	const struct held *newest;
	uint64_t since_ns; /* the clock; only while count > 0 */
	TAILQ_ENTRY(reorder) waiting;
};

TAILQ_HEAD(reorder_list, reorder);

struct reorder_pool {
	struct reorder_list waiting; /* ascending by since_ns */
	uint64_t timeout_ns, memory; /* ns; bytes of all */
	size_t packets, bytes; /* held now; struct held is counted */
};

enum reorder_result { REORDER_HELD, REORDER_DUPLICATE, REORDER_FULL };

void reorder_pool_init(struct reorder_pool *pool, uint64_t timeout_ns, uint64_t memory);
void reorder_init(struct reorder *q, unsigned int limit);
enum reorder_result reorder_add(struct reorder_pool *pool, struct reorder *q, uint64_t now_ns,
				const struct held *what, const uint8_t *ip);
struct held *reorder_take(struct reorder_pool *pool, struct reorder *q, uint64_t now_ns,
			  uint32_t next);
unsigned int reorder_clear(struct reorder_pool *pool, struct reorder *q);
struct reorder *reorder_expired(const struct reorder_pool *pool, uint64_t now_ns);
uint64_t reorder_deadline(const struct reorder_pool *pool);

#endif
