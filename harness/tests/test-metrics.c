// SPDX-License-Identifier: Apache-2.0
/* Each metric from a folder in which everything is known. */
#include "grade/metrics.h"

#include <math.h>

#include "grade/evidence.h"
#include "tests/measured.h"

/* --- tunnel, echo, idle ------------------------------------------------------------------- */

/* When the n-th probe is sent */
static uint64_t at(unsigned n)
{
	return T0 + (n - 1) * MS * 100;
}

static void make_nothing(struct folder *f)
{
	(void)f;
}

static void make_down(struct folder *f)
{
	json_object_set_new(f->execution, "up", json_false());
}

/* 100 probes, one each 100 ms, answered but for 21 to 25; round trips of 1 to 100 ms */
static void make_gap(struct folder *f)
{
	for (unsigned n = 1; n <= 100; n++)
		folder_probe(f, 0, n, at(n), n > 20 && n <= 25 ? 0 : n * MS);
}

/* The first is not answered, nor the last */
static void make_ends(struct folder *f)
{
	for (unsigned n = 1; n <= 20; n++)
		folder_probe(f, 0, n, at(n), n < 4 || n > 18 ? 0 : 5 * MS);
}

/* The last tenth of 100 is 91 to 100 */
static void make_just_dead(struct folder *f)
{
	for (unsigned n = 1; n <= 100; n++)
		folder_probe(f, 0, n, at(n), n <= 90 ? MS : 0);
}

static void make_just_alive(struct folder *f)
{
	for (unsigned n = 1; n <= 100; n++)
		folder_probe(f, 0, n, at(n), n <= 91 ? MS : 0);
}

/* Of 20 probes it is the last 5 */
static void make_few_dead(struct folder *f)
{
	for (unsigned n = 1; n <= 20; n++)
		folder_probe(f, 0, n, at(n), n <= 15 ? MS : 0);
}

static void make_few_alive(struct folder *f)
{
	for (unsigned n = 1; n <= 20; n++)
		folder_probe(f, 0, n, at(n), n <= 16 ? MS : 0);
}

static void make_silence(struct folder *f)
{
	for (unsigned n = 1; n <= 3; n++)
		folder_probe(f, 0, n, at(n), 0);
}

/* The first flow dies after its tenth probe; the second begins later and lives */
static void make_two(struct folder *f)
{
	for (unsigned n = 1; n <= 30; n++)
		folder_probe(f, 0, n, at(n), n <= 10 ? MS : 0);
	for (unsigned n = 1; n <= 30; n++)
		folder_probe(f, 1, n, at(n + 10), 3 * MS);
}

/* Behind the flows of the case come the probes after the idle time */
static void make_idle(struct folder *f)
{
	json_object_set_new(json_object_get(f->execution, "times"), "idle_end",
			    json_integer((json_int_t)(T0 + 90 * NS_PER_S)));
	folder_probe(f, 0, 1, T0, 0);
	folder_probe(f, 1, 1, T0 + 80 * NS_PER_S, 0);
	folder_probe(f, 1, 2, T0 + 81 * NS_PER_S, MS);
}

static void make_idle_dead(struct folder *f)
{
	folder_probe(f, 0, 1, T0, MS);
	folder_probe(f, 1, 1, T0 + 80 * NS_PER_S, 0);
}

/* Two of three answered before, none of one after; behind those after the idle time */
static void make_edges(struct folder *f)
{
	json_object_set_new(f->execution, "down",
			    json_pack("{s:b, s:b}", "orderly", 1, "restored", 0));
	folder_probe(f, 0, 1, T0, MS);
	for (unsigned n = 1; n <= 3; n++)
		folder_probe(f, 2, n, T0 - NS_PER_S + at(n) - T0, n == 2 ? 0 : MS);
	folder_probe(f, 3, 1, T0 + NS_PER_S, 0);
}

/* Answers to probes that nobody sent, flows that are not there, events of the future */
static void make_strange(struct folder *f)
{
	folder_probe(f, 0, 1, T0, MS);
	folder_event(f, "{\"t\":1,\"event\":\"reply\",\"flow\":0,\"n\":2,\"rtt_ns\":5}");
	folder_event(f, "{\"t\":1,\"event\":\"reply\",\"flow\":0,\"n\":0,\"rtt_ns\":5}");
	folder_event(f, "{\"t\":1,\"event\":\"reply\",\"flow\":0,\"n\":-1,\"rtt_ns\":5}");
	folder_event(f, "{\"t\":1,\"event\":\"probe\",\"flow\":9,\"n\":1}");
	folder_event(f, "{\"t\":1,\"event\":\"probe\",\"flow\":-1,\"n\":1}");
	folder_event(f, "{\"t\":1,\"event\":\"beam\",\"flow\":0}");
	folder_event(f, "{\"t\":1}");
	folder_event(f, "[]");
}

#define ECHO "traffic: [{echo: {interval: 100ms, duration: 10s}}]"
static void test_echo(void)
{
	measure("nothing", ECHO, make_nothing,
		ROW({ "tunnel.up", "yes" }, { "tunnel.up_time", "250 ms" },
		    { "echo.sent", "absent" }, { "echo.delivery", "absent" },
		    { "echo.max_gap", "absent" }, { "echo.alive", "absent" },
		    { "echo.died_at", "absent" }, { "echo.rtt_min", "absent" },
		    { "echo.rtt_median", "absent" }, { "idle.alive", "absent" },
		    { "tcp.bytes", "absent" }, { "tcp.intact", "absent" }, { "tcp.rate", "absent" },
		    { "loss.links", "none" }, { "loss.link", "none" },
		    { "carriage.retransmissions", "absent" }, { "carriage.holes_filled", "absent" },
		    { "middlebox.x", "absent" }, { "link.lan.up.seen", "absent" },
		    { "link.lan.up.lost", "0" }, { "link.lan.up.loss", "absent" },
		    { "link.lan.up.rate", "absent" }, { "link.lan.up.delay_p99", "absent" },
		    { "link.lan.up.drops_match", "absent" }, { "no.such", "absent" }));
	measure("the tunnel did not come up", ECHO, make_down,
		ROW({ "tunnel.up", "no" }, { "tunnel.up_time", "absent" }));
	measure("a gap", ECHO, make_gap,
		ROW({ "echo.sent", "100" }, { "echo.received", "95" }, { "echo.lost", "5" },
		    { "echo.delivery", "95%" }, { "echo.max_gap", "600 ms" },
		    { "echo.alive", "yes" }, { "echo.died_at", "absent" },
		    { "echo.rtt_min", "1 ms" }, { "echo.rtt_median", "53 ms" },
		    { "echo.rtt_max", "100 ms" }));
	measure("gaps at the ends", ECHO, make_ends,
		ROW({ "echo.max_gap", "300 ms" }, { "echo.alive", "yes" }));
	measure("the last tenth is not answered", ECHO, make_just_dead,
		ROW({ "echo.alive", "no" }, { "echo.died_at", "8.9 s" },
		    { "echo.max_gap", "1 s" }));
	measure("one of the last tenth is answered", ECHO, make_just_alive,
		ROW({ "echo.alive", "yes" }, { "echo.died_at", "absent" }));
	measure("the last five are not answered", ECHO, make_few_dead,
		ROW({ "echo.alive", "no" }, { "echo.died_at", "1.4 s" }));
	measure("one of the last five is answered", ECHO, make_few_alive,
		ROW({ "echo.alive", "yes" }));
	measure("none is answered", ECHO, make_silence,
		ROW({ "echo.received", "0" }, { "echo.delivery", "0%" }, { "echo.alive", "no" },
		    { "echo.died_at", "0 ms" }, { "echo.max_gap", "200 ms" },
		    { "echo.rtt_median", "absent" }));
	measure("two flows, one dies",
		"traffic: [{echo: {interval: 100ms, duration: 3s}}, "
		"{echo: {interval: 100ms, duration: 3s, start: 1s}}]",
		make_two,
		ROW({ "echo.sent", "60" }, { "echo.received", "40" }, { "echo.alive", "no" },
		    { "echo.died_at", "900 ms" }, { "echo.max_gap", "2 s" },
		    { "echo.rtt_median", "3 ms" }));
	measure("after the idle time", ECHO, make_idle,
		ROW({ "idle.alive", "yes" }, { "echo.sent", "1" }, { "echo.alive", "no" }));
	measure("dead after the idle time", ECHO, make_idle_dead,
		ROW({ "idle.alive", "no" }, { "echo.alive", "yes" }));
	measure("before and after the tunnel", ECHO, make_edges,
		ROW({ "before.answered", "2" }, { "after.answered", "0" },
		    { "down.orderly", "yes" }, { "down.restored", "no" },
		    { "idle.alive", "absent" }, { "echo.sent", "1" }));
	measure("a tunnel that nobody looked beside", ECHO, make_idle,
		ROW({ "before.answered", "absent" }, { "after.answered", "absent" },
		    { "down.orderly", "absent" }, { "down.restored", "absent" }));
	measure("events of no meaning", ECHO, make_strange,
		ROW({ "echo.sent", "1" }, { "echo.received", "1" }, { "idle.alive", "absent" }));
}

/* --- TCP in the tunnel ------------------------------------------------------------------------ */

static void tcp_event(struct folder *f, unsigned flow, uint64_t t_ns, unsigned bytes,
		      const char *intact)
{
	folder_event(f,
		     "{\"t\":%llu,\"event\":\"tcp-received\",\"flow\":%u,\"bytes\":%u,"
		     "\"intact\":%s}",
		     (unsigned long long)t_ns, flow, bytes, intact);
}

static void make_transfer(struct folder *f)
{
	tcp_event(f, 0, T0 + 2 * NS_PER_S, 1000000, "true");
}

/* The second starts after 1 s and takes as long for half */
static void make_transfers(struct folder *f)
{
	tcp_event(f, 0, T0 + 2 * NS_PER_S, 1000000, "true");
	tcp_event(f, 1, T0 + 3 * NS_PER_S, 500000, "false");
}

/* One ends early, one is not what was sent */
static void make_streams(struct folder *f)
{
	for (unsigned i = 0; i < 5; i++)
		tcp_event(f, i, T0 + (i + 1) * NS_PER_S, i == 1 ? 500 : 1000,
			  i == 3 ? "false" : "true");
}

#define TCP  "traffic: [{tcp: {bytes: 1000000}}]"
#define TCPS "traffic: [{tcp: {bytes: 1000000}}, {tcp: {bytes: 1000000, start: 1s}}]"

static void test_tcp(void)
{
	measure("a transfer", TCP, make_transfer,
		ROW({ "tcp.bytes", "1000000" }, { "tcp.intact", "yes" }, { "tcp.rate", "4 Mbit/s" },
		    { "tcp.completion", "100%" }, { "echo.sent", "absent" }));
	measure("two transfers", TCPS, make_transfers,
		ROW({ "tcp.bytes", "1500000" }, { "tcp.intact", "no" },
		    { "tcp.rate", "2 Mbit/s" }));
	measure("three of five of a thousand bytes each",
		"traffic: [{tcp: {bytes: 1000, flows: 5, interval: 100ms}}]", make_streams,
		ROW({ "tcp.completion", "60%" }, { "tcp.intact", "no" }, { "tcp.bytes", "4500" }));
	measure("a transfer that never arrived", TCP, make_nothing,
		ROW({ "tcp.bytes", "0" }, { "tcp.intact", "no" }, { "tcp.rate", "absent" }));
	measure("one of two that never arrived", TCPS, make_transfer,
		ROW({ "tcp.bytes", "1000000" }, { "tcp.intact", "no" }, { "tcp.rate", "absent" }));
}

/* --- links --------------------------------------------------------------------------------------
 */

/* 100 datagrams over the outside link, one each 10 ms from @from_ns on, of 100 bytes;
 * the n-th takes n ms; those of the list are lost */
static void send_datagrams(struct folder *f, uint64_t from_ns, const unsigned *lost, size_t len)
{
	for (unsigned n = 1, next = 0; n <= 100; n++) {
		uint8_t frame[FRAME_MAX];
		size_t size = frame_udp(frame, false, n, 58);
		bool hit = next < len && lost[next] == n;

		next += hit;
		folder_cross(f, from_ns + n * MS * 10, LINK_OUTSIDE, DIR_UP, frame, size, n * MS,
			     hit);
	}
}

static void count_link(struct folder *f)
{
	folder_count(f, LINK_OUTSIDE, DIR_UP, "seen", 100);
	folder_count(f, LINK_OUTSIDE, DIR_UP, "dropped", 2);
	folder_count(f, LINK_OUTSIDE, DIR_UP, "overflow", 0);
	folder_count(f, LINK_OUTSIDE, DIR_UP, "delivered", 98);
	folder_device(f, "tcp-buffer-full", 7);
}

static void make_listed(struct folder *f)
{
	send_datagrams(f, T0, (const unsigned[]){ 3, 50 }, 2);
	count_link(f);
}

static void make_one_more(struct folder *f)
{
	send_datagrams(f, T0, (const unsigned[]){ 3, 50, 51 }, 3);
}

static void make_another(struct folder *f)
{
	send_datagrams(f, T0, (const unsigned[]){ 3, 49 }, 2);
}

static void make_one_less(struct folder *f)
{
	send_datagrams(f, T0, (const unsigned[]){ 3 }, 1);
}

/* Frames before the links were armed do not count: the third and the 50th after that */
static void make_armed(struct folder *f)
{
	send_datagrams(f, FOLDER_T0 + 300 * MS - 200 * MS, (const unsigned[]){ 22, 69 }, 2);
}

/* Three ACKs and an ARP between each two datagrams are no payload */
static void make_payload(struct folder *f)
{
	static const uint8_t arp[42] = { [12] = 8, [13] = 6, [15] = 1, [16] = 8 };

	for (unsigned n = 1; n <= 60; n++) {
		uint64_t t = T0 + n * MS * 10;
		uint8_t frame[FRAME_MAX];
		size_t size = frame_tcp(frame, &(struct frame_tcp){ .seq = n * 10, .len = 10 });

		folder_cross(f, t, LINK_OUTSIDE, DIR_UP, frame, size, MS, n == 3 || n == 50);
		for (unsigned i = 1; i <= 3; i++) {
			size = frame_tcp(frame,
					 &(struct frame_tcp){ .seq = n * 10 + 10, .ack = i });
			folder_cross(f, t + i * MS, LINK_OUTSIDE, DIR_UP, frame, size, MS, false);
		}
		folder_cross(f, t + 5 * MS, LINK_OUTSIDE, DIR_UP, arp, sizeof(arp), MS, false);
	}
}

#define DROP "impair: [{link: outside, direction: up, engine: wire, drop: [3, 50]"

static void test_links(void)
{
	measure("a list", DROP "}]", make_listed,
		ROW({ "link.outside.up.seen", "100" }, { "link.outside.up.dropped", "2" },
		    { "link.outside.up.overflow", "0" }, { "link.outside.up.delivered", "98" },
		    { "link.outside.up.lost", "2" }, { "link.outside.up.loss", "2%" },
		    { "link.outside.up.drops_match", "yes" }, { "link.outside.up.duplicated", "0" },
		    { "link.outside.up.corrupted", "0" }, { "link.outside.up.delay_min", "1 ms" },
		    { "link.outside.up.delay_median", "51 ms" },
		    { "link.outside.up.delay_p99", "99 ms" },
		    { "link.outside.up.delay_max", "100 ms" },
		    /* 97 frames of 100 bytes in 99 times 11 ms */
		    { "link.outside.up.rate", "0.071258 Mbit/s" },
		    { "link.outside.down.lost", "0" }, { "link.outside.down.seen", "absent" },
		    { "link.outside.down.drops_match", "absent" },
		    { "link.inside.up.seen", "absent" }, { "loss.links", "outside:up" },
		    { "loss.link", "outside:up" }, { "middlebox.tcp-buffer-full", "7" },
		    { "middlebox.tcp-buffer-timeout", "absent" }));
	measure("one drop more", DROP "}]", make_one_more,
		ROW({ "link.outside.up.drops_match", "no" }, { "link.outside.up.lost", "3" }));
	measure("another drop", DROP "}]", make_another,
		ROW({ "link.outside.up.drops_match", "no" }, { "link.outside.up.lost", "2" }));
	measure("one drop less", DROP "}]", make_one_less,
		ROW({ "link.outside.up.drops_match", "no" }));
	measure("no frames at all", DROP "}]", make_nothing,
		ROW({ "link.outside.up.drops_match", "no" }));
	measure("armed once the tunnel is up", DROP ", arm: up}]", make_armed,
		ROW({ "link.outside.up.drops_match", "yes" }));
	measure("the same if it was to count from the start", DROP "}]", make_armed,
		ROW({ "link.outside.up.drops_match", "no" }));
	measure("payload alone is counted", DROP ", count: payload}]", make_payload,
		ROW({ "link.outside.up.drops_match", "yes" }));
	measure("the same if all frames were to count", DROP "}]", make_payload,
		ROW({ "link.outside.up.drops_match", "no" }));
}

/* --- several links, the carriage -------------------------------------------------------------- */

/* Two segments are lost on the way up, one sent again; an ACK downwards is lost */
static void make_carriage(struct folder *f)
{
	static const struct {
		unsigned ms;
		struct frame_tcp s;
		int lost_at;
	} talk[] = {
		{ 0, { .seq = 99, .flags = SYN }, NOWHERE },
		{ 10,
		  { .from_server = true, .seq = 499, .ack = 100, .flags = SYN | ACK },
		  NOWHERE },
		{ 20, { .seq = 100, .ack = 500, .len = 10 }, NOWHERE },
		{ 30, { .seq = 110, .ack = 500, .len = 10 }, LINK_OUTSIDE },
		{ 40, { .seq = 120, .ack = 500, .len = 10 }, NOWHERE },
		{ 45, { .from_server = true, .seq = 500, .ack = 110 }, NOWHERE },
		{ 50, { .seq = 130, .ack = 500, .len = 10 }, LINK_INSIDE },
		{ 60, { .seq = 140, .ack = 500, .len = 10 }, NOWHERE },
		{ 70, { .from_server = true, .seq = 500, .ack = 110 }, LINK_ACCESS },
		{ 80, { .from_server = true, .seq = 500, .ack = 110 }, NOWHERE },
		{ 90, { .from_server = true, .seq = 500, .ack = 110, .window = 5 }, NOWHERE },
		/* so long after that the hole has stayed */
		{ 4000, { .seq = 110, .ack = 500, .len = 10 }, NOWHERE },
	};
	/* what is in the tunnel is not its carriage */
	static const struct frame_tcp inner = { .seq = 5, .len = 10, .client_port = 7 };
	uint8_t frame[FRAME_MAX];
	size_t len = frame_tcp(frame, &inner);

	for (size_t i = 0; i < ARRAY_SIZE(talk); i++)
		folder_tcp(f, T0 + talk[i].ms * MS, &talk[i].s, talk[i].lost_at, 0);
	for (int i = 0; i < 5; i++)
		folder_cross(f, T0 + (unsigned)i * MS, LINK_LAN, DIR_UP, frame, len, MS, false);
}

static void make_late(struct folder *f)
{
	uint8_t frame[FRAME_MAX];
	size_t len = frame_udp(frame, false, 1, 10);

	/* sent as the traffic ended, and under way as the captures stopped */
	folder_cross(f, FOLDER_T0 + 61 * NS_PER_S, LINK_LAN, DIR_UP, frame, len, MS, true);
}

/* 10.7.0.1 to 10.0.4.2, as they are in the tunnel */
static size_t inner_frame(uint8_t *frame)
{
	size_t len = frame_udp(frame, false, 1, 10);

	memcpy(frame + FRAME_HEADER + 12, (uint8_t[]){ 10, 7, 0, 1, 10, 0, 4, 2 }, 8);
	return len;
}

/* One on its way in the clear, lost behind the first link; one that came out of ESP */
static void make_leak(struct folder *f)
{
	uint8_t frame[FRAME_MAX];
	size_t len = inner_frame(frame);

	folder_cross(f, T0 + MS, LINK_ACCESS, DIR_UP, frame, len, MS, false);
	folder_cross(f, T0 + 2 * MS, LINK_OUTSIDE, DIR_UP, frame, len, MS, true);
	folder_see(f, T0 + 5 * MS, LINK_INSIDE, END_SERVER, false, frame, len);
	folder_cross(f, T0 + 6 * MS, LINK_LAN, DIR_UP, frame, len, MS, false);
	folder_cross(f, T0 + 7 * MS, LINK_ACCESS, DIR_UP, frame, len, MS, false);
}

/* Before the tunnel is up, and what only came out of ESP or runs on the lan */
static void make_no_leak(struct folder *f)
{
	uint8_t frame[FRAME_MAX];
	size_t len = inner_frame(frame);

	folder_cross(f, FOLDER_T0 + MS, LINK_ACCESS, DIR_UP, frame, len, MS, false);
	folder_see(f, T0 + 5 * MS, LINK_INSIDE, END_SERVER, false, frame, len);
	folder_cross(f, T0 + 6 * MS, LINK_LAN, DIR_UP, frame, len, MS, false);
}

static void test_leak(void)
{
	measure("inner packets in the clear", "", make_leak, ROW({ "leak.frames", "2" }));
	measure("inner packets where they may be", "", make_no_leak, ROW({ "leak.frames", "0" }));
}

static void test_carriage(void)
{
	measure("a carriage of TCP", "", make_carriage,
		ROW({ "loss.links", "access:down,outside:up,inside:up" },
		    { "loss.link", "several" }, { "carriage.retransmissions", "1" },
		    { "carriage.duplicate_acks", "1" }, { "carriage.holes_filled", "1" },
		    { "carriage.holes_unfilled", "1" }));
	measure("what was sent at the end", "", make_late, ROW({ "loss.links", "none" }));
}

/* --- names and texts ----------------------------------------------------------------------------
 */

static void replace(char *text, const char *what, const char *with)
{
	char *found = strstr(text, what), rest[96];

	if (!found)
		return;
	snprintf(rest, sizeof(rest), "%s", found + strlen(what));
	sprintf(found, "%s%s", with, rest);
}

static void test_names(void)
{
	static const char *const wrong[] = {
		"",
		"echo",
		"echo.",
		"echo.alive.",
		"Echo.alive",
		"link",
		"link.",
		"link.outside",
		"link.outside.up",
		"link.outside.up.",
		"link.outside.up.lost.",
		"link.outside.sideways.lost",
		"link.outsid.up.lost",
		"link.outsider.up.lost",
		"link.up.lost",
		"link.<link>.<direction>.lost",
		"middlebox",
		"middlebox.",
		"middlebox.A",
		"middlebox.<counter>",
		"middlebox.a b",
		"middlebox.a.b",
	};
	const struct metric_kind *kinds;
	size_t n = grade_metric_kinds(&kinds), unnamed = 0;

	for (size_t i = 0; i < n; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s", kinds[i].name);
		replace(name, "<link>", link_names[i % LINK_COUNT]);
		replace(name, "<direction>", direction_names[i % DIR_COUNT]);
		replace(name, "<counter>", "tcp-buffer-full");
		tap_ok(grade_metric_known(name), "%s is known", name);
		unnamed += !*kinds[i].what || !metric_unit_names[kinds[i].unit];
		for (size_t k = 0; k < i; k++)
			unnamed += strcmp(kinds[i].name, kinds[k].name) == 0;
	}
	tap_is(unnamed, 0, "each has a name of its own, a meaning and a unit");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		tap_ok(!grade_metric_known(wrong[i]), "'%s' is not", wrong[i]);
}

static void test_texts(void)
{
	static const struct {
		enum metric_unit unit;
		double number;
		const char *want;
	} table[] = {
		{ UNIT_COUNT, 0, "0" },
		{ UNIT_COUNT, 123456789012, "123456789012" },
		{ UNIT_RATIO, 0.98214, "98.21%" },
		{ UNIT_RATIO, 1, "100%" },
		{ UNIT_SECONDS, 0.0405, "40.5 ms" },
		{ UNIT_SECONDS, 0, "0 ms" },
		{ UNIT_SECONDS, 61.25, "61.25 s" },
		{ UNIT_BYTES, 3000001, "3000001" },
		{ UNIT_BPS, 5020000, "5.02 Mbit/s" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct metric_value v = { .unit = table[i].unit, .number = table[i].number };
		char text[64];

		tap_str(grade_metric_text(&v, text, sizeof(text)), table[i].want,
			"%g is written %s", table[i].number, table[i].want);
	}
}

struct seen {
	size_t n;
	bool unknown, device;
};

static void note(void *ctx, const char *name, const struct metric_value *v)
{
	struct seen *s = ctx;

	s->n++;
	s->unknown = s->unknown || !grade_metric_known(name) ||
		     (v->unit == UNIT_WORD ? !*v->word : !isfinite(v->number));
	s->device = s->device || !strcmp(name, "middlebox.tcp-buffer-full");
}

static void test_each(void)
{
	AUTO_CASE struct spec_case *c = folder_case(DROP "}]");
	AUTO_EVIDENCE struct evidence e = { 0 };
	struct err err = { 0 };
	struct seen s = { 0 };
	struct folder f;

	folder_begin(&f, "run");
	make_listed(&f);
	folder_end(&f);
	evidence_load("run", c, &e, &err);
	grade_metric_each(&e, note, &s);
	tap_ok(s.n > 10 && s.device && !s.unknown, "%zu metrics, all known", s.n);
}

int main(void)
{
	files_begin();
	test_echo();
	test_tcp();
	test_links();
	test_carriage();
	test_leak();
	test_names();
	test_texts();
	test_each();
	return tap_done();
}
