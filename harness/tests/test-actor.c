// SPDX-License-Identifier: Apache-2.0
/*
 * impair/actor: rules as a case writes them, frames with names, and what became of them.
 * Times are numbers; nothing waits.
 */
#include "impair/actor.h"

#include <netinet/in.h>

#include "base/prng.h"
#include "base/units.h"
#include "spec/act.h"
#include "tests/frames.h"
#include "tests/spec-files.h"

struct bench {
	struct document doc;
	struct acts acts[DIR_COUNT];
	struct actor a;
	uint64_t now_ns;
	bool inactive;
	char log[4096]; /* what went on, in order: "up:5 " is the ESP packet 5 */
	unsigned lost; /* no room */
};

static void start(struct bench *b, const char *up, const char *down)
{
	const char *const texts[DIR_COUNT] = { up, down };
	struct err err = { 0 };

	memset(b, 0, sizeof(*b));
	for (enum direction d = 0; d < DIR_COUNT; d++) {
		struct document doc;

		if (!texts[d])
			continue;
		files_text("acts.yaml", texts[d]);
		if (document_open(&doc, "acts.yaml", &err) ||
		    !acts_read(&doc, document_root(&doc), &b->acts[d]))
			tap_ok(false, "rules are read: %s%s", err.text, doc.errors);
		document_close(&doc);
	}
	if (actor_init(&b->a,
		       (const struct act *const[]){ b->acts[DIR_UP].list, b->acts[DIR_DOWN].list },
		       (const size_t[]){ b->acts[DIR_UP].len, b->acts[DIR_DOWN].len }, &err))
		tap_ok(false, "%s", err.text);
}

static void finish(struct bench *b)
{
	actor_release(&b->a);
	for (int d = 0; d < DIR_COUNT; d++)
		acts_release(&b->acts[d]);
}

static void pass(struct bench *b, enum direction d, const struct meanings *m, const uint8_t *frame,
		 size_t len)
{
	size_t used = strlen(b->log);
	struct packet p;

	packet_parse_frame(frame, len, &p);
	snprintf(b->log + used, sizeof(b->log) - used, "%s:%u ", direction_names[d],
		 p.l4 && p.proto == IPPROTO_ESP ? p.l4[7] : 0U);
	actor_passed(&b->a, d, b->now_ns, m);
}

/* As the wire does it */
static void release(struct bench *b)
{
	struct held *f;

	while ((f = actor_take(&b->a, b->now_ns))) {
		pass(b, f->direction, &f->meanings, f->bytes, f->len);
		free(f);
	}
}

static struct acted offer(struct bench *b, enum direction d, uint8_t *frame, size_t len)
{
	struct meanings m = { .len = 0 };
	struct acted done;
	struct held *f;

	meaning_read(b->a.meaning, d, frame, len, &m);
	actor_judge(&b->a, d, !b->inactive, b->now_ns, &m, frame, len, &done);
	if (done.done & 1U << ACT_DROP)
		return done;
	if (done.due_ns) {
		f = actor_hold(&b->a, d, &done, frame);
		if (f)
			f->meanings = m;
		else
			b->lost++;
		return done;
	}
	for (uint64_t n = 0; n <= done.copies; n++)
		pass(b, d, &m, frame, done.len);
	release(b);
	return done;
}

static struct acted esp(struct bench *b, enum direction d, uint8_t spi, uint8_t seq)
{
	uint8_t f[FRAME_MAX];
	uint8_t *l4 = frame_ip(f, 4, IPPROTO_ESP, d == DIR_DOWN, 40);

	memset(l4, 0xaa, 40);
	frame_put32(l4, spi);
	frame_put32(l4 + 4, seq);
	return offer(b, d, f, (size_t)(l4 - f) + 40);
}

static void run(struct bench *b, enum direction d, unsigned n)
{
	for (unsigned i = 1; i <= n; i++)
		esp(b, d, 1, (uint8_t)i);
}

/* The report of rule @n has these numbers */
static void reports(const struct bench *b, size_t n, int matched, int happened)
{
	json_t *all = actor_report(&b->a), *r = json_array_get(all, n);

	tap_is(json_integer_value(json_object_get(r, "matched")), matched, "rule %zu matched", n);
	tap_is(json_integer_value(json_object_get(r, "happened")), happened, "and acted");
	json_decref(all);
}

static void check_turns(void)
{
	static const struct {
		const char *which, *want;
		int happened;
	} rows[] = {
		{ "", "", 10 },
		{ ", nth: 3", "up:1 up:2 up:4 up:5 up:6 up:7 up:8 up:9 up:10 ", 1 },
		{ ", every: 4", "up:1 up:2 up:3 up:5 up:6 up:7 up:9 up:10 ", 2 },
		{ ", count: 3", "up:4 up:5 up:6 up:7 up:8 up:9 up:10 ", 3 },
		{ ", nth: 9, count: 5", "up:1 up:2 up:3 up:4 up:5 up:6 up:7 up:8 ", 2 },
		{ ", nth: 2, every: 3", "up:1 up:3 up:4 up:6 up:7 up:9 up:10 ", 3 },
		{ ", nth: 2, every: 3, count: 2", "up:1 up:3 up:4 up:6 up:7 up:8 up:9 up:10 ", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *rule = io_printf("[{on: esp, do: drop%s}]", rows[i].which);
		struct bench b;

		start(&b, rule, NULL);
		run(&b, DIR_UP, 10);
		esp(&b, DIR_DOWN, 1, 1);
		AUTO_FREE char *want = io_printf("%sdown:1 ", rows[i].want);

		tap_str(b.log, want, "drop%s", rows[i].which);
		reports(&b, 0, 10, rows[i].happened);
		finish(&b);
	}
}

static void check_actions(void)
{
	struct bench b;

	start(&b, "[{on: \"esp:seq2\", do: duplicate, times: 2}]", NULL);
	run(&b, DIR_UP, 3);
	tap_str(b.log, "up:1 up:2 up:2 up:2 up:3 ", "two copies, right behind it");
	finish(&b);

	start(&b,
	      "[{on: \"esp:seq1\", do: delay, by: 20ms}, {on: \"esp:seq2\", do: delay, by: 5ms}]",
	      NULL);
	run(&b, DIR_UP, 4);
	tap_str(b.log, "up:3 up:4 ", "what is delayed is overtaken");
	tap_is(held_due_ns(&b.a.held), 5 * NS_PER_MS, "when the first is due");
	b.now_ns = 5 * NS_PER_MS - 1;
	release(&b);
	tap_str(b.log, "up:3 up:4 ", "not a nanosecond before");
	b.now_ns++;
	release(&b);
	tap_str(b.log, "up:3 up:4 up:2 ", "then it goes");
	b.now_ns = 20 * NS_PER_MS;
	release(&b);
	tap_str(b.log, "up:3 up:4 up:2 up:1 ", "and the other");
	tap_is(held_due_ns(&b.a.held), UINT64_MAX, "nothing is left");
	finish(&b);

	start(&b, "[{on: esp, do: duplicate, nth: 2}, {on: \"esp:seq2-3\", do: drop}]", NULL);
	run(&b, DIR_UP, 4);
	tap_str(b.log, "up:1 up:4 ", "a rule behind another acts too");
	reports(&b, 0, 4, 1);
	reports(&b, 1, 2, 2);
	finish(&b);

	start(&b, "[{on: esp, do: drop}]", NULL);
	b.inactive = true;
	esp(&b, DIR_UP, 7, 1);
	b.inactive = false;
	esp(&b, DIR_UP, 8, 2);
	tap_str(b.log, "up:1 ", "before it is armed a rule does nothing");
	reports(&b, 0, 1, 1);
	finish(&b);
}

static void check_gates(void)
{
	struct bench b;

	start(&b, "[{on: \"esp:spi1:seq2-3\", do: hold, until: \"esp:spi1:seq5:up\"}]", NULL);
	run(&b, DIR_UP, 6);
	tap_str(b.log, "up:1 up:4 up:5 up:2 up:3 up:6 ",
		"the frame that opens the gate goes first, then the held ones in order");
	finish(&b);

	start(&b, "[{on: \"esp:seq2\", do: hold, until: \"esp:down\"}]", NULL);
	esp(&b, DIR_DOWN, 1, 9);
	run(&b, DIR_UP, 3);
	tap_str(b.log, "down:9 up:1 up:3 ", "what passed before the frame was held opens nothing");
	esp(&b, DIR_DOWN, 1, 10);
	tap_str(b.log, "down:9 up:1 up:3 down:10 up:2 ", "the other direction can open it");
	finish(&b);

	/* the collision of two requests: each waits until both are on their way */
	start(&b, "[{on: \"esp:seq1\", do: hold, until: \"esp:seq1:down\"}]",
	      "[{on: \"esp:seq2\", do: drop}]");
	esp(&b, DIR_UP, 1, 1);
	esp(&b, DIR_DOWN, 1, 2);
	tap_str(b.log, "", "a frame that is dropped did not pass");
	esp(&b, DIR_DOWN, 1, 1);
	tap_str(b.log, "down:1 up:1 ", "they cross");
	finish(&b);

	start(&b, "[{on: \"esp:seq1-4\", do: hold, for: 3s, count: 3}]", NULL);
	run(&b, DIR_UP, 2);
	b.now_ns = NS_PER_S;
	esp(&b, DIR_UP, 1, 3);
	esp(&b, DIR_UP, 1, 4);
	tap_str(b.log, "up:4 ", "no more than the count are held");
	tap_is(held_due_ns(&b.a.held), 3 * NS_PER_S, "for counts from the first frame");
	b.now_ns = 3 * NS_PER_S;
	release(&b);
	tap_str(b.log, "up:4 up:1 up:2 up:3 ", "and all of them go at once");
	finish(&b);

	start(&b, "[{on: \"esp:seq1-2\", do: hold, until: \"esp:seq9\", for: 3s}]", NULL);
	esp(&b, DIR_UP, 1, 1);
	esp(&b, DIR_UP, 1, 9);
	tap_str(b.log, "up:9 up:1 ", "until or for: the first of them");
	esp(&b, DIR_UP, 1, 2);
	b.now_ns = 3 * NS_PER_S - 1;
	release(&b);
	tap_str(b.log, "up:9 up:1 ", "a gate closes again");
	b.now_ns++;
	release(&b);
	tap_str(b.log, "up:9 up:1 up:2 ", "and opens by its time");
	finish(&b);

	/* released frames pass too: one gate opens the next */
	start(&b,
	      "[{on: \"esp:seq1\", do: hold, until: \"esp:seq3\"},"
	      " {on: \"esp:seq2\", do: hold, until: \"esp:seq1\"}]",
	      NULL);
	run(&b, DIR_UP, 3);
	tap_str(b.log, "up:3 up:1 up:2 ", "a gate opens a gate");
	finish(&b);
}

/* What is held is bounded, and what has no room is lost, not kept */
static void check_bound(void)
{
	struct bench b;

	start(&b, "[{on: \"esp\", do: hold, until: \"frag\"}]", NULL);
	for (unsigned i = 0; i < HELD_MAX + 10; i++)
		esp(&b, DIR_UP, 1, (uint8_t)i);
	tap_is(b.a.held.len, HELD_MAX, "no more are held");
	tap_is(b.lost, 10, "the others are lost");
	reports(&b, 0, HELD_MAX + 10, HELD_MAX);
	tap_is(b.a.held.waiting[DIR_UP], HELD_MAX, "they wait in their direction");
	finish(&b);
}

static void fill_checksums(uint8_t *f, size_t len)
{
	struct packet p;
	uint8_t *ip = f + FRAME_HEADER;

	packet_parse_frame(f, len, &p);
	if (p.version == 4)
		frame_put16(ip + 10, packet_checksum(ip, (size_t)(p.l4 - p.ip), 0));
	frame_put16(ip + (p.l4 - p.ip) + (p.tcp ? 16 : 6), packet_l4_checksum(&p));
}

static bool ip_checksum_ok(const uint8_t *f)
{
	return f[14] >> 4 == 6 || packet_checksum(f + FRAME_HEADER, 20, 0) == 0;
}

/* IKE in UDP; the message is 60 bytes long */
static size_t ike_frame(uint8_t *f)
{
	size_t len = frame_udp(f, false, 0, 60);
	uint8_t *m = f + len - 60;

	memset(m, 0x55, 60);
	m[17] = 0x20;
	m[18] = 34;
	m[19] = 8;
	frame_put32(m + 24, 60);
	fill_checksums(f, len);
	return len;
}

static void check_alter_udp(void)
{
	uint8_t f[FRAME_MAX], before[FRAME_MAX];
	size_t len = ike_frame(f), at = len - 60;
	struct acted done;
	struct packet p;
	struct bench b;

	memcpy(before, f, len);
	start(&b, "[{on: ike, do: corrupt, offset: 40, bit: 3}]", NULL);
	done = offer(&b, DIR_UP, f, len);
	tap_ok(done.done == 1U << ACT_CORRUPT && f[at + 40] == (before[at + 40] ^ 8),
	       "a bit of the message is turned");
	packet_parse_frame(f, len, &p);
	tap_ok(packet_l4_checksum_ok(&p) && ip_checksum_ok(f), "and the checksums are mended");
	f[at + 40] ^= 8;
	memcpy(f + 40, before + 40, 2);
	tap_ok(!memcmp(f, before, len), "nothing else is changed");
	finish(&b);

	start(&b, "[{on: ike, do: corrupt, offset: 40, mend: no}]", NULL);
	offer(&b, DIR_UP, f, len);
	packet_parse_frame(f, len, &p);
	tap_ok(!packet_l4_checksum_ok(&p), "without mending the checksum is wrong");
	finish(&b);

	start(&b, "[{on: ike, do: corrupt, offset: 60}]", NULL);
	ike_frame(f);
	offer(&b, DIR_UP, f, len);
	reports(&b, 0, 1, 0);
	tap_ok(!memcmp(f, before, len), "behind the message there is nothing to turn");
	finish(&b);

	start(&b, "[{on: ike, do: truncate, to: 28}]", NULL);
	done = offer(&b, DIR_UP, f, len);
	tap_is(done.len, at + 28, "cut to 28 bytes");
	tap_ok(packet_parse_frame(f, done.len, &p) && p.payload_len == 28 &&
		       packet_l4_checksum_ok(&p) && ip_checksum_ok(f),
	       "lengths and checksums are mended");
	finish(&b);

	ike_frame(f);
	start(&b, "[{on: ike, do: truncate, to: 28, mend: no}]", NULL);
	done = offer(&b, DIR_UP, f, len);
	tap_ok(done.len == at + 28 && !packet_parse_frame(f, done.len, &p),
	       "or not: then the packet is cut short");
	finish(&b);

	ike_frame(f);
	start(&b, "[{on: ike, do: truncate, to: 60}]", NULL);
	done = offer(&b, DIR_UP, f, len);
	tap_ok(done.len == len, "what is not longer is not cut");
	reports(&b, 0, 1, 0);
	finish(&b);
}

static void check_alter_tcp(void)
{
	for (int version = 4; version <= 6; version += 2) {
		uint8_t f[FRAME_MAX];
		size_t len = frame_tcp(f, &(struct frame_tcp){ .len = 100, .version = version });
		struct acted done;
		struct packet p;
		struct bench b;

		fill_checksums(f, len);
		start(&b,
		      "[{on: \"tcp:data\", do: corrupt, offset: 30, bit: 7},"
		      " {on: \"tcp:data\", do: truncate, to: 70}]",
		      NULL);
		done = offer(&b, DIR_UP, f, len);
		tap_ok(packet_parse_frame(f, done.len, &p) && p.payload_len == 50 &&
			       packet_l4_checksum_ok(&p) && ip_checksum_ok(f),
		       "IPv%d: a segment of 50 bytes, one of them wrong", version);
		tap_is(done.done, 1U << ACT_CORRUPT | 1U << ACT_TRUNCATE, "by two rules");
		finish(&b);
	}
}

static void check_report(void)
{
	struct bench b;
	json_t *all, *r;

	start(&b, "[{on: \"esp:seq1\", do: drop, count: 1}]", "[{on: frag, do: delay, by: 1s}]");
	run(&b, DIR_UP, 2);
	all = actor_report(&b.a);
	r = json_array_get(all, 0);
	tap_is(json_array_size(all), 2, "a row for each rule");
	tap_str(json_string_value(json_object_get(r, "direction")), "up", "its direction");
	tap_str(json_string_value(json_object_get(r, "select")), "esp:seq1", "as it is written");
	tap_str(json_string_value(json_object_get(r, "do")), "drop", "what it does");
	tap_is(json_integer_value(json_object_get(r, "planned")), 1, "how often that is planned");
	r = json_array_get(all, 1);
	tap_ok(json_is_null(json_object_get(r, "planned")), "without a count there is no plan");
	tap_is(json_integer_value(json_object_get(r, "happened")), 0, "this did not happen");
	json_decref(all);
	finish(&b);
}

/* Rules that are wrong, each with its place */
static void check_errors(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{on: esp, do: drop}",
		  "1:1: 'act' must be a list: write an item per rule, - {on: "
		  "\"ike:IKE_AUTH:resp:tx1\", do: drop}" },
		{ "[]", "1:1: 'act' is empty: write at least one rule" },
		{ "[{do: drop}]", "1:2: key 'on' is missing: write it" },
		{ "[{on: esp}]", "1:2: key 'do' is missing: write it" },
		{ "[{on: esp, do: lose}]",
		  "1:16: unknown word 'lose': known: drop, duplicate, delay, hold, corrupt, "
		  "truncate" },
		{ "[{on: \"esp:sek5\", do: drop}]",
		  "1:12: 'sek5' says nothing about esp: known: spiN, seqN, txN, up, down, *" },
		{ "[{on: esp:sek5, do: drop}]",
		  "1:11: 'sek5' says nothing about esp: known: spiN, seqN, txN, up, down, *" },
		{ "[{on: esp:up, do: drop}]",
		  "1:7: 'on' is about the direction of its entry: leave 'up' out and write "
		  "'direction' there" },
		{ "[{on: esp, do: drop, by: 1s}]",
		  "1:26: 'by' means nothing to 'do: drop': it is for delay" },
		{ "[{on: esp, do: delay}]", "1:2: 'do: delay' needs the key 'by': write it" },
		{ "[{on: esp, do: hold}]",
		  "1:2: 'do: hold' needs to know how long: write 'until' with a pattern, 'for' "
		  "with a time, or both" },
		{ "[{on: esp, do: corrupt}]",
		  "1:2: 'do: corrupt' needs the key 'offset': write it" },
		{ "[{on: esp, do: truncate}]", "1:2: 'do: truncate' needs the key 'to': write it" },
		{ "[{on: esp, do: corrupt, offset: 1, bit: 8}]",
		  "1:41: '8' is out of range: write 0 to 7" },
		{ "[{on: esp, do: drop, nth: 0}]",
		  "1:27: '0' is out of range: write 1 to 4294967295" },
		{ "[{on: esp, do: drop, mend: no}]",
		  "1:28: 'mend' means nothing to 'do: drop': it is for corrupt" },
		{ "[{on: [esp], do: drop}]", "1:7: a pattern is one word: ike:IKE_AUTH:resp" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct document doc;
		struct err err = { 0 };
		struct acts acts;

		files_text("acts.yaml", rows[i].text);
		tap_ok(!document_open(&doc, "acts.yaml", &err) &&
			       !acts_read(&doc, document_root(&doc), &acts),
		       "%s", rows[i].text);
		document_verdict(&doc, &err);
		tap_ok(files_matches(err.text, "acts.yaml", rows[i].want), "says why");
		acts_release(&acts);
		document_close(&doc);
	}
}

int main(void)
{
	files_begin();
	check_turns();
	check_actions();
	check_gates();
	check_bound();
	check_alter_udp();
	check_alter_tcp();
	check_report();
	check_errors();
	return tap_done();
}
