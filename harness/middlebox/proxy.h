/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine of asa and asa-proxy: what becomes of a segment.  It changes the
 * flow's state and decides; queues, ACKs and packets are the engine's.
 */
#ifndef DUPACK_MIDDLEBOX_PROXY_H
#define DUPACK_MIDDLEBOX_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "decode/packet.h"
#include "middlebox/config.h"
#include "middlebox/counter.h"
#include "middlebox/flow.h"
#include "middlebox/segment.h"

/** A TCP segment on its way through the engine. */
struct arrival {
	struct packet packet;
	struct segment_options options;
	enum direction dir;
	uint64_t now_ns;
	/* set by proxy_judge() */
	uint32_t ack; /* its ACK number, in the numbers of the end that it is for */
	uint32_t end; /* first sequence number behind it */
	bool in_order; /* it fills the place that was expected next */
	bool reset; /* forward it, then forget the flow */
	bool answer; /* the sender gets an ACK from the device */
	bool reached; /* it is the first to acknowledge all that was sent on to its sender */
	bool seen; /* it begins below the highest that its sender had sent */
	bool duplicate; /* it is a duplicate ACK */
	bool unchecked; /* the history does not reach back to all of it */
};

bool proxy_flags_ok(const struct packet *p);
bool proxy_passes(enum counter what);
bool proxy_is_syn(const struct packet *p);
bool proxy_replaces(const struct flow *f, const struct arrival *a);
void proxy_open(struct flow *f, const struct arrival *a);
void proxy_open_half(struct half *h, const struct arrival *a);
enum counter proxy_judge(const struct engine_config *config, struct flow *f, struct arrival *a);
enum history_result proxy_compare(const struct half *from, uint32_t seq, const uint8_t *bytes,
				  size_t len);
void proxy_advance(struct flow *f, enum direction dir, uint32_t end, bool fin);
uint32_t proxy_ack_point(const struct engine_config *config, const struct half *sender);

/** proxy_opposite() - The other direction, and the other end */
static inline enum direction proxy_opposite(enum direction dir)
{
	return dir == DIR_UP ? DIR_DOWN : DIR_UP;
}

#endif
