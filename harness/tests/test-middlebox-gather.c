// SPDX-License-Identifier: Apache-2.0
/*
 * Segments merged and cut by a meddlebox: a random stream with retransmissions
 * comes out byte for byte, in order, in segments of the sizes that were asked
 * for; what must not be merged or cut is not; and the bound on memory.
 */
#include "base/prng.h"
#include "middlebox/gather.h"
#include "tests/middlebox-sim.h"

#define STREAM 200000
#define CWR    0x80
#define ECE    0x40
#define PSH    PACKET_TCP_PSH

static int version;
static uint8_t stream[STREAM], got[STREAM];

/* What a receiver would make of all that left so far */
struct receiver {
	size_t next, segments, longest, short_ones; /* bytes in order; of packets */
	bool right; /* nothing was wrong with any of them */
	size_t limit; /* longest payload that is expected */
};

static void receive(struct receiver *r, const struct sim *s)
{
	for (unsigned int i = 0; i < s->count; i++) {
		const struct packet *p = &s->out[i % OUT_MAX].p;
		size_t at = p->seq - 1001;

		r->right =
			r->right && s->count <= OUT_MAX && sim_tcp_sum(p->ip, p->ip_len) == 0xffff;
		if (version == 4)
			r->right = r->right && sim_sum(0, p->ip, 20) == 0xffff;
		if (!p->payload_len)
			continue;
		r->segments++;
		r->longest = p->payload_len > r->longest ? p->payload_len : r->longest;
		r->right = r->right && at + p->payload_len <= STREAM && at <= r->next &&
			   memcmp(p->payload, stream + at, p->payload_len) == 0;
		if (!r->right)
			return;
		memcpy(got + at, p->payload, p->payload_len);
		if (r->next < at + p->payload_len)
			r->next = at + p->payload_len;
	}
}

/* A piece of the stream */
static void send_piece(struct sim *s, size_t at, size_t len, uint8_t flags)
{
	struct seg g = { .dir = DIR_UP,
			 .seq = 1001 + (uint32_t)at,
			 .ack = 9001,
			 .len = len,
			 .flags = ACK | flags,
			 .version = version };
	uint8_t ip[2048];
	size_t all = sim_build(&g, ip), head = version == 4 ? 20 : 40;

	memcpy(ip + all - len, stream + at, len);
	be16(ip + head + 16, 0);
	be16(ip + head + 16, (uint16_t)~sim_tcp_sum(ip, all));
	sim_raw(s, DIR_UP, ip, all);
}

static struct sim *open_flow(const char *device)
{
	struct sim *s = sim_new(device);

	UP(s, .version = version, .seq = 1000, .flags = SYN);
	DOWN(s, .version = version, .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	UP(s, .version = version, .seq = 1001, .ack = 9001, .flags = ACK);
	return s;
}

/* A stream in pieces of 1 to @most bytes, some of which come twice; it ends with a FIN */
static struct receiver carry(const char *device, size_t bytes, size_t most, size_t *ret_sent)
{
	struct sim *s = open_flow(device);
	struct receiver r = { .right = true };
	struct prng prng;
	size_t last = 0, at = 0;

	prng_init(&prng, 1, "stream");
	prng_bytes(&prng, stream, sizeof(stream));
	memset(got, 0, sizeof(got));
	*ret_sent = 0;
	while (at < bytes) {
		size_t len = 1 + prng_u64(&prng) % most;
		uint64_t chance = prng_u64(&prng) % 20;

		len = len < bytes - at ? len : bytes - at;
		send_piece(s, at, len, at + len == bytes ? FIN | PSH : 0);
		receive(&r, s);
		(*ret_sent)++;
		if (chance == 0) {
			send_piece(s, last, len < at - last + len ? len : 1, 0);
			receive(&r, s);
		} else if (chance == 1) {
			UP(s, .version = version, .seq = 1001 + (uint32_t)(at + len), .ack = 9001,
			   .flags = ACK);
			receive(&r, s);
		} else if (chance == 2) {
			sim_wait(s, 10 * NS_PER_MS);
			receive(&r, s);
		}
		last = at;
		at += len;
	}
	sim_wait(s, 10 * NS_PER_MS);
	receive(&r, s);
	r.right = r.right && r.next == bytes && memcmp(got, stream, bytes) == 0;
	tap_is(engine_usage(s->engine).gathered_bytes, 0, "IPv%d, %s: nothing is held at the end",
	       version, device);
	sim_free(s);
	return r;
}

static void check_streams(void)
{
	size_t sent, mss = version == 4 ? 1460 : 1440;
	struct receiver r = carry("meddlebox", STREAM, 1400, &sent);

	tap_ok(r.right && r.segments >= sent, "without a switch the stream passes");
	r = carry("meddlebox,coalesce=4kB", STREAM, 1400, &sent);
	tap_ok(r.right, "coalesce: the stream is what it was");
	tap_ok(r.longest == mss && r.segments < sent * 3 / 4,
	       "%zu segments became %zu, the longest as long as the MTU allows", sent, r.segments);
	r = carry("meddlebox,coalesce=600B,mtu=9000", STREAM, 1400, &sent);
	tap_ok(r.right && r.longest == 600, "coalesce=600B: none is longer");
	r = carry("meddlebox,resegment=100B", STREAM, 1400, &sent);
	tap_ok(r.right && r.longest == 100 && r.segments >= STREAM / 100,
	       "resegment: none is longer than 100 bytes");
	r = carry("meddlebox,coalesce=200B,resegment=1B", 20000, 250, &sent);
	tap_ok(r.right && r.longest == 1 && r.segments >= 20000, "both, down to 1 byte");
	r = carry("asa-proxy,isn-randomise=off,coalesce=4kB", STREAM, 1400, &sent);
	tap_ok(r.right, "in front of an ASA the stream is what it was");
}

/* A stretch longer than the sim's packets: one segment of 1000 + 900 bytes needs mtu=2000 */
static void check_merged(void)
{
	static const uint8_t stamps[2][12] = { { 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7 },
					       { 1, 1, 8, 10, 0, 0, 0, 10, 0, 0, 0, 8 } };
	struct sim *s = open_flow("meddlebox,coalesce=1900B,mtu=2000");
	const struct packet *p = &s->out[0].p;

	UP(s, .version = version, .seq = 1001, .ack = 9001, .flags = ACK | PSH, .len = 1000,
	   .options = stamps[0], .options_len = 12, .window = 100, .fill = 1);
	tap_is(s->count, 0, "coalesce: a segment waits");
	tap_ok(engine_deadline(s->engine) == s->now + 10 * NS_PER_MS, "for 10 ms");
	UP(s, .version = version, .seq = 2001, .ack = 9011, .flags = ACK, .len = 901,
	   .options = stamps[1], .options_len = 12, .window = 90, .fill = 2);
	tap_ok(s->count == 1 && p->seq == 1001 && p->payload_len == 1900 && p->payload[999] == 1 &&
		       p->payload[1000] == 2,
	       "until there is enough: then both leave as one");
	tap_ok(p->ack == 9011 && p->window == 90 && memcmp(p->options, stamps[1], 12) == 0 &&
		       p->flags == (ACK | PSH),
	       "ACK, window and timestamp are the newest, PSH is kept");
	sim_wait(s, 10 * NS_PER_MS);
	tap_ok(s->count == 1 && p->seq == 2901 && p->payload_len == 1,
	       "the byte too many leaves when its time is over");
	tap_is(sim_counter(s, COUNTER_MEDDLE_COALESCED), 1, "one segment was put to another");
	sim_free(s);
}

static void check_flushes(void)
{
	static const struct {
		const char *what;
		struct seg second;
		size_t leave; /* packets, at once */
	} rows[] = {
		{ "a pure ACK", { .seq = 1101, .ack = 9001, .flags = ACK }, 2 },
		{ "a retransmission", { .seq = 1001, .ack = 9001, .flags = ACK, .len = 50 }, 1 },
		{ "what is behind a hole",
		  { .seq = 1200, .ack = 9001, .flags = ACK, .len = 9 },
		  1 },
		{ "a RST", { .seq = 1101, .flags = RST }, 2 },
		{ "ECE", { .seq = 1101, .ack = 9001, .flags = ACK | ECE, .len = 9 }, 1 },
		{ "URG", { .seq = 1101, .ack = 9001, .flags = ACK | PACKET_TCP_URG, .len = 9 }, 2 },
		{ "a wrong checksum",
		  { .seq = 1101, .ack = 9001, .flags = ACK, .len = 9, .bad_checksum = true },
		  2 },
		{ "FIN, which ends it", { .seq = 1101, .ack = 9001, .flags = ACK | FIN }, 2 },
		{ "FIN with payload",
		  { .seq = 1101, .ack = 9001, .flags = ACK | FIN, .len = 9 },
		  1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sim *s = open_flow("meddlebox,coalesce=4kB");
		struct seg second = rows[i].second;

		second.dir = DIR_UP;
		second.version = version;
		send_piece(s, 0, 100, 0);
		sim_send(s, &second);
		tap_ok(s->count == rows[i].leave && s->out[0].p.seq == 1001 &&
			       s->out[0].p.payload_len >= 100 &&
			       (rows[i].leave == 1 || s->out[1].p.flags == second.flags),
		       "gathered bytes leave before %s", rows[i].what);
		sim_free(s);
	}
}

static void check_cut(void)
{
	struct sim *s = open_flow("meddlebox,resegment=40B,direction=up");

	UP(s, .version = version, .seq = 1001, .ack = 9001, .flags = ACK | FIN | PSH | CWR,
	   .len = 100);
	tap_is(s->count, 3, "resegment: 100 bytes in pieces of 40");
	tap_ok(s->out[0].p.flags == (ACK | CWR) && s->out[1].p.flags == ACK &&
		       s->out[2].p.flags == (ACK | FIN | PSH) && s->out[2].p.payload_len == 20,
	       "CWR on the first, FIN and PSH on the last");
	if (version == 4)
		tap_ok(s->out[0].ip[5] == 0 && s->out[1].ip[5] == 1 && s->out[2].ip[5] == 2,
		       "without DF each has its own identification");
	UP(s, .version = version, .seq = 1001, .ack = 9001, .flags = ACK, .len = 40);
	tap_is(s->count, 1, "40 bytes are not cut");
	UP(s, .version = version, .seq = 1001, .ack = 9001, .flags = ACK, .len = 100,
	   .bad_checksum = true);
	tap_ok(s->count == 1 && sim_tcp_sum(s->out[0].ip, s->out[0].len) != 0xffff,
	       "what is damaged is not made right");
	UP(s, .version = version, .seq = 7000, .flags = SYN, .len = 100);
	tap_is(s->count, 1, "nor is a SYN cut");
	DOWN(s, .version = version, .seq = 9001, .ack = 1001, .flags = ACK, .len = 100);
	tap_is(s->count, 1, "direction=up: down, nothing is");
	tap_is(sim_counter(s, COUNTER_MEDDLE_RESEGMENTED), 1, "resegmented");
	sim_free(s);
}

/* More flows than there is memory for: the others are let pass */
static void check_bound(void)
{
	struct sim *s = sim_new("meddlebox,coalesce=65000B,coalesce-hold=1h,restart-at=30min");
	size_t held = 0, passed = 0, most = 0;

	for (uint16_t port = 1; port <= 1000; port++) {
		UP(s, .version = version, .seq = 1, .ack = 1, .flags = ACK, .len = 10,
		   .client_port = port);
		held += s->count == 0;
		passed += s->count == 1;
		if (engine_usage(s->engine).gathered_bytes > most)
			most = engine_usage(s->engine).gathered_bytes;
	}
	tap_ok(most <= GATHER_MEMORY && held > 200 && passed == 1000 - held,
	       "1000 flows: %zu wait in %zu bytes, %zu pass", held, most, passed);
	sim_wait(s, 1800 * NS_PER_S);
	tap_ok(s->count == 0 && engine_usage(s->engine).gathered_bytes == 0 &&
		       sim_counter(s, COUNTER_MEDDLE_RESTART_DROPPED) == held,
	       "a restart loses what waits");
	sim_free(s);
}

int main(void)
{
	for (version = 4; version <= 6; version += 2) {
		check_streams();
		check_merged();
		check_flushes();
		check_cut();
		check_bound();
	}
	return tap_done();
}
