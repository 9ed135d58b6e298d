/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket: what comes faster than its rate, and finds it empty, is
 * above.  It begins full.
 */
#ifndef DUPACK_MIDDLEBOX_POLICER_H
#define DUPACK_MIDDLEBOX_POLICER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policer {
	uint64_t bps;
	uint64_t full, tokens; /* in billionths of a bit: exact at every nanosecond */
	uint64_t since_ns;
};

void policer_init(struct policer *p, uint64_t bps, uint64_t burst_bytes);
bool policer_admits(struct policer *p, uint64_t now_ns, size_t bytes);

#endif
