/* SPDX-License-Identifier: Apache-2.0 */
/* Whole numbers out of bytes.  The caller has checked that the bytes are there. */
#ifndef DUPACK_DECODE_BYTES_H
#define DUPACK_DECODE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/** bytes_be() - A number of @len bytes, at most 8, most significant first */
static inline uint64_t bytes_be(const uint8_t *p, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | p[i];
	return value;
}

/** bytes_be16() - Two bytes in network order */
static inline uint16_t bytes_be16(const uint8_t *p)
{
	return (uint16_t)bytes_be(p, 2);
}

/** bytes_be32() - Four bytes in network order */
static inline uint32_t bytes_be32(const uint8_t *p)
{
	return (uint32_t)bytes_be(p, 4);
}

/** bytes_le() - A number of @len bytes, at most 8, least significant first */
static inline uint64_t bytes_le(const uint8_t *p, size_t len)
{
	uint64_t value = 0;

	for (size_t i = len; i > 0; i--)
		value = value << 8 | p[i - 1];
	return value;
}

#endif
