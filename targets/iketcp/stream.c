// SPDX-License-Identifier: Apache-2.0
/*
 * The reader holds at most one message that is not complete, and what came with
 * it.  There is always room for the rest of a message: the longest has 65535 bytes.
 */
#include "stream.h"

#include <string.h>

/**
 * stream_reader_init() - Begin a stream
 * @r:		Filled in
 * @prefix:	Does the other end begin with the prefix?
 * @fault:	What is wrong with it
 */
void stream_reader_init(struct stream_reader *r, bool prefix, enum fault fault)
{
	r->fault = fault;
	r->begin = r->end = 0;
	r->prefix = prefix;
	r->broken = STREAM_NOTHING;
}

/**
 * stream_reader_room() - Where the next bytes are to be put
 * @r:		All messages have been taken
 * @ret_size:	How many there may be, at least 65536
 *
 * Return: the place; stream_reader_filled() says how many came
 */
uint8_t *stream_reader_room(struct stream_reader *r, size_t *ret_size)
{
	if (r->fault == FAULT_FORGETS_PARTIAL)
		r->begin = r->end;
	memmove(r->bytes, r->bytes + r->begin, r->end - r->begin);
	r->end -= r->begin;
	r->begin = 0;
	*ret_size = sizeof(r->bytes) - r->end;
	return r->bytes + r->end;
}

/** stream_reader_filled() - @len bytes were put into the room */
void stream_reader_filled(struct stream_reader *r, size_t len)
{
	r->end += len;
}

static struct stream_message broken(struct stream_reader *r, enum stream_what how)
{
	r->broken = how;
	return (struct stream_message){ .what = how };
}

static enum stream_what kind_of(const uint8_t *bytes, size_t len)
{
	static const uint8_t marker[STREAM_MARKER_LEN];

	if (len == 1 && bytes[0] == 0xff)
		return STREAM_KEEPALIVE;
	if (len <= STREAM_MARKER_LEN)
		return STREAM_RUNT;
	return memcmp(bytes, marker, sizeof(marker)) == 0 ? STREAM_IKE : STREAM_ESP;
}

/**
 * stream_reader_take() - The next message
 * @r:		The reader
 *
 * Return: a message; STREAM_NOTHING if it is not complete yet, or how the stream is broken
 */
struct stream_message stream_reader_take(struct stream_reader *r)
{
	const uint8_t *p = r->bytes + r->begin;
	size_t have = r->end - r->begin, len;
	struct stream_message m = { .what = r->broken };

	if (r->broken != STREAM_NOTHING)
		return m;
	if (r->prefix) {
		len = have < STREAM_PREFIX_LEN ? have : STREAM_PREFIX_LEN;
		if (memcmp(p, STREAM_PREFIX, len) != 0)
			return broken(r, STREAM_BAD_PREFIX); /* as soon as it is plain */
		if (len < STREAM_PREFIX_LEN)
			return m;
		r->prefix = false;
		r->begin += len;
		p += len;
		have -= len;
	}
	if (have < STREAM_LENGTH_LEN)
		return m;
	len = (size_t)p[0] << 8 | p[1];
	if (len < STREAM_LENGTH_LEN)
		return broken(r, STREAM_BAD_LENGTH);
	if (have < len)
		return m;
	r->begin = r->fault == FAULT_ONE_A_READ ? r->end : r->begin + len;
	m.bytes = p + STREAM_LENGTH_LEN;
	m.len = len - STREAM_LENGTH_LEN;
	m.what = kind_of(m.bytes, m.len);
	if (m.what == STREAM_IKE) {
		m.bytes += STREAM_MARKER_LEN;
		m.len -= STREAM_MARKER_LEN;
	}
	return m;
}

/**
 * stream_encode() - A message as it stands in the stream
 * @what:	STREAM_IKE or STREAM_ESP
 * @bytes:	IKE from its SPIs on, ESP from its SPI on
 * @len:	Length of it in bytes
 * @buf:	Receives it
 * @size:	Size of @buf in bytes
 *
 * Return: how many bytes were written; 0 if it is too long
 */
size_t stream_encode(enum stream_what what, const uint8_t *bytes, size_t len, uint8_t *buf,
		     size_t size)
{
	size_t head = STREAM_LENGTH_LEN + (what == STREAM_IKE ? STREAM_MARKER_LEN : 0);

	if (len > UINT16_MAX - head || head + len > size)
		return 0;
	memset(buf, 0, head);
	buf[0] = (uint8_t)((head + len) >> 8);
	buf[1] = (uint8_t)(head + len);
	memcpy(buf + head, bytes, len);
	return head + len;
}
