// SPDX-License-Identifier: Apache-2.0
/*
 * Any frames, in both directions, named one after the other; the patterns that the names
 * are, and what a rule changes; and each decoder of its own on what a frame carries.  An input is
 * two bytes that only other fuzzers read, then for each frame: time, flags, length 16 bits, an IP
 * packet.
 */
#include <string.h>

#include "base/err.h"
#include "decode/ctcp.h"
#include "decode/esp.h"
#include "decode/ike.h"
#include "decode/meaning.h"
#include "decode/openvpn.h"
#include "decode/packet.h"
#include "decode/tls.h"
#include "decode/wireguard.h"
#include "fuzz/fuzz.h"
#include "impair/alter.h"
#include "spec/selector.h"

#define PACKET_MAX 9000
#define ETHERNET   14

/* On memory that ends where the bytes end, so that reading past them is found */
static void decode(const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct ike_message ike;
	struct esp_packet esp;
	struct tls_record tls;
	struct dtls_record dtls;
	struct wireguard_message wireguard;
	struct openvpn_packet openvpn;
	size_t inner;

	FUZZ_CHECK(exact);
	memcpy(exact, bytes, len);
	ike_parse(exact, len, len, &ike);
	esp_parse(exact, len, &esp);
	esp_form(exact, len);
	tls_parse(exact, len, &tls);
	dtls_parse(exact, len, &dtls);
	wireguard_parse(exact, len, &wireguard);
	openvpn_begins(exact, len);
	openvpn_parse(exact, len, openvpn_wrapping(exact, len), &openvpn);
	ctcp_inner(exact, len, &inner);
	free(exact);
}

/* A name is a pattern that its frame has */
static void check_pattern(const struct meanings *m, enum direction d, const char *text)
{
	struct selector s;
	struct err err = { 0 };
	size_t at;

	FUZZ_CHECK(selector_parse(text, &s, &at, &err) == 0);
	FUZZ_CHECK(selector_match(&s, d, m));
}

static void alter(const uint8_t *frame, size_t len, const struct meaning *m)
{
	for (uint64_t to = 0; to < 64; to += 7) {
		uint8_t *copy = malloc(len);
		size_t left;

		FUZZ_CHECK(copy);
		memcpy(copy, frame, len);
		alter_bit(copy, len, m, to, to % 8, true);
		left = alter_truncate(copy, len, m, to, true);
		FUZZ_CHECK(left == len || left == m->at + to);
		free(copy);
	}
}

static void name(struct meaning_state *state, int direction, const uint8_t *frame, size_t len)
{
	struct meanings m = { .len = 0 };
	char text[MEANING_TEXT_MAX];

	meaning_read(state, direction, frame, len, &m);
	FUZZ_CHECK(m.len <= MEANING_MAX);
	for (size_t i = 0; i < m.len; i++) {
		FUZZ_CHECK(m.list[i].family < MEANING_FAMILIES);
		FUZZ_CHECK(m.list[i].at <= len && m.list[i].len <= len - m.list[i].at);
		FUZZ_CHECK(meaning_text(&m.list[i], text, sizeof(text)) < sizeof(text) - 1);
		check_pattern(&m, direction ? DIR_DOWN : DIR_UP, text);
		alter(frame, len, &m.list[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_input in = { data, len };
	struct meaning_state *state = meaning_state_new();
	size_t n;

	FUZZ_CHECK(state);
	fuzz_bytes(&in, 2, &n);
	while (in.len > 4) {
		static const uint8_t header[ETHERNET - 2] = { 2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2 };
		static const uint8_t types[2][2] = { { 0x08, 0x00 }, { 0x86, 0xdd } };
		uint8_t flags, *frame;
		const uint8_t *bytes;
		struct packet p;

		fuzz_u8(&in);
		flags = fuzz_u8(&in);
		bytes = fuzz_bytes(&in, fuzz_u16(&in) % PACKET_MAX, &n);
		frame = malloc(ETHERNET + n);
		FUZZ_CHECK(frame);
		memcpy(frame, header, sizeof(header));
		memcpy(frame + 12, types[n && bytes[0] >> 4 == 6], 2);
		memcpy(frame + ETHERNET, bytes, n);
		name(state, flags & 1, frame, ETHERNET + n);
		decode(bytes, n);
		if (packet_parse_ip(bytes, n, &p) && p.payload)
			decode(p.payload, p.payload_len);
		free(frame);
	}
	meaning_state_free(state);
	return 0;
}
