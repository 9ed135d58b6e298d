/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An oracle for kernel netem: its random generator, written again from its
 * definition in Linux (lib/random32.c and prandom_seed_state() in
 * include/linux/prandom.h), so that a test can predict each of its draws.
 */
#ifndef DUPACK_TESTS_TAUS_H
#define DUPACK_TESTS_TAUS_H

#include <stdint.h>

struct taus {
	uint32_t s[4];
};

static inline void taus_seed(struct taus *t, uint64_t seed)
{
	static const uint32_t min[] = { 2, 8, 16, 128 };
	uint32_t i = (uint32_t)((seed >> 32) ^ (seed << 10) ^ seed);

	for (int n = 0; n < 4; n++)
		t->s[n] = i < min[n] ? i + min[n] : i;
}

static inline uint32_t taus_next(struct taus *t)
{
	static const struct {
		int a, b;
		uint32_t c;
		int d;
	} k[] = {
		{ 6, 13, ~1U, 18 }, { 2, 27, ~7U, 2 }, { 13, 21, ~15U, 7 }, { 3, 12, ~127U, 13 }
	};
	uint32_t x = 0;

	for (int n = 0; n < 4; n++) {
		uint32_t s = t->s[n];

		t->s[n] = ((s & k[n].c) << k[n].d) ^ (((s << k[n].a) ^ s) >> k[n].b);
		x ^= t->s[n];
	}
	return x;
}

#endif
