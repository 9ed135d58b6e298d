// SPDX-License-Identifier: Apache-2.0
#include "middlebox/cookie.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/prng.h"
#include "base/units.h"
#include "middlebox/flow.h"

#define STEP_NS	  (64 * NS_PER_S)
#define STEP_BITS 5
#define HASH_MASK 0xffffffU

/* Ascending; the first is what an end without the option takes (RFC 9293 section 3.7.1) */
static const uint16_t sizes[8] = { 536, 800, 1024, 1220, 1300, 1380, 1440, 1460 };

static unsigned int size_index(uint16_t mss)
{
	unsigned int i = ARRAY_SIZE(sizes) - 1;

	while (i && sizes[i] > mss)
		i--;
	return i;
}

static uint32_t make(uint64_t secret, const struct flow_key *key, uint32_t isn, unsigned int size,
		     uint64_t step)
{
	uint64_t words[6] = { 0 }, hash = secret;

	memcpy(words, key->addr, sizeof(key->addr));
	words[4] = (uint64_t)key->port[0] << 32 | (uint64_t)key->port[1] << 8 | key->version;
	words[5] = (uint64_t)isn << 32 | size << 8 | (step & ((1 << STEP_BITS) - 1));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		hash = prng_mix(hash ^ words[i]);
	return (uint32_t)(step << (32 - STEP_BITS)) | size << 24 | ((uint32_t)hash & HASH_MASK);
}

/**
 * cookie_make() - The sequence number of a SYN-ACK
 * @secret:	Of the device
 * @key:	Addresses and ports of the SYN
 * @isn:	Its sequence number
 * @mss:	That it gives, 0: none
 * @now_ns:	Time
 */
uint32_t cookie_make(uint64_t secret, const struct flow_key *key, uint32_t isn, uint16_t mss,
		     uint64_t now_ns)
{
	return make(secret, key, isn, size_index(mss), now_ns / STEP_NS);
}

/**
 * cookie_check() - Did the device send this, not long ago?
 * @secret:	Of the device
 * @key:	Addresses and ports of the ACK
 * @isn:	Sequence number of its SYN
 * @cookie:	What it acknowledges, less 1
 * @now_ns:	Time
 * @ret_mss:	What the SYN gave, rounded down; set on success
 *
 * Return: true if it did, in this step of 64 s or the one before
 */
bool cookie_check(uint64_t secret, const struct flow_key *key, uint32_t isn, uint32_t cookie,
		  uint64_t now_ns, uint16_t *ret_mss)
{
	unsigned int size = cookie >> 24 & 7;
	uint64_t step = now_ns / STEP_NS;

	if (cookie != make(secret, key, isn, size, step) &&
	    (!step || cookie != make(secret, key, isn, size, step - 1)))
		return false;
	*ret_mss = sizes[size];
	return true;
}

/** cookie_mss() - What a cookie makes of an MSS: the next smaller one that it can hold */
uint16_t cookie_mss(uint16_t mss)
{
	return sizes[size_index(mss)];
}
