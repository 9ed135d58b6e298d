// SPDX-License-Identifier: Apache-2.0
/*
 * Whole run folders, made up segment by segment, and what their verdict must say: where
 * a segment got lost although the device rewrites sequence numbers, and that nothing is
 * made of what proves nothing.
 */
#include <jansson.h>

#include "base/units.h"
#include "grade/grade.h"
#include "spec/case.h"
#include "spec/name.h"
#include "spec/target.h"
#include "tests/spec-files.h"
#include "tests/tape.h"

#define BEGIN_MS 1000000ULL
#define OFFSET	 0x70000000U /* of the sequence numbers behind the device */
#define ISN	 0xfffffa00U /* wraps in mid-flow */

/* Where a segment gets lost, in the order of the way up */
enum hop { ACCESS, INTERNET, OUTSIDE, DEVICE, INSIDE, NOWHERE };

static struct tape tapes[LINK_COUNT][2];
static json_t *execution;
static char events[1 << 16];
static size_t events_len;

static void folder_begin(void)
{
	memset(tapes, 0, sizeof(tapes));
	for (int l = 0; l < LINK_COUNT; l++)
		tapes[l][1].at_server = true;
	execution = json_pack("{s:i, s:s, s:s, s:b, s:s, s:i, s:s, s:{s:I, s:I, s:I}, s:n}",
			      "format", 1, "outcome", "complete", "runtime", "virtual", "up", 1,
			      "middlebox", "router", "seed", 1, "case", "a", "times", "up_begin",
			      (json_int_t)1, "traffic_begin", (json_int_t)2, "traffic_end",
			      (json_int_t)(100 * BEGIN_MS * TAPE_MS), "device");
	events_len = 0;
	events[0] = '\0';
}

__attribute__((format(printf, 1, 2))) static void event(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	events_len += (size_t)vsnprintf(events + events_len, sizeof(events) - events_len, fmt, ap);
	va_end(ap);
}

/* What the device does to sequence numbers: other ones on the inside */
static struct tape_segment rewrite(struct tape_segment s)
{
	*(s.from_server ? &s.ack : &s.seq) += OFFSET;
	return s;
}

/* From the client up, a link each; @s.t_ms is when it leaves */
static void up(struct tape_segment s, enum hop lost)
{
	struct tape_segment in = rewrite(s);

	tape_tcp(&tapes[LINK_ACCESS][0], s);
	if (lost == ACCESS)
		return;
	tape_tcp(&tapes[LINK_ACCESS][1], s);
	if (lost == INTERNET)
		return;
	tape_tcp(&tapes[LINK_OUTSIDE][0], s);
	if (lost == OUTSIDE)
		return;
	tape_tcp(&tapes[LINK_OUTSIDE][1], s);
	if (lost == DEVICE)
		return;
	tape_tcp(&tapes[LINK_INSIDE][0], in);
	if (lost != INSIDE)
		tape_tcp(&tapes[LINK_INSIDE][1], in);
}

/* From the head-end down, or, @from_device, from the device in its name */
static void down(struct tape_segment s, bool from_device)
{
	s.from_server = true;
	for (int end = 1; end >= 0; end--) {
		if (!from_device)
			tape_tcp(&tapes[LINK_INSIDE][end], rewrite(s));
		tape_tcp(&tapes[LINK_OUTSIDE][end], s);
		tape_tcp(&tapes[LINK_ACCESS][end], s);
	}
}

static void handshake(void)
{
	up((struct tape_segment){ .t_ms = BEGIN_MS, .seq = ISN, .flags = PACKET_TCP_SYN }, NOWHERE);
	down((struct tape_segment){ .t_ms = BEGIN_MS + 1,
				    .seq = 5000,
				    .ack = ISN + 1,
				    .flags = PACKET_TCP_SYN | PACKET_TCP_ACK },
	     false);
	up((struct tape_segment){ .t_ms = BEGIN_MS + 2, .seq = ISN + 1, .ack = 5001 }, NOWHERE);
}

static struct tape_segment data(unsigned int n, uint64_t at_ms)
{
	return (struct tape_segment){ .t_ms = BEGIN_MS + at_ms,
				      .seq = ISN + 1 + 100 * n,
				      .ack = 5001,
				      .len = 100,
				      .id = (uint16_t)(n + 1) };
}

static struct tape_segment ack(unsigned int n, uint64_t at_ms)
{
	return (struct tape_segment){ .t_ms = BEGIN_MS + at_ms,
				      .seq = 5001,
				      .ack = ISN + 1 + 100 * n };
}

/* Ten segments, the fourth lost; each later one is answered by a duplicate ACK */
static void one_loss(enum hop lost, unsigned int segments, uint64_t interval_ms)
{
	handshake();
	for (unsigned int n = 0; n < segments; n++) {
		uint64_t at = 10 + n * interval_ms;

		up(data(n, at), n == 3 ? lost : NOWHERE);
		if (n != 3)
			down(ack(n < 3 ? n + 1 : 3, at + 1), lost < DEVICE);
	}
}

/* --- the folder's files ------------------------------------------------------------- */

static void write_captures(void)
{
	json_t *list = json_array();

	for (int l = 0; l < LINK_COUNT; l++)
		for (int end = 0; end < 2; end++) {
			char name[64], path[96];

			snprintf(name, sizeof(name), "%s-%s.pcapng", node_names[l + end],
				 link_names[l]);
			snprintf(path, sizeof(path), "run/%s", name);
			tape_write(&tapes[l][end], path);
			json_array_append_new(list, json_pack("{s:s, s:I, s:i, s:i}", "file", name,
							      "frames",
							      (json_int_t)tapes[l][end].trace.len,
							      "lost", 0, "oversize", 0));
			tape_release(&tapes[l][end]);
		}
	json_object_set_new(execution, "captures", list);
}

static void folder_write(void)
{
	AUTO_FREE char *text = NULL;

	files_text("run/events.jsonl", events);
	write_captures();
	text = json_dumps(execution, 0);
	files_text("run/execution.json", text);
}

/* A case of these lines: impair, traffic, expect */
static json_t *grade(const char *lines)
{
	AUTO_FREE char *text = io_printf("title: T\nrequirement: R\nclause: C\npairs: [x@ctcp]\n"
					 "middleboxes: [router]\n%s",
					 lines);
	struct err err = { 0 };
	AUTO_CASE struct spec_case *c = NULL;
	struct pair pair;
	struct grade_input in = { .pair = &pair, .today = "2026-01-01" };
	json_t *verdict;

	files_text("cases/s/a.yaml", text);
	c = spec_case_load("cases/s/a.yaml", &err);
	if (!c || pair_parse("x@ctcp", &pair, &err)) {
		printf("# %s\n", err.text);
		abort();
	}
	in.c = c;
	verdict = grade_folder("run", &in, &err);
	pair_release(&pair);
	return verdict;
}

static json_t *finish(const char *lines)
{
	folder_write();
	json_decref(execution);
	return grade(lines);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static double metric(const json_t *verdict, const char *name)
{
	const json_t *m = json_object_get(json_object_get(verdict, "metrics"), name);

	return m ? json_number_value(m) : -1;
}

static const json_t *finding(const json_t *verdict, const char *rule)
{
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(verdict, "findings"), i, f)
		if (strcmp(text_of(f, "rule"), rule) == 0)
			return f;
	return NULL;
}

#define UP_CASE "expect: [{metric: tunnel.up, is: yes}]\n"

/* --- where it was lost -------------------------------------------------------------- */

static void test_hop(enum hop lost, const char *want, const char *file)
{
	const json_t *f, *packet;
	json_t *v;

	folder_begin();
	one_loss(lost, 60, 100);
	v = finish(UP_CASE);
	f = finding(v, "hole-never-filled");
	packet = json_array_get(json_object_get(f, "packets"), 0);
	tap_str(text_of(f, "hop"), want, "lost on %s", want);
	tap_str(text_of(packet, "file"), file, "%s: the last capture that saw it", want);
	/* behind SYN, SYN-ACK and ACK, three segments and an ACK for each */
	tap_is(json_integer_value(json_object_get(packet, "number")), 10, "%s: and which frame",
	       want);
	tap_str(text_of(json_array_get(json_object_get(f, "packets"), 1), "file"),
		"client-access.pcapng", "%s: judged where it is sent", want);
	tap_is(json_array_size(json_object_get(f, "packets")), 3, "%s: three packets show it",
	       want);
	json_decref(v);
}

/* --- what proves nothing ------------------------------------------------------------- */

/* The time-out came first, then duplicate ACKs of what was late; that copy was lost too */
static void test_resent_before(void)
{
	json_t *v;

	folder_begin();
	handshake();
	for (unsigned int n = 0; n < 6; n++)
		up(data(n, 10 + n), n == 0 ? OUTSIDE : NOWHERE);
	up(data(0, 1000), OUTSIDE);
	for (unsigned int n = 0; n < 5; n++)
		down(ack(0, 1010 + n), false);
	for (unsigned int n = 6; n < 12; n++)
		up(data(n, 1100 + 400 * n), NOWHERE);
	v = finish(UP_CASE);
	tap_ok(!finding(v, "hole-never-filled"), "sent again before the duplicate ACKs");
	json_decref(v);
}

static void test_end(unsigned int segments, uint64_t interval_ms, double holes, bool found)
{
	json_t *v;

	folder_begin();
	one_loss(OUTSIDE, segments, interval_ms);
	v = finish(UP_CASE);
	tap_is(metric(v, "carriage.holes_unfilled"), holes, "%u segments every %llu ms: %s hole",
	       segments, (unsigned long long)interval_ms, holes > 0 ? "a" : "no");
	tap_is(finding(v, "hole-never-filled") != NULL, found, "and %s finding",
	       found ? "a" : "no");
	tap_ok(finding(v, "loss-on-link") != NULL, "though the link lost a frame");
	json_decref(v);
}

/* Nothing was lost on a path that nothing went over: that is no merit */
static void test_down(void)
{
	json_t *v, *x;

	folder_begin();
	json_object_set_new(execution, "up", json_false());
	v = finish("traffic: [{tcp: {bytes: 10}}]\n"
		   "expect: [{metric: loss.link, is: none}, {metric: middlebox.x, max: 0}]\n");
	x = json_array_get(json_object_get(v, "expectations"), 0);
	tap_str(text_of(v, "verdict"), "fail", "a tunnel that is not up fails");
	tap_str(text_of(x, "actual"), "none", "for nothing was measured");
	tap_is(json_object_size(json_object_get(v, "metrics")), 1, "but that it is not up");
	tap_str(text_of(json_object_get(v, "metrics"), "tunnel.up"), "no", "which is");
	json_decref(v);
}

static void test_stream(unsigned int bytes, const char *want)
{
	json_t *v;

	folder_begin();
	event("{\"t\":5,\"event\":\"tcp-received\",\"flow\":0,\"bytes\":%u,\"intact\":true}\n",
	      bytes);
	v = finish("traffic: [{tcp: {bytes: 1000}}]\n" UP_CASE);
	tap_str(text_of(json_object_get(v, "metrics"), "tcp.intact"), want,
		"%u of 1000 bytes of a stream: intact? %s", bytes, want);
	json_decref(v);
}

/* --- the captures --------------------------------------------------------------------- */

static void test_frames(void)
{
	json_t *v;

	folder_begin();
	one_loss(NOWHERE, 5, 10);
	folder_write();
	json_object_set_new(json_array_get(json_object_get(execution, "captures"), 0), "frames",
			    json_integer(999));
	{
		AUTO_FREE char *text = json_dumps(execution, 0);

		files_text("run/execution.json", text);
	}
	json_decref(execution);
	v = grade(UP_CASE);
	tap_str(text_of(v, "verdict"), "error", "a capture with fewer frames than were written");
	tap_ok(strstr(text_of(v, "reason"), "12 frames, but 999 were captured"), "says so");
	json_decref(v);
}

/* Over the files in the order of the path */
static void test_digest(void)
{
	static const char *const path_order[] = {
		"client-access",    "internet-access", "internet-outside", "middlebox-outside",
		"middlebox-inside", "headend-inside",  "headend-lan",	   "server-lan",
	};
	char text[1024] = "", hex[65];
	struct err err = { 0 };
	size_t used = 0;
	json_t *v;

	folder_begin();
	one_loss(NOWHERE, 5, 10);
	v = finish(UP_CASE);
	for (size_t i = 0; i < ARRAY_SIZE(path_order); i++) {
		AUTO_FREE char *path = io_printf("run/%s.pcapng", path_order[i]);
		size_t len = 0;
		AUTO_FREE char *bytes = io_read_file(path, &len, &err);

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s.pcapng %s\n",
					 path_order[i],
					 bytes ? io_sha256(bytes, len, hex) : err.text);
	}
	tap_str(text_of(v, "digest"), io_sha256(text, used, hex),
		"the digest is over the files in the order of the path");
	json_decref(v);
}

/* --- the list of drops ------------------------------------------------------------------ */

static void test_drops(const char *list, enum hop lost, const char *want)
{
	AUTO_FREE char *lines =
		io_printf("impair: [{link: outside, direction: up, engine: wire, drop: [%s], "
			  "count: payload}]\n" UP_CASE,
			  list);
	json_t *v;

	folder_begin();
	one_loss(lost, 10, 10);
	v = finish(lines);
	tap_str(text_of(json_object_get(v, "metrics"), "link.outside.up.drops_match"), want,
		"the fourth data segment %s, planned: %s", lost == OUTSIDE ? "lost" : "not lost",
		list);
	tap_str(text_of(v, "verdict"), "inconclusive",
		"without the link's own counter: no witness");
	json_decref(v);
}

int main(void)
{
	files_begin();
	test_hop(ACCESS, "access:up", "client-access.pcapng");
	test_hop(INTERNET, "internet", "internet-access.pcapng");
	test_hop(OUTSIDE, "outside:up", "internet-outside.pcapng");
	test_hop(DEVICE, "middlebox", "middlebox-outside.pcapng");
	test_hop(INSIDE, "inside:up", "middlebox-inside.pcapng");
	test_resent_before();
	test_end(60, 100, 1, true);
	test_end(20, 10, 0, false);
	test_end(8, 2000, 1, true);
	test_end(5, 2000, 0, false);
	test_down();
	test_stream(1000, "yes");
	test_stream(999, "no");
	test_frames();
	test_digest();
	test_drops("4", OUTSIDE, "yes");
	test_drops("3", OUTSIDE, "no");
	test_drops("3, 4", OUTSIDE, "no");
	test_drops("4", NOWHERE, "no");
	return tap_done();
}
