/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of RFC 9329: once "IKETCP" from who opened the connection, then
 * messages, each behind its length of 16 bits, which counts itself.
 * Pure: bytes in, messages out, and the reverse.
 */
#ifndef IKETCP_STREAM_H
#define IKETCP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#define STREAM_PREFIX	   "IKETCP"
#define STREAM_PREFIX_LEN  6
#define STREAM_LENGTH_LEN  2
#define STREAM_MARKER_LEN  4 /* zeroes before an IKE message (RFC 3948 section 2.2) */
#define STREAM_MESSAGE_MAX (UINT16_MAX - STREAM_LENGTH_LEN)

enum stream_what {
	STREAM_NOTHING, /* more bytes are needed */
	STREAM_IKE,
	STREAM_ESP,
	STREAM_KEEPALIVE, /* one byte 0xff: to be dropped (RFC 3948 section 2.3) */
	STREAM_RUNT, /* too short for any of these: to be dropped */
	STREAM_BAD_PREFIX, /* the connection is to be closed; final */
	STREAM_BAD_LENGTH, /* 0 or 1: nothing behind it can be found; final */
};

/** One message: IKE from its SPIs on, ESP from its SPI on. */
struct stream_message {
	enum stream_what what;
	const uint8_t *bytes; /* in the reader; until its next call */
	size_t len;
};

/** Puts a stream together again, however it was split. */
struct stream_reader {
	uint8_t bytes[2 * (UINT16_MAX + 1)];
	size_t begin, end; /* what is not yet taken */
	bool prefix; /* is still to come */
	enum fault fault; /* of its own, or FAULT_NONE */
	enum stream_what broken; /* STREAM_NOTHING: it is not */
};

void stream_reader_init(struct stream_reader *r, bool prefix, enum fault fault);
uint8_t *stream_reader_room(struct stream_reader *r, size_t *ret_size);
void stream_reader_filled(struct stream_reader *r, size_t len);
struct stream_message stream_reader_take(struct stream_reader *r);

size_t stream_encode(enum stream_what what, const uint8_t *bytes, size_t len, uint8_t *buf,
		     size_t size);

#endif
