// SPDX-License-Identifier: Apache-2.0
/*
 * decode/packet: bytes that a Linux kernel sent through a TUN, and what tcpdump
 * said about them; the examples of RFC 1071; and every packet cut short at
 * every length and with every header byte changed, under the sanitizers.
 */
#include "decode/packet.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "tests/tap.h"

#define V4_PAIR "c0000201c0000202"
#define V6_PAIR "20010db800000000000000000000000120010db8000000000000000000000002"

/* 192.0.2.1:55732 > 192.0.2.2:10000 [S] */
static const char tcp4[] =
	"4500003c287d400040068e3b" V4_PAIR "d9b4271077cea5eb00000000a002fbe08a690000"
	"020404d80402080a01b21e5a000000000103030a";
/* 192.0.2.1:37586 > 192.0.2.2:500, "dupack!" */
static const char udp4[] = "45000023067e40004011b048" V4_PAIR "92d201f4000f8dc364757061636b21";
/* the head of a datagram of 1400 bytes, cut at an MTU of 1280 */
static const char first4[] =
	"4500002c068620004011d037" V4_PAIR "92d201f4058072ba78787878787878787878787878787878";
static const char later4[] = "4500001c0686009d4011efaa" V4_PAIR "7878787878787878";
static const char tcp6[] = "600c8cfe00280640" V6_PAIR "c0ae2710051b4b6a00000000a002fc9460510000"
			   "020404c40402080a1d5c3af2000000000103030a";
static const char udp6[] = "6003e0fa000f1140" V6_PAIR "dd3001f4000f6bf464757061636b21";
static const char first6[] = "6003e0fa00182c40" V6_PAIR "110000012bbbcff5dd3001f4058050eb"
			     "7878787878787878";
static const char later6[] = "6003e0fa00102c40" V6_PAIR "110004d02bbbcff57878787878787878";
/* an MLD report: hop-by-hop options before ICMPv6 */
static const char icmp6[] = "6000000000240001fe80000000000000fef41361d2de3be8"
			    "ff020000000000000000000000000016"
			    "3a00050200000100"
			    "8f0000000000000000000000000000000000000000000000"
			    "00000000";

static const char *const all[] = { tcp4, udp4, first4, later4, tcp6, udp6, first6, later6, icmp6 };

static size_t bytes(const char *hex, uint8_t *ret)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		const char pair[] = { hex[2 * i], hex[2 * i + 1], '\0' };

		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return len;
}

static bool parse(const char *hex, uint8_t buf[256], struct packet *p)
{
	return packet_parse_ip(buf, bytes(hex, buf), p);
}

static void check_tcp(const char *hex, int version, uint16_t sport, uint32_t seq, uint16_t window)
{
	struct packet p;
	uint8_t b[256];

	tap_ok(parse(hex, b, &p), "IPv%d TCP is well formed", version);
	tap_ok(p.version == version && p.ip == b && p.ip_len == strlen(hex) / 2, "its length");
	tap_ok(p.tcp && p.proto == 6 && !p.fragment && !p.more_fragments, "it is TCP");
	tap_ok(p.sport == sport && p.dport == 10000, "ports");
	tap_ok(p.seq == seq && p.ack == 0 && p.flags == PACKET_TCP_SYN, "sequence number, flags");
	tap_is(p.window, window, "window");
	tap_is(p.ttl, 64, "TTL or hop limit");
	tap_ok(p.options_len == 20 && p.options[0] == 2 && p.options[4] == 4, "options");
	tap_is(p.payload_len, 0, "no payload");
	tap_is(packet_seq_len(&p), 1, "a SYN takes one sequence number");
	tap_ok(!packet_carries_payload(&p), "it carries nothing");
	tap_ok(packet_l4_checksum_ok(&p), "the kernel's checksum is right");
	b[p.ip_len - 1] ^= 1;
	tap_ok(!packet_l4_checksum_ok(&p), "with a bit changed it is wrong");
	tap_ok(memcmp(p.src, b + (version == 4 ? 12 : 8), version == 4 ? 4 : 16) == 0 &&
		       p.dst[version == 4 ? 3 : 15] == 2,
	       "addresses");
}

static void check_udp(const char *hex, uint16_t sport)
{
	struct packet p;
	uint8_t b[256];

	tap_ok(parse(hex, b, &p) && p.proto == 17 && !p.tcp, "UDP is well formed");
	tap_ok(p.sport == sport && p.dport == 500, "ports");
	tap_ok(p.payload_len == 7 && memcmp(p.payload, "dupack!", 7) == 0, "payload");
	tap_ok(packet_carries_payload(&p) && packet_l4_checksum_ok(&p), "checksum");
	b[p.ip_len - 1] ^= 1;
	tap_ok(!packet_l4_checksum_ok(&p), "with a bit changed it is wrong");
	memset(b + (p.l4 - b) + 6, 0, 2);
	tap_is(packet_l4_checksum_ok(&p), p.version == 4,
	       "checksum 0 means none in IPv4 and is wrong in IPv6 (RFC 8200 section 8.1)");
}

static void check_fragments(void)
{
	struct packet p;
	uint8_t b[256];

	tap_ok(parse(first4, b, &p) && p.more_fragments && !p.fragment && p.proto == 17,
	       "IPv4: first fragment");
	tap_ok(parse(later4, b, &p) && p.fragment && !p.more_fragments && p.sport == 0 &&
		       p.payload_len == 8,
	       "IPv4: later fragment has no ports");
	tap_ok(parse(first6, b, &p) && p.more_fragments && !p.fragment && p.proto == 17 &&
		       p.l4 == b + 48,
	       "IPv6: first fragment");
	tap_ok(parse(later6, b, &p) && p.fragment && !p.more_fragments && p.proto == 17 &&
		       p.sport == 0 && p.payload_len == 8,
	       "IPv6: later fragment has no ports");
	tap_ok(parse(icmp6, b, &p) && p.proto == 58 && p.l4 == b + 48 && p.payload_len == 28,
	       "IPv6: behind hop-by-hop options");
}

static void check_frame(void)
{
	uint8_t b[256] = { [12] = 0x08, 0x00 };
	struct packet p;
	size_t len = 14 + bytes(udp4, b + 14);

	tap_ok(packet_parse_frame(b, len, &p) && p.sport == 37586, "an Ethernet frame");
	tap_ok(packet_parse_frame(b, len + 11, &p) && p.ip_len == 35, "padding is not counted");
	b[13] = 0x06;
	tap_ok(!packet_parse_frame(b, len, &p) && p.version == 0 && p.problem, "ARP is not IP");
	tap_ok(!packet_parse_frame(b, 13, &p) && p.problem, "a frame cut short");
	tap_ok(!packet_carries_payload(&p), "what is not IP carries nothing");
}

static void check_checksum(void)
{
	/* RFC 1071 section 3: the sum of these is 0xddf2 */
	static const uint8_t rfc[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	uint8_t b[256];

	tap_is(packet_checksum(rfc, 8, 0), 0x220d, "the example of RFC 1071");
	tap_is(packet_checksum(rfc, 7, 0), (uint16_t)~0xdcfb, "an odd length is padded with zero");
	tap_is(packet_checksum(rfc + 4, 4, 0xf204), 0x220d, "a sum goes on");
	bytes(tcp4, b);
	tap_is(packet_checksum(b, 20, 0), 0, "over the kernel's IPv4 header");
}

/* Only the lengths in the headers decide what is read: the sanitizer sees the rest */
static void check_cut(void)
{
	unsigned int cut = 0, accepted = 0, changed = 0, outside = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		uint8_t b[256];
		size_t full = bytes(all[i], b);

		for (size_t len = 0; len < full; len++) {
			uint8_t *exact = malloc(len ? len : 1);
			struct packet p;

			memcpy(exact, b, len);
			cut++;
			accepted += packet_parse_ip(exact, len, &p) || !p.problem;
			free(exact);
		}
		for (size_t at = 0; at < full && at < 60; at++) {
			for (unsigned int value = 0; value < 256; value++) {
				uint8_t *exact = malloc(full);
				struct packet p;

				memcpy(exact, b, full);
				exact[at] = (uint8_t)value;
				packet_parse_ip(exact, full, &p);
				changed++;
				outside += p.payload && p.payload + p.payload_len > exact + full;
				outside += p.l4 && p.l4 + p.l4_len > exact + full;
				free(exact);
			}
		}
	}
	tap_ok(cut > 400 && accepted == 0, "%u packets cut short, none is well formed", cut);
	tap_ok(changed > 100000 && outside == 0, "%u changed ones, nothing points outside",
	       changed);
}

static void check_sequence(void)
{
	static const struct {
		uint32_t a, b;
		bool lt;
	} pairs[] = {
		{ 1, 2, true },		 { 2, 1, false },	   { 5, 5, false },
		{ 0xffffffff, 0, true }, { 0, 0xffffffff, false }, { 0xfffffff0, 0x10, true },
		{ 0, 0x7fffffff, true }, { 0x80000001, 0, true },
	};
	const struct packet p = { .payload_len = 10, .flags = PACKET_TCP_FIN };

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		tap_ok(seq_lt(pairs[i].a, pairs[i].b) == pairs[i].lt &&
			       seq_leq(pairs[i].a, pairs[i].b) ==
				       (pairs[i].lt || pairs[i].a == pairs[i].b),
		       "%08x before %08x: %s", pairs[i].a, pairs[i].b, pairs[i].lt ? "yes" : "no");
	tap_is(packet_seq_len(&p), 11, "a FIN takes a sequence number too");
}

int main(void)
{
	check_tcp(tcp4, 4, 55732, 0x77cea5eb, 64480);
	check_tcp(tcp6, 6, 49326, 0x051b4b6a, 64660);
	check_udp(udp4, 37586);
	check_udp(udp6, 56624);
	check_fragments();
	check_frame();
	check_checksum();
	check_cut();
	check_sequence();
	return tap_done();
}
