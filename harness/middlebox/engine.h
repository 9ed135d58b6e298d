/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment-preserving stateful engine: asa, asa-proxy and asa-bypass, and what
 * meddles with packets in front of them or alone: meddlebox.
 *
 * Pure with respect to time and to the outside world: packets and times go
 * in, packets come out by a callback, so a test can drive it byte by byte and
 * a run repeats exactly.
 *
 * Memory: engine_usage().bytes never exceeds engine_bytes_max(), which is
 *
 *   max-flows x (sizeof(struct flow) + 8) + queue-memory
 *     + history-memory if check-retransmission is on
 *
 * and 64 KiB, with max-flows rounded up to a power of 2 for the 8 bytes: with the
 * defaults below 100 MiB.  A fragment holds nothing, a SYN above the embryonic
 * limit neither.
 */
#ifndef DUPACK_MIDDLEBOX_ENGINE_H
#define DUPACK_MIDDLEBOX_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "middlebox/config.h"
#include "middlebox/counter.h"
#include "spec/case.h"

struct engine;

/** Where packets go. */
struct engine_out {
	/* @dir: the way the packet travels; @ip: valid during the call only */
	void (*emit)(void *ctx, enum direction dir, const uint8_t *ip, size_t len);
	void *ctx;
};

/** What the engine holds now. */
struct engine_usage {
	size_t flows, queued_packets, queued_bytes, history_bytes;
	size_t gathered_bytes; /* of what meddles, to be merged */
	size_t bytes; /* all that was allocated */
};

struct engine *engine_new(const struct device_config *config, uint64_t seed);
void engine_free(struct engine *e);
void engine_packet(struct engine *e, uint64_t now_ns, enum direction dir, const uint8_t *ip,
		   size_t len, const struct engine_out *out);
void engine_timer(struct engine *e, uint64_t now_ns, const struct engine_out *out);
uint64_t engine_deadline(const struct engine *e);
const uint64_t *engine_counters(const struct engine *e);
struct engine_usage engine_usage(const struct engine *e);
size_t engine_bytes_max(const struct device_config *config);

#endif
