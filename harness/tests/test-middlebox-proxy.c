// SPDX-License-Identifier: Apache-2.0
/*
 * asa-proxy by synthetic segments: what passes and what is dropped in each
 * state, with every drop counter; sequence numbers about 2^32; timeouts.
 */
#include "tests/middlebox-sim.h"

#define PLAIN "asa-proxy,isn-randomise=off"

static void check_handshake(void)
{
	struct sim *s = sim_new(PLAIN);

	DROPPED(s, DIR_UP, COUNTER_TCP_NOT_SYN, "data without a connection", .seq = 1, .ack = 1,
		.flags = ACK, .len = 10);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_NOT_SYN, "SYN-ACK without a connection", .seq = 1,
		.ack = 1, .flags = SYN | ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_BAD_FLAGS, "SYN and FIN", .flags = SYN | FIN);
	DROPPED(s, DIR_UP, COUNTER_TCP_BAD_FLAGS, "no flag at all", .flags = 0);
	PASSES(s, DIR_UP, "a SYN passes", .seq = 1000, .flags = SYN);
	PASSES(s, DIR_UP, "the same SYN again", .seq = 1000, .flags = SYN);
	tap_is(sim_counter(s, COUNTER_RETRANSMISSION_PASSED), 1, "it counts as a retransmission");
	DROPPED(s, DIR_UP, COUNTER_TCP_3WHS_FAILED, "data before the SYN-ACK", .seq = 1001,
		.ack = 9001, .flags = ACK, .len = 10);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_3WHS_FAILED, "SYN-ACK of another SYN", .seq = 9000,
		.ack = 1002, .flags = SYN | ACK);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_3WHS_FAILED, "SYN-ACK of nothing", .seq = 9000,
		.ack = 1000, .flags = SYN | ACK);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_SYNACK_DATA, "SYN-ACK with payload", .seq = 9000,
		.ack = 1001, .flags = SYN | ACK, .len = 5);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_RSTFIN_OOO, "refusal of another SYN", .ack = 5,
		.flags = RST | ACK);
	PASSES(s, DIR_DOWN, "SYN-ACK", .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	PASSES(s, DIR_DOWN, "the same SYN-ACK again", .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_3WHS_FAILED, "SYN-ACK with another ISN", .seq = 9100,
		.ack = 1001, .flags = SYN | ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_INVALID_ACK, "third segment acknowledges too little",
		.seq = 1001, .ack = 9000, .flags = ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_INVALID_ACK, "third segment acknowledges too much",
		.seq = 1001, .ack = 9002, .flags = ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_DISCARDED_OOO, "third segment is ahead", .seq = 1101,
		.ack = 9001, .flags = ACK, .len = 10);
	PASSES(s, DIR_UP, "data may be the third segment", .seq = 1001, .ack = 9001, .flags = ACK,
	       .len = 10);
	PASSES(s, DIR_DOWN, "SYN-ACK again, as the ACK was lost behind", .seq = 9000, .ack = 1001,
	       .flags = SYN | ACK);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_SYNACK_OOO, "another SYN-ACK, established", .seq = 9100,
		.ack = 1001, .flags = SYN | ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_SYN_OOO, "another SYN, established", .seq = 5000,
		.flags = SYN);
	tap_is(engine_usage(s->engine).flows, 1, "all of this is one flow");
	sim_free(s);
}

static void check_new_syn(void)
{
	struct sim *s = sim_new(PLAIN);

	UP(s, .seq = 1000, .flags = SYN);
	PASSES(s, DIR_UP, "embryonic: a SYN with another ISN begins anew", .seq = 2000,
	       .flags = SYN);
	tap_is(sim_counter(s, COUNTER_FLOW_REPLACED), 1, "... and is counted as such");
	DROPPED(s, DIR_DOWN, COUNTER_TCP_3WHS_FAILED, "the answer to the first one comes too late",
		.seq = 9000, .ack = 1001, .flags = SYN | ACK);
	PASSES(s, DIR_DOWN, "the answer to the second one", .seq = 9500, .ack = 2001,
	       .flags = SYN | ACK);
	PASSES(s, DIR_UP, "a third one, after the SYN-ACK", .seq = 3000, .flags = SYN);
	PASSES(s, DIR_DOWN, "its refusal", .ack = 3001, .flags = RST | ACK);
	tap_is(engine_usage(s->engine).flows, 0, "a RST removes the flow");

	PASSES(s, DIR_UP, "a SYN with payload", .seq = 1000, .flags = SYN, .len = 10);
	DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	PASSES(s, DIR_UP, "the payload again, as the SYN-ACK did not take it", .seq = 1001,
	       .ack = 9001, .flags = ACK, .len = 10);
	UP(s, .seq = 1011, .flags = RST);

	PASSES(s, DIR_UP, "simultaneous open: SYN", .seq = 1000, .flags = SYN);
	PASSES(s, DIR_DOWN, "simultaneous open: SYN of the other", .seq = 9000, .flags = SYN);
	PASSES(s, DIR_UP, "simultaneous open: SYN-ACK", .seq = 1000, .ack = 9001,
	       .flags = SYN | ACK);
	PASSES(s, DIR_DOWN, "simultaneous open: SYN-ACK of the other", .seq = 9000, .ack = 1001,
	       .flags = SYN | ACK);
	PASSES(s, DIR_UP, "simultaneous open: data", .seq = 1001, .ack = 9001, .flags = ACK,
	       .len = 7);
	PASSES(s, DIR_DOWN, "simultaneous open: data of the other", .seq = 9001, .ack = 1008,
	       .flags = ACK, .len = 7);
	sim_free(s);
}

static void check_window(void)
{
	struct sim *s = sim_new(PLAIN);

	sim_handshake(s);
	DOWN(s, .seq = 9001, .ack = 1001, .flags = ACK, .window = 1000);
	DROPPED(s, DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "one byte past the window", .seq = 1001,
		.ack = 9001, .flags = ACK, .len = 1001);
	PASSES(s, DIR_UP, "up to the end of the window", .seq = 1001, .ack = 9001, .flags = ACK,
	       .len = 1000);
	DROPPED(s, DIR_UP, COUNTER_TCP_RSTFIN_OOO, "FIN past the window", .seq = 3001, .ack = 9001,
		.flags = FIN | ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_RSTFIN_OOO, "RST past the window", .seq = 3002,
		.flags = RST);
	DROPPED(s, DIR_UP, COUNTER_TCP_RSTFIN_OOO, "RST with seq 0 and ack 0, as cTCP sends it",
		.flags = RST);
	PASSES(s, DIR_DOWN, "the window closes", .seq = 9001, .ack = 2001, .flags = ACK,
	       .window = -1);
	DROPPED(s, DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "2 bytes into a closed window", .seq = 2001,
		.ack = 9001, .flags = ACK, .len = 2);
	PASSES(s, DIR_UP, "a probe of 1 byte passes", .seq = 2001, .ack = 9001, .flags = ACK,
	       .len = 1);
	PASSES(s, DIR_DOWN, "an old ACK passes ...", .seq = 9001, .ack = 1500, .flags = ACK,
	       .window = 30000);
	DROPPED(s, DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "... but its window is not believed",
		.seq = 2002, .ack = 9001, .flags = ACK, .len = 100);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_INVALID_ACK, "ACK of what was not sent", .seq = 9001,
		.ack = 2003, .flags = ACK);
	sim_free(s);

	s = sim_new(PLAIN ",seq-past-window=allow,invalid-ack=allow");
	sim_handshake(s);
	DOWN(s, .seq = 9001, .ack = 1001, .flags = ACK, .window = 100);
	PASSES(s, DIR_UP, "seq-past-window=allow", .seq = 1001, .ack = 9001, .flags = ACK,
	       .len = 1000);
	PASSES(s, DIR_DOWN, "invalid-ack=allow", .seq = 9001, .ack = 7777, .flags = ACK);
	sim_free(s);
}

/* Nobody acknowledges, as when the peer has nothing to carry an ACK on: data goes on for ever */
static void check_one_way(void)
{
	struct sim *s = sim_new(PLAIN);
	uint32_t seq = 1001;
	unsigned int passed = 0;

	sim_handshake(s);
	for (unsigned int i = 0; i < 4000; i++, seq += 1400) {
		UP(s, .seq = seq, .ack = 9001, .flags = ACK, .len = 1400);
		passed += sim_passed(s, DIR_UP);
	}
	tap_is(passed, 4000, "5.6 MB of one-way data pass without a single ACK");
	sim_free(s);
}

/* The same past half of the sequence space, in segments of 65000 bytes */
static void check_one_way_far(void)
{
	static uint8_t ip[20 + 20 + 65000];
	struct sim *s = sim_new(PLAIN);
	unsigned int passed = 0;
	uint32_t seq = 1001;
	uint16_t sum;

	sim_handshake(s);
	sim_build(&(const struct seg){ .dir = DIR_UP, .ack = 9001, .flags = ACK }, ip);
	be16(ip + 2, sizeof(ip));
	be16(ip + 36, 0);
	sum = sim_tcp_sum(ip, sizeof(ip)); /* with sequence number 0 */
	for (unsigned int i = 0; i < 50000; i++, seq += 65000) {
		be32(ip + 24, seq);
		be16(ip + 36, (uint16_t)~sim_sum(sum, ip + 24, 4));
		sim_raw(s, DIR_UP, ip, sizeof(ip));
		passed += sim_passed(s, DIR_UP);
	}
	tap_is(passed, 50000, "3 GB of one-way data pass without a single ACK");
	sim_raw(s, DIR_UP, ip, sizeof(ip));
	tap_is(sim_counter(s, COUNTER_RETRANSMISSION_PASSED), 1,
	       "a retransmission there is not taken for acknowledged");
	sim_free(s);
}

static void check_scaled_window(void)
{
	static const uint8_t scale[] = { 1, 3, 3, 7 };
	struct sim *s = sim_new(PLAIN);

	UP(s, .seq = 1000, .flags = SYN, .options = scale, .options_len = 4);
	DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .options = scale, .options_len = 4,
	     .window = 1000);
	PASSES(s, DIR_UP, "the third segment", .seq = 1001, .ack = 9001, .flags = ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "the window of a SYN-ACK is never scaled",
		.seq = 1001, .ack = 9001, .flags = ACK, .len = 1001);
	DOWN(s, .seq = 9001, .ack = 1001, .flags = ACK, .window = 10);
	DROPPED(s, DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "window 10 by 2^7: 1281 do not fit",
		.seq = 1001, .ack = 9001, .flags = ACK, .len = 1281);
	PASSES(s, DIR_UP, "window 10 by 2^7: 1280 fit", .seq = 1001, .ack = 9001, .flags = ACK,
	       .len = 1280);
	UP(s, .seq = 2381, .ack = 9001, .flags = ACK, .len = 5);
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.window == 10,
	       "the device's own ACK repeats the window as the peer wrote it");
	sim_free(s);

	s = sim_new(PLAIN);
	UP(s, .seq = 1000, .flags = SYN, .options = scale, .options_len = 4);
	DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK);
	DOWN(s, .seq = 9001, .ack = 1001, .flags = ACK, .window = 10);
	DROPPED(s, DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "no scaling if only one end offers it",
		.seq = 1001, .ack = 9001, .flags = ACK, .len = 11);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .window = 10);
	DROPPED(s, DIR_DOWN, COUNTER_TCP_SEQ_PAST_WIN, "... and neither for the one that offers",
		.seq = 9001, .ack = 1001, .flags = ACK, .len = 11);
	sim_free(s);
}

static void check_old(void)
{
	struct sim *s = sim_new(PLAIN);

	sim_handshake(s);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 100);
	UP(s, .seq = 1101, .ack = 9001, .flags = ACK, .len = 100);
	PASSES(s, DIR_UP, "a retransmission that is not acknowledged passes", .seq = 1001,
	       .ack = 9001, .flags = ACK, .len = 100);
	tap_is(sim_counter(s, COUNTER_RETRANSMISSION_PASSED), 1, "... and is counted");
	DOWN(s, .seq = 9001, .ack = 1201, .flags = ACK, .window = 5000);
	DROPPED(s, DIR_UP, COUNTER_TCP_ACKED, "a retransmission that is acknowledged", .seq = 1001,
		.ack = 9001, .flags = ACK, .len = 100);
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.ack == 1201 && s->out[0].p.seq == 9001 &&
		       s->out[0].p.window == 5000 && s->out[0].p.flags == ACK &&
		       s->out[0].p.payload_len == 0,
	       "the device acknowledges it again, as the receiver did");
	PASSES(s, DIR_UP, "a keepalive without data passes", .seq = 1200, .ack = 9001,
	       .flags = ACK);
	PASSES(s, DIR_UP, "a keepalive with a byte passes", .seq = 1200, .ack = 9001, .flags = ACK,
	       .len = 1);
	PASSES(s, DIR_UP, "old and new bytes pass together", .seq = 1151, .ack = 9001, .flags = ACK,
	       .len = 100);
	PASSES(s, DIR_UP, "... and the new ones count as sent", .seq = 1251, .ack = 9001,
	       .flags = ACK, .len = 1);
	sim_free(s);
}

static void check_close(void)
{
	struct sim *s = sim_new(PLAIN);

	sim_handshake(s);
	PASSES(s, DIR_UP, "FIN", .seq = 1001, .ack = 9001, .flags = FIN | ACK, .len = 10);
	DROPPED(s, DIR_UP, COUNTER_TCP_DATA_PAST_FIN, "data past the FIN", .seq = 1012, .ack = 9001,
		.flags = ACK, .len = 1);
	PASSES(s, DIR_DOWN, "the other end may go on", .seq = 9001, .ack = 1012, .flags = ACK,
	       .len = 100);
	PASSES(s, DIR_UP, "and be acknowledged", .seq = 1012, .ack = 9101, .flags = ACK);
	PASSES(s, DIR_DOWN, "FIN of the other", .seq = 9101, .ack = 1012, .flags = FIN | ACK);
	PASSES(s, DIR_DOWN, "again, as its ACK was lost", .seq = 9101, .ack = 1012,
	       .flags = FIN | ACK);
	PASSES(s, DIR_UP, "its ACK", .seq = 1012, .ack = 9102, .flags = ACK);
	PASSES(s, DIR_DOWN, "closed: a SYN of the other end begins anew", .seq = 70, .flags = SYN);
	PASSES(s, DIR_UP, "... and is answered", .seq = 80, .ack = 71, .flags = SYN | ACK);
	sim_free(s);

	s = sim_new(PLAIN);
	sim_handshake(s);
	UP(s, .seq = 1011, .ack = 9001, .flags = FIN | ACK, .len = 10);
	UP(s, .seq = 1022, .ack = 9001, .flags = ACK, .len = 10);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 10);
	tap_is(s->count, 2, "a FIN waits in the queue too");
	tap_is(sim_counter(s, COUNTER_TCP_DATA_PAST_FIN), 1, "what waits behind it is dropped");
	tap_is(engine_usage(s->engine).queued_packets, 0, "nothing is left");
	sim_free(s);

	s = sim_new(PLAIN);
	sim_handshake(s);
	UP(s, .seq = 1011, .ack = 9001, .flags = ACK, .len = 10);
	PASSES(s, DIR_UP, "RST in the window passes", .seq = 1050, .flags = RST);
	tap_is(sim_counter(s, COUNTER_QUEUE_DISCARDED), 1, "the queue goes with its flow");
	DROPPED(s, DIR_UP, COUNTER_TCP_NOT_SYN, "the flow is gone", .seq = 1001, .ack = 9001,
		.flags = ACK, .len = 10);
	sim_free(s);
}

static void check_bad_segments(void)
{
	static const uint8_t short_option[] = { 8, 1, 1, 1 }, long_option[] = { 1, 1, 254, 3 },
			     bad_sack[] = { 5, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
			     ended[] = { 0, 254, 1, 9 };
	struct sim *s = sim_new(PLAIN ",checksum-verification=on,exceed-mss=drop");
	static const uint8_t mss[] = { 2, 4, 0x02, 0x18 }; /* 536 */
	uint8_t ip[2048];
	size_t len;

	DROPPED(s, DIR_UP, COUNTER_TCP_BAD_CHECKSUM, "checksum-verification=on", .seq = 1000,
		.flags = SYN, .bad_checksum = true);
	DROPPED(s, DIR_UP, COUNTER_TCP_BAD_OPTION_LIST, "an option of one byte", .seq = 1000,
		.flags = SYN, .options = short_option, .options_len = 4);
	DROPPED(s, DIR_UP, COUNTER_TCP_BAD_OPTION_LIST, "an option past the header", .seq = 1000,
		.flags = SYN, .options = long_option, .options_len = 4);
	DROPPED(s, DIR_UP, COUNTER_TCP_BAD_OPTION_LIST, "half a SACK block", .seq = 1000,
		.flags = SYN, .options = bad_sack, .options_len = 12);
	PASSES(s, DIR_UP, "bytes behind the end of the list are no options", .seq = 1000,
	       .flags = SYN, .options = ended, .options_len = 4);
	DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .options = mss, .options_len = 4);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK);
	DROPPED(s, DIR_UP, COUNTER_TCP_MSS_EXCEEDED, "exceed-mss=drop", .seq = 1001, .ack = 9001,
		.flags = ACK, .len = 537);
	PASSES(s, DIR_UP, "as long as the MSS", .seq = 1001, .ack = 9001, .flags = ACK, .len = 536);
	PASSES(s, DIR_DOWN, "no MSS, no limit", .seq = 9001, .ack = 1537, .flags = ACK,
	       .len = 1400);

	len = sim_build(&(const struct seg){ .flags = SYN }, ip);
	ip[20 + 12] = 0x40; /* data offset 16 */
	sim_raw(s, DIR_UP, ip, len);
	tap_ok(s->count == 0 && sim_counter(s, COUNTER_TCP_BAD_HEADER) == 1,
	       "invalid-tcp-hdr-length: data offset too small");
	ip[20 + 12] = 0xf0; /* 60 of 20 bytes */
	sim_raw(s, DIR_UP, ip, len);
	tap_ok(s->count == 0 && sim_counter(s, COUNTER_TCP_BAD_HEADER) == 2,
	       "invalid-tcp-hdr-length: data offset past the end");
	sim_free(s);

	s = sim_new("asa-proxy");
	UP(s, .seq = 1000, .flags = SYN, .bad_checksum = true);
	tap_ok(s->count == 1 && sim_tcp_sum(s->out[0].ip, s->out[0].len) != 0xffff,
	       "checksum-verification=off: what was wrong stays wrong, though rewritten");
	sim_free(s);
}

static void check_other(void)
{
	static const uint8_t udp[] = { 0x45, 0,	 0, 29, 0, 0, 0,    0, 63,   17, 0, 0, 10, 0,	1,
				       1,    10, 0, 3,	2, 1, 0xf4, 1, 0xf4, 0,	 9, 0, 0,  0xff };
	struct sim *s = sim_new("asa-proxy");
	uint8_t ip[2048];
	size_t len;

	sim_raw(s, DIR_UP, udp, sizeof(udp));
	tap_ok(sim_passed(s, DIR_UP) && s->out[0].len == sizeof(udp) &&
		       memcmp(s->out[0].ip, udp, sizeof(udp)) == 0,
	       "UDP passes as it is");
	len = sim_build(&(const struct seg){ .flags = ACK, .len = 100 }, ip);
	ip[6] = 0x20; /* more fragments */
	sim_raw(s, DIR_DOWN, ip, len);
	tap_ok(sim_passed(s, DIR_DOWN) && memcmp(s->out[0].ip, ip, len) == 0,
	       "a first fragment of TCP passes as it is");
	be16(ip + 6, 100);
	sim_raw(s, DIR_DOWN, ip, len);
	tap_ok(sim_passed(s, DIR_DOWN), "a later fragment too");
	tap_is(sim_counter(s, COUNTER_PASSED_OTHER), 3, "they are counted as passed-other");
	tap_is(engine_usage(s->engine).flows, 0, "none of them makes a flow");
	sim_free(s);
}

/* Sequence numbers that go through 0 on both sides, holes included */
static void check_wrap(void)
{
	struct sim *s = sim_new("asa-proxy");
	uint32_t seq = 0xffffff00, ack = 0xffffffff, first;

	UP(s, .seq = seq - 1, .flags = SYN);
	first = s->out[0].p.seq + 1;
	DOWN(s, .seq = ack - 1, .ack = first, .flags = SYN | ACK);
	ack = s->out[0].p.seq + 1;
	UP(s, .seq = seq, .ack = ack, .flags = ACK);
	UP(s, .seq = seq + 200, .ack = ack, .flags = ACK, .len = 100); /* over 2^32 */
	UP(s, .seq = seq + 300, .ack = ack, .flags = ACK, .len = 100); /* past it */
	tap_is(sim_counter(s, COUNTER_QUEUED), 2, "behind a hole before 2^32");
	UP(s, .seq = seq, .ack = ack, .flags = ACK, .len = 200);
	tap_ok(s->count == 3 && s->out[0].p.seq == first && s->out[1].p.seq == first + 200 &&
		       s->out[2].p.seq == first + 300,
	       "released in order through 2^32");
	DOWN(s, .seq = 0xffffffff, .ack = first + 400, .flags = ACK, .len = 50);
	tap_ok(sim_passed(s, DIR_DOWN) && s->out[0].p.ack == seq + 400, "acknowledged past 2^32");
	DROPPED(s, DIR_UP, COUNTER_TCP_ACKED, "old, though its number is the larger", .seq = seq,
		.ack = ack, .flags = ACK, .len = 200);
	DROPPED(s, DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "far ahead of a small number",
		.seq = seq + 400 + 65535, .ack = ack, .flags = ACK, .len = 1);
	sim_free(s);
}

static void check_timeouts(void)
{
	struct sim *s = sim_new(PLAIN);

	tap_ok(engine_deadline(s->engine) == UINT64_MAX, "nothing to wait for at first");
	UP(s, .seq = 1000, .flags = SYN);
	tap_ok(engine_deadline(s->engine) == s->now + 30 * NS_PER_S, "embryonic: 30 s");
	sim_wait(s, 29 * NS_PER_S);
	UP(s, .seq = 1000, .flags = SYN);
	tap_ok(engine_deadline(s->engine) == s->now + NS_PER_S, "a SYN again does not prolong it");
	sim_wait(s, NS_PER_S - 1);
	tap_is(engine_usage(s->engine).flows, 1, "there until the last nanosecond");
	sim_wait(s, 1);
	tap_is(engine_usage(s->engine).flows, 0, "then gone");
	sim_handshake(s);
	tap_ok(engine_deadline(s->engine) == s->now + 3600 * NS_PER_S, "idle: 1 h");
	sim_wait(s, 1800 * NS_PER_S);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 10);
	tap_ok(engine_deadline(s->engine) == s->now + 3600 * NS_PER_S, "traffic prolongs it");
	sim_wait(s, NS_PER_S);
	UP(s, .seq = 9999, .ack = 99999, .flags = ACK, .len = 10);
	tap_ok(engine_deadline(s->engine) == s->now + 3599 * NS_PER_S, "what is dropped does not");
	UP(s, .seq = 1011, .ack = 9001, .flags = FIN | ACK);
	tap_ok(engine_deadline(s->engine) == s->now + 600 * NS_PER_S, "half-closed: 10 min");
	DOWN(s, .seq = 9001, .ack = 1012, .flags = FIN | ACK);
	tap_ok(engine_deadline(s->engine) == s->now + 30 * NS_PER_S, "closed: 30 s");
	sim_wait(s, 30 * NS_PER_S);
	tap_is(engine_usage(s->engine).flows, 0, "gone");
	tap_is(sim_counter(s, COUNTER_FLOW_TIMEOUT), 2, "two flows were removed by time");
	tap_ok(engine_deadline(s->engine) == UINT64_MAX, "nothing to wait for at last");
	sim_free(s);
}

static void check_table(void)
{
	struct sim *s = sim_new(PLAIN ",max-flows=2,ack-mode=every");

	UP(s, .seq = 1000, .flags = SYN, .client_host = 9);
	UP(s, .seq = 1000, .flags = SYN, .client_host = 8);
	tap_ok(engine_usage(s->engine).flows == 2 && sim_counter(s, COUNTER_FLOW_CREATED) == 2,
	       "the same ports, another address: another flow");
	sim_wait(s, 30 * NS_PER_S);
	UP(s, .seq = 1000, .flags = SYN, .client_port = 1);
	sim_handshake(s);
	PASSES(s, DIR_UP, "a full table: the embryonic one makes room", .seq = 1000, .flags = SYN,
	       .client_port = 2);
	tap_is(sim_counter(s, COUNTER_FLOW_EVICTED), 1, "flow-evicted");
	DROPPED(s, DIR_DOWN, COUNTER_TCP_NOT_SYN, "the evicted one is gone", .seq = 9000,
		.ack = 1001, .flags = SYN | ACK, .client_port = 1);
	DOWN(s, .seq = 9000, .ack = 1001, .flags = SYN | ACK, .client_port = 2);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .client_port = 2);
	DROPPED(s, DIR_UP, COUNTER_FLOW_TABLE_FULL, "established ones do not make room",
		.seq = 1000, .flags = SYN, .client_port = 3);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 10);
	tap_ok(s->count == 2 && s->out[1].dir == DIR_DOWN && s->out[1].p.ack == 1011,
	       "ack-mode=every: acknowledged before the receiver did");
	sim_free(s);
}

static void check_queue_reasons(void)
{
	static const uint8_t unknown[] = { 6, 2, 34, 2 };
	struct sim *s = sim_new(PLAIN);

	sim_handshake(s);
	UP(s, .seq = 1101, .ack = 9001, .flags = ACK, .len = 100);
	DROPPED(s, DIR_UP, COUNTER_TCP_DUP_IN_QUEUE, "the same segment", .seq = 1101, .ack = 9001,
		.flags = ACK, .len = 100);
	DROPPED(s, DIR_UP, COUNTER_TCP_DUP_IN_QUEUE, "a part of it", .seq = 1101, .ack = 9001,
		.flags = ACK, .len = 50);
	UP(s, .seq = 1151, .ack = 9001, .flags = ACK, .len = 100);
	UP(s, .seq = 1001, .ack = 9001, .flags = ACK, .len = 100);
	tap_ok(s->count == 3 && s->out[2].p.seq == 1151, "what overlaps is released whole");
	UP(s, .seq = 1351, .ack = 9001, .flags = ACK, .len = 100);
	UP(s, .seq = 1251, .ack = 9001, .flags = ACK, .len = 300);
	tap_ok(s->count == 1 && sim_counter(s, COUNTER_TCP_DUP_IN_QUEUE) == 3,
	       "what a longer segment made old is not released");
	PASSES(s, DIR_UP, "unknown options are cleared, then the segment passes", .seq = 1551,
	       .ack = 9001, .flags = ACK, .options = unknown, .options_len = 4);
	tap_is(sim_counter(s, COUNTER_OPTIONS_CLEARED), 1, "tcp-options-cleared");
	tap_ok(memcmp(s->out[0].p.options, (const uint8_t[]){ 1, 1, 1, 1 }, 4) == 0,
	       "kinds 6 and 34 became NOPs");
	sim_free(s);

	s = sim_new(PLAIN ",queue-memory=300B");
	sim_handshake(s);
	UP(s, .seq = 1101, .ack = 9001, .flags = ACK, .len = 100);
	DROPPED(s, DIR_UP, COUNTER_TCP_BUFFER_FULL, "queue-memory is used up", .seq = 1301,
		.ack = 9001, .flags = ACK, .len = 100);
	sim_free(s);
}

int main(void)
{
	check_handshake();
	check_new_syn();
	check_window();
	check_one_way();
	check_one_way_far();
	check_scaled_window();
	check_old();
	check_close();
	check_bad_segments();
	check_other();
	check_wrap();
	check_timeouts();
	check_table();
	check_queue_reasons();
	for (size_t i = 0; i < COUNTER_TUN_WRITE_ERROR; i++)
		if (i != COUNTER_TCP_BUFFER_TIMEOUT && /* test-middlebox-queue has it */
		    !sim_asa_counts(i) && i != COUNTER_QUOTE_TRANSLATED)
			sim_counted(i);
	return tap_done();
}
