// SPDX-License-Identifier: Apache-2.0
/*
 * What a wire writes down of each frame, and whether it did that: losses, duplicates,
 * corruption, delays, and the rules for messages.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/units.h"
#include "spec/act.h"
#include "tests/wire-rig.h"

/* Checks a line's names and values, and that every line of the file is one frame */
static void check_decisions(void)
{
	uint64_t list[] = { 2 };
	struct impairment plan = { .delay_ns = 3600 * NS_PER_S,
				   .limit = 2,
				   .drop = list,
				   .drop_len = 1,
				   .count = COUNT_PAYLOAD };
	static const struct {
		const char *what, *why;
		int position;
	} want[] = {
		{ "pass", NULL, 0 }, /* a bare ACK */
		{ "pass", NULL, 1 },
		{ "drop", "list", 2 },
		{ "drop", "queue", 3 },
	};
	AUTO_FREE char *text = NULL;
	char path[64], *line, *rest = NULL;
	uint64_t before = clock_stamp_ns(), after;
	struct err err = { 0 };
	struct rig r;
	size_t n = 0;

	rig_start(&r, &plan, NULL);
	for (unsigned i = 1; i <= 4; i++)
		send_frame(r.end[DIR_UP], i, i > 1);
	rig_stop(&r);
	after = clock_stamp_ns();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r.decisions);
	text = io_read_file(path, &(size_t){ 0 }, &err);
	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest), n++) {
		json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		const char *why = json_string_value(json_object_get(j, "why"));
		uint64_t t = (uint64_t)json_integer_value(json_object_get(j, "t"));

		if (n >= ARRAY_SIZE(want))
			continue;
		tap_ok(t >= before && t <= after, "line %zu has the time of the frame", n);
		tap_str(json_string_value(json_object_get(j, "link")), "outside", "the link");
		tap_str(json_string_value(json_object_get(j, "dir")), "up", "the direction");
		tap_is(json_integer_value(json_object_get(j, "n")), n + 1, "the number");
		tap_is(json_integer_value(json_object_get(j, "len")), FRAME_LEN, "the length");
		tap_str(json_string_value(json_object_get(j, "do")), want[n].what, "what was done");
		tap_is(json_integer_value(json_object_get(j, "position")), want[n].position,
		       "the position in the list's counting");
		tap_ok(want[n].why ? why && !strcmp(why, want[n].why) : !why, "and why");
		json_decref(j);
	}
	tap_is(n, ARRAY_SIZE(want), "a line a frame");
	rig_close(&r);
}

static struct pattern pattern(const char *text)
{
	struct pattern p = { .text = (char *)text };
	struct err err = { 0 };
	size_t at;

	if (selector_parse(text, &p.selector, &at, &err))
		tap_ok(false, "%s", err.text);
	return p;
}

/* The lines of the decisions, a JSON object each, joined by field @name; absent: "-" */
static void decided(const struct rig *r, const char *name, char *buf, size_t size)
{
	struct err err = { 0 };
	char path[64], *line, *rest = NULL;
	size_t used = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->decisions);
	AUTO_FREE char *text = io_read_file(path, &(size_t){ 0 }, &err);

	for (line = text ? strtok_r(text, "\n", &rest) : NULL; line && used < size;
	     line = strtok_r(NULL, "\n", &rest)) {
		json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		json_t *value = json_object_get(j, name);
		AUTO_FREE char *shown = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

		used += (size_t)snprintf(buf + used, size - used, "%s ", shown ? shown : "-");
		json_decref(j);
	}
}

/* All frames are one segment sent again, so that frame n is tx n */
static void check_acts(void)
{
	struct act acts[] = {
		{ .on = pattern("tcp:data:tx2"), .kind = ACT_DROP },
		{ .on = pattern("tcp:data:tx3"), .kind = ACT_DUPLICATE, .times = 1 },
		{ .on = pattern("tcp:data:tx4"),
		  .kind = ACT_HOLD,
		  .until = pattern("tcp:data:tx6") },
		{ .on = pattern("tcp:data:tx8"), .kind = ACT_DELAY, .time_ns = 20 * NS_PER_MS },
		{ .on = pattern("tcp:data:tx9"), .kind = ACT_HOLD, .until = pattern("frag") },
	};
	static const unsigned want[] = { 1, 3, 3, 5, 6, 4, 7, 10, 8 };
	struct impairment plan = { .acts = { acts, ARRAY_SIZE(acts) } };
	unsigned wrong = 0;
	char text[2048];
	struct rig r;

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		acts[i].nth = acts[i].every = 1;
	rig_start(&r, &plan, NULL);
	for (unsigned n = 1; n <= 10; n++)
		send_frame(r.end[DIR_UP], n, true);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		unsigned got = receive_frame(r.end[DIR_DOWN], WAIT_MS);

		if (got != want[i] && !wrong++)
			printf("# place %zu: got %u, wanted %u\n", i, got, want[i]);
	}
	tap_is(wrong, 0, "rules drop, copy, hold and delay what they name");
	rig_stop(&r);
	tap_is(r.n[DIR_UP].dropped, 1, "the drop is a planned one");
	tap_is(r.n[DIR_UP].acted, 1, "and known to be a rule's");
	tap_is(r.n[DIR_UP].duplicated, 1, "the copy is counted");
	tap_is(r.n[DIR_UP].queued, 1, "what is held at the end is on its way");
	tap_is(r.n[DIR_UP].delivered, 9, "the rest is delivered");
	tap_ok(adds_up(&r.n[DIR_UP]), "the counters add up");
	tap_is(json_array_size(r.acts), 5, "each rule reports");
	for (size_t i = 0; i < 5; i++)
		wrong += json_integer_value(
				 json_object_get(json_array_get(r.acts, i), "happened")) != 1;
	tap_is(wrong, 0, "that it acted once");
	decided(&r, "do", text, sizeof(text));
	tap_str(text,
		"\"pass\" \"drop\" \"pass\" \"hold\" \"pass\" \"pass\" \"pass\" \"pass\" \"hold\" "
		"\"pass\" ",
		"a decision a frame");
	decided(&r, "act", text, sizeof(text));
	tap_str(text, "- [\"drop\"] [\"duplicate\"] [\"hold\"] - - - [\"delay\"] [\"hold\"] - ",
		"and what a rule did");
	decided(&r, "is", text, sizeof(text));
	tap_ok(strncmp(text, "\"tcp:data:+1:conn1:tx1\" \"tcp:data:+1:conn1:tx2\" ", 48) == 0,
	       "and the frame's name");
	rig_close(&r);
}

/* The bit of a frame that was turned, or -1; @sent was sent, @got came out */
static int turned_bit(const uint8_t *sent, const uint8_t *got, size_t len)
{
	int bit = -1, n = 0;

	for (size_t i = 0; i < 8 * len; i++)
		if ((sent[i / 8] ^ got[i / 8]) >> i % 8 & 1) {
			bit = (int)i;
			n++;
		}
	return n > 1 ? -2 : bit;
}

static int bit_said(const json_t *fate)
{
	const json_t *bit = json_object_get(fate, "corrupt");

	return bit ? (int)json_integer_value(bit) : -1;
}

/* Every frame has a copy, which goes first; every other frame is corrupted */
static void check_models(void)
{
	struct impairment plan = { .duplicate = { 1, 0 }, .corrupt = { 0.5, 0 } };
	unsigned wrong = 0, corrupted = 0, copies = 0, n = 0;
	AUTO_FREE char *text = NULL;
	char path[64], *rest = NULL;
	struct err err = { 0 };
	struct rig r;

	rig_start(&r, &plan, NULL);
	for (unsigned i = 1; i <= 50; i++)
		send_frame(r.end[DIR_UP], i, true);
	rig_fence(&r);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r.decisions);
	rig_stop(&r);
	text = io_read_file(path, &(size_t){ 0 }, &err);
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		json_t *j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		const json_t *fates[] = { json_object_get(j, "copy"), j };

		n++;
		copies += json_is_object(fates[0]);
		for (int k = 0; k < 2; k++) {
			uint8_t sent[FRAME_LEN], got[FRAME_LEN];

			make_frame(sent, n, true);
			wrong += recv(r.end[DIR_DOWN], got, sizeof(got), MSG_DONTWAIT) != FRAME_LEN;
			wrong += turned_bit(sent, got, FRAME_LEN) != bit_said(fates[k]);
			corrupted += bit_said(fates[k]) >= 0;
		}
		json_decref(j);
	}
	tap_is(n, 50, "a line a frame, not a copy");
	tap_is(copies, 50, "that says what became of its copy");
	tap_is(wrong, 0, "each comes as its line says: whole, or with that bit turned");
	tap_ok(corrupted > 20 && corrupted < 80, "%u of 100 are corrupted", corrupted);
	tap_is(r.n[DIR_UP].corrupted, corrupted, "and counted");
	tap_is(r.n[DIR_UP].duplicated, 50, "copies are, too");
	tap_is(r.n[DIR_UP].seen + r.n[DIR_UP].duplicated, r.n[DIR_UP].delivered, "and add up");
	rig_close(&r);
}

int main(void)
{
	check_decisions();
	check_models();
	check_acts();
	return tap_done();
}
