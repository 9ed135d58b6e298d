/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded random numbers with named sub-streams.
 *
 * Every consumer takes its own stream by name, so adding a consumer never
 * changes the numbers of another.  Small seeds are hashed first: neighbouring
 * seeds give unrelated streams.
 */
#ifndef DUPACK_BASE_PRNG_H
#define DUPACK_BASE_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
	uint64_t s[4];
};

void prng_init(struct prng *prng, uint64_t seed, const char *stream);
uint64_t prng_u64(struct prng *prng);
double prng_unit(struct prng *prng);
void prng_bytes(struct prng *prng, void *buf, size_t len);
uint64_t prng_mix(uint64_t x);

#endif
