// SPDX-License-Identifier: Apache-2.0
/*
 * base/prng: the published outputs of its two generators, streams that do not
 * depend on each other, and evenness within 4 sigma.
 */
#include "base/prng.h"

#include <math.h>

#include "base/cleanup.h"
#include "tests/tap.h"

#define DRAWS 1000000

/* Published by the authors of splitmix64, seed 1234567 */
static void check_mix(void)
{
	static const uint64_t want[] = { 6457827717110365317ULL, 3203168211198807973ULL,
					 9817491932198370423ULL, 4593380528125082431ULL,
					 16408922859458223821ULL };
	uint64_t state = 1234567;

	for (size_t i = 0; i < ARRAY_SIZE(want); i++, state += 0x9e3779b97f4a7c15ULL)
		tap_ok(prng_mix(state) == want[i], "splitmix64 output %zu", i + 1);
}

/* xoshiro256** from the state 1, 2, 3, 4, as its reference code prints it */
static void check_xoshiro(void)
{
	static const uint64_t want[] = { 11520ULL,
					 0ULL,
					 1509978240ULL,
					 1215971899390074240ULL,
					 1216172134540287360ULL,
					 607988272756665600ULL,
					 16172922978634559625ULL,
					 8476171486693032832ULL,
					 10595114339597558777ULL,
					 2904607092377533576ULL };
	struct prng prng = { .s = { 1, 2, 3, 4 } };

	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		tap_ok(prng_u64(&prng) == want[i], "xoshiro256** output %zu", i + 1);
}

static uint64_t first(uint64_t seed, const char *stream)
{
	struct prng prng;

	prng_init(&prng, seed, stream);
	return prng_u64(&prng);
}

static void check_streams(void)
{
	unsigned same = 0;

	tap_ok(first(1, "wire:outside:up") == first(1, "wire:outside:up"),
	       "the same seed and name give the same stream");
	tap_ok(first(1, "wire:outside:up") != first(1, "wire:outside:down"),
	       "another name gives another stream");
	tap_ok(first(1, "ab") != first(1, "ba"), "the order of letters counts");
	tap_ok(first(0, "") != 0, "seed 0 without a name is a stream too");
	for (uint64_t seed = 0; seed < 1000; seed++)
		same += first(seed, "x") == first(seed + 1, "x");
	tap_is(same, 0, "neighbouring seeds give other streams");
}

/* Neighbouring seeds must be unrelated: of 64 bits, 32 differ on average */
static void check_neighbours(void)
{
	const double n = 1000, sigma = sqrt(64 * 0.25 / n);
	double sum = 0;

	for (uint64_t seed = 1; seed <= (uint64_t)n; seed++)
		sum += __builtin_popcountll(first(seed, "x") ^ first(seed + 1, "x"));
	tap_ok(fabs(sum / n - 32) < 4 * sigma, "neighbouring seeds differ in half of the bits (%g)",
	       sum / n);
}

static void check_evenness(void)
{
	double sum = 0, chi = 0, low = 1, high = 0;
	unsigned bins[100] = { 0 }, hits = 0;
	struct prng prng;

	prng_init(&prng, 42, "evenness");
	for (int i = 0; i < DRAWS; i++) {
		double u = prng_unit(&prng);

		low = u < low ? u : low;
		high = u > high ? u : high;
		sum += u;
		bins[(int)(u * 100)]++;
		hits += u < 0.01;
	}
	for (int i = 0; i < 100; i++)
		chi += pow(bins[i] - DRAWS / 100.0, 2) / (DRAWS / 100.0);
	tap_ok(low >= 0 && high < 1, "draws are in [0, 1)");
	tap_ok(fabs(sum / DRAWS - 0.5) < 4 * sqrt(1.0 / 12 / DRAWS), "mean of a million draws");
	tap_ok(fabs(hits - DRAWS * 0.01) < 4 * sqrt(DRAWS * 0.01 * 0.99),
	       "1 %% of the draws is below 0.01 (%u)", hits);
	tap_ok(fabs(chi - 99) < 4 * sqrt(2 * 99), "chi-square of 100 bins (%.1f)", chi);
}

static void check_bytes(void)
{
	unsigned char a[19] = { 0 }, b[24], guard;
	struct prng one, two;

	prng_init(&one, 7, "bytes");
	prng_init(&two, 7, "bytes");
	prng_bytes(&one, a, 18);
	prng_bytes(&two, b, sizeof(b));
	guard = a[18];
	tap_ok(memcmp(a, b, 18) == 0, "the bytes of a stream do not depend on how many are asked");
	tap_is(guard, 0, "nothing is written behind the buffer");
}

int main(void)
{
	check_mix();
	check_xoshiro();
	check_streams();
	check_neighbours();
	check_evenness();
	check_bytes();
	return tap_done();
}
