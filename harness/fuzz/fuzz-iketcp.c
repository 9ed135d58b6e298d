// SPDX-License-Identifier: Apache-2.0
/*
 * targets/iketcp: a stream cut at any places gives the same messages as in one
 * piece, and each of them is written as it was read; any packet of the stack is
 * refused or carried.  An input is flags, the lengths of eight pieces, and bytes.
 */
#include "../../targets/iketcp/datagram.h"
#include "../../targets/iketcp/stream.h"

#include <string.h>

#include "fuzz/fuzz.h"

struct sum {
	size_t messages, bytes;
	enum stream_what last;
};

static void take_all(struct stream_reader *r, struct sum *sum)
{
	for (;;) {
		struct stream_message m = stream_reader_take(r);
		static uint8_t again[STREAM_MESSAGE_MAX + STREAM_LENGTH_LEN];

		if (m.what == STREAM_NOTHING)
			return;
		sum->last = m.what;
		if (m.what == STREAM_BAD_PREFIX || m.what == STREAM_BAD_LENGTH)
			return;
		sum->messages++;
		sum->bytes += m.len;
		if (m.what != STREAM_IKE && m.what != STREAM_ESP)
			continue;
		FUZZ_CHECK(stream_encode(m.what, m.bytes, m.len, again, sizeof(again)) > m.len);
		FUZZ_CHECK(memcmp(again + (m.what == STREAM_IKE ? 6 : 2), m.bytes, m.len) == 0);
	}
}

static void feed(struct stream_reader *r, const uint8_t *bytes, size_t len, struct sum *sum)
{
	while (len) {
		size_t size;
		uint8_t *room = stream_reader_room(r, &size);
		size_t n = len < size ? len : size;

		FUZZ_CHECK(size > 65535);
		memcpy(room, bytes, n);
		stream_reader_filled(r, n);
		take_all(r, sum);
		if (sum->last == STREAM_BAD_PREFIX || sum->last == STREAM_BAD_LENGTH)
			return;
		bytes += n;
		len -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct stream_reader whole, pieces;
	struct fuzz_input in = { data, len };
	struct sum one = { 0 }, many = { 0 };
	bool prefix = fuzz_u8(&in) & 1;
	uint8_t cuts[8];
	struct datagram d;

	for (size_t i = 0; i < sizeof(cuts); i++)
		cuts[i] = fuzz_u8(&in);
	stream_reader_init(&whole, prefix, FAULT_NONE);
	stream_reader_init(&pieces, prefix, FAULT_NONE);
	feed(&whole, in.p, in.len, &one);
	if (datagram_parse(in.p, in.len, &d) == COUNT_NONE)
		FUZZ_CHECK(d.bytes > in.p && d.bytes + d.len <= in.p + in.len);
	for (size_t i = 0; i < sizeof(cuts); i++) {
		size_t n;
		const uint8_t *piece = fuzz_bytes(&in, cuts[i], &n);

		feed(&pieces, piece, n, &many);
	}
	feed(&pieces, in.p, in.len, &many);
	FUZZ_CHECK(one.messages == many.messages && one.bytes == many.bytes &&
		   one.last == many.last);
	return 0;
}
