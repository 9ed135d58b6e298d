// SPDX-License-Identifier: Apache-2.0
#include "middlebox/policer.h"

#include "base/units.h"

/**
 * policer_init() - Make a full bucket
 * @p:		The bucket
 * @bps:	Bits a second, above 0
 * @burst_bytes: What it holds, at most 2^30
 */
void policer_init(struct policer *p, uint64_t bps, uint64_t burst_bytes)
{
	uint64_t full = burst_bytes * 8 * NS_PER_S;

	*p = (struct policer){ .bps = bps, .full = full, .tokens = full };
}

/**
 * policer_admits() - May a packet pass?
 * @p:		The bucket; pays if so
 * @now_ns:	Time, never less than before
 * @bytes:	Of the packet
 *
 * Return: false if it is above the rate
 */
bool policer_admits(struct policer *p, uint64_t now_ns, size_t bytes)
{
	uint64_t elapsed = now_ns - p->since_ns, price = bytes * 8 * NS_PER_S;

	p->tokens =
		elapsed > (p->full - p->tokens) / p->bps ? p->full : p->tokens + elapsed * p->bps;
	p->since_ns = now_ns;
	if (price > p->tokens)
		return false;
	p->tokens -= price;
	return true;
}
