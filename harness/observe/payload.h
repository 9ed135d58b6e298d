/* SPDX-License-Identifier: Apache-2.0 */
/* What the traffic carries: the format that client and server agree on. */
#ifndef DUPACK_OBSERVE_PAYLOAD_H
#define DUPACK_OBSERVE_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "decode/marks.h"

/** The first 16 bytes of a probe, of a TCP stream and of a synthetic segment, in network order. */
struct payload_head {
	uint32_t magic;
	uint32_t flow;
	uint64_t number; /* of the probe or segment, or the seed of the pattern that follows */
};

#define PAYLOAD_HEAD_LEN 16

void payload_put_head(uint8_t bytes[PAYLOAD_HEAD_LEN], const struct payload_head *head);
struct payload_head payload_get_head(const uint8_t bytes[PAYLOAD_HEAD_LEN]);

/** An endless pattern, the same however it is cut into pieces. */
struct payload_pattern {
	struct prng prng;
	uint8_t word[8];
	size_t left; /* bytes of .word not yet used */
};

void payload_pattern_init(struct payload_pattern *p, uint64_t seed, uint32_t flow);
void payload_pattern_fill(struct payload_pattern *p, uint8_t *bytes, size_t len);

#endif
