/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run folder made of numbers: frames travel over the links of the path, one
 * millisecond each, and are written where they would have been captured.
 *
 * Frames are kept and sorted by time at the end, so a test sends them in any order.
 */
#ifndef DUPACK_TESTS_RUN_FOLDER_H
#define DUPACK_TESTS_RUN_FOLDER_H

#include <jansson.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "grade/evidence.h"
#include "observe/pcapng.h"
#include "spec/case.h"
#include "tests/frames.h"
#include "tests/spec-files.h"
#include "tests/tap.h"

#define HOP_NS	  NS_PER_MS /* over a link, and through a node */
#define NOWHERE	  LINK_COUNT /* a frame that is not lost */
#define FOLDER_T0 (1000 * NS_PER_S)

/** One frame at one end of a link. */
struct sighting {
	uint64_t t_ns;
	size_t order; /* as it was made; of two at the same time the first */
	enum link_id l;
	enum link_end end;
	bool leaves;
	size_t len;
	uint8_t *bytes; /* owned */
};

struct folder {
	const char *path;
	json_t *execution; /* a test may change it before folder_end(); owned */
	struct sighting *seen; /* owned */
	size_t len, room;
	char *events; /* owned */
	size_t events_len;
	uint32_t shift; /* a device adds it to sequence numbers */
	uint16_t nat_port; /* of the client behind the device; 0: it is no NAT */
	bool no_directions; /* write none */
};

/** folder_begin() - An execution that is complete, empty so far; times from FOLDER_T0 on */
static inline void folder_begin(struct folder *f, const char *path)
{
	*f = (struct folder){ .path = path, .events = calloc(1, 1 << 20) };
	f->execution = json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:b, s:s, s:f, s:f, s:s, s:{s:s}, s:[], s:[],"
		" s:{s:s, s:{}}, s:{s:I, s:I, s:I, s:I, s:I}}",
		"format", 1, "case", "one", "pair", "strongswan@ctcp", "middlebox",
		"asa-proxy,queue-limit=5", "seed", 7, "up", 1, "runtime", "virtual", "virtual_s",
		61.5, "wall_s", 1.5, "outcome", "complete", "versions", "dupack", "1", "links",
		"captures", "device", "name", "asa-proxy", "counters", "times", "up_begin",
		(json_int_t)FOLDER_T0, "up_end", (json_int_t)(FOLDER_T0 + 250 * NS_PER_MS), "armed",
		(json_int_t)(FOLDER_T0 + 300 * NS_PER_MS), "traffic_begin",
		(json_int_t)(FOLDER_T0 + NS_PER_S), "traffic_end",
		(json_int_t)(FOLDER_T0 + 61 * NS_PER_S));
	if (!f->execution || !f->events)
		abort();
}

static inline void folder_see(struct folder *f, uint64_t t_ns, enum link_id l, enum link_end end,
			      bool leaves, const uint8_t *frame, size_t len)
{
	struct sighting *s;

	if (f->len == f->room) {
		f->room = f->room ? f->room * 2 : 64;
		f->seen = realloc(f->seen, f->room * sizeof(*f->seen));
		if (!f->seen)
			abort();
	}
	s = &f->seen[f->len];
	*s = (struct sighting){ t_ns, f->len++, l, end, leaves, len, malloc(len) };
	if (!s->bytes)
		abort();
	memcpy(s->bytes, frame, len);
}

/** folder_cross() - A frame crosses one link in @delay_ns, or is lost on it */
static inline void folder_cross(struct folder *f, uint64_t t_ns, enum link_id l, enum direction d,
				const uint8_t *frame, size_t len, uint64_t delay_ns, bool lost)
{
	enum link_end from = evidence_sender(d);

	folder_see(f, t_ns, l, from, true, frame, len);
	if (!lost)
		folder_see(f, t_ns + delay_ns, l, !from, false, frame, len);
}

/* The client's numbers behind the device, and the head-end's before it, are shifted */
static inline struct frame_tcp folder_shifted(const struct folder *f, const struct frame_tcp *s,
					      enum link_id l)
{
	struct frame_tcp seen = *s;
	bool own = (l >= LINK_INSIDE) != s->from_server; /* it is numbered by the device */

	if (l >= LINK_INSIDE && f->nat_port)
		seen.client_port = f->nat_port;
	if (own)
		seen.seq += f->shift;
	else if (s->ack)
		seen.ack += f->shift;
	return seen;
}

/** folder_tcp() - A segment of the tunnel travels, from its sender on; when it arrives */
static inline uint64_t folder_tcp(struct folder *f, uint64_t t_ns, const struct frame_tcp *s,
				  int lost_at, uint64_t late_ns)
{
	enum direction d = s->from_server ? DIR_DOWN : DIR_UP;

	for (int step = 0; step < LINK_LAN; step++) {
		enum link_id l = (enum link_id)(d == DIR_UP ? step : LINK_LAN - 1 - step);
		struct frame_tcp seen = folder_shifted(f, s, l);
		uint64_t delay = HOP_NS + (step == 1 ? late_ns : 0);
		uint8_t frame[FRAME_MAX];
		size_t len = frame_tcp(frame, &seen);

		folder_cross(f, t_ns, l, d, frame, len, delay, (int)l == lost_at);
		if ((int)l == lost_at)
			break;
		t_ns += delay;
	}
	return t_ns;
}

/** folder_event() - A line of events.jsonl */
__attribute__((format(printf, 2, 3))) static inline void folder_event(struct folder *f,
								      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	f->events_len +=
		(size_t)vsnprintf(f->events + f->events_len, (1 << 20) - f->events_len, fmt, ap);
	va_end(ap);
	f->events[f->events_len++] = '\n';
	if (f->events_len > (1 << 20) - 512)
		abort();
}

/** folder_probe() - A probe of a flow at @t_ns, answered after @rtt_ns; 0: never */
static inline void folder_probe(struct folder *f, unsigned flow, unsigned n, uint64_t t_ns,
				uint64_t rtt_ns)
{
	uint64_t answered_ns = t_ns + rtt_ns;

	folder_event(f, "{\"t\":%llu,\"event\":\"probe\",\"flow\":%u,\"n\":%u}",
		     (unsigned long long)t_ns, flow, n);
	if (rtt_ns)
		folder_event(
			f, "{\"t\":%llu,\"event\":\"reply\",\"flow\":%u,\"n\":%u,\"rtt_ns\":%llu}",
			(unsigned long long)answered_ns, flow, n, (unsigned long long)rtt_ns);
}

/** folder_count() - A counter of a link, as its engine would give it */
static inline void folder_count(struct folder *f, enum link_id l, enum direction d,
				const char *counter, long long n)
{
	json_t *links = json_object_get(f->execution, "links"), *each, *link = NULL, *lane;
	size_t i;

	json_array_foreach (links, i, each) {
		if (!strcmp(json_string_value(json_object_get(each, "link")), link_names[l]))
			link = each;
	}
	if (!link) {
		link = json_pack("{s:s, s:{}, s:{}}", "link", link_names[l], "up", "down");
		json_array_append_new(links, link);
	}
	lane = json_object_get(link, direction_names[d]);
	json_object_set_new(lane, counter, json_integer(n));
}

static inline void folder_device(struct folder *f, const char *counter, long long n)
{
	json_t *device = json_object_get(f->execution, "device");

	json_object_set_new(json_object_get(device, "counters"), counter, json_integer(n));
}

static inline int folder_by_time(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;

	if (x->t_ns != y->t_ns)
		return x->t_ns < y->t_ns ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static inline void folder_capture(struct folder *f, enum link_id l, enum link_end end)
{
	AUTO_FREE char *name =
		io_printf("%s-%s.pcapng", node_names[(int)l + (int)end], link_names[l]);
	AUTO_FREE char *path = io_printf("%s/%s", f->path, name);
	struct err err = { 0 };
	struct pcapng w;
	json_t *report;

	if (pcapng_open(&w, path, "test", &err))
		abort();
	for (size_t i = 0; i < f->len; i++) {
		const struct sighting *s = &f->seen[i];
		enum pcapng_direction d = s->leaves ? PCAPNG_OUTBOUND : PCAPNG_INBOUND;

		if (s->l == l && s->end == end)
			pcapng_write(&w, s->t_ns, f->no_directions ? 0 : d, s->bytes, s->len,
				     s->len);
	}
	report = json_pack("{s:s, s:I, s:i, s:i}", "file", name, "frames", (json_int_t)w.frames,
			   "lost", 0, "oversize", 0);
	json_array_append_new(json_object_get(f->execution, "captures"), report);
	if (pcapng_close(&w, &err))
		abort();
}

/** folder_end() - Write everything; releases @f */
static inline void folder_end(struct folder *f)
{
	AUTO_FREE char *events = io_printf("%s/events.jsonl", f->path);
	AUTO_FREE char *execution = io_printf("%s/execution.json", f->path);
	struct err err = { 0 };

	if (io_mkdirs(f->path, &err))
		abort();
	if (f->len)
		qsort(f->seen, f->len, sizeof(*f->seen), folder_by_time);
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (enum link_end end = 0; end < END_COUNT; end++)
			folder_capture(f, l, end);
	files_write(events, f->events, f->events_len);
	if (json_dump_file(f->execution, execution, 0))
		abort();
	for (size_t i = 0; i < f->len; i++)
		free(f->seen[i].bytes);
	free(f->seen);
	free(f->events);
	json_decref(f->execution);
	*f = (struct folder){ 0 };
}

/** folder_case() - A case of a folder "cases/seed", with more lines than the good one */
static inline struct spec_case *folder_case(const char *more)
{
	struct err err = { 0 };
	struct spec_case *c;

	files_case("cases/seed/one.yaml", GOOD_LINES + 1, more);
	c = spec_case_load("cases/seed/one.yaml", &err);
	if (!c) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return c;
}

#endif
