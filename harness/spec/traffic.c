// SPDX-License-Identifier: Apache-2.0
#include "spec/traffic.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "spec/case.h"
#include "spec/document.h"
#include "spec/schema.h"

#define DAY_NS (24 * 3600ULL * NS_PER_S)

static const struct schema_key echo_keys[] = {
	{ .name = "interval",
	  .kind = SCHEMA_DURATION,
	  .required = true,
	  .offset = offsetof(struct traffic, interval_ns),
	  .min = 100 * NS_PER_US,
	  .max = 3600 * NS_PER_S,
	  .range = "100us to 1h" },
	{ .name = "duration",
	  .kind = SCHEMA_DURATION,
	  .required = true,
	  .offset = offsetof(struct traffic, duration_ns),
	  .min = 1,
	  .max = 7 * DAY_NS,
	  .range = "more than 0s, at most 168h" },
	{ .name = "size",
	  .kind = SCHEMA_SIZE,
	  .fallback = "64",
	  .offset = offsetof(struct traffic, size),
	  .min = 32,
	  .max = 65507,
	  .range = "32 to 65507 bytes" },
	{ .name = "start", .kind = SCHEMA_DURATION, .offset = offsetof(struct traffic, start_ns) },
	{ .name = "timeout",
	  .kind = SCHEMA_DURATION,
	  .fallback = "5s",
	  .offset = offsetof(struct traffic, timeout_ns) },
	{ .name = "outer", .kind = SCHEMA_YESNO, .offset = offsetof(struct traffic, outer) },
	{ 0 },
};

#define STREAMS_MAX 10000

static const struct schema_key tcp_keys[] = {
	{ .name = "bytes",
	  .kind = SCHEMA_SIZE,
	  .required = true,
	  .offset = offsetof(struct traffic, bytes),
	  .min = 1,
	  .max = 1000000000000,
	  .range = "1 to 1000GB" },
	{ .name = "flows",
	  .kind = SCHEMA_COUNT,
	  .fallback = "1",
	  .offset = offsetof(struct traffic, count),
	  .min = 1,
	  .max = STREAMS_MAX,
	  .range = "1 to 10000" },
	{ .name = "interval",
	  .kind = SCHEMA_DURATION,
	  .fallback = "1ms",
	  .offset = offsetof(struct traffic, interval_ns),
	  .max = 3600 * NS_PER_S,
	  .range = "0s to 1h" },
	{ .name = "start", .kind = SCHEMA_DURATION, .offset = offsetof(struct traffic, start_ns) },
	{ .name = "timeout",
	  .kind = SCHEMA_DURATION,
	  .fallback = "30s",
	  .offset = offsetof(struct traffic, timeout_ns) },
	{ .name = "outer", .kind = SCHEMA_YESNO, .offset = offsetof(struct traffic, outer) },
	{ 0 },
};

static const char *const ack_words[] = {
	[SEGMENTS_ACK_MAX] = "max",
	[SEGMENTS_ACK_IN_ORDER] = "in-order",
	[SEGMENTS_ACK_NONE] = "none",
};

static const struct schema_key segments_keys[] = {
	{ .name = "count",
	  .kind = SCHEMA_COUNT,
	  .required = true,
	  .offset = offsetof(struct traffic, count),
	  .min = 1,
	  .max = 1000000,
	  .range = "1 to 1000000" },
	{ .name = "size",
	  .kind = SCHEMA_SIZE,
	  .fallback = "1400B",
	  .offset = offsetof(struct traffic, size),
	  .min = 16,
	  .max = 1440,
	  .range = "16 to 1440 bytes" },
	{ .name = "interval",
	  .kind = SCHEMA_DURATION,
	  .fallback = "10ms",
	  .offset = offsetof(struct traffic, interval_ns),
	  .min = 100 * NS_PER_US,
	  .max = 3600 * NS_PER_S,
	  .range = "100us to 1h" },
	{ .name = "ack",
	  .kind = SCHEMA_WORD,
	  .fallback = "max",
	  .offset = offsetof(struct traffic, ack),
	  .words = ack_words,
	  .words_len = ARRAY_SIZE(ack_words) },
	{ .name = "start", .kind = SCHEMA_DURATION, .offset = offsetof(struct traffic, start_ns) },
	{ .name = "timeout",
	  .kind = SCHEMA_DURATION,
	  .fallback = "5s",
	  .offset = offsetof(struct traffic, timeout_ns) },
	{ .name = "outer",
	  .kind = SCHEMA_YESNO,
	  .required = true,
	  .offset = offsetof(struct traffic, outer) },
	{ 0 },
};

static const struct schema_key traffic_keys[] = {
	[TRAFFIC_ECHO] = { .name = "echo", .kind = SCHEMA_MAPPING, .keys = echo_keys },
	[TRAFFIC_TCP] = { .name = "tcp", .kind = SCHEMA_MAPPING, .keys = tcp_keys },
	[TRAFFIC_SEGMENTS] = { .name = "segments", .kind = SCHEMA_MAPPING, .keys = segments_keys },
	{ 0 },
};

static bool check_traffic(struct document *doc, yaml_node_t *node, void *base)
{
	struct traffic *t = base;
	int kinds = 0;

	for (int k = 0; traffic_keys[k].name; k++)
		if (document_find(doc, node, traffic_keys[k].name)) {
			t->kind = (enum traffic_kind)k;
			kinds++;
		}
	if (kinds != 1)
		return document_error(doc, node,
				      "an item of 'traffic' is one flow: write one of 'echo', "
				      "'tcp' and 'segments'");
	if (t->kind != TRAFFIC_SEGMENTS)
		return true;
	if (!t->outer)
		return document_error(
			doc, node, "synthetic segments go beside the tunnel: write 'outer: yes'");
	t->duration_ns = t->count * t->interval_ns;
	return true;
}

const struct schema_key traffic_item_schema = {
	.kind = SCHEMA_MAPPING,
	.keys = traffic_keys,
	.check = check_traffic,
};

/** traffic_expand() - Make a transfer of many streams of @c as many transfers */
void traffic_expand(struct spec_case *c)
{
	struct traffic *all;
	size_t len = 0, n = 0;

	for (size_t i = 0; i < c->traffic_len; i++)
		len += c->traffic[i].kind == TRAFFIC_TCP ? c->traffic[i].count : 1;
	if (len == c->traffic_len)
		return;
	all = calloc(len, sizeof(*all));
	if (!all)
		abort();
	for (size_t i = 0; i < c->traffic_len; i++) {
		struct traffic t = c->traffic[i];
		uint64_t streams = t.kind == TRAFFIC_TCP ? t.count : 1;

		for (uint64_t k = 0; k < streams; k++, n++) {
			all[n] = t;
			if (streams > 1)
				all[n].start_ns += k * t.interval_ns;
		}
	}
	free(c->traffic);
	c->traffic = all;
	c->traffic_len = len;
}
