// SPDX-License-Identifier: Apache-2.0
/*
 * targets/ctcp: the codec and the options.  The bytes wanted are written by
 * hand from what a Cisco client sent and what others read, not made by us.
 */
#include "../../targets/ctcp/codec.h"

#include "../../targets/ctcp/options.h"
#include "../../targets/ctcp/peer.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/prng.h"
#include "base/units.h"
#include "decode/packet.h"
#include "tests/tap.h"

#define ADDRESSES 10, 0, 1, 1, 10, 0, 3, 2
#define ESP_BYTES 0xc1, 0xc2, 0xc3, 0xc4, 0, 0, 0, 1, 0xee, 0xef

/* captured from a Cisco client: id and flags zero, UDP */
static const uint8_t cisco_template[16] = { 0,	  0,	0,    0,    0,	  0,	0, 0,
					    0x21, 0x45, 0x6c, 0x69, 0x10, 0x11, 1, 0 };

/* 28 bytes: cookies, next payload, version, exchange, flags, message id, length */
static const uint8_t isakmp[28] = { 1, 2, 3,	4,    5,  6, 7, 8, 0, 0, 0, 0, 0, 0,
				    0, 0, 0x21, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 28 };

static size_t make_ip(uint8_t *ip, uint8_t proto, const uint8_t *l4, size_t len)
{
	const uint8_t header[20] = {
		0x45,
		0,
		(uint8_t)((20 + len) >> 8),
		(uint8_t)(20 + len),
		0xab,
		0xcd,
		0,
		0,
		64,
		proto,
		0,
		0,
		ADDRESSES,
	};

	memcpy(ip, header, sizeof(header));
	if (len)
		memcpy(ip + 20, l4, len);
	return 20 + len;
}

static size_t make_udp(uint8_t *ip, uint16_t sport, uint16_t dport, const uint8_t *data, size_t len)
{
	uint8_t udp[2048] = { (uint8_t)(sport >> 8),
			      (uint8_t)sport,
			      (uint8_t)(dport >> 8),
			      (uint8_t)dport,
			      (uint8_t)((8 + len) >> 8),
			      (uint8_t)(8 + len),
			      0x12,
			      0x34 };

	memcpy(udp + 8, data, len);
	return make_ip(ip, 17, udp, 8 + len);
}

static void check_trailer(void)
{
	static const struct ctcp_trailer rows[] = {
		{ 0, 0, CTCP_UDP },
		{ 0xabcd, 0x4000, CTCP_UDP },
		{ 0, 0, CTCP_ESP },
	};
	uint8_t got[16], want[16];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(want, cisco_template, sizeof(want));
		want[4] = (uint8_t)(rows[i].id >> 8);
		want[5] = (uint8_t)rows[i].id;
		want[6] = (uint8_t)(rows[i].fragment >> 8);
		want[13] = rows[i].protocol;
		ctcp_trailer_encode(&rows[i], got);
		tap_ok(memcmp(got, want, 16) == 0, "trailer %zu", i + 1);
	}
}

static void check_encode(void)
{
	static const uint8_t esp[] = { ESP_BYTES };
	uint8_t ip[2048], got[2048], want[2048];
	struct ctcp_datagram d;
	size_t len;

	len = make_udp(ip, 500, 500, isakmp, sizeof(isakmp));
	tap_is(ctcp_inner_parse(ip, len, &d), COUNT_NONE, "IKE on port 500");
	tap_is(ctcp_payload_encode(&d, true, got, sizeof(got)), 8 + 28 + 16, "its payload");
	memcpy(want, (uint8_t[]){ 1, 0xf4, 1, 0xf4, 0, 36, 0, 0 }, 8);
	memcpy(want + 8, isakmp, 28);
	memcpy(want + 36, cisco_template, 16);
	want[36 + 4] = 0xab;
	want[36 + 5] = 0xcd;
	want[36 + 6] = 0x40;
	tap_ok(memcmp(got, want, 52) == 0,
	       "UDP header without checksum, message, trailer with Identification and DF");
	want[36 + 6] = 0;
	ctcp_payload_encode(&d, false, got, sizeof(got));
	tap_ok(memcmp(got, want, 52) == 0, "from the head-end without DF");
	tap_is(ctcp_payload_encode(&d, false, got, 51), 0, "no room");

	memcpy(want, esp, sizeof(esp));
	memcpy(want + sizeof(esp), cisco_template, 16);
	want[sizeof(esp) + 13] = 0x32;
	len = make_ip(ip, 50, esp, sizeof(esp));
	tap_is(ctcp_inner_parse(ip, len, &d), COUNT_NONE, "ESP over IP");
	tap_is(d.form, ESP_FORM_IP, "its form");
	tap_is(ctcp_payload_encode(&d, true, got, sizeof(got)), 26, "its payload");
	tap_ok(memcmp(got, want, 26) == 0, "from the SPI on, trailer with zero id and flags");

	len = make_udp(ip, 4500, 4501, esp, sizeof(esp));
	tap_is(ctcp_inner_parse(ip, len, &d), COUNT_NONE, "ESP in UDP");
	tap_ok(d.form == ESP_FORM_UDP && d.sport == 4500 && d.dport == 4501, "form and ports");
	tap_is(ctcp_payload_encode(&d, true, got, sizeof(got)), 26, "its payload");
	tap_ok(memcmp(got, want, 26) == 0, "the same on the wire, without the UDP header");
}

static void check_inner_parse(void)
{
	static const uint8_t marked[4 + 28] = { 0, 0, 0, 0, 1, [30] = 0, [31] = 28 };
	static const uint8_t esp[] = { ESP_BYTES };
	uint8_t short_isakmp[28], ip[65536], zeros[1600] = { 0 };
	struct ctcp_datagram d;
	size_t len;

	memset(zeros, 7, 4);
	memcpy(short_isakmp, isakmp, 28);
	short_isakmp[27] = 29;
#define IS(want, make, what)                                                                       \
	len = (make);                                                                              \
	tap_is(ctcp_inner_parse(ip, len, &d), want, what)
	IS(COUNT_NONE, make_udp(ip, 4500, 4500, marked, sizeof(marked)), "IKE behind the marker");
	tap_ok(d.protocol == CTCP_UDP && d.len == 8 + 32, "is carried with UDP header and marker");
	IS(COUNT_NONE, make_udp(ip, 5000, 6000, isakmp, 28), "IKE on other ports");
	IS(COUNT_NAT_KEEPALIVE, make_udp(ip, 4500, 4500, (uint8_t[]){ 0xff }, 1), "NAT keepalive");
	IS(COUNT_NOT_IPSEC, make_udp(ip, 500, 500, short_isakmp, 28), "ISAKMP longer than its UDP");
	IS(COUNT_NOT_IPSEC, make_udp(ip, 53, 53, esp, sizeof(esp)), "other UDP");
	IS(COUNT_NOT_IPSEC, make_udp(ip, 4500, 4500, esp, 7), "too short for ESP in UDP");
	IS(COUNT_NOT_IPSEC, make_udp(ip, 4500, 4500, marked, 20), "a marker and too little");
	IS(COUNT_NOT_IPSEC, make_ip(ip, 1, esp, sizeof(esp)), "ICMP");
	IS(COUNT_NOT_IPSEC, make_ip(ip, 51, esp, sizeof(esp)), "AH");
	IS(COUNT_NOT_IPSEC, make_ip(ip, 50, esp, 7), "too short for ESP");
	IS(COUNT_BAD_INNER, make_udp(ip, 500, 500, isakmp, 28) - 1, "cut short");
	IS(COUNT_NONE, make_ip(ip, 50, zeros, 1444), "the largest datagram");
	IS(COUNT_TOO_BIG, make_ip(ip, 50, zeros, 1445), "one byte more");
	len = make_ip(ip, 50, esp, sizeof(esp));
	ip[6] = 0x20;
	tap_is(ctcp_inner_parse(ip, len, &d), COUNT_FRAGMENT, "the first fragment");
	ip[6] = 0;
	ip[7] = 9;
	tap_is(ctcp_inner_parse(ip, len, &d), COUNT_FRAGMENT, "a later fragment");
	ip[0] = 0x60;
	tap_is(ctcp_inner_parse(ip, len, &d), COUNT_NOT_IPSEC, "IPv6");
	tap_is(ctcp_inner_parse(ip, 0, &d), COUNT_NOT_IPSEC, "nothing");
}

static void check_decode(void)
{
	uint8_t payload[8 + 28 + 16] = { 1, 0xf4, 1, 0xf4, 0, 36 };
	uint8_t esp[26] = { ESP_BYTES };
	struct ctcp_trailer t = { 0 };
	size_t inner = 77;
	int truncated = 0;

	memcpy(payload + 8, isakmp, 28);
	memcpy(payload + 36, cisco_template, 16);
	payload[36 + 5] = 9;
	tap_is(ctcp_payload_decode(payload, 52, true, &t, &inner), COUNT_NONE, "a Cisco segment");
	tap_ok(t.protocol == CTCP_UDP && t.id == 9 && t.fragment == 0 && inner == 36, "its parts");
	payload[36 + 12] = payload[36 + 14] = payload[36 + 15] = 0x55;
	tap_is(ctcp_payload_decode(payload, 52, true, &t, &inner), COUNT_NONE,
	       "bytes 12, 14 and 15 are not looked at");
	inner = 77;
	for (size_t len = 0; len < 16; len++)
		truncated += ctcp_payload_decode(payload, len, true, &t, &inner) == COUNT_TRUNCATED;
	tap_is(truncated, 16, "less than a trailer is truncated");
	for (size_t len = truncated = 0; len < 8; len++)
		truncated += ctcp_payload_decode(payload + 36 - len, len + 16, true, &t, &inner) ==
			     COUNT_TRUNCATED;
	tap_is(truncated, 8, "less than a UDP header before it, too");
	tap_is(inner, 77, "outputs are left alone");
	payload[5] = 37;
	tap_is(ctcp_payload_decode(payload, 52, true, &t, &inner), COUNT_BAD_INNER, "UDP too long");
	payload[5] = 7;
	tap_is(ctcp_payload_decode(payload, 52, true, &t, &inner), COUNT_BAD_INNER,
	       "UDP too short");
	payload[5] = 36;
	for (int i = 8; i < 12; i++) {
		payload[36 + i] ^= 1;
		tap_is(ctcp_payload_decode(payload, 52, true, &t, &inner), COUNT_NO_COOKIE,
		       "cookie byte %d wrong", i - 8);
		tap_is(ctcp_payload_decode(payload, 52, false, &t, &inner), COUNT_NONE,
		       "and let pass with check-cookie=off");
		payload[36 + i] ^= 1;
	}
	for (int v = 0, refused = 0; v < 256; v++) {
		payload[36 + 13] = (uint8_t)v;
		refused += ctcp_payload_decode(payload, 52, true, &t, &inner) == COUNT_BAD_PROTOCOL;
		if (v == 255)
			tap_is(refused, 254, "all protocols but 0x11 and 0x32 are refused");
	}
	memcpy(esp + 10, cisco_template, 16);
	esp[10 + 13] = 0x32;
	tap_is(ctcp_payload_decode(esp, 26, true, &t, &inner), COUNT_NONE, "ESP");
	tap_is(inner, 10, "its length");
	memset(esp, 0, 4);
	tap_is(ctcp_payload_decode(esp, 26, true, &t, &inner), COUNT_BAD_INNER,
	       "an SPI of 0, which in UDP would be the marker of IKE");
}

static bool ip_checksum_ok(const uint8_t *ip)
{
	return packet_checksum(ip, 20, 0) == 0;
}

static void check_inner_build(void)
{
	static const uint8_t esp[] = { ESP_BYTES };
	struct ctcp_datagram d = {
		.protocol = CTCP_ESP,
		.bytes = esp,
		.len = sizeof(esp),
		.form = ESP_FORM_IP,
		.sport = 4500,
		.dport = 4501,
		.src = { 10, 0, 3, 2 },
		.dst = { 10, 0, 1, 1 },
	};
	uint8_t got[128], udp[8 + 28 + 16] = { 1, 0xf4, 0x27, 0x10, 0, 52, 9, 9 };
	struct packet p;
	size_t len = ctcp_inner_build(&d, 10000, got, sizeof(got));

	tap_ok(packet_parse_ip(got, len, &p) && ip_checksum_ok(got), "ESP over IP is well formed");
	tap_ok(len == 30 && p.proto == 50 && memcmp(p.l4, esp, 10) == 0 &&
		       memcmp(p.src, d.src, 4) == 0 && memcmp(p.dst, d.dst, 4) == 0,
	       "protocol 50 from the SPI on, between the two");
	d.form = ESP_FORM_UDP;
	len = ctcp_inner_build(&d, 10000, got, sizeof(got));
	tap_ok(packet_parse_ip(got, len, &p) && ip_checksum_ok(got), "ESP in UDP is well formed");
	tap_ok(len == 38 && p.proto == 17 && p.sport == 4500 && p.dport == 4501 &&
		       p.payload_len == 10 && memcmp(p.payload, esp, 10) == 0 &&
		       packet_l4_checksum_ok(&p),
	       "with the ports, without a checksum");
	tap_is(ctcp_inner_build(&d, 10000, got, 37), 0, "no room");

	memcpy(udp + 8, isakmp, 28);
	d = (struct ctcp_datagram){ .protocol = CTCP_UDP, .bytes = udp, .len = 52, .id = 0xabcd };
	len = ctcp_inner_build(&d, 10000, got, sizeof(got));
	tap_ok(packet_parse_ip(got, len, &p) && p.proto == 17 && got[4] == 0xab && got[5] == 0xcd,
	       "what ike-scan sends becomes UDP with its Identification");
	tap_ok(p.sport == 500 && p.dport == 500, "from 500 to 10000 is given to 500");
	tap_ok(p.payload_len == 28 && memcmp(p.payload, isakmp, 28) == 0 && len == 56,
	       "the zeros behind the message are cut off");
	tap_ok(packet_l4_checksum_ok(&p), "no UDP checksum");
	ctcp_inner_build(&d, 443, got, sizeof(got));
	packet_parse_ip(got, len, &p);
	tap_is(p.dport, 10000, "a port that is not the outer one stays");
	udp[2] = 0x11; /* 4500 */
	udp[3] = 0x94;
	memset(udp + 8, 0, 4);
	len = ctcp_inner_build(&d, 10000, got, sizeof(got));
	packet_parse_ip(got, len, &p);
	tap_ok(p.dport == 4500 && p.payload_len == 44, "IKE behind the marker stays as it is");
}

static void check_segment(void)
{
	/* A SYN as the third-party implementation sends it; the checksums were summed by hand */
	static const uint8_t want[40] = { 0x45, 0,    0,    40,	       0,    7, 0,    0,    240,
					  6,	0xb2, 0xc6, ADDRESSES, 0xc0, 0, 0x27, 0x10, 1,
					  2,	3,    4,    0,	       0,    0, 0,    0x50, 2,
					  0xff, 0xff, 0xac, 0xc9,      0,    0 };
	struct ctcp_segment s = {
		.src = { 10, 0, 1, 1 },
		.dst = { 10, 0, 3, 2 },
		.sport = 0xc000,
		.dport = 10000,
		.seq = 0x01020304,
		.flags = PACKET_TCP_SYN,
		.window = 65535,
	};
	uint8_t got[128];
	struct packet p;
	size_t len = ctcp_segment_build(&s, 7, got, sizeof(got));

	tap_ok(len == 40 && memcmp(got, want, 40) == 0,
	       "a SYN: TTL 240, DF clear, no options, window 65535");
	tap_ok(packet_parse_ip(got, len, &p) && ip_checksum_ok(got) && packet_l4_checksum_ok(&p),
	       "with right checksums");
	s.mss = 1460;
	len = ctcp_segment_build(&s, 7, got, sizeof(got));
	tap_ok(packet_parse_ip(got, len, &p) && packet_l4_checksum_ok(&p) && p.options_len == 4 &&
		       memcmp(p.options, (uint8_t[]){ 2, 4, 5, 0xb4 }, 4) == 0,
	       "an MSS option if asked for");
	s.mss = 0;
	s.payload = (const uint8_t *)"odd";
	s.payload_len = 3;
	len = ctcp_segment_build(&s, 7, got, sizeof(got));
	tap_ok(packet_parse_ip(got, len, &p) && packet_l4_checksum_ok(&p) && p.payload_len == 3,
	       "a payload of odd length");
	tap_is(ctcp_segment_build(&s, 7, got, 42), 0, "no room");
}

/* Nothing may be read outside the bytes given: ASan watches, each input is its own block */
static void check_random(void)
{
	struct prng prng;
	unsigned long accepted = 0, parsed = 0;

	prng_init(&prng, 1, "ctcp");
	for (int i = 0; i < 100000; i++) {
		size_t len = prng_u64(&prng) % 96, inner;
		AUTO_FREE uint8_t *bytes = malloc(len + !len);
		uint8_t out[256];
		struct ctcp_trailer t;
		struct ctcp_datagram d = { .bytes = bytes };

		prng_bytes(&prng, bytes, len);
		if (len >= 16 && i % 4) { /* get past the first checks */
			memcpy(bytes + len - 16, cisco_template, 16);
			bytes[len - 3] = i % 4 == 1 ? 0x11 : i % 4 == 2 ? 0x32 : bytes[0];
			if (len >= 22)
				bytes[4] = 0;
		}
		if (!ctcp_payload_decode(bytes, len, true, &t, &inner)) {
			d.protocol = t.protocol;
			d.len = inner;
			d.form = i % 2 ? ESP_FORM_IP : ESP_FORM_UDP;
			accepted += ctcp_inner_build(&d, 10000, out, sizeof(out)) != 0;
		}
		if (len >= 20) {
			bytes[0] = 0x45;
			bytes[2] = 0;
			bytes[3] = (uint8_t)len;
			bytes[6] = bytes[7] = 0;
			bytes[9] = i % 3 ? 17 : 50;
			if (i % 3 && len >= 28) {
				bytes[24] = 0;
				bytes[25] = (uint8_t)(len - 20);
			}
			if (i % 3 == 2 && len >= 28)
				bytes[20] = 0x11, bytes[21] = 0x94;
		}
		parsed += ctcp_inner_parse(bytes, len, &d) == COUNT_NONE;
	}
	tap_ok(accepted > 10000, "100000 random payloads: %lu accepted, none harmful", accepted);
	tap_ok(parsed > 10000, "100000 random packets: %lu accepted, none harmful", parsed);
}

static void check_options(void)
{
	static const char *const bad[] = {
		"port=0",	"port=65536",
		"port",		"ack=first",
		"psh=yes",	"inner=ah",
		"=1",		"retransmit",
		"keepalive=-1", "keepalive=x",
		"nonsense=1",	"window=1e3",
		"psh=on,x=y",	"port=111111111111111111111111111111111111111111"
	};
	struct peer_profile p;
	struct options_said said = { 0 };
	struct err err = { 0 };

	peer_profile_default(&p);
	tap_ok(p.port == 10000 && p.ack == ACK_MAX && !p.pure_acks && !p.retransmit && !p.psh &&
		       p.check_cookie && !p.syn_mss && p.window == 65535 && !p.keepalive_ns &&
		       p.inner == ESP_FORM_UNKNOWN && p.handshake_ns == 3 * NS_PER_S &&
		       p.ike_ns == 60 * NS_PER_S,
	       "the default profile is that of the known implementation");
	tap_is(options_parse("", &p, &said, &err), 0, "no options");
	tap_is(options_parse(
		       "port=443,psh=on,check-cookie=off,syn-options=mss,keepalive=5,"
		       "inner=udp,handshake-timeout=500ms,ike-timeout=0,window=1000,retransmit=on",
		       &p, &said, &err),
	       0, "every option");
	options_settle(&p, &said);
	tap_ok(p.port == 443 && p.psh && !p.check_cookie && p.syn_mss == 1460 &&
		       p.keepalive_ns == 5 * NS_PER_S && p.handshake_ns == 500 * NS_PER_MS &&
		       p.ike_ns == 0 && p.window == 1000 && p.inner == ESP_FORM_UDP,
	       "their values");
	tap_ok(p.ack == ACK_INORDER && p.pure_acks, "retransmit=on implies ACKs as TCP's");
	tap_is(options_parse("ack=last,pure-acks=off", &p, &said, &err), 0, "unless stated");
	options_settle(&p, &said);
	tap_ok(p.ack == ACK_LAST && !p.pure_acks, "what is stated holds");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		tap_ok(options_parse(bad[i], &p, &said, &err) == -1 && err.kind == ERR_USAGE,
		       "'%s' is refused", bad[i]);
}

int main(void)
{
	check_trailer();
	check_encode();
	check_inner_parse();
	check_decode();
	check_inner_build();
	check_segment();
	check_random();
	check_options();
	return tap_done();
}
