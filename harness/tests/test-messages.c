// SPDX-License-Identifier: Apache-2.0
/*
 * What client and head-end sent: messages of a handshake, TCP segments, and what
 * came out of the tunnel.  Headers are written by hand after RFC 7296 section 3.1, the
 * protocol paper of WireGuard section 5.4, and RFC 9293 section 3.1.
 */
#include "tests/measured.h"

#define PORT_WG 51820

/* --- messages ------------------------------------------------------------------------------- */

/* @bytes travel from client or head-end over the link at which it is captured */
static void send_udp(struct folder *f, uint64_t t_ns, bool from_server, uint16_t port,
		     const uint8_t *bytes, size_t len)
{
	uint8_t frame[FRAME_MAX];
	size_t whole = frame_udp(frame, from_server, 0, len);
	uint8_t *udp = frame + whole - len - 8;

	frame_put16(udp, port);
	frame_put16(udp + 2, port);
	memcpy(udp + 8, bytes, len);
	folder_cross(f, t_ns, from_server ? LINK_INSIDE : LINK_ACCESS,
		     from_server ? DIR_DOWN : DIR_UP, frame, whole, MS, false);
}

/* An IKE_SA_INIT of 40 bytes, the last of which is @tail */
static void send_ike(struct folder *f, uint64_t t_ns, bool response, uint8_t tail)
{
	uint8_t m[40] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	m[8] = response ? 9 : 0;
	m[16] = 33;
	m[17] = 0x20;
	m[18] = 34;
	m[19] = response ? 0x20 : 0x08;
	m[27] = sizeof(m);
	m[39] = tail;
	send_udp(f, t_ns, response, 500, m, sizeof(m));
}

/* Sent at five times, the last of which lies behind the moment when the tunnel is up */
static void make_exact(struct folder *f)
{
	static const unsigned at_ms[] = { 0, 10, 30, 70, 300 };

	for (size_t i = 0; i < ARRAY_SIZE(at_ms); i++)
		send_ike(f, FOLDER_T0 + at_ms[i] * MS, false, 1);
	send_ike(f, FOLDER_T0 + 301 * MS, true, 2);
	send_ike(f, FOLDER_T0 + 302 * MS, true, 2);
}

static void make_changed(struct folder *f)
{
	static const unsigned at_ms[] = { 0, 10, 20, 30 };

	for (size_t i = 0; i < ARRAY_SIZE(at_ms); i++)
		send_ike(f, FOLDER_T0 + at_ms[i] * MS, false, i == 2);
	send_ike(f, FOLDER_T0 + 31 * MS, true, 2);
	send_ike(f, FOLDER_T0 + 32 * MS, true, 3);
}

static void make_once(struct folder *f)
{
	send_ike(f, FOLDER_T0, false, 1);
	send_ike(f, FOLDER_T0 + MS, true, 1);
}

/* Type 1 of 148 bytes or type 2 of 92, with the sender's index, and whom it answers */
static void send_wg(struct folder *f, uint64_t t_ns, uint8_t type, uint8_t sender, uint8_t receiver,
		    uint8_t tail)
{
	uint8_t m[148] = { type, 0, 0, 0, sender };
	size_t len = type == 1 ? 148 : 92;

	m[8] = receiver;
	m[len - 1] = tail;
	send_udp(f, t_ns, type == 2, PORT_WG, m, len);
}

/* Tries are new messages with new indices */
static void make_wg(struct folder *f)
{
	send_wg(f, FOLDER_T0, 1, 10, 0, 1);
	send_wg(f, FOLDER_T0 + 5 * MS, 1, 11, 0, 2);
	send_wg(f, FOLDER_T0 + 6 * MS, 2, 20, 11, 3);
}

/* The same request with other bytes; another response to the same request */
static void make_wg_changed(struct folder *f)
{
	send_wg(f, FOLDER_T0, 1, 10, 0, 1);
	send_wg(f, FOLDER_T0 + 5 * MS, 1, 10, 0, 2);
	send_wg(f, FOLDER_T0 + 6 * MS, 2, 20, 10, 3);
	send_wg(f, FOLDER_T0 + 7 * MS, 2, 21, 10, 3);
}

static void make_none(struct folder *f)
{
	(void)f;
}

static void test_messages(void)
{
	measure("retransmissions, bit by bit", "", make_exact,
		ROW({ "messages.repeated", "5" }, { "messages.changed", "0" },
		    { "handshake.requests", "5" }, { "handshake.backoff", "yes" }));
	measure("retransmissions with other bytes, at equal distances", "", make_changed,
		ROW({ "messages.repeated", "4" }, { "messages.changed", "2" },
		    { "handshake.requests", "4" }, { "handshake.backoff", "no" }));
	measure("each message once", "", make_once,
		ROW({ "messages.repeated", "0" }, { "messages.changed", "0" },
		    { "handshake.requests", "1" }, { "handshake.backoff", "absent" }));
	measure("tries of WireGuard", "", make_wg,
		ROW({ "messages.repeated", "1" }, { "messages.changed", "0" },
		    { "handshake.requests", "2" }));
	measure("tries of WireGuard with an index that was used", "", make_wg_changed,
		ROW({ "messages.changed", "2" }, { "handshake.requests", "2" }));
	measure("no message at all", "", make_none,
		ROW({ "messages.repeated", "absent" }, { "messages.changed", "absent" },
		    { "handshake.requests", "absent" }));
}

/* --- TCP ------------------------------------------------------------------------------------- */

/* Of the client, @changed bytes from the first on otherwise than usual, its checksum right or not
 */
static void send_segment(struct folder *f, uint64_t t_ns, const struct frame_tcp *s, size_t changed,
			 bool bad_checksum)
{
	uint8_t frame[FRAME_MAX];
	size_t len = frame_tcp(frame, s);
	uint8_t *tcp = frame + len - s->len - 20;
	struct packet p;

	for (size_t i = 0; i < changed; i++)
		tcp[20 + i] ^= 1;
	if (!packet_parse_frame(frame, len, &p))
		abort();
	frame_put16(tcp + 16, packet_l4_checksum(&p) ^ bad_checksum);
	folder_cross(f, t_ns, s->from_server ? LINK_INSIDE : LINK_ACCESS,
		     s->from_server ? DIR_DOWN : DIR_UP, frame, len, MS, false);
}

/* What the client gets is captured at its own end too */
static void get_segment(struct folder *f, uint64_t t_ns, struct frame_tcp s)
{
	uint8_t frame[FRAME_MAX];

	s.from_server = true;
	folder_cross(f, t_ns, LINK_ACCESS, DIR_DOWN, frame, frame_tcp(frame, &s), MS, false);
}

/* 200 bytes, then the same again in two pieces of which one has @changed other bytes */
static void send_again(struct folder *f, size_t changed, bool bad_checksum)
{
	send_segment(f, T0, &(struct frame_tcp){ .seq = 99, .flags = SYN }, 0, false);
	send_segment(f, T0 + MS, &(struct frame_tcp){ .seq = 100, .len = 200 }, 0, false);
	send_segment(f, T0 + 2 * MS, &(struct frame_tcp){ .seq = 100, .len = 150 }, 0, false);
	send_segment(f, T0 + 3 * MS, &(struct frame_tcp){ .seq = 250, .len = 50 }, changed,
		     bad_checksum);
}

static void make_again(struct folder *f)
{
	send_again(f, 0, false);
}

static void make_again_otherwise(struct folder *f)
{
	send_again(f, 3, false);
}

static void make_again_spoiled(struct folder *f)
{
	send_again(f, 0, true);
}

/* Up to the edge of a window of 1000, then a segment sent again, and a probe of one byte */
static void fill_window(struct folder *f)
{
	send_segment(f, T0, &(struct frame_tcp){ .seq = 99, .flags = SYN }, 0, false);
	get_segment(f, T0 + MS, (struct frame_tcp){ .seq = 7, .ack = 100, .flags = SYN | ACK });
	send_segment(f, T0 + 4 * MS, &(struct frame_tcp){ .seq = 100, .len = 500 }, 0, false);
	send_segment(f, T0 + 5 * MS, &(struct frame_tcp){ .seq = 600, .len = 500 }, 0, false);
	send_segment(f, T0 + 6 * MS, &(struct frame_tcp){ .seq = 600, .len = 500 }, 0, false);
	send_segment(f, T0 + 7 * MS, &(struct frame_tcp){ .seq = 1100, .len = 1 }, 0, false);
}

static void make_within(struct folder *f)
{
	fill_window(f);
	get_segment(f, T0 + 8 * MS, (struct frame_tcp){ .seq = 8, .ack = 1101, .window = 10 });
	send_segment(f, T0 + 10 * MS, &(struct frame_tcp){ .seq = 1101, .len = 10 }, 0, false);
}

static void make_beyond(struct folder *f)
{
	fill_window(f);
	send_segment(f, T0 + 8 * MS, &(struct frame_tcp){ .seq = 1101, .len = 10 }, 0, false);
}

/* One segment five times, the first time again at once; then one twice */
static void send_ever_more_seldom(struct folder *f, const unsigned *at_ms, size_t len)
{
	send_segment(f, T0, &(struct frame_tcp){ .seq = 99, .flags = SYN }, 0, false);
	for (size_t i = 0; i < len; i++)
		send_segment(f, T0 + at_ms[i] * MS, &(struct frame_tcp){ .seq = 100, .len = 10 }, 0,
			     false);
	for (unsigned i = 0; i < 2; i++)
		send_segment(f, T0 + (9000 + i) * MS, &(struct frame_tcp){ .seq = 110, .len = 10 },
			     0, false);
}

static void make_backoff(struct folder *f)
{
	static const unsigned at_ms[] = { 1, 21, 1021, 3021, 7021 };

	send_ever_more_seldom(f, at_ms, ARRAY_SIZE(at_ms));
}

static void make_no_backoff(struct folder *f)
{
	static const unsigned at_ms[] = { 1, 21, 1021, 2021, 3021 };

	send_ever_more_seldom(f, at_ms, ARRAY_SIZE(at_ms));
}

static void test_segments(void)
{
	measure("sent again in other pieces", "", make_again,
		ROW({ "carriage.changed", "0" }, { "carriage.bad_checksums", "0" },
		    { "carriage.backoff", "absent" }));
	measure("sent again with other bytes", "", make_again_otherwise,
		ROW({ "carriage.changed", "3" }, { "carriage.bad_checksums", "0" }));
	measure("sent again with a wrong checksum", "", make_again_spoiled,
		ROW({ "carriage.changed", "0" }, { "carriage.bad_checksums", "1" }));
	measure("within the window", "", make_within, ROW({ "carriage.beyond_window", "0" }));
	measure("behind the window", "", make_beyond, ROW({ "carriage.beyond_window", "1" }));
	measure("ever more seldom", "", make_backoff, ROW({ "carriage.backoff", "yes" }));
	measure("every second", "", make_no_backoff, ROW({ "carriage.backoff", "no" }));
	measure("no TCP at all", "", make_once,
		ROW({ "carriage.changed", "absent" }, { "carriage.bad_checksums", "absent" },
		    { "carriage.beyond_window", "absent" }));
}

/* --- inside ---------------------------------------------------------------------------------- */

static const uint8_t probe[] = { 'd', 'p', 'k', 'e', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5 };

/* A datagram on the lan; @checksum 0: it has none */
static void send_lan(struct folder *f, uint64_t t_ns, bool from_server, uint8_t number,
		     uint16_t checksum)
{
	uint8_t frame[FRAME_MAX];
	size_t len = frame_udp(frame, from_server, number, sizeof(probe));

	frame_put16(frame + len - sizeof(probe) - 2, checksum);
	folder_cross(f, t_ns, LINK_LAN, from_server ? DIR_DOWN : DIR_UP, frame, len, MS, false);
}

/* A probe in a packet of the outside, behind bytes that are not its */
static void make_readable(struct folder *f)
{
	uint8_t bytes[13 + sizeof(probe)] = { 0 };

	memcpy(bytes + 13, probe, sizeof(probe));
	send_udp(f, T0, false, PORT_WG, bytes, sizeof(bytes));
	send_udp(f, T0 + MS, true, PORT_WG, bytes, sizeof(bytes));
	bytes[13] ^= 1;
	send_udp(f, T0 + 2 * MS, false, PORT_WG, bytes, sizeof(bytes));
}

/* Out of the tunnel twice is 2; what comes from the server twice went in twice */
static void make_twice(struct folder *f)
{
	for (unsigned i = 0; i < 3; i++)
		send_lan(f, T0 + i * MS, false, 1, 0);
	send_lan(f, T0 + 4 * MS, false, 2, 0);
	send_lan(f, T0 + 5 * MS, true, 3, 0);
	send_lan(f, T0 + 6 * MS, true, 3, 0);
}

static void make_damaged(struct folder *f)
{
	send_lan(f, T0, false, 1, 0x1234);
	send_lan(f, T0 + MS, false, 2, 0);
	send_lan(f, T0 + 2 * MS, true, 3, 0x1234);
}

static void test_inner(void)
{
	measure("inner traffic that can be read", "", make_readable, ROW({ "leak.payload", "2" }));
	measure("what runs on the lan", "", make_twice,
		ROW({ "leak.payload", "0" }, { "inner.duplicates", "2" },
		    { "inner.damaged", "0" }));
	measure("a wrong checksum", "", make_damaged,
		ROW({ "inner.duplicates", "0" }, { "inner.damaged", "1" }));
	measure("inner traffic beside the tunnel by plan",
		"traffic: [{echo: {interval: 1s, duration: 1s, outer: yes}}]", make_readable,
		ROW({ "leak.payload", "absent" }));
}

int main(void)
{
	files_begin();
	test_messages();
	test_segments();
	test_inner();
	return tap_done();
}
