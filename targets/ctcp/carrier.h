/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The carrier without its descriptors: packets of the local stack in, segments
 * out, and the reverse, for one head-end (client) or many clients (head-end).
 * Pure like the peer: all that it does to the world goes through struct
 * carrier_world.
 */
#ifndef CTCP_CARRIER_H
#define CTCP_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer.h"
#include "table.h"

/** What the carrier does to the world. */
struct carrier_world {
	void *ctx;
	/* a whole IPv4 packet to the wire, or to the local stack; false if that failed */
	bool (*wire)(void *ctx, const uint8_t *packet, size_t len);
	bool (*stack)(void *ctx, const uint8_t *packet, size_t len);
	/* packets of the local stack for this address shall come to us, or no longer */
	void (*claim)(void *ctx, const uint8_t address[4], bool on);
	uint32_t (*random32)(void *ctx);
};

struct carrier {
	const struct peer_profile *profile; /* borrowed */
	const struct carrier_world *world; /* borrowed */
	bool client;
	uint8_t local[4];
	uint16_t local_port;
	struct table *table; /* owned */
	struct peer_out out;
	uint16_t ip_id;
	uint64_t deadline_ns; /* not later than the first deadline of a peer */
	uint64_t counts[COUNT_MAX];
};

bool carrier_init(struct carrier *c, const struct peer_profile *profile, bool client,
		  const uint8_t local[4], const uint8_t remote[4],
		  const struct carrier_world *world);
void carrier_release(struct carrier *c);
void carrier_from_stack(struct carrier *c, uint8_t *packet, size_t len, uint64_t now_ns);
void carrier_from_wire(struct carrier *c, const uint8_t *packet, size_t len, bool checked,
		       uint64_t now_ns);
void carrier_expire(struct carrier *c, uint64_t now_ns);
void carrier_close(struct carrier *c, uint64_t now_ns);
void carrier_print(const struct carrier *c, FILE *out);

#endif
