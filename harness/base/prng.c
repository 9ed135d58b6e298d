// SPDX-License-Identifier: Apache-2.0
/*
 * xoshiro256** (Blackman and Vigna, 2018) seeded by splitmix64: small, fast,
 * and good enough for loss models.  Not for keys.
 */
#include "base/prng.h"

#include <string.h>

/**
 * prng_mix() - The finaliser of splitmix64: a bijection that spreads all bits
 * @x:		Any value
 *
 * Return: the mixed value
 */
uint64_t prng_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/**
 * prng_init() - Begin a stream
 * @prng:	Initialised
 * @seed:	The seed of the case, any value
 * @stream:	Name of the consumer, for example "wire:outside:up"
 */
void prng_init(struct prng *prng, uint64_t seed, const char *stream)
{
	uint64_t x = prng_mix(seed);

	for (; *stream; stream++)
		x = prng_mix(x ^ (unsigned char)*stream);
	for (int i = 0; i < 4; i++)
		prng->s[i] = x = prng_mix(x);
}

/** prng_u64() - The next 64 bits */
uint64_t prng_u64(struct prng *prng)
{
	uint64_t *s = prng->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/** prng_unit() - The next number in [0, 1), with 53 random bits */
double prng_unit(struct prng *prng)
{
	return (double)(prng_u64(prng) >> 11) * 0x1.0p-53;
}

/** prng_bytes() - Fill a buffer */
void prng_bytes(struct prng *prng, void *buf, size_t len)
{
	unsigned char *p = buf;

	while (len) {
		uint64_t x = prng_u64(prng);
		size_t n = len < sizeof(x) ? len : sizeof(x);

		memcpy(p, &x, n);
		p += n;
		len -= n;
	}
}
