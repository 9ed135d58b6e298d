// SPDX-License-Identifier: Apache-2.0
/*
 * Each switch of a meddlebox that changes headers or flows: with it, and without it
 * nothing of the kind; IPv4 and IPv6.  What does not pass, and what nobody sent:
 * test-middlebox-meddle-packets.c; merging and cutting: test-middlebox-gather.c; what a
 * kernel's TCP makes of it: test-meddle-kernel.c.
 */
#include "middlebox/meddle-config.h"
#include "tests/meddle-sim.h"

#define ECE 0x40
#define CWR 0x80

/* MSS 1460, SACK permitted, timestamps, NOP, window scale 7, and MPTCP, which is not known */
static const uint8_t syn_options[] = { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 7,  0, 0, 0,
				       0, 1, 3, 3,   7, 1, 1, 1,  1, 1, 1, 30, 4, 0, 1 };

static void check_nothing(void)
{
	struct sim *s = open_flow("meddlebox");
	uint8_t ip[2048];
	struct seg g = { .dir = DIR_UP,
			 .seq = 5000,
			 .ack = 9001,
			 .flags = ACK | ECE,
			 .len = 1400,
			 .version = version,
			 .options = syn_options,
			 .options_len = 28 };
	size_t len = build(&g, ip, 1, true);

	sim_raw(s, DIR_UP, ip, len);
	tap_ok(s->count == 1 && s->out[0].len == len && memcmp(s->out[0].ip, ip, len) == 0,
	       "IPv%d: without a switch a packet passes byte for byte", version);
	g.bad_checksum = true;
	len = build(&g, ip, 1, true);
	sim_raw(s, DIR_UP, ip, len);
	tap_ok(s->count == 1 && memcmp(s->out[0].ip, ip, len) == 0, "a damaged one too");
	sim_free(s);
}

static void check_contiguous(void)
{
	struct sim *s = open_flow("meddlebox,contiguous=on,direction=up");

	DROPPED(s, DIR_UP, COUNTER_MEDDLE_NOT_CONTIGUOUS, "behind a hole", .version = version,
		.seq = 1101, .ack = 9001, .flags = ACK, .len = 100);
	PASSES(s, DIR_UP, "a pure ACK there passes", .version = version, .seq = 1101, .ack = 9001,
	       .flags = ACK);
	PASSES(s, DIR_UP, "the hole is filled", .version = version, .seq = 1001, .ack = 9001,
	       .flags = ACK, .len = 100);
	PASSES(s, DIR_UP, "what was behind it comes again", .version = version, .seq = 1101,
	       .ack = 9001, .flags = ACK, .len = 100);
	PASSES(s, DIR_UP, "a retransmission passes", .version = version, .seq = 1001, .ack = 9001,
	       .flags = ACK, .len = 100);
	PASSES(s, DIR_DOWN, "direction=up: down, holes pass", .version = version, .seq = 9101,
	       .ack = 1201, .flags = ACK, .len = 100);
	sim_free(s);
}

static void check_proxy_ack(void)
{
	static const uint8_t stamps[] = { 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7 };
	struct sim *s = sim_new("meddlebox,proxy-ack=on");
	const struct packet *ack = &s->out[0].p;

	U(s, .seq = 1000, .flags = SYN, .options = syn_options, .options_len = 20);
	D(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .options = syn_options,
	  .options_len = 20);
	D(s, .seq = 9001, .ack = 1001, .flags = ACK, .window = 500, .options = stamps,
	  .options_len = sizeof(stamps));
	tap_ok(sim_passed(s, DIR_DOWN), "an ACK is not acknowledged");
	U(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 1280, .options = stamps,
	  .options_len = sizeof(stamps));
	tap_ok(s->count == 2 && s->out[0].dir == DIR_DOWN && s->out[1].dir == DIR_UP && whole(s),
	       "data: an ACK to its sender, before it leaves");
	tap_ok(ack->flags == ACK && ack->seq == 9001 && ack->ack == 2281 && !ack->payload_len,
	       "of what it sent");
	tap_is(ack->window, 490, "the window has the same right edge: 10 units of 128 bytes less");
	tap_ok(option(&s->out[0], 8) && memcmp(option(&s->out[0], 8) + 2, stamps + 4, 8) != 0 &&
		       option(&s->out[0], 8)[5] == 9 && option(&s->out[0], 8)[9] == 9,
	       "timestamps of the receiver, echoing the sender's");
	U(s, .seq = 3000, .ack = 9001, .flags = ACK, .len = 100);
	tap_is(s->count, 1, "behind a hole: no ACK");
	sim_free(s);
	s = open_flow("meddlebox");
	U(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 100);
	tap_is(s->count, 1, "off: no ACK");
	sim_free(s);
}

static void check_isn(void)
{
	static const uint8_t sack[] = { 1, 1, 5, 10, 0, 0, 7, 208, 0, 0, 8, 52 }; /* 2000-2100 */
	struct sim *s = sim_new("meddlebox,isn-rewrite=on,direction=up");
	uint32_t up;

	U(s, .seq = 1000, .flags = SYN);
	up = s->out[0].p.seq - 1000;
	tap_ok(up != 0 && whole(s), "a SYN has another sequence number");
	D(s, .seq = 9000, .ack = 1001 + up, .flags = SYN | ACK);
	tap_ok(s->out[0].p.ack == 1001 && s->out[0].p.seq == 9000 && whole(s),
	       "its ACK is translated back; direction=up: the other number is not touched");
	U(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 99);
	tap_ok(s->out[0].p.seq == 1001 + up && s->out[0].p.ack == 9001 && whole(s), "data");
	U(s, .seq = 1100, .ack = 9001, .flags = ACK, .len = 9, .bad_checksum = true);
	tap_ok(s->count == 1 && !whole(s), "what was damaged stays damaged");
	D(s, .seq = 9001, .ack = 1001 + up, .flags = ACK, .options = sack,
	  .options_len = sizeof(sack));
	tap_ok((uint32_t)(s->out[0].p.options[6] * 256 + s->out[0].p.options[7]) ==
			       ((2000 - up) & 0xffff) &&
		       whole(s),
	       "SACK blocks are translated");
	sim_free(s);
	s = open_flow("meddlebox,isn-rewrite=not-sack");
	D(s, .seq = 9001, .ack = 1001, .flags = ACK, .options = sack, .options_len = sizeof(sack));
	tap_ok(memcmp(s->out[0].p.options, sack, sizeof(sack)) == 0 && s->out[0].p.ack != 1001 &&
		       whole(s),
	       "not-sack: the ACK is, they are not");
	sim_free(s);
}

/* What the box makes up has the numbers that its receiver sees */
static void check_isn_forged(void)
{
	struct sim *s = sim_new("meddlebox,isn-rewrite=on,proxy-ack=on,inject=rst,inject-at=1s");
	uint32_t client, server; /* the next of each end, as the other one sees it */

	U(s, .seq = 1000, .flags = SYN);
	client = s->out[0].p.seq + 1;
	D(s, .seq = 9000, .ack = client, .flags = SYN | ACK);
	server = s->out[0].p.seq + 1;
	U(s, .seq = 1001, .ack = server, .flags = ACK, .len = 10);
	tap_ok(s->count == 2 && s->out[0].p.seq == server && s->out[0].p.ack == 1011,
	       "isn-rewrite: an ACK of the device's own has the numbers that its receiver sees");
	sim_wait(s, NS_PER_S);
	tap_ok(s->count == 2 && s->out[0].p.seq == server && s->out[1].p.seq == client + 10,
	       "and so have RSTs");
	sim_free(s);
}

static struct sim *send_syn(const char *device)
{
	struct sim *s = sim_new(device);

	U(s, .seq = 1000, .flags = SYN, .options = syn_options, .options_len = 28);
	return s;
}

static void check_options(void)
{
	static const uint8_t full[40] = { 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 5, 26 };
	struct sim *s = send_syn("meddlebox,strip-options=all");

	tap_ok(s->out[0].p.options_len == 0 && whole(s), "strip-options=all: none is left");
	U(s, .seq = 1001, .ack = 1, .flags = ACK, .len = 33, .options = syn_options + 6,
	  .options_len = 12);
	tap_ok(s->out[0].p.options_len == 0 && s->out[0].p.payload_len == 33 &&
		       s->out[0].p.payload[32] == 0x5a && whole(s),
	       "nor on data, which is whole");
	U(s, .seq = 1034, .ack = 1, .flags = ACK, .len = 33);
	tap_is(sim_counter(s, COUNTER_MEDDLE_OPTIONS_STRIPPED), 2, "what has none does not count");
	sim_free(s);
	s = sim_new("meddlebox,strip-options=unknown");
	U(s, .seq = 1000, .flags = SYN, .options = syn_options + 2, .options_len = 28);
	tap_ok(s->count == 1, "options that cannot be read do no harm");
	U(s, .seq = 2000, .flags = SYN, .client_port = 9,
	  .options = (const uint8_t[]){ 2, 4, 5, 180, 30, 4, 0, 1, 3, 3, 7, 1 }, .options_len = 12);
	tap_ok(!option(&s->out[0], 30) && option(&s->out[0], 2) && option(&s->out[0], 3) &&
		       s->out[0].p.options_len == 8 && whole(s),
	       "strip-options=unknown: MPTCP is gone, MSS and window scale are there");
	sim_free(s);
	s = send_syn("meddlebox,strip-options=all,options-in=data");
	tap_is(s->out[0].p.options_len, 28, "options-in=data: a SYN keeps its options");
	sim_free(s);

	s = send_syn("meddlebox,add-option=77");
	tap_ok(option(&s->out[0], 77) && option(&s->out[0], 77)[1] == 4 && option(&s->out[0], 2) &&
		       s->out[0].p.options_len == 32 && whole(s),
	       "add-option: one more");
	U(s, .seq = 1001, .ack = 1, .flags = ACK, .len = 3, .options = full, .options_len = 40);
	tap_ok(s->out[0].p.options_len == 40 && s->out[0].p.payload_len == 3 && whole(s) &&
		       sim_counter(s, COUNTER_MEDDLE_OPTION_ADDED) == 1,
	       "no room: left as it is, and not counted");
	sim_free(s);

	for (size_t i = 0; i < 3; i++) {
		static const char *const devices[] = { "meddlebox,bad-option=zero,options-in=syn",
						       "meddlebox,bad-option=one,options-in=syn",
						       "meddlebox,bad-option=past,options-in=syn" };
		static const uint8_t lengths[] = { 0, 1, 40 };
		const uint8_t *last;

		s = send_syn(devices[i]);
		last = s->out[0].p.options + s->out[0].p.options_len - 4;
		tap_ok(last[0] == 253 && last[1] == lengths[i] && option(&s->out[0], 8) && whole(s),
		       "%s", devices[i]);
		U(s, .seq = 1001, .ack = 1, .flags = ACK, .len = 3);
		tap_is(s->out[0].p.options_len, 0, "options-in=syn: not in data");
		sim_free(s);
	}
}

static void check_mss(void)
{
	struct sim *s = send_syn("meddlebox,mss-clamp=1200");

	tap_ok(option(&s->out[0], 2)[2] == 1200 / 256 && option(&s->out[0], 2)[3] == 1200 % 256 &&
		       whole(s),
	       "mss-clamp: 1460 becomes 1200");
	sim_free(s);
	s = send_syn("meddlebox,mss-clamp=1460");
	tap_is(sim_counter(s, COUNTER_MEDDLE_MSS), 0, "1460 stays 1460");
	U(s, .seq = 1000, .flags = SYN, .client_port = 7);
	tap_is(s->out[0].p.options_len, 0, "none is made up");
	sim_free(s);
	s = send_syn("meddlebox,mss-clamp=1200,direction=down");
	tap_is(sim_counter(s, COUNTER_MEDDLE_MSS), 0, "direction=down: not that of the client");
	sim_free(s);
}

static uint16_t window(struct sim *s, uint32_t ack, int given)
{
	D(s, .seq = 9001, .ack = ack, .flags = ACK, .window = given);
	return s->count == 1 && whole(s) ? s->out[0].p.window : 0xdead;
}

static void check_windows(void)
{
	struct sim *s = open_flow("meddlebox,window-squeeze=2kB");

	tap_is(window(s, 1001, 65535), 2000, "window-squeeze: a larger window is smaller");
	tap_is(window(s, 1001, 1999), 1999, "a smaller one stays");
	tap_is(window(s, 1001, -1), 0, "0 stays 0");
	tap_is(sim_counter(s, COUNTER_MEDDLE_WINDOW_SHRUNK), 0, "its right edge never moved left");
	sim_free(s);

	s = sim_new("meddlebox,window-squeeze=2kB,direction=down");
	U(s, .seq = 1000, .flags = SYN, .options = syn_options, .options_len = 20);
	D(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .options = syn_options,
	  .options_len = 20);
	tap_is(s->out[0].p.window, 2000, "a SYN's window is not scaled");
	tap_is(window(s, 1001, 500), 15, "others are: 15 units of 128 bytes");
	U(s, .seq = 1001, .ack = 9001, .flags = ACK);
	tap_is(s->out[0].p.window, 65535, "direction=down: that of the client stays");
	sim_free(s);
	s = sim_new("meddlebox,window-squeeze=100B");
	U(s, .seq = 1000, .flags = SYN, .options = syn_options, .options_len = 20);
	D(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .options = syn_options,
	  .options_len = 20);
	tap_is(window(s, 1001, 500), 1, "less than a unit is one unit, not 0");
	sim_free(s);

	s = open_flow("meddlebox,window-squeeze=2kB,window-from=5s");
	s->now += 5 * NS_PER_S - 1;
	tap_is(window(s, 1001, 60000), 60000, "window-from: not yet");
	s->now += 1;
	tap_is(window(s, 3001, 60000), 2000, "now");
	tap_is(sim_counter(s, COUNTER_MEDDLE_WINDOW_SHRUNK), 1, "its right edge moved left");
	tap_is(window(s, 65001, 60000), 2000, "later");
	tap_is(sim_counter(s, COUNTER_MEDDLE_WINDOW_SHRUNK), 1, "and right again");
	sim_free(s);

	s = open_flow("meddlebox,zero-window=3s,zero-window-at=2s");
	s->now += 2 * NS_PER_S - 1;
	tap_is(window(s, 1001, 60000), 60000, "zero-window: not yet");
	s->now += 1;
	tap_is(window(s, 1001, 60000), 0, "now");
	s->now += 3 * NS_PER_S - 1;
	tap_is(window(s, 1001, 60000), 0, "still");
	s->now += 1;
	tap_is(window(s, 1001, 60000), 60000, "no more");
	tap_is(sim_counter(s, COUNTER_MEDDLE_WINDOW_ZEROED), 2, "window-zeroed");
	sim_free(s);
}

static void check_syn_data(void)
{
	struct sim *s = sim_new("meddlebox");

	PASSES(s, DIR_UP, "syn-data=allow", .version = version, .seq = 1000, .flags = SYN,
	       .len = 11);
	tap_is(s->out[0].p.payload_len, 11, "with its payload");
	sim_free(s);
	s = sim_new("meddlebox,syn-data=drop");
	DROPPED(s, DIR_UP, COUNTER_MEDDLE_SYN_DATA_DROPPED, "a SYN with payload",
		.version = version, .seq = 1000, .flags = SYN, .len = 11);
	PASSES(s, DIR_UP, "one without passes", .version = version, .seq = 1000, .flags = SYN);
	sim_free(s);
	s = sim_new("meddlebox,syn-data=strip");
	U(s, .seq = 1000, .flags = SYN, .len = 11, .options = syn_options, .options_len = 20);
	tap_ok(s->count == 1 && s->out[0].p.payload_len == 0 && s->out[0].p.options_len == 20 &&
		       whole(s),
	       "syn-data=strip: it goes on without");
	U(s, .seq = 2000, .flags = SYN, .len = 11, .client_port = 5, .bad_checksum = true);
	tap_ok(s->count == 1 && s->out[0].p.payload_len == 0 && !whole(s),
	       "what was damaged stays damaged");
	sim_free(s);
}

static unsigned int ecn_of(const struct leaving *l)
{
	return (version == 4 ? l->ip[1] : l->ip[1] >> 4) & 3U;
}

static void check_ecn(void)
{
	static const struct seg data = {
		.dir = DIR_UP, .seq = 1001, .ack = 9001, .flags = ACK, .len = 10
	};
	static const struct seg setup = {
		.dir = DIR_UP, .seq = 7, .flags = SYN | ECE | CWR, .client_port = 3
	};
	static const struct {
		const char *device;
		int ect0, ce, syn; /* ECN field as it leaves, -1: dropped; flags of the SYN */
	} rows[] = {
		{ "meddlebox", 2, 3, SYN | ECE | CWR },
		{ "meddlebox,ecn=bleach", 0, 0, SYN | ECE | CWR },
		{ "meddlebox,ecn=mark", 3, 3, SYN | ECE | CWR },
		{ "meddlebox,ecn=blackhole", -1, -1, SYN | ECE | CWR },
		{ "meddlebox,ecn=refuse-setup", 2, 3, -1 },
		{ "meddlebox,ecn=strip-setup", 2, 3, SYN },
		{ "meddlebox,ecn=bleach,direction=down", 2, 3, SYN | ECE | CWR },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sim *s = open_flow(rows[i].device);
		bool right = true;

		for (unsigned int in = 2; in <= 3; in++) {
			int wanted = in == 2 ? rows[i].ect0 : rows[i].ce;

			send_marked(s, &data, in, true);
			right = right && whole(s) &&
				(wanted < 0 ? s->count == 0
					    : s->count == 1 &&
						      ecn_of(&s->out[0]) == (unsigned int)wanted);
		}
		send_marked(s, &data, 0, true);
		right = right && s->count == 1 && ecn_of(&s->out[0]) == 0 && whole(s);
		send_marked(s, &setup, 0, true);
		right = right && whole(s) &&
			(rows[i].syn < 0 ? s->count == 0
					 : s->count == 1 && s->out[0].p.flags == rows[i].syn);
		tap_ok(right, "%s: ECT, CE, neither, and a SYN that asks for ECN", rows[i].device);
		sim_free(s);
	}
}

static void check_idle(void)
{
	struct sim *s = open_flow("meddlebox,idle-timeout=10s,pick-up=refuse");

	sim_wait(s, 9 * NS_PER_S);
	PASSES(s, DIR_UP, "idle-timeout: known before", .version = version, .seq = 1001,
	       .ack = 9001, .flags = ACK);
	tap_ok(engine_deadline(s->engine) == s->now + 10 * NS_PER_S, "its time begins anew");
	sim_wait(s, 10 * NS_PER_S);
	tap_ok(s->count == 0 && sim_counter(s, COUNTER_MEDDLE_IDLE) == 1,
	       "forgotten, and nobody is told");
	DROPPED(s, DIR_UP, COUNTER_MEDDLE_PICK_UP_REFUSED, "in the middle of a flow",
		.version = version, .seq = 1001, .ack = 9001, .flags = ACK);
	PASSES(s, DIR_UP, "a SYN begins anew", .version = version, .seq = 5000, .flags = SYN);
	sim_free(s);

	s = open_flow("meddlebox,idle-timeout=10s,idle-end=rst");
	U(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 10);
	sim_wait(s, 10 * NS_PER_S);
	tap_ok(s->count == 2 && s->out[0].dir == DIR_DOWN && s->out[0].p.flags == RST &&
		       s->out[0].p.seq == 9001 && s->out[1].dir == DIR_UP &&
		       s->out[1].p.flags == RST && s->out[1].p.seq == 1011 && whole(s),
	       "idle-end=rst: a RST for each end, with its number");
	PASSES(s, DIR_UP, "pick-up=allow: a later segment begins a flow", .version = version,
	       .seq = 1011, .ack = 9001, .flags = ACK);
	tap_is(sim_counter(s, COUNTER_MEDDLE_PICKED_UP), 1, "picked-up");
	sim_free(s);

	s = sim_new("meddlebox,pick-up=rst");
	U(s, .seq = 1011, .ack = 9001, .flags = ACK, .len = 5);
	tap_ok(s->count == 1 && s->out[0].dir == DIR_DOWN && s->out[0].p.flags == RST &&
		       s->out[0].p.seq == 9001 && whole(s),
	       "pick-up=rst: its sender is told");
	U(s, .seq = 1011, .ack = 9001, .flags = RST);
	tap_is(s->count, 0, "but not of a RST");
	sim_free(s);
}

static void check_restart(void)
{
	struct sim *s = open_flow("meddlebox,restart-at=5s,restart-outage=2s,pick-up=refuse");

	s->now += 5 * NS_PER_S - 1;
	PASSES(s, DIR_UP, "restart-at: not yet", .version = version, .seq = 1001, .ack = 9001,
	       .flags = ACK);
	tap_ok(engine_deadline(s->engine) == s->now + 1, "its time counts from the first packet");
	s->now += 1;
	DROPPED(s, DIR_UP, COUNTER_MEDDLE_RESTART_DROPPED, "while it restarts", .version = version,
		.seq = 1001, .ack = 9001, .flags = ACK);
	s->now += 2 * NS_PER_S;
	DROPPED(s, DIR_UP, COUNTER_MEDDLE_PICK_UP_REFUSED, "then no flow is known",
		.version = version, .seq = 1001, .ack = 9001, .flags = ACK);
	tap_is(sim_counter(s, COUNTER_MEDDLE_RESTARTED), 1, "once");
	sim_free(s);
	s = open_flow("asa-proxy,restart-at=5s,isn-randomise=off");
	UP(s, .version = version, .seq = 1101, .ack = 9001, .flags = ACK, .len = 9);
	tap_is(engine_usage(s->engine).queued_packets, 1, "a device holds a segment");
	s->now += 5 * NS_PER_S;
	DROPPED(s, DIR_UP, COUNTER_TCP_NOT_SYN, "it restarts: an ASA knows no flow",
		.version = version, .seq = 1001, .ack = 9001, .flags = ACK);
	tap_is(sim_counter(s, COUNTER_QUEUE_DISCARDED), 1, "nor what it held");
	sim_free(s);
}

static void check_asa_behind(void)
{
	struct sim *s = open_flow("asa-proxy,contiguous=on,isn-randomise=off,proxy-ack=on");

	DROPPED(s, DIR_UP, COUNTER_MEDDLE_NOT_CONTIGUOUS, "in front of an ASA", .version = version,
		.seq = 1101, .ack = 9001, .flags = ACK, .len = 100);
	tap_is(sim_counter(s, COUNTER_QUEUED), 0, "which never sees it");
	D(s, .seq = 9001, .ack = 1001, .flags = ACK, .len = 100);
	tap_ok(s->count == 2 && s->out[0].dir == DIR_DOWN && s->out[1].dir == DIR_UP &&
		       s->out[1].p.ack == 9101 && whole(s),
	       "an ACK to the server goes through it");
	sim_free(s);
	s = open_flow("asa-bypass,window-squeeze=1kB");
	tap_is(window(s, 1001, 60000), 1000, "asa-bypass has the switches too");
	sim_free(s);
}

static void check_bounds(void)
{
	struct sim *s = sim_new("meddlebox,max-flows=10,inject=rst,inject-times=9,idle-end=rst");

	for (uint16_t port = 1; port <= 1000; port++) {
		U(s, .seq = 10, .flags = SYN, .client_port = port);
		s->now += NS_PER_MS;
	}
	tap_is(engine_usage(s->engine).flows, 10, "IPv%d: 1000 flows: ten are known", version);
	tap_is(sim_counter(s, COUNTER_MEDDLE_EVICTED), 990, "the others made room");
	sim_free(s);
}

int main(void)
{
	static void (*const checks[])(void) = {
		check_nothing, check_contiguous, check_proxy_ack,  check_isn_forged, check_isn,
		check_options, check_mss,	 check_windows,	   check_syn_data,   check_ecn,
		check_idle,    check_restart,	 check_asa_behind, check_bounds,
	};

	for (version = 4; version <= 6; version += 2)
		for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
			checks[i]();
	return tap_done();
}
