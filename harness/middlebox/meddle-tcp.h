/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What meddling knows of a flow, and what it does to the header of a TCP
 * segment.  Numbers in a flow are their sender's own, as in flow.h.
 */
#ifndef DUPACK_MIDDLEBOX_MEDDLE_TCP_H
#define DUPACK_MIDDLEBOX_MEDDLE_TCP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "middlebox/flow.h"
#include "middlebox/gather.h"
#include "middlebox/meddle-config.h"
#include "middlebox/segment.h"

struct packet;
struct prng;

struct meddle_flow {
	struct flow flow; /* first: flow.c allocates it */
	uint64_t first_ns; /* its first packet: its age counts from here */
	bool looked_at, blocked; /* by the filter of first bytes */
	bool edge_known[DIR_COUNT];
	uint32_t edge[DIR_COUNT]; /* end of the window that this end gave, at most */
	bool ptb_forged[DIR_COUNT]; /* about what travels in this direction */
	struct gather *gather[DIR_COUNT];
	unsigned int injections; /* that took place */
	TAILQ_ENTRY(meddle_flow) injection; /* in the list of the first ones, or of the others */
};

void meddle_tcp_begin(const struct meddle_config *config, struct meddle_flow *f, uint64_t now_ns,
		      struct prng *isn);
void meddle_tcp_headers(const struct meddle_config *config, struct meddle_flow *f, uint64_t now_ns,
			enum direction dir, uint8_t *ip, struct packet *p, uint64_t *counters);
void meddle_tcp_numbers(const struct meddle_flow *f, enum direction dir, bool sack, uint8_t *ip,
			struct packet *p);
bool meddle_tcp_learn(struct meddle_flow *f, enum direction dir, const struct packet *p,
		      const struct packet *sent);
struct segment_ack meddle_tcp_reply(const struct meddle_flow *f, enum direction dir);

/** meddle_acts() - Are packets that travel this way meddled with? */
static inline bool meddle_acts(const struct meddle_config *config, enum direction dir)
{
	return config->direction == MEDDLE_BOTH ||
	       (config->direction == MEDDLE_UP) == (dir == DIR_UP);
}

#endif
