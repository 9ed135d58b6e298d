// SPDX-License-Identifier: Apache-2.0
/*
 * The normaliser by synthetic segments, IPv4 and IPv6: each option of tcp-map on and
 * off, the queue's limits, timeouts with their resets, state bypass for new
 * connections only, class-maps, and that every packet which leaves has right checksums.
 */
#include "tests/middlebox-sim.h"

static int v; /* IP version of all segments */

#define PLAIN				 "asa,isn-randomise=off"
#define UPV(...)			 UP(s, .version = v, __VA_ARGS__)
#define DOWNV(...)			 DOWN(s, .version = v, __VA_ARGS__)
#define PASSESV(way, what, ...)		 PASSES(s, way, what, .version = v, __VA_ARGS__)
#define DROPPEDV(way, reason, what, ...) DROPPED(s, way, reason, what, .version = v, __VA_ARGS__)

static uint32_t be32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Each end's SYN has these options */
static struct sim *connected(const char *device, const uint8_t *options, size_t len)
{
	struct sim *s = sim_new(device);

	UPV(.seq = 1000, .flags = SYN, .options = options, .options_len = len);
	DOWNV(.seq = 9000, .ack = 1001, .flags = SYN | ACK, .options = options, .options_len = len);
	UPV(.seq = 1001, .ack = 9001, .flags = ACK);
	return s;
}

static struct sim *plain(const char *device)
{
	return connected(device, NULL, 0);
}

/* --- order ------------------------------------------------------------------------------ */

/* All other TCP passes out of order, untouched */
static void check_out_of_order(void)
{
	struct sim *s = plain(PLAIN);

	PASSESV(DIR_UP, "asa: a segment behind a hole passes", .seq = 1201, .ack = 9001,
		.flags = ACK, .len = 100);
	tap_is(sim_counter(s, COUNTER_OUT_OF_ORDER_PASSED), 1, "out-of-order-passed");
	PASSESV(DIR_UP, "so does another one", .seq = 1401, .ack = 9001, .flags = ACK, .len = 100);
	PASSESV(DIR_UP, "and what fills the hole", .seq = 1001, .ack = 9001, .flags = ACK,
		.len = 200);
	DOWNV(.seq = 9001, .ack = 1301, .flags = ACK);
	PASSESV(DIR_UP, "and what was acknowledged", .seq = 1201, .ack = 9001, .flags = ACK,
		.len = 100);
	PASSESV(DIR_UP, "and a FIN behind the second hole", .seq = 1501, .ack = 9001,
		.flags = FIN | ACK);
	PASSESV(DIR_UP, "and what fills it afterwards", .seq = 1301, .ack = 9001, .flags = ACK,
		.len = 100);
	tap_is(sim_counter(s, COUNTER_RETRANSMISSION_PASSED), 3, "retransmission-passed");
	tap_is(sim_counter(s, COUNTER_DUP_ACK_SENT) + sim_counter(s, COUNTER_QUEUED), 0,
	       "nothing was queued, nothing acknowledged");
	sim_free(s);
}

/* Each of the three things that make the device keep the order */
static void check_queue_wanted(void)
{
	static const struct {
		const char *device;
		unsigned int held;
	} rows[] = {
		{ "asa,isn-randomise=off", 0 },
		{ "asa,isn-randomise=off,inspect=on", 3 },
		{ "asa-proxy,isn-randomise=off", 3 },
		{ "asa-proxy,isn-randomise=off,inspect=off", 0 },
		{ "asa,isn-randomise=off,check-retransmission=on", 3 },
		{ "asa,isn-randomise=off,queue-limit=5", 5 },
		{ "asa-proxy,isn-randomise=off,queue-limit=1", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sim *s = plain(rows[i].device);

		for (uint32_t n = 1; n <= 9; n++)
			UPV(.seq = 1001 + n * 100, .ack = 9001, .flags = ACK, .len = 100);
		tap_is(sim_counter(s, COUNTER_QUEUED), rows[i].held, "%s: %u held of 9",
		       rows[i].device, rows[i].held);
		tap_is(sim_counter(s, COUNTER_TCP_BUFFER_FULL), rows[i].held ? 9 - rows[i].held : 0,
		       "the others: tcp-buffer-full");
		tap_is(sim_counter(s, COUNTER_OUT_OF_ORDER_PASSED), rows[i].held ? 0 : 1,
		       "or the first passes out of order, the others behind it");
		sim_free(s);
	}
}

static unsigned int held_of_300(struct sim *s)
{
	for (uint32_t n = 1; n <= 300; n++)
		UPV(.seq = 1001 + n * 10, .ack = 9001, .flags = ACK, .len = 10);
	return (unsigned int)sim_counter(s, COUNTER_QUEUED);
}

/* The system's limit follows a window that changes, and only that one */
static void check_queue_window(void)
{
	static const uint8_t mss[] = { 2, 4, 0x03, 0xe8 }; /* 1000 */
	static const struct {
		const char *device;
		int window;
		unsigned int held;
	} rows[] = {
		{ "asa-proxy", 65535, 3 }, /* as in the SYN-ACK */
		{ "asa-proxy", 65534, 66 },
		{ "asa-proxy", 20000, 20 },
		{ "asa-proxy", 999, 1 },
		{ "asa-proxy,queue-window=off", 20000, 3 },
		{ "asa-proxy,queue-limit=7", 20000, 7 },
		{ "asa,check-retransmission=on", 20000, 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *device = NULL;
		struct sim *s;

		if (asprintf(&device, "%s,isn-randomise=off,seq-past-window=allow",
			     rows[i].device) < 0)
			abort();
		s = connected(device, mss, sizeof(mss));
		DOWNV(.seq = 9001, .ack = 1001, .flags = ACK, .window = rows[i].window);
		tap_is(held_of_300(s), rows[i].held, "%s, window %d, MSS 1000: %u held of 300",
		       rows[i].device, rows[i].window, rows[i].held);
		sim_free(s);
	}
	{
		static const uint8_t small[] = { 2, 4, 0, 100 };
		struct sim *s = connected("asa-proxy,isn-randomise=off", small, sizeof(small));

		DOWNV(.seq = 9001, .ack = 1001, .flags = ACK, .window = 65000);
		tap_is(held_of_300(s), 250, "250 and no more");
		sim_free(s);
	}
}

/* --- tcp-map ------------------------------------------------------------------------------ */

static void check_retransmission(void)
{
	struct sim *s = plain(PLAIN ",check-retransmission=on");

	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 100, .fill = 'a');
	UPV(.seq = 1101, .ack = 9001, .flags = ACK, .len = 100, .fill = 'b');
	DROPPEDV(DIR_UP, COUNTER_TCP_BAD_RETRANSMISSION, "other bytes", .seq = 1001, .ack = 9001,
		 .flags = ACK, .len = 100, .fill = 'x');
	PASSESV(DIR_UP, "the same bytes", .seq = 1001, .ack = 9001, .flags = ACK, .len = 100,
		.fill = 'a');
	PASSESV(DIR_UP, "a part of them", .seq = 1021, .ack = 9001, .flags = ACK, .len = 60,
		.fill = 'a');
	DROPPEDV(DIR_UP, COUNTER_TCP_BAD_RETRANSMISSION, "a part of both that fits one of them",
		 .seq = 1051, .ack = 9001, .flags = ACK, .len = 100, .fill = 'a');
	DROPPEDV(DIR_UP, COUNTER_TCP_BAD_RETRANSMISSION, "old and new bytes, the old ones other",
		 .seq = 1151, .ack = 9001, .flags = ACK, .len = 100, .fill = 'c');
	PASSESV(DIR_UP, "old and new bytes, the old ones the same", .seq = 1151, .ack = 9001,
		.flags = ACK, .len = 100, .fill = 'b');
	DROPPEDV(DIR_UP, COUNTER_TCP_BAD_RETRANSMISSION, "the new ones are remembered, too",
		 .seq = 1201, .ack = 9001, .flags = ACK, .len = 50, .fill = 'x');
	PASSESV(DIR_UP, "a keepalive may have any byte", .seq = 1250, .ack = 9001, .flags = ACK,
		.len = 1, .fill = 'x');
	/* by way of the queue: 1251 is missing, 1301 waits, what comes contradicts it */
	UPV(.seq = 1301, .ack = 9001, .flags = ACK, .len = 50, .fill = 'd');
	UPV(.seq = 1251, .ack = 9001, .flags = ACK, .len = 60, .fill = 'e');
	tap_is(s->count, 1, "what waited and is not the same is not released");
	tap_is(sim_counter(s, COUNTER_TCP_BAD_RETRANSMISSION), 5, "tcpnorm-rexmit-bad");
	tap_is(sim_counter(s, COUNTER_RETRANSMISSION_UNCHECKED), 0, "all of them were checked");
	DOWNV(.seq = 9001, .ack = 1001, .flags = ACK, .len = 100, .fill = 'a');
	DROPPEDV(DIR_DOWN, COUNTER_TCP_BAD_RETRANSMISSION, "in the other direction", .seq = 9001,
		 .ack = 1001, .flags = ACK, .len = 100, .fill = 'b');
	sim_free(s);

	s = plain(PLAIN);
	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 100, .fill = 'a');
	PASSESV(DIR_UP, "check-retransmission=off: other bytes pass", .seq = 1001, .ack = 9001,
		.flags = ACK, .len = 100, .fill = 'x');
	tap_is(engine_usage(s->engine).history_bytes, 0, "and nothing is remembered");
	sim_free(s);
}

/* The history is a ring: through its end, past 2^32, over its limits */
static void check_history(void)
{
	struct sim *s = sim_new(PLAIN ",check-retransmission=on,history-memory=16KiB");
	uint32_t seq = 0xffffe000, sent = 0;

	UPV(.seq = seq - 1, .flags = SYN);
	DOWNV(.seq = 9000, .ack = seq, .flags = SYN | ACK);
	UPV(.seq = seq, .ack = 9001, .flags = ACK);
	for (int i = 0; i < 40; i++, sent += 1000)
		UPV(.seq = seq + sent, .ack = 9001, .flags = ACK, .len = 1000,
		    .fill = (uint8_t)(i + 1));
	tap_is(engine_usage(s->engine).history_bytes, 16384, "history-memory and no more");
	for (uint32_t back = 1; back <= 16; back++) {
		uint8_t fill = (uint8_t)(41 - back);

		PASSESV(DIR_UP, "the same bytes", .seq = seq + sent - back * 1000, .ack = 9001,
			.flags = ACK, .len = 1000, .fill = fill);
		DROPPEDV(DIR_UP, COUNTER_TCP_BAD_RETRANSMISSION, "others",
			 .seq = seq + sent - back * 1000, .ack = 9001, .flags = ACK, .len = 1000,
			 .fill = fill == 99 ? 98 : 99);
	}
	PASSESV(DIR_UP, "older than the history: it passes", .seq = seq + 10000, .ack = 9001,
		.flags = ACK, .len = 1000, .fill = 99);
	tap_is(sim_counter(s, COUNTER_RETRANSMISSION_UNCHECKED), 1, "retransmission-unchecked");
	UPV(.seq = seq + sent, .flags = RST);
	tap_is(engine_usage(s->engine).history_bytes, 0, "it goes with its flow");
	sim_free(s);
}

static void check_checksum(void)
{
	struct sim *s = plain(PLAIN ",checksum-verification=on");

	DROPPEDV(DIR_UP, COUNTER_TCP_BAD_CHECKSUM, "checksum-verification=on", .seq = 1001,
		 .ack = 9001, .flags = ACK, .len = 100, .bad_checksum = true);
	sim_free(s);

	s = plain("asa-proxy,isn-randomise=off");
	sim_wrong = 0;
	PASSESV(DIR_UP, "off: it passes", .seq = 1001, .ack = 9001, .flags = ACK, .len = 100,
		.bad_checksum = true);
	PASSESV(DIR_UP, "a RST too", .seq = 1001, .flags = RST, .bad_checksum = true);
	PASSESV(DIR_DOWN, "and a window of 0", .seq = 9001, .ack = 1001, .flags = ACK, .window = -1,
		.bad_checksum = true);
	PASSESV(DIR_UP, "and what is behind a hole", .seq = 1301, .ack = 9001, .flags = ACK,
		.len = 100, .bad_checksum = true);
	tap_is(sim_wrong, 4, "they are still wrong");
	sim_wrong = 0;
	tap_is(sim_counter(s, COUNTER_BAD_CHECKSUM_PASSED), 4, "tcp-bad-checksum-passed");
	PASSESV(DIR_UP, "the flow knows nothing of them", .seq = 1001, .ack = 9001, .flags = ACK,
		.len = 100);
	tap_ok(sim_counter(s, COUNTER_RETRANSMISSION_PASSED) == 0 &&
		       sim_counter(s, COUNTER_QUEUED) == 0,
	       "it was new, and nothing waits");
	DROPPEDV(DIR_UP, COUNTER_TCP_NOT_SYN, "without a flow it does not pass", .seq = 1, .ack = 1,
		 .flags = ACK, .bad_checksum = true, .client_port = 7);
	sim_free(s);
}

static void check_syn_data(void)
{
	struct sim *s = sim_new(PLAIN ",syn-data=drop,synack-data=allow");

	DROPPEDV(DIR_UP, COUNTER_TCP_SYN_DATA, "syn-data=drop", .seq = 1000, .flags = SYN,
		 .len = 10);
	tap_is(engine_usage(s->engine).flows, 0, "it makes no flow");
	UPV(.seq = 1000, .flags = SYN);
	PASSESV(DIR_DOWN, "synack-data=allow", .seq = 9000, .ack = 1001, .flags = SYN | ACK,
		.len = 5);
	sim_free(s);
	s = sim_new(PLAIN);
	PASSESV(DIR_UP, "syn-data=allow", .seq = 1000, .flags = SYN, .len = 10);
	DROPPEDV(DIR_DOWN, COUNTER_TCP_SYNACK_DATA, "synack-data=drop", .seq = 9000, .ack = 1001,
		 .flags = SYN | ACK, .len = 5);
	sim_free(s);
}

static void check_allow_or_drop(void)
{
	static const uint8_t mss[] = { 2, 4, 0x02, 0x18 }; /* 536 */
	struct sim *s = connected(PLAIN ",exceed-mss=drop,invalid-ack=allow,seq-past-window=allow",
				  mss, sizeof(mss));

	DROPPEDV(DIR_UP, COUNTER_TCP_MSS_EXCEEDED, "exceed-mss=drop", .seq = 1001, .ack = 9001,
		 .flags = ACK, .len = 537);
	PASSESV(DIR_UP, "seq-past-window=allow", .seq = 1001 + 70000, .ack = 9001, .flags = ACK,
		.len = 10);
	PASSESV(DIR_DOWN, "invalid-ack=allow", .seq = 9001, .ack = 900000, .flags = ACK);
	sim_free(s);
	s = connected(PLAIN, mss, sizeof(mss));
	PASSESV(DIR_UP, "exceed-mss=allow", .seq = 1001, .ack = 9001, .flags = ACK, .len = 537);
	DROPPEDV(DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "seq-past-window=drop", .seq = 1538 + 65535,
		 .ack = 9001, .flags = ACK, .len = 1);
	DROPPEDV(DIR_DOWN, COUNTER_TCP_INVALID_ACK, "invalid-ack=drop", .seq = 9001, .ack = 1539,
		 .flags = ACK);
	sim_free(s);
}

static void check_reserved(void)
{
	struct sim *s = plain(PLAIN);

	PASSESV(DIR_UP, "reserved-bits=allow", .seq = 1001, .ack = 9001, .flags = ACK,
		.reserved = 5, .len = 10);
	tap_is(s->out[0].p.l4[12] & 15, 5, "they stay");
	sim_free(s);
	s = plain(PLAIN ",reserved-bits=clear");
	PASSESV(DIR_UP, "reserved-bits=clear", .seq = 1001, .ack = 9001, .flags = ACK,
		.reserved = 5, .len = 10);
	tap_ok((s->out[0].p.l4[12] & 15) == 0 && sim_counter(s, COUNTER_RESERVED_CLEARED) == 1,
	       "they are gone");
	sim_free(s);
	s = plain(PLAIN ",reserved-bits=drop");
	DROPPEDV(DIR_UP, COUNTER_TCP_RESERVED_SET, "reserved-bits=drop", .seq = 1001, .ack = 9001,
		 .flags = ACK, .reserved = 8, .len = 10);
	sim_free(s);
}

static void check_urgent(void)
{
	struct sim *s = plain(PLAIN);

	PASSESV(DIR_UP, "urgent-flag=clear", .seq = 1001, .ack = 9001,
		.flags = ACK | PACKET_TCP_URG, .urgent = 77, .len = 10);
	tap_ok(s->out[0].p.flags == ACK && s->out[0].p.l4[19] == 0 &&
		       sim_counter(s, COUNTER_URGENT_CLEARED) == 1,
	       "flag and pointer are gone");
	sim_free(s);
	s = plain(PLAIN ",urgent-flag=allow");
	PASSESV(DIR_UP, "urgent-flag=allow", .seq = 1001, .ack = 9001,
		.flags = ACK | PACKET_TCP_URG, .urgent = 77, .len = 10);
	tap_ok((s->out[0].p.flags & PACKET_TCP_URG) && s->out[0].p.l4[19] == 77, "both stay");
	sim_free(s);
}

static void check_options(void)
{
	static const uint8_t kinds[] = { 6, 3, 9, 30, 4, 9, 9, 1, 253, 4, 9, 9 };
	static const struct {
		const char *device;
		uint8_t left[12];
	} rows[] = {
		{ "", { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 } },
		{ ",tcp-options=allow", { 6, 3, 9, 30, 4, 9, 9, 1, 253, 4, 9, 9 } },
		{ ",tcp-options-allow=30", { 1, 1, 1, 30, 4, 9, 9, 1, 1, 1, 1, 1 } },
		{ ",tcp-options-allow=6-7_250-255", { 6, 3, 9, 1, 1, 1, 1, 1, 253, 4, 9, 9 } },
		{ ",tcp-options=allow,tcp-options-clear=253",
		  { 6, 3, 9, 30, 4, 9, 9, 1, 1, 1, 1, 1 } },
	};
	static const char *const drops[] = { ",tcp-options=drop", ",tcp-options-drop=9-30",
					     ",tcp-options=allow,tcp-options-drop=253" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *device = NULL;
		struct sim *s;

		if (asprintf(&device, PLAIN "%s", rows[i].device) < 0)
			abort();
		s = sim_new(device);
		UPV(.seq = 1000, .flags = SYN, .options = kinds, .options_len = sizeof(kinds));
		tap_ok(sim_passed(s, DIR_UP) &&
			       memcmp(s->out[0].p.options, rows[i].left, sizeof(kinds)) == 0,
		       "options of a SYN with %s", device);
		sim_free(s);
	}
	for (size_t i = 0; i < ARRAY_SIZE(drops); i++) {
		AUTO_FREE char *device = NULL;
		struct sim *s;

		if (asprintf(&device, PLAIN "%s", drops[i]) < 0)
			abort();
		s = sim_new(device);
		DROPPEDV(DIR_UP, COUNTER_TCP_BAD_OPTION_LIST, drops[i], .seq = 1000, .flags = SYN,
			 .options = kinds, .options_len = sizeof(kinds));
		sim_free(s);
	}
}

/* SACK permission, timestamps and window scale one by one, in the SYN and after it */
static void check_known_options(void)
{
	static const uint8_t syn[] = { 2, 4,   5, 0xb4, 4, 2, 8, 10, 0, 0,
				       0, 100, 0, 0,	0, 0, 1, 3,  3, 7 };
	static const struct {
		const char *option;
		size_t at, len;
	} rows[] = { { "selective-ack=clear", 4, 2 },
		     { "timestamp=clear", 6, 10 },
		     { "window-scale=clear", 17, 3 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t want[sizeof(syn)];
		AUTO_FREE char *device = NULL;
		struct sim *s;

		memcpy(want, syn, sizeof(syn));
		memset(want + rows[i].at, 1, rows[i].len);
		if (asprintf(&device, PLAIN ",%s", rows[i].option) < 0)
			abort();
		s = sim_new(device);
		UPV(.seq = 1000, .flags = SYN, .options = syn, .options_len = sizeof(syn));
		tap_ok(memcmp(s->out[0].p.options, want, sizeof(want)) == 0, "%s: only it is gone",
		       rows[i].option);
		tap_is(sim_counter(s, COUNTER_OPTIONS_CLEARED), 1, "tcp-options-cleared");
		sim_free(s);
	}
	{
		struct sim *s = connected("asa-proxy,isn-randomise=off,window-scale=clear", syn,
					  sizeof(syn));

		DOWNV(.seq = 9001, .ack = 1001, .flags = ACK, .window = 10);
		DROPPEDV(DIR_UP, COUNTER_TCP_SEQ_PAST_WIN, "a window whose scale was cleared",
			 .seq = 1001, .ack = 9001, .flags = ACK, .len = 11);
		sim_free(s);
	}
	{
		static const uint8_t sack[] = { 1, 1, 5, 10, 0, 0, 5, 0, 0, 0, 6, 0 };
		struct sim *s = connected(PLAIN ",selective-ack=clear", syn, sizeof(syn));

		UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 1000);
		DOWNV(.seq = 9001, .ack = 1001, .flags = ACK, .options = sack,
		      .options_len = sizeof(sack));
		tap_ok(s->out[0].p.options[2] == 1 && s->out[0].p.options[11] == 1,
		       "selective-ack=clear: blocks are gone, too");
		sim_free(s);
	}
}

static void check_mss(void)
{
	static const uint8_t mss[] = { 2, 4, 0x05, 0xb4 }; /* 1460 */
	struct sim *s = sim_new(PLAIN ",mss-maximum=1380");

	UPV(.seq = 1000, .flags = SYN, .options = mss, .options_len = sizeof(mss));
	tap_ok(s->out[0].p.options[2] == 0x05 && s->out[0].p.options[3] == 0x64 &&
		       sim_counter(s, COUNTER_MSS_LOWERED) == 1,
	       "mss-maximum=1380: 1460 becomes 1380");
	DOWNV(.seq = 9000, .ack = 1001, .flags = SYN | ACK,
	      .options = (const uint8_t[]){ 2, 4, 0x02, 0x18 }, .options_len = 4);
	tap_ok(s->out[0].p.options[3] == 0x18, "536 stays");
	sim_free(s);
	s = sim_new(PLAIN);
	UPV(.seq = 1000, .flags = SYN, .options = mss, .options_len = sizeof(mss));
	tap_ok(s->out[0].p.options[3] == 0xb4, "mss-maximum=0: 1460 stays");
	sim_free(s);
}

static void check_ttl(void)
{
	struct sim *s = plain(PLAIN);

	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 10, .ttl = 9);
	tap_is(s->out[0].p.ttl, 9, "a smaller TTL passes");
	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 10, .ttl = 200);
	tap_is(s->out[0].p.ttl, 9, "ttl-evasion-protection=on: then a larger one is lowered to it");
	tap_is(sim_counter(s, COUNTER_TTL_LOWERED), 1, "ttl-lowered");
	DOWNV(.seq = 9001, .ack = 1011, .flags = ACK, .ttl = 60);
	tap_is(s->out[0].p.ttl, 60, "the other direction has its own");
	UPV(.seq = 1011, .flags = RST, .ttl = 200);
	tap_is(s->out[0].p.ttl, 9, "a RST too");
	sim_free(s);
	s = plain(PLAIN ",ttl-evasion-protection=off");
	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 10, .ttl = 9);
	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 10, .ttl = 200);
	tap_is(s->out[0].p.ttl, 200, "ttl-evasion-protection=off: it stays");
	sim_free(s);
}

static void check_window_variation(void)
{
	static const uint8_t scale[] = { 1, 3, 3, 2 };
	struct sim *s = plain(PLAIN ",window-variation=drop");

	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 1000);
	DOWNV(.seq = 9001, .ack = 1001, .flags = ACK, .window = 20000);
	tap_is(sim_counter(s, COUNTER_TCP_WINDOW_VARIATION), 1,
	       "tcpnorm-win-variation: 65535 to 20000");
	PASSESV(DIR_DOWN, "smaller by what was accepted", .seq = 9001, .ack = 2001, .flags = ACK,
		.window = 64535);
	PASSESV(DIR_DOWN, "larger", .seq = 9001, .ack = 2001, .flags = ACK, .window = 65535);
	DROPPEDV(DIR_DOWN, COUNTER_TCP_WINDOW_VARIATION, "smaller by one byte", .seq = 9001,
		 .ack = 2001, .flags = ACK, .window = 65534);
	PASSESV(DIR_DOWN, "an old ACK has an old window", .seq = 9001, .ack = 1501, .flags = ACK,
		.window = 100);
	sim_free(s);
	s = connected(PLAIN ",window-variation=drop", scale, sizeof(scale));
	UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 3);
	DOWNV(.seq = 9001, .ack = 1001, .flags = ACK, .window = 30000);
	PASSESV(DIR_DOWN, "smaller by what its scale cannot say", .seq = 9001, .ack = 1004,
		.flags = ACK, .window = 29999);
	DROPPEDV(DIR_DOWN, COUNTER_TCP_WINDOW_VARIATION, "smaller by more than that", .seq = 9001,
		 .ack = 1004, .flags = ACK, .window = 29997);
	sim_free(s);
	s = plain(PLAIN);
	PASSESV(DIR_DOWN, "window-variation=allow", .seq = 9001, .ack = 1001, .flags = ACK,
		.window = 100);
	sim_free(s);
}

static void stamp(uint8_t option[12], uint32_t tsval, uint32_t tsecr)
{
	static const uint8_t head[] = { 1, 1, 8, 10 };

	memcpy(option, head, sizeof(head));
	be32(option + 4, tsval);
	be32(option + 8, tsecr);
}

static void check_paws(void)
{
	static const char *const devices[] = { PLAIN, PLAIN ",timestamp=clear" };

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		uint8_t ts[12];
		struct sim *s;

		stamp(ts, 0xfffffff0, 0);
		s = connected(devices[i], ts, sizeof(ts));
		stamp(ts, 5, 7); /* newer, through 2^32 */
		UPV(.seq = 1001, .ack = 9001, .flags = ACK, .len = 100, .options = ts,
		    .options_len = sizeof(ts));
		DOWNV(.seq = 9001, .ack = 1101, .flags = ACK, .options = ts,
		      .options_len = sizeof(ts));
		stamp(ts, 9, 7);
		UPV(.seq = 1101, .ack = 9001, .flags = ACK, .len = 100, .options = ts,
		    .options_len = sizeof(ts));
		stamp(ts, 8, 7);
		if (i == 0)
			DROPPEDV(DIR_UP, COUNTER_TCP_PAWS_FAIL, "new bytes, an older timestamp",
				 .seq = 1201, .ack = 9001, .flags = ACK, .len = 100, .options = ts,
				 .options_len = sizeof(ts));
		else
			PASSESV(DIR_UP, "timestamp=clear: no PAWS", .seq = 1201, .ack = 9001,
				.flags = ACK, .len = 100, .options = ts, .options_len = sizeof(ts));
		PASSESV(DIR_UP, "an ACK that was overtaken passes", .seq = 1201, .ack = 9001,
			.flags = ACK, .options = ts, .options_len = sizeof(ts));
		PASSESV(DIR_UP, "so does what has no timestamp", .seq = 1201, .ack = 9001,
			.flags = ACK, .len = 100);
		s->now += 25ULL * 86400 * NS_PER_S - 1;
		sim_free(s);
	}
	{
		uint8_t ts[12];
		struct sim *s;

		stamp(ts, 1000, 0);
		s = connected(PLAIN ",idle-timeout=240h", ts, sizeof(ts));
		for (int day = 0; day < 25; day++) {
			sim_wait(s, 86400 * NS_PER_S);
			UPV(.seq = 1001, .ack = 9001, .flags = ACK);
		}
		stamp(ts, 500, 0);
		PASSESV(DIR_UP, "after 24 days an old timestamp says nothing (RFC 7323)",
			.seq = 1001, .ack = 9001, .flags = ACK, .len = 10, .options = ts,
			.options_len = sizeof(ts));
		sim_free(s);
	}
}

/* What was held leaves behind a newer retransmission: PAWS of the receiver must take it */
static void check_held_timestamp(void)
{
	static const char *const devices[] = { "asa-proxy", "asa-proxy,queue-timestamp=keep" };
	static const uint32_t want[2][3] = { { 50, 50, 60 }, { 50, 10, 60 } };

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		uint8_t ts[12];
		uint32_t server;
		struct sim *s = sim_new(devices[i]);

		stamp(ts, 1, 0);
		UPV(.seq = 1000, .flags = SYN, .options = ts, .options_len = sizeof(ts));
		DOWNV(.seq = 9000, .ack = s->out[0].p.seq + 1, .flags = SYN | ACK, .options = ts,
		      .options_len = sizeof(ts));
		server = s->out[0].p.seq + 1;
		UPV(.seq = 1001, .ack = server, .flags = ACK, .options = ts,
		    .options_len = sizeof(ts));
		stamp(ts, 10, 1);
		UPV(.seq = 1101, .ack = server, .flags = ACK, .len = 100, .options = ts,
		    .options_len = sizeof(ts));
		stamp(ts, 60, 1);
		UPV(.seq = 1201, .ack = server, .flags = ACK, .len = 100, .options = ts,
		    .options_len = sizeof(ts));
		stamp(ts, 50, 1); /* the retransmission */
		UPV(.seq = 1001, .ack = server, .flags = ACK, .len = 100, .options = ts,
		    .options_len = sizeof(ts));
		tap_is(s->count, 3, "%s: all three leave", devices[i]);
		for (unsigned int n = 0; n < 3; n++)
			tap_is(be32_at(s->out[n].p.options + 4), want[i][n],
			       "timestamp of segment %u", n);
		tap_is(sim_counter(s, COUNTER_TIMESTAMP_RAISED), i == 0, "timestamp-raised");
		sim_free(s);
	}
}

/* --- sequence numbers ------------------------------------------------------------------- */

/* SACK blocks of both ends are in the numbers of who gets them */
static void check_sack(void)
{
	static const uint8_t permitted[] = { 1, 1, 4, 2 };
	struct sim *s = sim_new("asa");
	uint8_t sack[] = { 1, 1, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0 };
	uint32_t client, server;

	UPV(.seq = 1000, .flags = SYN, .options = permitted, .options_len = 4);
	client = s->out[0].p.seq + 1;
	DOWNV(.seq = 9000, .ack = client, .flags = SYN | ACK, .options = permitted,
	      .options_len = 4);
	server = s->out[0].p.seq + 1;
	UPV(.seq = 1001, .ack = server, .flags = ACK);
	tap_ok(client != 1001 && server != 9001, "IPv%d: other numbers in both directions", v);
	UPV(.seq = 1101, .ack = server, .flags = ACK, .len = 100);
	DOWNV(.seq = 9201, .ack = client, .flags = ACK, .len = 50);
	be32(sack + 4, client + 100);
	be32(sack + 8, client + 200);
	DOWNV(.seq = 9001, .ack = client, .flags = ACK, .options = sack,
	      .options_len = sizeof(sack));
	tap_ok(be32_at(s->out[0].p.options + 4) == 1101 &&
		       be32_at(s->out[0].p.options + 8) == 1201 && s->out[0].p.seq == server &&
		       s->out[0].p.ack == 1001,
	       "the server's SACK block, to the client");
	be32(sack + 4, server + 200);
	be32(sack + 8, server + 250);
	UPV(.seq = 1001, .ack = server, .flags = ACK, .options = sack, .options_len = sizeof(sack));
	tap_ok(be32_at(s->out[0].p.options + 4) == 9201 &&
		       be32_at(s->out[0].p.options + 8) == 9251 && s->out[0].p.seq == client &&
		       s->out[0].p.ack == 9001,
	       "the client's SACK block, to the server");
	sim_free(s);
}

/* --- timeouts --------------------------------------------------------------------------- */

static bool reset_to(const struct sim *s, enum direction dir, uint32_t seq)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (s->out[i].dir == dir && s->out[i].p.flags == RST && s->out[i].p.seq == seq)
			return true;
	return false;
}

static void check_reset(void)
{
	static const struct {
		const char *word;
		unsigned int idle, half_closed, embryonic;
	} rows[] = { { "off", 0, 0, 0 }, { "idle", 2, 0, 0 }, { "all", 2, 2, 2 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *device = NULL;
		uint32_t client, server;
		struct sim *s;

		if (asprintf(&device, "asa,timeout-reset=%s", rows[i].word) < 0)
			abort();
		s = sim_new(device);
		UPV(.seq = 1000, .flags = SYN);
		client = s->out[0].p.seq + 1;
		DOWNV(.seq = 9000, .ack = client, .flags = SYN | ACK);
		server = s->out[0].p.seq + 1;
		UPV(.seq = 1001, .ack = server, .flags = ACK);
		UPV(.seq = 1001, .ack = server, .flags = ACK, .len = 100);
		DOWNV(.seq = 9001, .ack = client + 100, .flags = ACK, .len = 20);
		UPV(.seq = 1101, .ack = server + 20, .flags = ACK);
		sim_wait(s, 3600 * NS_PER_S);
		tap_is(s->count, rows[i].idle, "%s: RSTs of an idle connection", device);
		if (s->count)
			tap_ok(reset_to(s, DIR_UP, client + 100) &&
				       reset_to(s, DIR_DOWN, server + 20),
			       "to both ends, each exactly what it expects next");
		tap_is(sim_counter(s, COUNTER_RESET_SENT), rows[i].idle, "reset-sent");

		UPV(.seq = 1000, .flags = SYN);
		client = s->out[0].p.seq + 1;
		DOWNV(.seq = 9000, .ack = client, .flags = SYN | ACK);
		server = s->out[0].p.seq + 1;
		UPV(.seq = 1001, .ack = server, .flags = FIN | ACK);
		DOWNV(.seq = 9001, .ack = client + 1, .flags = ACK);
		sim_wait(s, 600 * NS_PER_S);
		tap_is(s->count, rows[i].half_closed, "of a half-closed one");
		if (s->count)
			tap_ok(reset_to(s, DIR_UP, client + 1) && reset_to(s, DIR_DOWN, server),
			       "behind the FIN");

		UPV(.seq = 1000, .flags = SYN);
		client = s->out[0].p.seq + 1;
		sim_wait(s, 30 * NS_PER_S);
		tap_is(s->count, rows[i].embryonic, "of an embryonic one");
		if (s->count)
			tap_ok(reset_to(s, DIR_UP, client) && s->out[1].dir == DIR_DOWN &&
				       s->out[1].p.flags == (RST | ACK) && s->out[1].p.ack == 1001,
			       "the client is refused");
		tap_is(sim_counter(s, COUNTER_FLOW_TIMEOUT), 3, "flow-timeout");
		sim_free(s);
	}
}

/* --- who is checked ------------------------------------------------------------------------- */

static void check_bypass_after(void)
{
	struct sim *s = sim_new(PLAIN ",bypass-after=10s,bypass-timeout=1min,idle-timeout=2min");

	UPV(.seq = 1000, .flags = SYN);
	DOWNV(.seq = 9000, .ack = 1001, .flags = SYN | ACK);
	UPV(.seq = 1001, .ack = 9001, .flags = ACK);
	DROPPEDV(DIR_UP, COUNTER_TCP_NOT_SYN, "the policy is to check", .seq = 1, .ack = 1,
		 .flags = ACK, .client_port = 7);
	sim_wait(s, 10 * NS_PER_S);
	DROPPEDV(DIR_UP, COUNTER_TCP_INVALID_ACK, "a connection from before is checked as before",
		 .seq = 1001, .ack = 99999, .flags = ACK);
	PASSESV(DIR_UP, "a new one is not", .seq = 1, .ack = 1, .flags = ACK, .client_port = 7);
	PASSESV(DIR_DOWN, "in neither direction", .seq = 5, .ack = 77, .flags = ACK,
		.client_port = 7);
	tap_is(sim_counter(s, COUNTER_BYPASSED), 2, "bypassed");
	tap_ok(engine_deadline(s->engine) == s->now + 60 * NS_PER_S, "its idle time is its own");
	sim_wait(s, 60 * NS_PER_S);
	tap_is(engine_usage(s->engine).flows, 1, "over; that of the other one is not");
	UPV(.seq = 1001, .flags = RST);
	PASSESV(DIR_UP, "the same ports, a new connection: not checked", .seq = 1001, .ack = 99999,
		.flags = ACK);
	sim_free(s);
}

static bool selected(const char *options, const struct seg *g)
{
	AUTO_FREE char *device = NULL;
	struct sim *s;
	bool dropped;

	if (asprintf(&device, "asa,%s", options) < 0)
		abort();
	s = sim_new(device);
	sim_send(s, g); /* an ACK without a connection */
	dropped = sim_counter(s, COUNTER_TCP_NOT_SYN) == 1 && s->count == 0;
	if (!dropped)
		tap_ok(sim_passed(s, g->dir) && sim_counter(s, COUNTER_PASSED_UNSELECTED) == 1,
		       "%s: not selected: it passes, passed-unselected", options);
	sim_free(s);
	return dropped;
}

static void check_match(void)
{
	static const struct {
		const char *options;
		bool v4, v6; /* 10.0.1.1 to 10.0.3.2, 2001:db8:1:: to 2001:db8:3::2, port 10000 */
	} rows[] = {
		{ "match-protocol=any", true, true },
		{ "match-protocol=tcp", true, true },
		{ "match-protocol=udp", false, false },
		{ "match-port=10000", true, true },
		{ "match-port=9000-9999", false, false },
		{ "match-port=500_9000-10010", true, true },
		{ "match-port=40000", false, false }, /* the client's */
		{ "match-client=10.0.0.0/8", true, false },
		{ "match-client=10.0.1.1", true, false },
		{ "match-client=10.0.1.0/31", true, false },
		{ "match-client=10.0.1.2/31", false, false },
		{ "match-client=10.0.3.2", false, false }, /* the server's */
		{ "match-client=0.0.0.0/0", true, false },
		{ "match-client=2001:db8:1::/48", false, true },
		{ "match-client=2001:db8:0::/47", false, true },
		{ "match-client=2001:db8:2::/47", false, false },
		{ "match-client=10.0.0.0/8_2001:db8::/32", true, true },
		{ "match-server=10.0.3.2_2001:db8:3::2", true, true },
		{ "match-server=10.0.1.1", false, false },
		{ "match-server=10.0.3.2,match-port=10000,match-client=10.0.1.1", true, false },
		{ "match-server=10.0.3.2,match-port=10000,match-client=10.0.1.2", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (enum direction dir = DIR_UP; dir < DIR_COUNT; dir++) {
			const struct seg g = { .version = v, .dir = dir, .flags = ACK, .len = 3 };

			tap_is(selected(rows[i].options, &g), v == 4 ? rows[i].v4 : rows[i].v6,
			       "IPv%d, %s: %s", v, direction_names[dir], rows[i].options);
		}
}

int main(void)
{
	static void (*const checks[])(void) = {
		check_out_of_order,
		check_queue_wanted,
		check_queue_window,
		check_retransmission,
		check_history,
		check_checksum,
		check_syn_data,
		check_allow_or_drop,
		check_reserved,
		check_urgent,
		check_options,
		check_known_options,
		check_mss,
		check_ttl,
		check_window_variation,
		check_held_timestamp,
		check_paws,
		check_sack,
		check_reset,
		check_bypass_after,
		check_match,
	};

	for (v = 4; v <= 6; v += 2)
		for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
			checks[i]();
	tap_is(sim_wrong, 0, "every packet that left had right checksums");
	for (size_t i = 0; i < COUNTER_TUN_WRITE_ERROR; i++)
		if (sim_asa_counts(i) && !sim_intercept_counts(i))
			sim_counted(i);
	return tap_done();
}
