/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers share: the entry point, taking the input apart, and a check
 * that ends the program where assert() would be compiled away.
 */
#ifndef DUPACK_FUZZ_FUZZ_H
#define DUPACK_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/** What is left of an input. */
struct fuzz_input {
	const uint8_t *p;
	size_t len;
};

/** fuzz_bytes() - Take up to @want bytes; *@ret_len says how many there were */
static inline const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t want, size_t *ret_len)
{
	const uint8_t *p = in->p;
	size_t n = want < in->len ? want : in->len;

	in->p += n;
	in->len -= n;
	*ret_len = n;
	return p;
}

/** fuzz_u8() - Take a byte; 0 behind the end */
static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	size_t n;
	const uint8_t *p = fuzz_bytes(in, 1, &n);

	return n ? *p : 0;
}

/** fuzz_u16() - Take two bytes, the high one first */
static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	uint16_t high = fuzz_u8(in);

	return (uint16_t)(high << 8 | fuzz_u8(in));
}

/** FUZZ_CHECK() - What must hold whatever the input is */
#define FUZZ_CHECK(what)                                                                           \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);  \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
