// SPDX-License-Identifier: Apache-2.0
/*
 * Each switch of a meddlebox that decides about packets as they are (what passes, at what
 * rate and of what size) or makes some: with it, and without it nothing of the kind; IPv4
 * and IPv6.
 */
#include "tests/meddle-sim.h"

static void check_dpi_tcp(void)
{
	static const struct {
		const char *device, *payload;
		bool blocked;
	} rows[] = {
		{ "meddlebox,dpi=tls", "\x16\x03\x01\x02", true },
		{ "meddlebox,dpi=tls", "\x16\x03\x07\x02", false },
		{ "meddlebox,dpi=tls", "GET / ", false },
		{ "meddlebox,dpi=tls", "\x16", false },
		{ "meddlebox,dpi=tls,dpi-block=others", "\x16\x03\x03\x02", false },
		{ "meddlebox,dpi=tls,dpi-block=others", "GET / ", true },
		{ "meddlebox,dpi=http", "CONNECT a:443 HTTP/1.1", true },
		{ "meddlebox,dpi=http", "GETTING", false },
		{ "meddlebox,dpi=ike", "IKETCP", true },
		{ "meddlebox,dpi=ike", "IKE", false },
		{ "meddlebox,dpi=bytes,dpi-bytes=5353482d", "SSH-2.0-x", true },
		{ "meddlebox,dpi=bytes,dpi-bytes=5353482d", "SSL", false },
		{ "meddlebox", "GET / ", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sim *s = open_flow(rows[i].device);
		struct seg g = { .dir = DIR_UP,
				 .seq = 1001,
				 .ack = 9001,
				 .flags = ACK,
				 .version = version,
				 .len = strlen(rows[i].payload) };
		uint8_t ip[2048];
		size_t len = sim_build(&g, ip);

		memcpy(ip + len - g.len, rows[i].payload, g.len);
		sim_raw(s, DIR_UP, ip, len);
		tap_ok(s->count == (rows[i].blocked ? 0 : 1) &&
			       sim_counter(s, COUNTER_MEDDLE_DPI) == rows[i].blocked,
		       "%s: \"%s\" %s", rows[i].device, i < 5 ? "..." : rows[i].payload,
		       rows[i].blocked ? "is blocked" : "passes");
		D(s, .seq = 9001, .ack = 1001, .flags = ACK);
		tap_is(s->count, rows[i].blocked ? 0 : 1, "and so is what follows");
		D(s, .seq = 9001, .ack = 1001, .flags = ACK, .client_port = 99);
		tap_is(s->count, 1, "other flows pass");
		sim_free(s);
	}
}

static void check_dpi(void)
{
	uint8_t ike[32] = { [4] = 1, [4 + 17] = 0x20, [4 + 18] = 34, [4 + 27] = 28 };
	static const uint8_t dtls[] = { 22, 254, 253, 0 };
	struct sim *s = sim_new("meddlebox,dpi=ike");

	send_udp(s, 500, ike + 4, 28);
	tap_is(s->count, 0, "dpi=ike: IKEv2 over UDP is blocked");
	send_udp(s, 4500, ike, 32);
	tap_is(s->count, 0, "behind a non-ESP marker too");
	send_udp(s, 501, ike + 4, 27);
	tap_is(s->count, 1, "what is cut short passes");
	send_udp(s, 53, dtls, sizeof(dtls));
	tap_is(s->count, 1, "and DTLS");
	sim_free(s);
	s = sim_new("meddlebox,dpi=tls");
	send_udp(s, 53, dtls, sizeof(dtls));
	tap_is(s->count, 0, "dpi=tls: DTLS is blocked");
	sim_free(s);
	s = open_flow("meddlebox,dpi=bytes,dpi-bytes=5a5A,dpi-action=rst");
	U(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 10);
	tap_ok(s->count == 2 && s->out[0].dir == DIR_DOWN && s->out[0].p.flags == RST &&
		       s->out[0].p.seq == 9001 && s->out[1].dir == DIR_UP &&
		       s->out[1].p.flags == RST && s->out[1].p.seq == 1001 && whole(s),
	       "dpi-action=rst: both ends get a RST that fits");
	U(s, .seq = 7000, .flags = SYN);
	tap_is(s->count, 1, "a new connection is looked at anew");
	sim_free(s);
}

/* 8 kbit/s are 1000 bytes a second, and 1500 may come at once */
static void check_police(void)
{
	struct sim *s = sim_new("meddlebox,police=8kbit,police-burst=1500B");
	size_t header = version == 4 ? 40 : 60, payload = 500 - header;
	unsigned int passed = 0;

	for (unsigned int i = 0; i < 4; i++) {
		U(s, .seq = 1, .ack = 1, .flags = ACK, .len = payload);
		passed += s->count;
	}
	tap_is(passed, 3, "police: three packets of 500 bytes are the burst");
	D(s, .seq = 1, .ack = 1, .flags = ACK, .len = payload);
	tap_is(s->count, 1, "the other direction has its own");
	s->now += 500 * NS_PER_MS - 1;
	DROPPED(s, DIR_UP, COUNTER_MEDDLE_POLICED, "a nanosecond too early", .version = version,
		.seq = 1, .ack = 1, .flags = ACK, .len = payload);
	s->now += 1;
	PASSES(s, DIR_UP, "half a second is 500 bytes", .version = version, .seq = 1, .ack = 1,
	       .flags = ACK, .len = payload);
	passed = 0;
	for (unsigned int i = 0; i < 10000; i++) {
		s->now += 100 * NS_PER_MS;
		U(s, .seq = 1, .ack = 1, .flags = ACK, .len = payload);
		passed += s->count;
	}
	tap_is(passed, 2000, "1000 s at five times the rate: a fifth");
	s->now += 1000000 * NS_PER_S;
	passed = 0;
	for (unsigned int i = 0; i < 10; i++) {
		U(s, .seq = 1, .ack = 1, .flags = ACK, .len = payload);
		passed += s->count;
	}
	tap_is(passed, 3, "however long it was quiet, the burst is the burst");
	sim_free(s);
}

/* The ICMP checksum and what it says, by the text of RFC 792 and RFC 4443 */
static bool is_ptb(const struct leaving *l, uint32_t mtu, const uint8_t *about)
{
	const uint8_t *icmp = l->p.l4;
	uint8_t tail[4] = { 0, 58, 0, 0 };
	uint16_t sum = 0;

	if (version == 6) {
		be16(tail + 2, (uint32_t)l->p.l4_len);
		sum = sim_sum(sim_sum(0, l->ip + 8, 32), tail, 4);
	}
	if (!icmp || sim_sum(sum, icmp, l->p.l4_len) != 0xffff ||
	    memcmp(icmp + 8, about, l->p.l4_len - 8) != 0 ||
	    memcmp(l->p.dst, about + (version == 4 ? 12 : 8), version == 4 ? 4 : 16) != 0)
		return false;
	return version == 4 ? l->p.proto == 1 && icmp[0] == 3 && icmp[1] == 4 && l->len <= 576 &&
				      (uint32_t)(icmp[6] * 256 + icmp[7]) == mtu
			    : l->p.proto == 58 && icmp[0] == 2 && l->len <= 1280 &&
				      (uint32_t)(icmp[6] * 256 + icmp[7]) == mtu;
}

static void check_mtu(void)
{
	struct seg g = { .dir = DIR_UP,
			 .seq = 1001,
			 .ack = 9001,
			 .flags = ACK,
			 .len = 1400,
			 .version = version };
	struct sim *s = open_flow("meddlebox,mtu=1300");
	uint8_t ip[2048], joined[2048] = { 0 };
	size_t len = build(&g, ip, 0, true), end = 0;

	sim_raw(s, DIR_UP, ip, len);
	tap_ok(s->count == 1 && s->out[0].dir == DIR_DOWN && is_ptb(&s->out[0], 1300, ip) &&
		       whole(s) && sim_counter(s, COUNTER_MEDDLE_MTU_DROPPED) == 1,
	       "mtu: too long, DF: dropped, and its sender is told");
	U(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 1300 - (version == 4 ? 40 : 60));
	tap_ok(sim_passed(s, DIR_UP), "just as long: it passes");
	len = build(&g, ip, 0, false);
	sim_raw(s, DIR_UP, ip, len);
	for (unsigned int i = 0; version == 4 && i < s->count; i++) {
		const struct leaving *l = &s->out[i];
		size_t at = ((size_t)(l->ip[6] & 0x1f) << 8 | l->ip[7]) * 8;

		memcpy(joined + at, l->ip + 20, l->len - 20);
		end = at + l->len - 20;
		tap_ok(l->len <= 1300 && sim_sum(0, l->ip, 20) == 0xffff &&
			       ((l->ip[6] & 0x20) != 0) == (i + 1 < s->count),
		       "fragment %u fits", i + 1);
	}
	if (version == 4)
		tap_ok(s->count == 2 && end == len - 20 && memcmp(joined, ip + 20, end) == 0,
		       "IPv4 without DF: fragments that make the packet");
	else
		tap_ok(s->count == 1 && is_ptb(&s->out[0], 1300, ip), "IPv6 has no such thing");
	sim_free(s);

	s = open_flow("meddlebox,mtu=1300,ptb=lost");
	len = build(&g, ip, 0, true);
	sim_raw(s, DIR_UP, ip, len);
	tap_ok(s->count == 0 && sim_counter(s, COUNTER_MEDDLE_PTB) == 1,
	       "ptb=lost: it is dropped and nobody is told");
	sim_free(s);
}

static void check_ptb(void)
{
	struct seg g = { .dir = DIR_UP,
			 .seq = 1001,
			 .ack = 9001,
			 .flags = ACK,
			 .len = 1400,
			 .version = version };
	struct sim *s = open_flow("meddlebox,ptb=forged,ptb-mtu=600");
	uint8_t ip[2048], ptb[2048];
	size_t len = build(&g, ip, 0, true), ptb_len;

	sim_raw(s, DIR_UP, ip, len);
	tap_ok(s->count == 2 && s->out[0].dir == DIR_DOWN && is_ptb(&s->out[0], 600, ip) &&
		       s->out[1].len == len,
	       "ptb=forged: the packet passes, and its sender is told a lie");
	memcpy(ptb, s->out[0].ip, ptb_len = s->out[0].len);
	sim_raw(s, DIR_UP, ip, len);
	tap_is(s->count, 1, "once");
	sim_raw(s, DIR_DOWN, ptb, ptb_len);
	tap_is(s->count, 1, "that of another passes, and there is none about an ICMP error");
	sim_free(s);
	s = sim_new("meddlebox,ptb=lost");
	sim_raw(s, DIR_DOWN, ptb, ptb_len);
	tap_ok(s->count == 0 && sim_counter(s, COUNTER_MEDDLE_PTB_LOST) == 1,
	       "ptb=lost: that of another is lost");
	ptb[version == 4 ? 21 : 40] = 1; /* another message */
	sim_raw(s, DIR_DOWN, ptb, ptb_len);
	tap_is(s->count, 1, "other messages are not");
	sim_free(s);
}

static void check_inject(void)
{
	static const struct {
		const char *device;
		uint8_t flags;
		uint32_t down, up; /* further than expected; 1 of nobody */
	} rows[] = {
		{ "meddlebox,inject=rst,inject-at=3s", RST, 0, 0 },
		{ "meddlebox,inject=syn,inject-at=3s,inject-to=client", SYN, 0, 1 },
		{ "meddlebox,inject=rst,inject-at=3s,inject-seq=window,inject-to=server", RST, 1,
		  8192 },
		{ "meddlebox,inject=rst,inject-at=3s,inject-seq=outside", RST, 1 << 30, 1 << 30 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sim *s = open_flow(rows[i].device);
		unsigned int n = (rows[i].down != 1) + (rows[i].up != 1);
		bool right;

		D(s, .seq = 9001, .ack = 1001, .flags = ACK, .len = 50, .window = 16384);
		sim_wait(s, 3 * NS_PER_S - 1);
		right = s->count == 0 && engine_deadline(s->engine) == s->now + 1;
		sim_wait(s, 1);
		right = right && s->count == n && whole(s);
		for (unsigned int k = 0; k < s->count; k++)
			right = right && s->out[k].p.flags == rows[i].flags &&
				s->out[k].p.seq == (s->out[k].dir == DIR_UP ? 1001 + rows[i].up
									    : 9051 + rows[i].down);
		tap_ok(right, "%s", rows[i].device);
		sim_wait(s, 100 * NS_PER_S);
		tap_is(s->count, 0, "once");
		sim_free(s);
	}
}

static void check_inject_every(void)
{
	struct sim *s =
		open_flow("meddlebox,inject=rst,inject-at=1s,inject-every=2s,inject-times=10");
	unsigned int seen = 0;

	s->now += 500 * NS_PER_MS;
	for (uint16_t port = 1; port <= 3; port++) {
		U(s, .seq = 10, .flags = SYN, .client_port = port);
		D(s, .seq = 20, .ack = 11, .flags = SYN | ACK, .client_port = port);
		s->now += 100 * NS_PER_MS;
	}
	for (unsigned int i = 0; i < 1000 && engine_deadline(s->engine) < 30 * NS_PER_S; i++) {
		uint64_t due = engine_deadline(s->engine);

		sim_wait(s, due - s->now);
		seen += s->count;
	}
	/* due at 2 s + 2 s * n for the first flow, n < 10; 2.5, 2.6, 2.7 s for the others */
	tap_is(seen, 2 * 10 * 4, "inject-every: four flows, each in its turn, to both ends");
	sim_free(s);
}

int main(void)
{
	static void (*const checks[])(void) = {
		check_dpi_tcp, check_dpi,    check_police,	 check_mtu,
		check_ptb,     check_inject, check_inject_every,
	};

	for (version = 4; version <= 6; version += 2)
		for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
			checks[i]();
	return tap_done();
}
