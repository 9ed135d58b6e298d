// SPDX-License-Identifier: Apache-2.0
/*
 * The story of the mission on paper: a cTCP flow dies of one lost segment, a
 * TCP does not.  Queue limits and timeouts, duplicate ACKs, translation of
 * ISNs and SACK blocks, state bypass, and the bounds under floods.
 */
#include "base/prng.h"
#include "tests/middlebox-sim.h"

#define SEGMENT 316 /* an ESP packet and the trailer */

/* A cTCP peer: no options, window 65535, acknowledges max(seq + len) past holes */
struct peer {
	enum direction dir;
	uint32_t seq, ack;
};

static bool ctcp_send(struct sim *s, struct peer *p, bool lost)
{
	if (!lost)
		SEND(s, .dir = p->dir, .seq = p->seq, .ack = p->ack, .flags = ACK, .len = SEGMENT);
	p->seq += SEGMENT;
	return !lost && s->count > 0 && s->out[0].dir == p->dir;
}

static void ctcp_receive(const struct sim *s, struct peer *p)
{
	for (unsigned int i = 0; i < s->count; i++) {
		const struct packet *in = &s->out[i].p;

		if (s->out[i].dir != p->dir && in->payload_len &&
		    seq_lt(p->ack, in->seq + (uint32_t)in->payload_len))
			p->ack = in->seq + (uint32_t)in->payload_len;
	}
}

static void ctcp_connect(struct sim *s, struct peer *client, struct peer *server)
{
	UP(s, .seq = client->seq, .flags = SYN);
	server->ack = s->out[0].p.seq + 1;
	client->seq++;
	DOWN(s, .seq = server->seq, .ack = server->ack, .flags = SYN | ACK);
	client->ack = s->out[0].p.seq + 1;
	server->seq++;
	UP(s, .seq = client->seq, .ack = client->ack, .flags = ACK);
}

/* One probe up and its answer down, as an echo through the tunnel; is it answered? */
static bool echo(struct sim *s, struct peer *client, struct peer *server, bool lost)
{
	if (!ctcp_send(s, client, lost))
		return false;
	ctcp_receive(s, server);
	if (!ctcp_send(s, server, false))
		return false;
	ctcp_receive(s, client);
	return true;
}

static void check_ctcp_one_loss(void)
{
	struct sim *s = sim_new("asa-proxy");
	struct peer client = { .dir = DIR_UP, .seq = 0x11223344 };
	struct peer server = { .dir = DIR_DOWN, .seq = 0xfffffff0 };
	unsigned int answered = 0, right = 0, down = 0;
	uint32_t hole;

	ctcp_connect(s, &client, &server);
	for (unsigned int i = 0; i < 100; i++)
		answered += echo(s, &client, &server, false);
	tap_is(answered, 100, "without loss each probe is answered");

	hole = client.seq;
	echo(s, &client, &server, true);
	for (unsigned int i = 0; i < 10; i++) {
		s->now += 200 * NS_PER_MS;
		answered += echo(s, &client, &server, false);
		right += s->count == 1 && s->out[0].dir == DIR_DOWN && s->out[0].p.ack == hole &&
			 s->out[0].p.payload_len == 0 && s->out[0].p.seq == client.ack &&
			 s->out[0].p.options_len == 0 && s->out[0].p.window == 65535 &&
			 sim_tcp_sum(s->out[0].ip, s->out[0].len) == 0xffff;
	}
	tap_is(answered, 100, "one lost segment: no probe is answered any more");
	tap_is(right, 10, "for each segment a duplicate ACK that asks for the lost one");
	tap_is(sim_counter(s, COUNTER_DUP_ACK_SENT), 10, "dup-ack-sent");
	tap_is(sim_counter(s, COUNTER_QUEUED), 3, "3 are queued");
	tap_is(sim_counter(s, COUNTER_TCP_BUFFER_FULL), 7, "the 4th and later: tcp-buffer-full");

	/* the queue's clock began with the first of them, 200 ms after the loss */
	tap_ok(engine_deadline(s->engine) == s->now - 1800 * NS_PER_MS + 4 * NS_PER_S,
	       "the timeout is 4 s after the first one was queued");
	sim_wait(s, 2200 * NS_PER_MS - 1);
	tap_is(sim_counter(s, COUNTER_TCP_BUFFER_TIMEOUT), 0, "not before 4 s");
	sim_wait(s, 1);
	tap_is(sim_counter(s, COUNTER_TCP_BUFFER_TIMEOUT), 3, "after 4 s: tcp-buffer-timeout");
	tap_is(engine_usage(s->engine).queued_packets, 0, "the queue is dropped as a whole");

	for (unsigned int i = 0; i < 3000; i++) {
		s->now += 200 * NS_PER_MS;
		answered += echo(s, &client, &server, false);
		down += ctcp_send(s, &server, false);
		ctcp_receive(s, &client);
	}
	tap_is(answered, 100, "10 minutes later: that direction never recovers");
	tap_is(down, 3000, "the other direction goes on");
	tap_is(sim_counter(s, COUNTER_TCP_INVALID_ACK), 0, "no ACK of a cTCP peer is invalid");
	tap_ok(sim_counter(s, COUNTER_TCP_SEQ_PAST_WIN) > 0,
	       "64 kB past the hole the segments are past the window");
	sim_free(s);
}

/* The counter-proof: the same, with a peer that answers the duplicate ACK */
static void check_retransmission(void)
{
	struct sim *s = sim_new("asa-proxy");
	struct peer client = { .dir = DIR_UP, .seq = 5000 }, server = { .dir = DIR_DOWN };
	uint32_t hole, next;

	ctcp_connect(s, &client, &server);
	echo(s, &client, &server, false);
	next = server.ack;
	hole = client.seq;
	for (unsigned int i = 0; i < 4; i++)
		echo(s, &client, &server, i == 0);
	UP(s, .seq = hole, .ack = client.ack, .flags = ACK, .len = SEGMENT);
	tap_is(s->count, 4, "the lost segment comes again: all four leave");
	for (unsigned int i = 0; i < 4; i++)
		tap_ok(s->out[i].dir == DIR_UP && s->out[i].p.seq == next + i * SEGMENT &&
			       s->out[i].p.payload_len == SEGMENT &&
			       sim_tcp_sum(s->out[i].ip, s->out[i].len) == 0xffff,
		       "segment %u in order, whole, with a right checksum", i);
	ctcp_receive(s, &server);
	tap_is(sim_counter(s, COUNTER_RELEASED), 3, "released");
	tap_ok(engine_deadline(s->engine) > s->now + 5 * NS_PER_S, "no queue waits any more");
	tap_ok(echo(s, &client, &server, false), "and the tunnel lives");
	sim_free(s);
}

/* Two holes: filling the first one restarts the clock for the second */
static void check_two_holes(void)
{
	struct sim *s = sim_new("asa-proxy,isn-randomise=off,queue-limit=5,queue-timeout=2s");

	sim_handshake(s);
	UP(s, .seq = 1101, .ack = 9001, .flags = ACK, .len = 100);
	UP(s, .seq = 1301, .ack = 9001, .flags = ACK, .len = 100);
	s->now += NS_PER_S;
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 100);
	tap_is(s->count, 2, "the first hole is filled: what is in front of the second leaves");
	tap_ok(engine_deadline(s->engine) == s->now + 2 * NS_PER_S, "the second hole has its 2 s");
	UP(s, .seq = 1501, .ack = 9001, .flags = ACK, .len = 100);
	UP(s, .seq = 1401, .ack = 9001, .flags = ACK, .len = 100);
	UP(s, .seq = 1601, .ack = 9001, .flags = ACK, .len = 100);
	UP(s, .seq = 1701, .ack = 9001, .flags = ACK, .len = 100);
	tap_is(sim_counter(s, COUNTER_TCP_BUFFER_FULL), 0, "queue-limit=5: five fit");
	UP(s, .seq = 1801, .ack = 9001, .flags = ACK, .len = 100);
	tap_is(sim_counter(s, COUNTER_TCP_BUFFER_FULL), 1, "the sixth does not");
	UP(s, .seq = 1201, .ack = 9001, .flags = ACK, .len = 100);
	tap_is(s->count, 6, "the second hole is filled");
	for (unsigned int i = 0; i < 6; i++)
		tap_is(s->out[i].p.seq, 1201 + 100 * i, "sorted though they came unsorted");
	sim_free(s);
}

/* Queues of two flows and both directions: each has its own clock */
static void check_clocks(void)
{
	struct sim *s = sim_new("asa-proxy,isn-randomise=off");
	uint64_t begin = s->now;

	for (uint16_t port = 1; port <= 2; port++) {
		UP(s, .seq = 1000, .flags = SYN, .client_port = port);
		DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .client_port = port);
		UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .client_port = port);
	}
	UP(s, .seq = 1101, .ack = 9001, .flags = ACK, .len = 9, .client_port = 1);
	s->now += NS_PER_S;
	UP(s, .seq = 1101, .ack = 9001, .flags = ACK, .len = 9, .client_port = 2);
	s->now += NS_PER_S;
	DOWN(s, .seq = 9101, .ack = 1001, .flags = ACK, .len = 9, .client_port = 1);
	UP(s, .seq = 1201, .ack = 9001, .flags = ACK, .len = 9, .client_port = 1);
	for (unsigned int i = 0; i < 3; i++) {
		static const unsigned int dropped[] = { 2, 3, 4 };

		tap_ok(engine_deadline(s->engine) == begin + (4 + i) * NS_PER_S,
		       "the queue that is due as number %u", i + 1);
		s->now = engine_deadline(s->engine);
		sim_wait(s, 0);
		tap_is(sim_counter(s, COUNTER_TCP_BUFFER_TIMEOUT), dropped[i], "alone is dropped");
	}
	sim_free(s);
}

/* A pure ACK ahead of a hole passes: the other direction must not stall */
static void check_pure_ack(void)
{
	struct sim *s = sim_new("asa-proxy,isn-randomise=off");

	sim_handshake(s);
	DOWN(s, .seq = 9001, .ack = 1001, .flags = ACK, .len = 100);
	PASSES(s, DIR_UP, "an ACK with the sequence number past a hole passes", .seq = 1101,
	       .ack = 9101, .flags = ACK);
	UP(s, .seq = 1101, .ack = 9101, .flags = ACK, .len = 100);
	tap_is(sim_counter(s, COUNTER_QUEUED), 1, "data there waits");
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.seq == 9101 && s->out[0].p.ack == 1001,
	       "its duplicate ACK has the receiver's numbers");
	sim_free(s);
}

/* What the device acknowledges while a segment is on its way behind it */
static void check_ack_point(void)
{
	static const char *const devices[] = { "asa-proxy,isn-randomise=off",
					       "asa-proxy,isn-randomise=off,ack-point=next" };
	static const uint32_t want[] = { 1001, 1101 };

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct sim *s = sim_new(devices[i]);

		sim_handshake(s);
		UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 100);
		UP(s, .seq = 1201, .ack = 9001, .flags = ACK, .len = 100);
		tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.ack == want[i],
		       "%s: the duplicate ACK says %u", devices[i], want[i]);
		DOWN(s, .seq = 9001, .ack = 1101, .flags = ACK);
		UP(s, .seq = 1301, .ack = 9001, .flags = ACK, .len = 100);
		tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.ack == 1101,
		       "%s: the hole, once the receiver has all before it", devices[i]);
		sim_free(s);
	}
}

static uint32_t be32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A TCP with all options: ISNs and SACK blocks change together, timestamps are echoed */
static void check_translation(int version)
{
	uint8_t syn[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 100, 0, 0, 0, 0, 1, 3, 3, 7 };
	uint8_t synack[] = { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 2, 0, 0, 0, 0, 100, 1, 3, 3, 7 };
	uint8_t up[] = { 1, 1, 8, 10, 0, 0, 0, 101, 0, 0, 2, 0 };
	/* deliberately at an odd offset; behind it an option to be cleared */
	uint8_t sack[] = { 1, 8, 10, 0, 0, 2, 1, 0, 0, 0, 101, 5, 18, 0,   0, 0,
			   0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,   0, 0,  253, 3, 7 };
	struct sim *s = sim_new("asa-proxy");
	uint32_t client, server;

	UP(s, .version = version, .seq = 1000, .flags = SYN, .options = syn,
	   .options_len = sizeof(syn));
	client = s->out[0].p.seq + 1;
	tap_ok(client != 1001 && s->out[0].p.ack == 0 &&
		       sim_tcp_sum(s->out[0].ip, s->out[0].len) == 0xffff,
	       "IPv%d: another ISN, a right checksum", version);
	tap_ok(memcmp(s->out[0].p.options, syn, sizeof(syn)) == 0, "known options stay");
	DOWN(s, .version = version, .seq = 9000, .ack = client, .flags = SYN | ACK,
	     .options = synack, .options_len = sizeof(synack));
	server = s->out[0].p.seq + 1;
	tap_ok(server != 9001 && s->out[0].p.ack == 1001, "the same the other way");
	UP(s, .version = version, .seq = 1001, .ack = server, .flags = ACK, .options = up,
	   .options_len = sizeof(up), .len = 100);
	tap_ok(s->out[0].p.seq == client && s->out[0].p.ack == 9001 &&
		       sim_tcp_sum(s->out[0].ip, s->out[0].len) == 0xffff,
	       "data and ACK are translated");

	be32(sack + 13, client + 1000);
	be32(sack + 17, client + 1100);
	be32(sack + 21, client + 5000);
	be32(sack + 25, client + 5200);
	DOWN(s, .version = version, .seq = 9001, .ack = client + 100, .flags = ACK, .options = sack,
	     .options_len = sizeof(sack), .window = 500);
	tap_ok(sim_passed(s, DIR_DOWN) && sim_tcp_sum(s->out[0].ip, s->out[0].len) == 0xffff,
	       "a segment with SACK passes with a right checksum");
	tap_ok(be32_at(s->out[0].p.options + 13) == 2001 &&
		       be32_at(s->out[0].p.options + 17) == 2101 &&
		       be32_at(s->out[0].p.options + 21) == 6001 &&
		       be32_at(s->out[0].p.options + 25) == 6201,
	       "the edges of its blocks are in the sender's numbers");
	tap_ok(s->out[0].p.options[29] == 1 && s->out[0].p.options[30] == 1 &&
		       s->out[0].p.options[31] == 1,
	       "the unknown option is cleared");

	up[7] = 102; /* newer, but behind a hole: not what an ACK echoes (RFC 7323 section 4.3) */
	UP(s, .version = version, .seq = 1201, .ack = server, .flags = ACK, .options = up,
	   .options_len = sizeof(up), .len = 100);
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.seq == server && s->out[0].p.ack == 1101 &&
		       s->out[0].p.window == 500 &&
		       sim_tcp_sum(s->out[0].ip, s->out[0].len) == 0xffff,
	       "the device's ACK is in the sender's view");
	tap_ok(s->out[0].p.options_len == 24 && be32_at(s->out[0].p.options + 4) == 0x201 &&
		       be32_at(s->out[0].p.options + 8) == 101,
	       "it has the peer's newest timestamp and echoes the last in order");
	tap_ok(s->out[0].p.options[14] == 5 && s->out[0].p.options[15] == 10 &&
		       be32_at(s->out[0].p.options + 16) == 1201 &&
		       be32_at(s->out[0].p.options + 20) == 1301,
	       "its SACK block is what is queued");
	tap_ok(s->out[0].p.ttl == 63, "its TTL is that of the peer's packets");

	UP(s, .version = version, .seq = 1301, .ack = server, .flags = ACK, .options = up,
	   .options_len = sizeof(up), .len = 50);
	UP(s, .version = version, .seq = 1501, .ack = server, .flags = ACK, .options = up,
	   .options_len = sizeof(up), .len = 50);
	tap_ok(s->out[0].p.options_len == 32 && be32_at(s->out[0].p.options + 16) == 1501 &&
		       be32_at(s->out[0].p.options + 20) == 1551 &&
		       be32_at(s->out[0].p.options + 24) == 1201 &&
		       be32_at(s->out[0].p.options + 28) == 1351,
	       "two blocks: neighbours become one, the newest is first");
	sim_free(s);
}

static void check_isn(void)
{
	uint32_t first[3];
	struct sim *s;

	for (int i = 0; i < 2; i++) {
		s = sim_new("asa-proxy");
		UP(s, .seq = 1000, .flags = SYN);
		first[i] = s->out[0].p.seq;
		UP(s, .seq = 1000, .flags = SYN, .client_port = 7);
		first[2] = s->out[0].p.seq;
		sim_free(s);
	}
	tap_ok(first[0] == first[1], "the same seed: the same ISN");
	tap_ok(first[0] != first[2], "another flow: another ISN");
	s = sim_new("asa-proxy,isn-randomise=off,tcp-options=allow");
	UP(s, .seq = 1000, .flags = SYN, .options = (const uint8_t[]){ 34, 2, 1, 1 },
	   .options_len = 4);
	tap_ok(s->out[0].p.seq == 1000 && s->out[0].p.options[0] == 34,
	       "isn-randomise=off, tcp-options=allow: the segment is as it was");
	sim_free(s);
}

static void check_bypass(void)
{
	struct sim *s = sim_new("asa-bypass,max-flows=2");
	struct peer client = { .dir = DIR_UP, .seq = 100 }, server = { .dir = DIR_DOWN };
	unsigned int answered = 0;
	uint8_t ip[2048];
	size_t len = sim_build(
		&(const struct seg){
			.seq = 1, .ack = 99, .flags = ACK, .len = 40, .bad_checksum = true },
		ip);

	sim_raw(s, DIR_UP, ip, len);
	tap_ok(sim_passed(s, DIR_UP) && memcmp(s->out[0].ip, ip, len) == 0,
	       "bypass: a segment without a connection passes, unchanged");
	tap_is(engine_usage(s->engine).flows, 1, "it makes an entry");
	tap_ok(engine_deadline(s->engine) == s->now + 120 * NS_PER_S, "for 2 min");
	for (unsigned int i = 0; i < 100; i++)
		answered += echo(s, &client, &server, i % 10 == 9);
	tap_is(answered, 90, "loss costs what was lost and nothing more");
	PASSES(s, DIR_DOWN, "RST with seq 0 passes", .flags = RST);
	for (uint16_t port = 1; port <= 5; port++)
		PASSES(s, DIR_UP, "so does all else, whatever the table holds", .flags = FIN,
		       .client_port = port);
	tap_is(engine_usage(s->engine).flows, 2, "max-flows=2");
	sim_wait(s, 120 * NS_PER_S);
	tap_is(engine_usage(s->engine).flows, 0, "idle entries go");
	sim_free(s);
}

/* Whatever is sent, what is held stays within the options, and it all goes in the end */
static void check_floods(void)
{
	struct sim *s = sim_new("asa-proxy,isn-randomise=off,max-flows=1000,queue-memory=1MB");
	struct engine_usage most = { 0 };

	for (unsigned int i = 0; i < 200000; i++)
		UP(s, .seq = i, .flags = SYN, .client_port = (uint16_t)(1 + i % 65535));
	tap_is(engine_usage(s->engine).flows, 1000, "SYN flood: max-flows and no more");
	sim_wait(s, 30 * NS_PER_S);
	tap_is(engine_usage(s->engine).flows, 0, "30 s later they are gone");

	for (uint16_t port = 1; port <= 1000; port++) {
		UP(s, .seq = 1000, .flags = SYN, .client_port = port);
		DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .client_port = port);
		UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .client_port = port);
	}
	for (uint32_t i = 1; i <= 40; i++) {
		for (uint16_t port = 1; port <= 1000; port++) {
			struct engine_usage now;

			UP(s, .seq = 1001 + i * 1400, .ack = 9001, .flags = ACK, .len = 1400,
			   .client_port = port);
			now = engine_usage(s->engine);
			most.queued_packets = now.queued_packets > most.queued_packets
						      ? now.queued_packets
						      : most.queued_packets;
			most.queued_bytes = now.queued_bytes > most.queued_bytes
						    ? now.queued_bytes
						    : most.queued_bytes;
		}
	}
	tap_ok(most.queued_bytes <= 1000000 && most.queued_bytes > 990000,
	       "out-of-order flood: queue-memory and no more (%zu bytes)", most.queued_bytes);
	tap_ok(most.queued_packets <= 3000, "queue-limit for each flow and no more (%zu)",
	       most.queued_packets);
	tap_is(sim_counter(s, COUNTER_QUEUED) + sim_counter(s, COUNTER_TCP_BUFFER_FULL), 40000,
	       "each one was held or counted");
	sim_wait(s, 4 * NS_PER_S);
	tap_ok(engine_usage(s->engine).queued_bytes == 0 &&
		       engine_usage(s->engine).queued_packets == 0,
	       "4 s later nothing is held");
	tap_is(sim_counter(s, COUNTER_TCP_BUFFER_TIMEOUT), sim_counter(s, COUNTER_QUEUED),
	       "tcp-buffer-timeout counts each of them");
	sim_free(s);
}

/* Random segments of all kinds: each is counted once, whether it waited in a queue or not */
static void check_balance(const char *device)
{
	static const uint8_t flags[] = { ACK, ACK, ACK, ACK, ACK, ACK, ACK, ACK,
					 ACK, SYN, ACK, ACK, 0,	  FIN, RST, FIN | ACK };
	struct sim *s = sim_new(device);
	uint64_t in = 0, drops = 0;
	bool proxy = strncmp(device, "asa-proxy", 9) == 0;
	struct prng prng;

	prng_init(&prng, 1, "balance");
	while (in < 200000) {
		uint64_t r = prng_u64(&prng);
		enum direction dir = r & 1 ? DIR_DOWN : DIR_UP;
		uint16_t port = (uint16_t)(1 + (r >> 1) % 12);

		s->now += (r >> 8) % (50 * NS_PER_MS);
		if ((r >> 40) % 16 == 0) {
			UP(s, .seq = 1000, .flags = SYN, .client_port = port);
			DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .client_port = port);
			in += 2;
		}
		SEND(s, .dir = dir, .seq = (dir == DIR_UP ? 1001 : 9001) + (r >> 44) % 5 * 50,
		     .ack = (dir == DIR_UP ? 9001 : 1001) + (r >> 47) % 2,
		     .flags = flags[(r >> 50) % sizeof(flags)], .len = (r >> 54) % 3 * 100,
		     .client_port = port);
		in++;
	}
	sim_wait(s, 3600 * NS_PER_S);
	for (size_t c = 0; c < COUNTER_COUNT; c++)
		drops += counter_kinds[c].drop ? sim_counter(s, c) : 0;
	tap_is(sim_counter(s, COUNTER_FORWARDED) + sim_counter(s, COUNTER_RELEASED) +
		       sim_counter(s, COUNTER_INTERCEPTED) + drops,
	       in, "%s: of random segments each was sent on, taken or dropped, once", device);
	tap_ok(!proxy || (sim_counter(s, COUNTER_QUEUED) > 1000 &&
			  sim_counter(s, COUNTER_RELEASED) > 100 &&
			  sim_counter(s, COUNTER_QUEUE_DISCARDED) > 0),
	       "... %llu of them by way of the queue, %llu released",
	       (unsigned long long)sim_counter(s, COUNTER_QUEUED),
	       (unsigned long long)sim_counter(s, COUNTER_RELEASED));
	tap_is(engine_usage(s->engine).flows, 0, "nothing is left");
	sim_free(s);
}

int main(void)
{
	check_ctcp_one_loss();
	check_retransmission();
	check_two_holes();
	check_clocks();
	check_pure_ack();
	check_ack_point();
	check_translation(4);
	check_translation(6);
	check_isn();
	check_bypass();
	check_floods();
	check_balance("asa-proxy,isn-randomise=off,max-flows=8");
	check_balance("asa,isn-randomise=off,max-flows=8,timeout-reset=all");
	check_balance("asa,isn-randomise=off,check-retransmission=on,history-memory=20KiB");
	check_balance("asa,isn-randomise=off,embryonic-limit=2,bypass-after=30min");
	return tap_done();
}
