// SPDX-License-Identifier: Apache-2.0
/*
 * Rules against conversations that a small simulation makes: a sender, a receiver, and
 * a path that loses or delays one segment.  Each is run in both directions, with and
 * without a device that changes sequence numbers.
 */
#include "grade/findings.h"

#include "grade/evidence.h"
#include "tests/run-folder.h"

#define SEGMENT	 100U /* bytes */
#define EVERY_NS (100 * NS_PER_MS)
#define SENDS	 200

struct talk {
	const char *what;
	unsigned segments; /* that the sender sends, one each EVERY_NS */
	unsigned lose; /* its number, from 1 on; 0: none */
	int at; /* link of the loss */
	uint64_t late_ns; /* it is not lost but late */
	unsigned resend_ms[6]; /* when it is sent again, after it was sent first; 0: no more */
	unsigned resent_lost; /* the first n of these are lost too */
	int resent_at; /* on this link */
	bool silent; /* the receiver does not repeat its ACK */
	bool acks_lost; /* repeated ACKs are lost on the link of the loss */
	bool hole, unanswered; /* rules that have to fire */
};

static const struct talk talks[] = {
	{ .what = "all is well", .segments = 60 },
	{ "never sent again", 60, 10, LINK_OUTSIDE, .hole = true, .unanswered = true },
	{ "lost on the first link", 60, 10, LINK_ACCESS, .hole = true, .unanswered = true },
	{ "lost on the last link", 60, 10, LINK_INSIDE, .hole = true, .unanswered = true },
	{ "fast retransmit", 60, 10, LINK_OUTSIDE, .resend_ms = { 310 } },
	{ "RTO after 1 s", 60, 10, LINK_OUTSIDE, .resend_ms = { 1000 } },
	{ "RTO after 200 ms, before three duplicates", 60, 10, LINK_OUTSIDE, .resend_ms = { 210 } },
	{ "sent again, lost, sent again", 80, 10, LINK_OUTSIDE, .resend_ms = { 310, 1310 },
	  .resent_lost = 1, .resent_at = LINK_OUTSIDE },
	{ "sent again in time, lost thrice", 99, 10, LINK_OUTSIDE,
	  .resend_ms = { 310, 1310, 3310, 7310 }, .resent_lost = 3, .resent_at = LINK_OUTSIDE },
	{ "sent again in time, lost thrice on the first link", 99, 10, LINK_ACCESS,
	  .resend_ms = { 310, 1310, 3310, 7310 }, .resent_lost = 3, .resent_at = LINK_ACCESS },
	{ "sent again in time, always lost", 99, 10, LINK_INSIDE,
	  .resend_ms = { 310, 1310, 3310, 7310 }, .resent_lost = 4, .resent_at = LINK_INSIDE },
	{ "sent again in time, always lost behind the sender", 99, 10, LINK_ACCESS,
	  .resend_ms = { 310, 1310, 3310, 7310 }, .resent_lost = 4, .resent_at = LINK_ACCESS },
	{ "sent again after 5 s", 99, 10, LINK_OUTSIDE, .resend_ms = { 5000 }, .unanswered = true },
	{ "reordered", 60, 10, LINK_OUTSIDE, .late_ns = 450 * NS_PER_MS },
	{ "the capture ends soon after", 35, 10, .at = LINK_OUTSIDE },
	{ "the sender stops", 12, 10, .at = LINK_OUTSIDE },
	{ "the receiver says nothing", 60, 10, LINK_OUTSIDE, .silent = true },
	{ "one of the last is lost", 60, 59, .at = LINK_OUTSIDE },
	{ "the receiver's ACKs are lost, RTO", 60, 10, LINK_OUTSIDE, .resend_ms = { 1000 },
	  .acks_lost = true },
};

/* --- the simulation --------------------------------------------------------------------- */

struct send {
	uint64_t t_ns, arrives_ns;
	unsigned number; /* from 0 on */
	bool lost;
};

static struct frame_tcp segment(enum direction d, unsigned number)
{
	return (struct frame_tcp){ .from_server = d == DIR_DOWN,
				   .seq = 5001 + number * SEGMENT,
				   .ack = 900,
				   .len = SEGMENT };
}

static int by_arrival(const void *a, const void *b)
{
	const struct send *x = a, *y = b;

	return x->arrives_ns < y->arrives_ns ? -1 : x->arrives_ns > y->arrives_ns;
}

static void transmit(struct folder *f, const struct talk *t, enum direction d, struct send *s,
		     int lost_at, uint64_t late_ns)
{
	struct frame_tcp frame = segment(d, s->number);

	(void)t;
	s->lost = lost_at != NOWHERE;
	s->arrives_ns = folder_tcp(f, s->t_ns, &frame, lost_at, late_ns);
}

/* The last link is the first downwards, and so on */
static int link_from(enum direction d, int at)
{
	return d == DIR_UP ? at : LINK_LAN - 1 - at;
}

static size_t send_all(struct folder *f, const struct talk *t, enum direction d, struct send *sends)
{
	size_t n = 0;

	for (unsigned i = 0; i < t->segments; i++) {
		struct send *s = &sends[n++];
		bool hit = t->lose == i + 1;

		*s = (struct send){ .t_ns = FOLDER_T0 + NS_PER_S + i * EVERY_NS, .number = i };
		transmit(f, t, d, s, hit && !t->late_ns ? link_from(d, t->at) : NOWHERE,
			 hit ? t->late_ns : 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(t->resend_ms) && t->resend_ms[i]; i++) {
		struct send *s = &sends[n++];

		*s = (struct send){ .t_ns = sends[t->lose - 1].t_ns + t->resend_ms[i] * NS_PER_MS,
				    .number = t->lose - 1 };
		transmit(f, t, d, s, i < t->resent_lost ? link_from(d, t->resent_at) : NOWHERE, 0);
	}
	return n;
}

static void receive_all(struct folder *f, const struct talk *t, enum direction d,
			struct send *sends, size_t n)
{
	bool got[SENDS] = { false };
	unsigned next = 0;

	qsort(sends, n, sizeof(*sends), by_arrival);
	for (size_t i = 0; i < n; i++) {
		struct frame_tcp ack = { .from_server = d == DIR_UP, .seq = 900 };
		bool in_order = sends[i].number == next;

		if (sends[i].lost)
			continue;
		got[sends[i].number] = true;
		while (next < SENDS && got[next])
			next++;
		ack.ack = 5001 + next * SEGMENT;
		if (in_order || !t->silent)
			folder_tcp(f, sends[i].arrives_ns, &ack,
				   !in_order && t->acks_lost ? link_from(d, t->at) : NOWHERE, 0);
	}
}

static void simulate(struct folder *f, const struct talk *t, enum direction d)
{
	struct send sends[SENDS];
	struct frame_tcp syn = { .from_server = d == DIR_DOWN, .seq = 5000, .flags = SYN };
	struct frame_tcp syn_ack = {
		.from_server = d == DIR_UP, .seq = 899, .ack = 5001, .flags = SYN | ACK
	};

	folder_tcp(f, FOLDER_T0, &syn, NOWHERE, 0);
	folder_tcp(f, FOLDER_T0 + 10 * NS_PER_MS, &syn_ack, NOWHERE, 0);
	receive_all(f, t, d, sends, send_all(f, t, d, sends));
}

/* --- rules about TCP ---------------------------------------------------------------------- */

static json_t *findings_of(const struct spec_case *c)
{
	AUTO_EVIDENCE struct evidence e = { 0 };
	struct err err = { 0 };

	if (evidence_load("run", c, &e, &err))
		printf("# %s\n", err.text);
	return grade_findings(&e);
}

static const json_t *finding_of(const json_t *findings, const char *rule)
{
	const json_t *f;
	size_t i;

	json_array_foreach (findings, i, f) {
		if (!strcmp(json_string_value(json_object_get(f, "rule")), rule))
			return f;
	}
	return NULL;
}

/* The frame that a finding names, as the capture has it */
static bool packet_at(const json_t *finding, size_t i, struct packet *ret, char *ret_file)
{
	static uint8_t bytes[FRAME_MAX];
	const json_t *p = json_array_get(json_object_get(finding, "packets"), i);
	json_int_t number = json_integer_value(json_object_get(p, "number"));
	const char *file = json_string_value(json_object_get(p, "file"));
	AUTO_FREE char *path = io_printf("run/%s", file ? file : "");
	struct err err = { 0 };
	size_t len;
	AUTO_FREE char *capture = io_read_file(path, &len, &err);
	struct trace t = { 0 };
	bool ok;

	ok = capture && trace_read((const uint8_t *)capture, len, &t, &err) == 0 && number >= 1 &&
	     (size_t)number <= t.len && t.frames[number - 1].len <= sizeof(bytes) &&
	     (json_int_t)t.frames[number - 1].t_ns == json_integer_value(json_object_get(p, "t"));
	if (ok) {
		memcpy(bytes, t.frames[number - 1].bytes, t.frames[number - 1].len);
		packet_parse_frame(bytes, t.frames[number - 1].len, ret);
		snprintf(ret_file, 64, "%s", file);
	}
	trace_release(&t);
	return ok;
}

static void check_hole(const struct talk *t, enum direction d, const json_t *finding,
		       uint32_t shift)
{
	static const char *const senders[][DIR_COUNT] = {
		{ "client-access.pcapng", "headend-inside.pcapng" },
		{ "internet-outside.pcapng", "middlebox-outside.pcapng" },
		{ "middlebox-inside.pcapng", "internet-access.pcapng" },
	};
	int l = link_from(d, t->at);
	bool behind = d == DIR_UP ? l == LINK_INSIDE : l != LINK_INSIDE;
	uint32_t lost = 5001 + (t->lose - 1) * SEGMENT;
	struct packet p = { 0 };
	char hop[32], file[64] = "";

	snprintf(hop, sizeof(hop), "%s:%s", link_names[l], direction_names[d]);
	tap_str(json_string_value(json_object_get(finding, "hop")), hop, "the hop");
	tap_ok(packet_at(finding, 0, &p, file) && p.seq == lost + (behind ? shift : 0) &&
		       p.payload_len == SEGMENT,
	       "the lost segment, in %s", file);
	tap_str(file, senders[t->at][d], "where it was seen last");
	tap_ok(packet_at(finding, 1, &p, file) && p.payload_len == 0 && p.ack == lost,
	       "the first duplicate ACK, in %s", file);
	tap_str(file, senders[0][d], "which the sender got");
	tap_ok(packet_at(finding, 2, &p, file) && seq_lt(lost, p.seq) && p.payload_len == SEGMENT,
	       "new data after it, in %s", file);
}

/* Beyond the NAT the segment has another name: it is followed to the device, no further */
static void check_hole_nat(const struct talk *t, enum direction d, const json_t *finding)
{
	int l = link_from(d, t->at);
	bool before = (l == LINK_INSIDE) == (d == DIR_DOWN);
	struct packet p = { 0 };
	char hop[32], file[64] = "";

	snprintf(hop, sizeof(hop), "%s:%s", link_names[l], direction_names[d]);
	tap_str(json_string_value(json_object_get(finding, "hop")), before ? hop : "",
		"the hop before a NAT, none behind it");
	tap_ok(packet_at(finding, 0, &p, file) && p.seq == 5001 + (t->lose - 1) * SEGMENT,
	       "the lost segment, in %s", file);
	if (!before)
		tap_str(file, d == DIR_UP ? "middlebox-outside.pcapng" : "middlebox-inside.pcapng",
			"where it was seen last under its name");
}

static void test_talk(const struct talk *t, enum direction d, uint32_t shift, uint16_t nat_port)
{
	AUTO_CASE struct spec_case *c = folder_case("");
	struct folder f;
	json_t *findings;
	const json_t *hole;

	folder_begin(&f, "run");
	f.shift = shift;
	f.nat_port = nat_port;
	simulate(&f, t, d);
	folder_end(&f);
	findings = findings_of(c);
	hole = finding_of(findings, "hole-never-filled");
	tap_ok((hole != NULL) == t->hole, "%s, %s%s: hole-never-filled %s", t->what,
	       direction_names[d],
	       shift	  ? ", numbers changed"
	       : nat_port ? ", ports changed"
			  : "",
	       t->hole ? "fires" : "is silent");
	tap_ok(grade_has_finding(findings, "duplicate-acks-unanswered") == t->unanswered,
	       "%s: duplicate-acks-unanswered %s", t->what, t->unanswered ? "fires" : "is silent");
	tap_is(grade_has_finding(findings, "loss-on-link"), t->lose && !t->late_ns,
	       "%s: loss-on-link", t->what);
	tap_ok(!grade_has_finding(findings, "device-queue-stuck") &&
		       !grade_has_finding(findings, "queue-overflow") &&
		       !grade_has_finding(findings, "impairer-saw-nothing"),
	       "%s: nothing else", t->what);
	if (hole && t->hole && nat_port) {
		check_hole_nat(t, d, hole);
	} else if (hole && t->hole) {
		check_hole(t, d, hole, shift);
		if (t == &talks[1])
			printf("# %s\n", json_string_value(json_object_get(hole, "summary")));
	}
	json_decref(findings);
}

/* Captures without directions tell nothing of the path: no finding, and no crash */
static void test_no_directions(void)
{
	AUTO_CASE struct spec_case *c = folder_case("");
	struct folder f;
	json_t *findings;

	folder_begin(&f, "run");
	f.no_directions = true;
	simulate(&f, &talks[1], DIR_UP);
	folder_end(&f);
	findings = findings_of(c);
	tap_is(json_array_size(findings), 0, "no directions, no findings");
	json_decref(findings);
}

/* --- rules about the path ------------------------------------------------------------------- */

static void test_path(void)
{
	static const struct {
		const char *what, *counter;
		long long n;
		const char *rule;
	} table[] = {
		{ "a full queue alone", "tcp-buffer-full", 9, NULL },
		{ "a timeout", "tcp-buffer-timeout", 2, "device-queue-stuck" },
		{ "another counter", "acl-drop", 2, NULL },
	};
	AUTO_CASE struct spec_case *c = folder_case("");

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct folder f;
		json_t *findings;

		folder_begin(&f, "run");
		folder_device(&f, table[i].counter, table[i].n);
		folder_end(&f);
		findings = findings_of(c);
		tap_is(json_array_size(findings), table[i].rule ? 1 : 0, "%s", table[i].what);
		tap_ok(!table[i].rule || grade_has_finding(findings, table[i].rule), "%s: %s",
		       table[i].what, table[i].rule ? table[i].rule : "silent");
		json_decref(findings);
	}
}

static void test_links(void)
{
	static const struct {
		const char *what;
		enum link_id l;
		const char *counter;
		long long n;
		const char *rule, *hop;
	} table[] = {
		{ "frames came", LINK_OUTSIDE, "seen", 5, NULL, NULL },
		{ "nothing came", LINK_OUTSIDE, "seen", 0, "impairer-saw-nothing", "outside:up" },
		{ "nothing came where nothing was planned", LINK_INSIDE, "seen", 0, NULL, NULL },
		{ "an overflow", LINK_INSIDE, "overflow", 3, "queue-overflow", "inside:up" },
		{ "no overflow", LINK_INSIDE, "overflow", 0, NULL, NULL },
	};
	AUTO_CASE struct spec_case *c = folder_case("impair: [{link: outside, direction: up, "
						    "engine: wire, drop: [3]}]");

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const json_t *finding = NULL;
		struct folder f;
		json_t *findings;

		folder_begin(&f, "run");
		folder_count(&f, table[i].l, DIR_UP, table[i].counter, table[i].n);
		folder_end(&f);
		findings = findings_of(c);
		tap_is(json_array_size(findings), table[i].rule ? 1 : 0, "%s", table[i].what);
		if (table[i].rule)
			finding = finding_of(findings, table[i].rule);
		if (finding)
			tap_str(json_string_value(json_object_get(finding, "hop")), table[i].hop,
				"%s: where", table[i].what);
		else
			tap_ok(!table[i].rule, "%s: silent", table[i].what);
		json_decref(findings);
	}
}

int main(void)
{
	files_begin();
	for (size_t i = 0; i < ARRAY_SIZE(talks); i++)
		for (enum direction d = 0; d < DIR_COUNT; d++) {
			test_talk(&talks[i], d, 0, 0);
			test_talk(&talks[i], d, 0xfffff000, 0);
			test_talk(&talks[i], d, 0, 20001);
		}
	test_no_directions();
	test_path();
	test_links();
	return tap_done();
}
