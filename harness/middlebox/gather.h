/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments merged and cut: the bytes of the stream stay, their segments do
 * not.  See gather.c.
 */
#ifndef DUPACK_MIDDLEBOX_GATHER_H
#define DUPACK_MIDDLEBOX_GATHER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "spec/case.h"

struct engine_out;
struct packet;

#define GATHER_HEADER_MAX 256 /* IP and TCP; segments with longer ones are let pass */
#define GATHER_MEMORY	  (16U << 20) /* bytes, of all flows */

/** What one direction of a flow has gathered; NULL: nothing. */
struct gather {
	TAILQ_ENTRY(gather) link;
	struct gather **slot; /* where the flow has it */
	enum direction dir;
	uint64_t since_ns;
	uint32_t seq; /* of the first byte */
	size_t header_len, len; /* of the header, of the payload */
	unsigned int merged; /* segments in it */
	uint8_t push; /* PACKET_TCP_PSH if one of them had it */
	uint8_t header[GATHER_HEADER_MAX]; /* of the newest segment */
	uint8_t payload[];
};

TAILQ_HEAD(gather_list, gather);

struct gatherer {
	size_t coalesce, resegment, mtu; /* bytes; 0: off */
	uint64_t hold_ns;
	uint64_t *counters;
	struct gather_list waiting; /* ascending by since_ns */
	size_t memory;
	uint8_t piece[65536];
};

void gatherer_init(struct gatherer *g, size_t coalesce, uint64_t hold_ns, size_t resegment,
		   size_t mtu, uint64_t *counters);
void gather_segment(struct gatherer *g, struct gather **slot, uint64_t now_ns, enum direction dir,
		    const struct packet *p, const struct engine_out *out);
void gather_flush(struct gatherer *g, struct gather **slot, const struct engine_out *out);
unsigned int gather_drop(struct gatherer *g, struct gather **slot);
void gather_expire(struct gatherer *g, uint64_t now_ns, const struct engine_out *out);
uint64_t gather_deadline(const struct gatherer *g);

#endif
