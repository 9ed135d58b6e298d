// SPDX-License-Identifier: Apache-2.0
/*
 * decode/meaning: the names of messages that captures of healthy daemons do not have (sent
 * again, split anywhere, of IKE version 1, behind a hole), and hostile bytes.
 */
#include "decode/meaning.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/prng.h"
#include "tests/frames.h"
#include "tests/tap.h"

#define COLLECTED_MAX 8000

static struct meaning_state *state;

static void fresh(void)
{
	meaning_state_free(state);
	state = meaning_state_new();
}

/* All names of a frame */
static const char *read_frame(int d, const uint8_t *frame, size_t len)
{
	static char text[MEANING_MAX * MEANING_TEXT_MAX];
	struct meanings m = { .len = 0 };

	meaning_read(state, d, frame, len, &m);
	meanings_text(&m, text, sizeof(text));
	return text;
}

static const char *tcp(int d, uint32_t seq, uint32_t ack, uint8_t flags, const void *payload,
		       size_t len)
{
	uint8_t f[FRAME_MAX];
	size_t n = frame_tcp(
		f, &(struct frame_tcp){
			   .from_server = d, .seq = seq, .ack = ack, .flags = flags, .len = len });

	if (payload && len)
		memcpy(f + n - len, payload, len);
	return read_frame(d, f, n);
}

static const char *udp(int d, uint16_t sport, uint16_t dport, const void *payload, size_t len)
{
	uint8_t f[FRAME_MAX];
	size_t n = frame_udp(f, d, 0, len);

	frame_put16(f + FRAME_HEADER + 20, sport);
	frame_put16(f + FRAME_HEADER + 22, dport);
	memcpy(f + n - len, payload, len);
	return read_frame(d, f, n);
}

/* What udp() says behind the ports */
static const char *inside(const char *names)
{
	const char *space = strchr(names, ' ');

	return space ? space + 1 : "";
}

static size_t ike(uint8_t *b, int version, uint8_t spi, uint8_t exchange, uint8_t flags,
		  uint32_t mid, uint8_t next, size_t len)
{
	memset(b, spi + (int)len, len);
	memset(b, 0, 28);
	b[7] = spi;
	b[16] = next;
	b[17] = (uint8_t)(version << 4);
	b[18] = exchange;
	b[19] = flags;
	frame_put32(b + 20, mid);
	frame_put32(b + 24, (uint32_t)len);
	return len;
}

static void check_tcp(void)
{
	fresh();
	tap_str(tcp(0, 99, 0, SYN, NULL, 0), "tcp:syn:+0:conn1:tx1", "a SYN");
	tap_str(tcp(0, 99, 0, SYN, NULL, 0), "tcp:syn:+0:conn1:tx2", "the same again");
	tap_str(tcp(1, 499, 100, SYN | ACK, NULL, 0), "tcp:synack:+0:conn1:tx1", "its answer");
	tap_str(tcp(0, 100, 500, ACK, NULL, 0), "tcp:ack:+1:conn1:tx1", "the third");
	tap_str(tcp(0, 100, 500, ACK, NULL, 10), "tcp:data:+1:conn1:tx1", "data");
	tap_str(tcp(0, 120, 500, ACK, NULL, 10), "tcp:data:+21:conn1:tx1", "behind a hole");
	tap_str(tcp(1, 500, 110, ACK, NULL, 0), "tcp:ack:+11:conn1:tx1", "an ACK");
	tap_str(tcp(1, 500, 110, ACK, NULL, 0), "tcp:ack:+11:conn1:tx2", "and its duplicate");
	tap_str(tcp(0, 110, 500, ACK, NULL, 10), "tcp:data:+11:conn1:tx1",
		"what fills the hole is new here");
	tap_str(tcp(0, 110, 500, ACK, NULL, 20), "tcp:data:+11:conn1:tx2", "and then not");
	tap_str(tcp(1, 500, 130, ACK, NULL, 0), "tcp:ack:+31:conn1:tx1", "another ACK");
	tap_str(tcp(0, 130, 500, FIN | ACK, NULL, 5),
		"tcp:fin:+36:conn1:tx1 tcp:data:+31:conn1:tx1", "a FIN with data is both");
	tap_str(tcp(1, 500, 136, RST, NULL, 0), "tcp:rst:+1:conn1:tx1", "a reset");
	tap_str(tcp(0, 7000, 0, SYN, NULL, 0), "tcp:syn:+0:conn2:tx1", "the same ports again");
	tap_str(tcp(0, 7001, 1, ACK, NULL, 4), "tcp:data:+1:conn2:tx1", "count from there");
	fresh();
	tap_str(tcp(1, 0xfffffff0, 0x10, ACK, NULL, 32), "tcp:data:+1:conn1:tx1",
		"without its SYN a flow begins where it was seen");
	tap_str(tcp(1, 0x10, 0x10, ACK, NULL, 32), "tcp:data:+33:conn1:tx1", "across 2^32");
}

static void check_ike(void)
{
	uint8_t b[400], *m = b + 4;
	size_t len;

	fresh();
	len = ike(m, 2, 1, 34, 0x08, 0, 33, 100);
	tap_str(udp(0, 500, 500, m, len), "udp:sport500:dport500 ike:IKE_SA_INIT:req:mid0:sa1:tx1",
		"a request");
	tap_str(inside(udp(0, 500, 500, m, len)), "ike:IKE_SA_INIT:req:mid0:sa1:tx2", "again");
	len = ike(m, 2, 1, 34, 0x08, 0, 41, 130);
	tap_str(inside(udp(0, 500, 500, m, len)), "ike:IKE_SA_INIT:req:mid0:sa1:tx1",
		"with a cookie it is another one");
	len = ike(m, 2, 1, 34, 0x20, 0, 33, 100);
	tap_str(inside(udp(1, 500, 500, m, len)), "ike:IKE_SA_INIT:resp:mid0:sa1:tx1", "answered");
	len = ike(m, 2, 1, 35, 0x08, 1, 53, 200);
	frame_put16(m + 32, 2);
	memset(b, 0, 4);
	tap_str(inside(udp(0, 4500, 4500, b, len + 4)), "ike:IKE_AUTH:req:mid1:frag2:sa1:tx1",
		"a fragment, behind the marker");
	len = ike(m, 2, 9, 36, 0x00, 0, 46, 80);
	tap_str(inside(udp(1, 4500, 61000, b, len + 4)), "ike:CREATE_CHILD_SA:req:mid0:sa2:tx1",
		"another SA, through a NAT");
	len = ike(m, 2, 9, 99, 0x20, 7, 46, 80);
	tap_str(inside(udp(1, 4500, 4500, b, len + 4)), "ike:exchange99:resp:mid7:sa2:tx1",
		"an exchange without a name");
	tap_str(inside(udp(0, 4500, 4500, "\xff", 1)), "natt:keepalive", "a keepalive");
	tap_str(inside(udp(0, 4500, 4500, "\0\0\0\1\0\0\0\2abcd", 12)), "esp:spi1:seq2:tx1", "ESP");
	tap_str(inside(udp(0, 4500, 4500, "\0\0\0\7\0\0\0\2abcd", 12)), "esp:spi2:seq2:tx1",
		"of another SA");
	tap_str(inside(udp(0, 4500, 4500, "\0\0\0\1\0\0\0\2abcd", 12)), "esp:spi1:seq2:tx2",
		"a replay");
	tap_str(inside(udp(1, 4500, 4500, "\0\0\0\1\0\0\0\2abcd", 12)), "esp:spi1:seq2:tx1",
		"the other way is counted apart");
	m[17] = 0x30;
	tap_str(inside(udp(1, 4500, 4500, b, len + 4)), "", "IKE of version 3 has no name");
}

/* Main Mode, Quick Mode twice; the numbers of exchanges are random */
static void check_ikev1(void)
{
	uint8_t b[200] = { 0 };

	fresh();
	for (unsigned i = 0; i < 6; i++) {
		char want[96];

		snprintf(want, sizeof(want), "ikev1:MAIN:x1:msg%u:sa1:tx1", i + 1);
		tap_str(inside(udp(i % 2, 500, 500, b, ike(b, 1, 1, 2, 0, 0, 1, 60 + i))), want,
			"message %u of Main Mode", i + 1);
	}
	ike(b, 1, 1, 2, 0, 0, 1, 62);
	tap_str(inside(udp(0, 500, 500, b, 62)), "ikev1:MAIN:x1:msg3:sa1:tx2", "the third again");
	ike(b, 1, 1, 32, 1, 0x1234, 8, 80);
	tap_str(inside(udp(0, 500, 500, b, 80)), "ikev1:QUICK:x1:msg1:sa1:tx1", "Quick Mode");
	ike(b, 1, 1, 32, 1, 0x1234, 8, 90);
	tap_str(inside(udp(1, 500, 500, b, 90)), "ikev1:QUICK:x1:msg2:sa1:tx1", "its answer");
	ike(b, 1, 1, 32, 1, 0x9999, 8, 80);
	tap_str(inside(udp(1, 500, 500, b, 80)), "ikev1:QUICK:x2:msg1:sa1:tx1", "the second one");
	ike(b, 1, 1, 6, 1, 0x77, 14, 80);
	tap_str(inside(udp(1, 500, 500, b, 80)), "ikev1:TRANSACTION:x1:msg1:sa1:tx1", "XAUTH");
	ike(b, 1, 1, 5, 1, 0x78, 11, 80);
	tap_str(inside(udp(1, 500, 500, b, 80)), "ikev1:INFORMATIONAL:x1:msg1:sa1:tx1", "a notify");
	ike(b, 1, 2, 4, 0, 0, 1, 80);
	tap_str(inside(udp(0, 500, 500, b, 80)), "ikev1:AGGRESSIVE:x1:msg1:sa2:tx1", "another SA");
	ike(b, 1, 1, 2, 0, 0, 132, 80);
	b[34] = 3;
	tap_str(inside(udp(0, 500, 500, b, 80)), "ikev1:MAIN:x1:msg7:frag3:sa1:tx1", "a fragment");
}

/* --- streams: the same names however the bytes are cut -----------------------------------------
 */

struct script {
	const char *what;
	uint8_t bytes[600];
	size_t len;
	const char *want; /* all names but those of TCP, in order */
};

static void put(struct script *s, const void *bytes, size_t len)
{
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
}

static void make_scripts(struct script ret[3])
{
	static const uint8_t hello[] = { 22, 3, 1, 0, 5, 1, 0, 0, 1, 0 };
	static const uint8_t ccs[] = { 20, 3, 3, 0, 1, 1 };
	static const uint8_t finished[] = { 22, 3, 3, 0, 4, 20, 9, 9, 9 };
	static const uint8_t data[] = {
		23, 3, 3, 0, 2, 7, 7, 23, 3, 3, 0, 0, 21, 3, 3, 0, 2, 1, 0
	};
	static const uint8_t reset[] = { 0, 14, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0 };
	static const uint8_t control[] = { 0, 16, 0x20, 1, 2, 3, 4, 5,	6,
					   7, 8,  0,	0, 0, 0, 1, 99, 98 };
	static const uint8_t packet[] = { 0, 12, 0x48, 0, 0, 0, 0, 0, 0, 1, 5, 5, 5, 5 };
	uint8_t message[300];
	size_t len;

	ret[0] = (struct script){ .what = "TLS",
				  .want = " tls:handshake:client_hello:rec1:conn1:tx1"
					  " tls:change_cipher_spec:rec2:conn1:tx1"
					  " tls:handshake:rec3:conn1:tx1 tls:appdata:rec4:conn1:tx1"
					  " tls:appdata:rec5:conn1:tx1 tls:alert:rec6:conn1:tx1" };
	put(&ret[0], hello, sizeof(hello));
	put(&ret[0], ccs, sizeof(ccs));
	put(&ret[0], finished, sizeof(finished));
	put(&ret[0], data, sizeof(data));

	ret[1] = (struct script){ .what = "IKE over TCP",
				  .want = " ike:IKE_SA_INIT:req:mid0:sa1:tx1 esp:spi1:seq5:tx1"
					  " natt:keepalive ike:IKE_AUTH:req:mid1:frag1:sa1:tx1"
					  " esp:spi1:seq6:tx1" };
	put(&ret[1], "IKETCP", 6);
	memset(message, 0, 6);
	len = 6 + ike(message + 6, 2, 1, 34, 8, 0, 33, 90);
	frame_put16(message, (uint32_t)len);
	put(&ret[1], message, len);
	put(&ret[1], "\0\14\0\0\0\7\0\0\0\5xx", 12);
	put(&ret[1], "\0\3\xff", 3);
	len = 6 + ike(message + 6, 2, 1, 35, 8, 1, 53, 120);
	frame_put16(message, (uint32_t)len);
	frame_put16(message + 6 + 32, 1);
	put(&ret[1], message, len);
	put(&ret[1], "\0\14\0\0\0\7\0\0\0\6xx", 12);

	ret[2] = (struct script){ .what = "OpenVPN over TCP",
				  .want = " ovpn:hard_reset_client_v2:session1:key0:id0:tx1"
					  " ovpn:control_v1:session1:key0:id1:tx1"
					  " ovpn:data_v2:key0:id1:tx1" };
	put(&ret[2], reset, sizeof(reset));
	put(&ret[2], control, sizeof(control));
	put(&ret[2], packet, sizeof(packet));
}

/* Without what is said of TCP itself */
static void collect(char *to, const char *names)
{
	const char *space = strchr(names, ' ');

	if (space)
		snprintf(to + strlen(to), COLLECTED_MAX - strlen(to), "%s", space);
}

/* The script in segments of @first bytes and then @rest each */
static void play(const struct script *s, size_t first, size_t rest, char *to)
{
	to[0] = 0;
	fresh();
	tcp(0, 0xffffff00 - 1, 0, SYN, NULL, 0);
	for (size_t at = 0, len; at < s->len; at += len) {
		len = at ? rest : first;
		len = len < s->len - at ? len : s->len - at;
		collect(to, tcp(0, 0xffffff00 + (uint32_t)at, 1, ACK, s->bytes + at, len));
	}
}

static void check_streams(void)
{
	static struct script scripts[3];
	static char got[COLLECTED_MAX];

	make_scripts(scripts);
	for (size_t i = 0; i < 3; i++) {
		const struct script *s = &scripts[i];
		unsigned wrong = 0;

		play(s, s->len, 1, got);
		tap_str(got, s->want, "%s in one segment", s->what);
		for (size_t first = 1; first < s->len; first++) {
			play(s, first, s->len, got);
			wrong += strcmp(got, s->want) != 0;
		}
		tap_is(wrong, 0, "%s in two segments, cut anywhere", s->what);
		for (size_t size = 1; size < 20; size++) {
			play(s, size, size, got);
			wrong += strcmp(got, s->want) != 0;
		}
		tap_is(wrong, 0, "%s in segments of 1 to 19 bytes", s->what);
	}
}

/* Sent again in other segments; lost; and found again behind the hole */
static void check_stream_loss(void)
{
	static const uint8_t hello[] = { 22, 3, 1, 0, 5, 1, 0, 0, 1, 0 };
	static const uint8_t data[] = { 23, 3, 3, 0, 3, 7, 7, 7 };
	uint8_t both[18];

	memcpy(both, hello, 10);
	memcpy(both + 10, data, 8);
	fresh();
	tcp(0, 99, 0, SYN, NULL, 0);
	tap_str(inside(tcp(0, 100, 1, ACK, hello, 10)), "tls:handshake:client_hello:rec1:conn1:tx1",
		"a record");
	tap_str(inside(tcp(0, 110, 1, ACK, data, 8)), "tls:appdata:rec2:conn1:tx1", "another");
	tap_str(inside(tcp(0, 100, 1, ACK, both, 18)),
		"tls:handshake:client_hello:rec1:conn1:tx2 tls:appdata:rec2:conn1:tx2",
		"both again, in one segment");
	tap_str(inside(tcp(0, 126, 1, ACK, data, 8)), "tls:appdata:conn1:tx1",
		"behind a hole: a record, but nobody knows which");
	tap_str(inside(tcp(0, 134, 1, ACK, data, 8)), "tls:appdata:conn1:tx1", "it goes on");
	tap_str(inside(tcp(0, 126, 1, ACK, data, 8)), "tls:appdata:conn1:tx2", "sent again");
}

static void check_others(void)
{
	uint8_t f[FRAME_MAX], b[200] = { 1 };
	size_t n;

	fresh();
	tap_str(inside(udp(0, 5, 6, b, 148)), "wg:initiation:hs1:tx1", "an initiation");
	tap_str(inside(udp(0, 5, 6, b, 148)), "wg:initiation:hs1:tx2", "tried again");
	b[0] = 2;
	tap_str(inside(udp(1, 6, 5, b, 92)), "wg:response:hs1:tx1", "answered");
	b[0] = 1;
	tap_str(inside(udp(0, 5, 6, b, 148)), "wg:initiation:hs2:tx1", "the next handshake");
	tap_str(inside(udp(1, 6, 5, b, 148)), "wg:initiation:hs1:tx1", "and one of the other");
	b[0] = 3;
	tap_str(inside(udp(1, 6, 5, b, 64)), "wg:cookie:hs2:tx1", "a cookie");
	b[0] = 4;
	b[8] = 9;
	tap_str(inside(udp(0, 5, 6, b, 32)), "wg:keepalive:session1:ctr9:tx1", "a keepalive");
	tap_str(inside(udp(0, 5, 6, b, 48)), "wg:data:session1:ctr9:tx2", "and a replay of it");
	tap_str(inside(udp(0, 5, 6, b, 49)), "", "no WireGuard: the length is not padded");

	n = frame_tcp(f, &(struct frame_tcp){ .len = 100 });
	frame_put16(f + FRAME_HEADER + 6, 0x2000);
	tap_str(read_frame(0, f, n), "frag", "a first fragment");
	frame_put16(f + FRAME_HEADER + 6, 0x0010);
	tap_str(read_frame(0, f, n), "frag", "a later one");
	n = (size_t)(frame_ip(f, 4, 1, false, 8) - f) + 8;
	f[n - 8] = 3;
	f[n - 7] = 4;
	tap_str(read_frame(0, f, n), "icmp:type3:code4", "ICMP");
	n = (size_t)(frame_ip(f, 6, 58, false, 8) - f) + 8;
	f[n - 8] = 2;
	tap_str(read_frame(0, f, n), "icmp6:type2:code0", "ICMPv6");
	n = (size_t)(frame_ip(f, 6, 50, false, 12) - f) + 12;
	frame_put32(f + n - 12, 77);
	frame_put32(f + n - 8, 5);
	tap_str(read_frame(0, f, n), "esp:spi1:seq5:tx1", "ESP in IPv6");
	n = (size_t)(frame_ip(f, 4, 47, false, 8) - f) + 8;
	tap_str(read_frame(0, f, n), "ip:proto47", "another protocol");
	f[12] = 8;
	f[13] = 6;
	tap_str(read_frame(0, f, n), "", "ARP has no meaning");
}

/* DTLS: a flight that is sent again has new record numbers and the same messages */
static void check_dtls(void)
{
	uint8_t b[60] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14, 1, 0, 0, 2 };

	fresh();
	tap_str(inside(udp(0, 443, 5, b, 27)), "dtls:handshake:client_hello:msg0:epoch0:seq0:tx1",
		"a hello");
	b[10] = 1;
	tap_str(inside(udp(0, 443, 5, b, 27)), "dtls:handshake:client_hello:msg0:epoch0:seq1:tx2",
		"sent again");
	b[18] = 1;
	tap_str(inside(udp(0, 443, 5, b, 27)), "dtls:handshake:client_hello:msg1:epoch0:seq1:tx1",
		"with a cookie");
	b[0] = 0x2d;
	tap_str(inside(udp(0, 443, 5, b, 3)), "", "a ciphertext of DTLS 1.3 that is cut short");
	b[0] = 0x28;
	tap_str(inside(udp(0, 443, 5, b, 20)), "dtls:ciphertext:epoch0", "and one that is not");
}

/* Anything may come: it stays inside of the frame, and memory does not grow */
static void check_hostile(void)
{
	unsigned outside = 0, named = 0;
	struct prng prng;

	fresh();
	prng_init(&prng, 1, "hostile");
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t r = prng_u64(&prng);
		size_t len = 14 + r % 120;
		uint8_t *f = malloc(len);
		struct meanings m = { .len = 0 };

		prng_bytes(&prng, f, len);
		f[12] = 8;
		f[13] = 0;
		if (len > 40) { /* mostly well formed as far as UDP or TCP */
			f[14] = 0x45;
			frame_put16(f + 16, (uint32_t)len - 14);
			frame_put16(f + 20, 0);
			f[23] = (r & 1 << 20) ? 6 : 17;
			if (f[23] == 17)
				frame_put16(f + 38, (uint32_t)len - 34);
			if (f[23] == 17 && r & 1 << 21)
				frame_put16(f + 34, (r & 1 << 22) ? 4500 : 1194);
			if (f[23] == 6 && len > 54)
				f[46] = 0x50;
			if (f[23] == 6)
				memset(f + 26, 10, 8 + 3); /* few flows */
		}
		meaning_read(state, (int)(r >> 63), f, len, &m);
		for (size_t n = 0; n < m.len; n++)
			outside += m.list[n].at > len || m.list[n].len > len - m.list[n].at;
		named += m.len != 0;
		free(f);
	}
	tap_ok(named > 100000, "%u of 200000 random frames have names", named);
	tap_is(outside, 0, "no message is outside of its frame");
}

int main(void)
{
	check_tcp();
	check_ike();
	check_ikev1();
	check_streams();
	check_stream_loss();
	check_others();
	check_dtls();
	check_hostile();
	meaning_state_free(state);
	return tap_done();
}
