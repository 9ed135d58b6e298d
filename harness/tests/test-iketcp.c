// SPDX-License-Identifier: Apache-2.0
/*
 * targets/iketcp: the stream at any split, hostile lengths, and the packets of the
 * local stack.  The bytes of the stream are written by hand after RFC 9329 section 3.
 */
#include <stdlib.h>

#include "../../targets/iketcp/carrier.h"
#include "../../targets/iketcp/datagram.h"
#include "../../targets/iketcp/options.h"
#include "../../targets/iketcp/stream.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/prng.h"
#include "base/units.h"
#include "decode/packet.h"
#include "tests/tap.h"

/* prefix; IKE "ikeike"; ESP; keepalive; a runt of 3; nothing at all; ESP of 5 bytes */
static const uint8_t stream[] = { 'I', 'K', 'E', 'T', 'C',  'P', 0,    12, 0,	 0,    0,    0,
				  'i', 'k', 'e', 'i', 'k',  'e', 0,    10, 0xc1, 0xc2, 0xc3, 0xc4,
				  0,   0,   0,	 1,   0,    3,	 0xff, 0,  5,	 0,    0,    0,
				  0,   2,   0,	 7,   0xc1, 2,	 3,    4,  5 };
static const char *const wanted = "ike(ikeike)esp(8)keepalive,runt,runt,esp(5)";

static const char *const names[] = {
	[STREAM_NOTHING] = "nothing",
	[STREAM_IKE] = "ike",
	[STREAM_ESP] = "esp",
	[STREAM_KEEPALIVE] = "keepalive,",
	[STREAM_RUNT] = "runt,",
	[STREAM_BAD_PREFIX] = "bad-prefix",
	[STREAM_BAD_LENGTH] = "bad-length",
};

static struct stream_reader reader;
static char said[512];

/* What the reader has, as text behind what it said before */
static void take_all(void)
{
	for (;;) {
		struct stream_message m = stream_reader_take(&reader);
		size_t used = strlen(said);
		char *to = said + used;

		if (m.what == STREAM_NOTHING)
			return;
		if (m.what == STREAM_IKE)
			snprintf(to, sizeof(said) - used, "ike(%.*s)", (int)m.len,
				 (const char *)m.bytes);
		else if (m.what == STREAM_ESP)
			snprintf(to, sizeof(said) - used, "esp(%zu)", m.len);
		else
			snprintf(to, sizeof(said) - used, "%s", names[m.what]);
		if (m.what == STREAM_BAD_PREFIX || m.what == STREAM_BAD_LENGTH)
			return;
	}
}

static void feed(const uint8_t *bytes, size_t len)
{
	size_t size;
	uint8_t *room = stream_reader_room(&reader, &size);

	if (size < len)
		abort();
	memcpy(room, bytes, len);
	stream_reader_filled(&reader, len);
	take_all();
}

static void begin(bool prefix)
{
	stream_reader_init(&reader, prefix, FAULT_NONE);
	said[0] = '\0';
}

static void test_splits(void)
{
	struct prng prng;
	size_t wrong = 0;

	for (size_t a = 0; a <= sizeof(stream); a++)
		for (size_t b = a; b <= sizeof(stream); b++) {
			begin(true);
			feed(stream, a);
			feed(stream + a, b - a);
			feed(stream + b, sizeof(stream) - b);
			wrong += strcmp(said, wanted) != 0;
		}
	tap_is(wrong, 0, "the same messages at every split in three");
	begin(true);
	for (size_t i = 0; i < sizeof(stream); i++)
		feed(stream + i, 1);
	tap_str(said, wanted, "byte by byte");
	begin(false);
	feed(stream + STREAM_PREFIX_LEN, sizeof(stream) - STREAM_PREFIX_LEN);
	tap_str(said, wanted, "the other way there is no prefix");
	prng_init(&prng, 1, "split");
	wrong = 0;
	for (int round = 0; round < 1000; round++) {
		begin(true);
		for (size_t at = 0; at < sizeof(stream);) {
			size_t n = prng_u64(&prng) % (sizeof(stream) - at) + 1;

			feed(stream + at, n);
			at += n;
		}
		wrong += strcmp(said, wanted) != 0;
	}
	tap_is(wrong, 0, "at a thousand random splits");
}

/* The longest messages there can be, in pieces that do not divide them */
static void test_long(void)
{
	static uint8_t bytes[65535], out[65535];
	size_t n = stream_encode(STREAM_ESP, memset(bytes, 0xc1, sizeof(bytes)), 65533, out, 65535);

	tap_is(n, 65535, "the longest ESP fills a length of 16 bits");
	begin(false);
	for (int i = 0; i < 3; i++)
		for (size_t at = 0; at < n; at += 4099)
			feed(out + at, n - at < 4099 ? n - at : 4099);
	tap_str(said, "esp(65533)esp(65533)esp(65533)", "three of them in pieces");
	tap_is(stream_encode(STREAM_ESP, bytes, 65534, out, sizeof(out)), 0,
	       "one byte more does not fit");
	tap_is(stream_encode(STREAM_IKE, bytes, 65530, out, sizeof(out)), 0,
	       "nor IKE with its marker");
	tap_is(stream_encode(STREAM_ESP, bytes, 10, out, 11), 0,
	       "nor what is longer than the room");
}

static void test_hostile(void)
{
	static const uint8_t zero[] = { 0, 0 }, one[] = { 0, 1 };
	struct prng prng;

	for (size_t i = 0; i < STREAM_PREFIX_LEN; i++) {
		uint8_t bad[STREAM_PREFIX_LEN];

		memcpy(bad, STREAM_PREFIX, sizeof(bad));
		bad[i] ^= 0x20;
		begin(true);
		feed(bad, i + 1);
		tap_str(said, "bad-prefix", "byte %zu of the prefix is wrong: known with it", i);
	}
	begin(false);
	feed(zero, 2);
	feed(stream + STREAM_PREFIX_LEN, 12);
	tap_str(said, "bad-lengthbad-length", "length 0 is the end, whatever comes behind it");
	begin(false);
	feed(one, 2);
	tap_str(said, "bad-length", "length 1");
	begin(false);
	feed((const uint8_t *)"\xff\xff", 2);
	tap_str(said, "", "a length that never comes is waited for");
	prng_init(&prng, 2, "noise");
	for (int round = 0; round < 2000; round++) {
		uint8_t noise[64];

		prng_bytes(&prng, noise, sizeof(noise));
		begin(false);
		feed(noise, prng_u64(&prng) % sizeof(noise));
		feed(noise, sizeof(noise));
	}
	tap_ok(reader.begin <= reader.end && reader.end <= sizeof(reader.bytes), "noise");
}

static void test_datagrams(void)
{
	static const uint8_t esp[] = { 0xc1, 2, 3, 4, 0, 0, 0, 1, 9 };
	const struct address ends[2][2] = {
		{ { false, { 10, 0, 1, 1 } }, { false, { 10, 0, 3, 2 } } },
		{ { true, { 0x20, 1, 0xd, 0xb8 } }, { true, { 0x20, 1, 0xd, 0xb8, 3 } } },
	};
	const struct {
		const char *name;
		enum stream_what what;
		bool udp;
		uint16_t port;
		size_t head; /* behind the IP header */
	} rows[] = {
		{ "ESP", STREAM_ESP, false, 0, 0 },
		{ "ESP in UDP", STREAM_ESP, true, 4500, 8 },
		{ "IKE at 500", STREAM_IKE, true, 500, 8 },
		{ "IKE at 4500", STREAM_IKE, true, 4500, 12 },
	};

	for (int v6 = 0; v6 < 2; v6++)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const struct datagram d = { .what = rows[i].what,
						    .bytes = esp,
						    .len = sizeof(esp),
						    .udp = rows[i].udp,
						    .sport = rows[i].port,
						    .dport = rows[i].port,
						    .src = ends[v6][0],
						    .dst = ends[v6][1] };
			uint8_t packet[200];
			size_t len = datagram_build(&d, packet, sizeof(packet));
			struct datagram back;
			struct packet p;

			tap_is(len, (v6 ? 40U : 20U) + rows[i].head + sizeof(esp),
			       "%s, IPv%d: length", rows[i].name, v6 ? 6 : 4);
			tap_ok(packet_parse_ip(packet, len, &p) && !p.problem &&
				       (!rows[i].udp || packet_l4_checksum(&p) == 0),
			       "well formed, with a right checksum");
			tap_ok(datagram_parse(packet, len, &back) == COUNT_NONE &&
				       back.what == d.what && back.udp == d.udp &&
				       back.sport == d.sport && back.dport == d.dport &&
				       address_equal(&back.src, &d.src) &&
				       address_equal(&back.dst, &d.dst) && back.len == d.len &&
				       memcmp(back.bytes, esp, sizeof(esp)) == 0,
			       "and read back");
			for (size_t cut = 0; cut < len; cut++)
				if (datagram_parse(packet, cut, &back) == COUNT_NONE)
					tap_ok(false, "cut after %zu bytes", cut);
		}
}

static void test_refused(void)
{
	static const struct {
		const char *name;
		enum count why;
		uint8_t packet[64];
		size_t len;
	} rows[] = {
		{ "nothing", COUNT_NOT_IPSEC, { 0 }, 0 },
		{ "IP of no version", COUNT_NOT_IPSEC, { 0x15, 0, 0, 20 }, 20 },
		{ "TCP",
		  COUNT_NOT_IPSEC,
		  { 0x45, 0, 0, 40, 0,	0, 0,  0, 64, 6, 0, 0, 1, 1, 1, 1,   2,
		    2,	  2, 2, 0,  80, 0, 80, 0, 0,  0, 0, 0, 0, 0, 0, 0x50 },
		  40 },
		{ "a fragment",
		  COUNT_FRAGMENT,
		  { 0x45, 0, 0, 40, 0, 0, 0x20, 0, 64, 50, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2 },
		  40 },
		{ "another port",
		  COUNT_NOT_IPSEC,
		  { 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0,  0, 1,
		    1,	  1, 1, 2,  2, 2, 2, 0, 53, 0,	53, 0, 20 },
		  40 },
		{ "NAT keepalive",
		  COUNT_NAT_KEEPALIVE,
		  { 0x45, 0, 0, 29, 0, 0,    0,	   0,	 64,   17, 0, 0, 1, 1,	 1,
		    1,	  2, 2, 2,  2, 0x11, 0x94, 0x11, 0x94, 0,  9, 0, 0, 0xff },
		  29 },
		{ "only a marker",
		  COUNT_NOT_IPSEC,
		  { 0x45, 0, 0, 32, 0, 0, 0, 0,	   64,	 17,   0,    0, 1,
		    1,	  1, 1, 2,  2, 2, 2, 0x11, 0x94, 0x11, 0x94, 0, 12 },
		  32 },
		{ "an SPI without ESP",
		  COUNT_NOT_IPSEC,
		  { 0x45, 0, 0, 24, 0, 0, 0, 0, 64, 50, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 1, 2, 3, 4 },
		  24 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct datagram d;

		tap_is(datagram_parse(rows[i].packet, rows[i].len, &d), rows[i].why, "%s",
		       rows[i].name);
	}
}

static void test_options(void)
{
	struct profile p;
	struct err err = { 0 };

	options_default(&p);
	tap_ok(p.port == 4500 && !p.inner_esp && p.user_timeout_ns == 30 * NS_PER_S, "defaults");
	tap_ok(!options_parse("port=443,inner=esp,user-timeout=500ms", &p, &err) && p.port == 443 &&
		       p.inner_esp && p.user_timeout_ns == NS_PER_S / 2,
	       "all of them %s", err.text);
	tap_ok(options_parse("port=0", &p, &err) && err.kind == ERR_USAGE &&
		       strstr(err.text, "write 'port=N'"),
	       "out of range");
	tap_ok(options_parse("inner=ah", &p, &err) && strstr(err.text, "udp|esp"), "another word");
	tap_ok(options_parse("ports=1", &p, &err) && strstr(err.text, "unknown option"), "unknown");
}

int main(void)
{
	test_splits();
	test_long();
	test_hostile();
	test_datagrams();
	test_refused();
	test_options();
	return tap_done();
}
