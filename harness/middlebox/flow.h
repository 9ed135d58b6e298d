/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections that the device knows, found by their addresses and ports in
 * one step, and removed when their time is over.
 *
 * The table owns its flows.  Each flow is in one list for each kind of
 * timeout; as all flows of a list have the same timeout and go to its tail
 * when they are touched, its head is always the next to expire.
 */
#ifndef DUPACK_MIDDLEBOX_FLOW_H
#define DUPACK_MIDDLEBOX_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "middlebox/history.h"
#include "middlebox/reorder.h"
#include "spec/case.h"

/** See the state table in proxy.c. */
enum flow_state {
	FLOW_SYN_SENT,
	FLOW_SYN_RECEIVED,
	FLOW_ESTABLISHED,
	FLOW_HALF_CLOSED,
	FLOW_CLOSED,
	FLOW_BYPASSED,
	FLOW_INTERCEPTED,
	FLOW_STATE_COUNT
};

enum flow_timer {
	TIMER_EMBRYONIC,
	TIMER_IDLE,
	TIMER_HALF_CLOSED,
	TIMER_CLOSED,
	TIMER_BYPASS,
	TIMER_INTERCEPT, /* repeats the SYN to the server */
	TIMER_COUNT
};

/** Addresses and ports; index DIR_UP: the end whose packets travel up. */
struct flow_key {
	uint8_t addr[DIR_COUNT][16]; /* IPv4: the first 4, the rest 0 */
	uint16_t port[DIR_COUNT];
	uint8_t version; /* 4 or 6 */
	uint8_t proto; /* of IP; 0 in a table of one protocol */
};

/** One end of a connection; numbers are that end's own, not translated. */
struct half {
	bool syn, fin; /* its SYN, its FIN has been sent on */
	uint32_t isn;
	uint32_t next; /* expected next: all before it was sent on, in order */
	uint32_t highest; /* it sent nothing yet at or behind this, in order or not */
	uint32_t acked; /* the other end acknowledged all before it */
	uint32_t offset; /* the other end sees its numbers plus this */
	uint32_t window; /* that it gives the other end, in bytes */
	uint8_t shift; /* of its window, once both ends scale */
	uint8_t ttl; /* of its last packet, for ACKs in its name */
	uint8_t ttl_least; /* of all its packets */
	uint16_t mss; /* that it takes, 0: not said */
	bool window_scale, sack_permitted, timestamps; /* offered in its SYN */
	uint32_t tsval; /* the newest it sent */
	uint32_t ts_recent; /* the newest it sent in order: what an ACK echoes */
	uint32_t paws; /* TS.Recent of RFC 7323 section 5.3, as far as the device knows it */
	uint64_t paws_ns; /* when it was heard; 0: never */
	struct reorder queue; /* what it sent behind a hole */
	struct history history; /* what it sent, for check-retransmission */
};

/** What each packet looks at comes first: it is in two lines of the processor's cache. */
struct flow {
	struct flow_key key;
	LIST_ENTRY(flow) by_key;
	TAILQ_ENTRY(flow) by_time;
	uint64_t touched_ns;
	enum flow_state state;
	enum flow_timer timer;
	enum direction initiator;
	struct half half[DIR_COUNT]; /* DIR_UP: the sender of what travels up */
	uint64_t created_ns;
};

TAILQ_HEAD(flow_time_list, flow);
LIST_HEAD(flow_bucket, flow);

struct flow_table {
	struct flow_bucket *buckets; /* mask + 1 of them */
	size_t mask, count, max;
	size_t on_timer[TIMER_COUNT]; /* flows in each list */
	size_t flow_bytes; /* of a struct that begins with struct flow; set before the first flow */
	uint64_t hash_key;
	uint64_t timeout_ns[TIMER_COUNT];
	struct flow_time_list lists[TIMER_COUNT];
};

void flow_table_init(struct flow_table *t, size_t max, uint64_t hash_key,
		     const uint64_t timeout_ns[TIMER_COUNT]);
void flow_table_release(struct flow_table *t);
struct flow *flow_find(const struct flow_table *t, const struct flow_key *key);
struct flow *flow_add(struct flow_table *t, const struct flow_key *key, enum flow_state state,
		      unsigned int queue_limit, uint64_t now_ns);
void flow_remove(struct flow_table *t, struct flow *f);
void flow_touch(struct flow_table *t, struct flow *f, uint64_t now_ns);
struct flow *flow_expired(const struct flow_table *t, uint64_t now_ns);
struct flow *flow_oldest(const struct flow_table *t, enum flow_timer timer);
uint64_t flow_deadline(const struct flow_table *t);

#endif
