// SPDX-License-Identifier: Apache-2.0
/*
 * The tables, and the lookup of a name in them.  What cannot be computed from the
 * evidence is absent: the function says false.
 */
#include "grade/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "grade/evidence.h"
#include "grade/measure.h"

const char *const metric_unit_names[UNIT_KINDS] = {
	[UNIT_COUNT] = "count", [UNIT_RATIO] = "ratio", [UNIT_SECONDS] = "s",
	[UNIT_BYTES] = "bytes", [UNIT_BPS] = "bit/s",	[UNIT_WORD] = "word",
};

static const struct row {
	const char *name;
	enum metric_unit unit;
	bool (*measure)(const struct evidence *e, struct metric_value *ret);
	const char *what;
} rows[] = {
	{ "tunnel.up", UNIT_WORD, measure_up, "did the tunnel come up: yes, no" },
	{ "tunnel.up_time", UNIT_SECONDS, measure_up_time, "how long that took" },
	{ "echo.sent", UNIT_COUNT, measure_echo_sent, "probes sent" },
	{ "echo.received", UNIT_COUNT, measure_echo_received, "probes answered" },
	{ "echo.lost", UNIT_COUNT, measure_echo_lost, "probes not answered" },
	{ "echo.delivery", UNIT_RATIO, measure_echo_delivery, "share of the probes answered" },
	{ "echo.max_gap", UNIT_SECONDS, measure_echo_max_gap,
	  "longest time between two probes that were answered, the ends included" },
	{ "echo.alive", UNIT_WORD, measure_echo_alive,
	  "was any of the last tenth of the probes (at least 5) answered: yes, no" },
	{ "echo.died_at", UNIT_SECONDS, measure_echo_died_at,
	  "if not alive: when the last probe that was answered was sent, from the first on; of "
	  "several flows of the one that died first" },
	{ "echo.rtt_min", UNIT_SECONDS, measure_rtt_min, "shortest round trip" },
	{ "echo.rtt_median", UNIT_SECONDS, measure_rtt_median, "median round trip" },
	{ "echo.rtt_max", UNIT_SECONDS, measure_rtt_max, "longest round trip" },
	{ "idle.alive", UNIT_WORD, measure_idle_alive,
	  "was any probe answered after the idle time: yes, no" },
	{ "before.answered", UNIT_COUNT, measure_before_answered,
	  "probes answered before the tunnel was asked for" },
	{ "down.orderly", UNIT_WORD, measure_down_orderly,
	  "did the client say that it took the tunnel down: yes, no" },
	{ "down.restored", UNIT_WORD, measure_down_restored,
	  "has it left links, addresses, routes and rules as they were before the tunnel: yes, no" },
	{ "after.answered", UNIT_COUNT, measure_after_answered,
	  "probes answered after the tunnel was taken down" },
	{ "tcp.bytes", UNIT_BYTES, measure_tcp_bytes, "bytes that the server received" },
	{ "tcp.completion", UNIT_RATIO, measure_tcp_completion,
	  "transfers that arrived whole and unchanged, of all" },
	{ "tcp.intact", UNIT_WORD, measure_tcp_intact,
	  "did every transfer arrive whole and unchanged: yes, no" },
	{ "tcp.rate", UNIT_BPS, measure_tcp_rate, "of the slowest transfer" },
	{ "segments.sent", UNIT_COUNT, measure_segments_sent, "synthetic segments sent" },
	{ "segments.received", UNIT_COUNT, measure_segments_received,
	  "of them: came with a byte that had not come before" },
	{ "segments.bytes", UNIT_BYTES, measure_segments_bytes,
	  "their bytes up to the first hole: what an application could read" },
	{ "segments.acks", UNIT_COUNT, measure_segments_acks, "ACKs that their sender got" },
	{ "segments.duplicate_acks", UNIT_COUNT, measure_segments_duplicate_acks,
	  "of these: the same number again" },
	{ "segments.resets", UNIT_COUNT, measure_segments_resets, "RSTs that their sender got" },
	{ "segments.first_window", UNIT_BYTES, measure_segments_first_window,
	  "window of the SYN-ACK that the sender got" },
	{ "segments.client_mss", UNIT_BYTES, measure_segments_client_mss,
	  "MSS option of the SYN-ACK that the sender got; 0: none" },
	{ "segments.server_mss", UNIT_BYTES, measure_segments_server_mss,
	  "MSS option of the SYN that the receiver got; 0: none, as the sender sends it" },
	{ "loss.links", UNIT_WORD, measure_loss_links,
	  "links that lost frames, by comparing both ends: outside:up,inside:down; none" },
	{ "loss.link", UNIT_WORD, measure_loss_link, "the only such link; several; none" },
	{ "path.too_big", UNIT_COUNT, measure_too_big,
	  "ICMP messages that a packet was too big, that reached client and head-end" },
	{ "leak.frames", UNIT_COUNT, measure_plaintext,
	  "frames between client and head-end that had inner addresses in the clear, from when "
	  "the tunnel was up until it was to be down" },
	{ "carriage.retransmissions", UNIT_COUNT, measure_retransmissions,
	  "TCP segments sent again by client and head-end, seen where they are sent" },
	{ "carriage.duplicate_acks", UNIT_COUNT, measure_duplicate_acks,
	  "duplicate ACKs that client and head-end got" },
	{ "carriage.holes_filled", UNIT_COUNT, measure_holes_filled,
	  "gaps in the TCP data that were filled later, where most were seen" },
	{ "carriage.holes_unfilled", UNIT_COUNT, measure_holes_unfilled,
	  "gaps in the TCP data that stayed, where most were seen" },
	{ "carriage.changed", UNIT_BYTES, measure_changed_bytes,
	  "TCP data that client and head-end sent again with another value" },
	{ "carriage.bad_checksums", UNIT_COUNT, measure_bad_checksums,
	  "TCP segments that client and head-end sent with a wrong checksum" },
	{ "carriage.beyond_window", UNIT_COUNT, measure_beyond_window,
	  "TCP segments with new data behind the window that the sender was offered last" },
	{ "carriage.backoff", UNIT_WORD, measure_carriage_backoff,
	  "of the TCP segment that was sent most often: does the time between two grow: yes, no" },
	{ "messages.repeated", UNIT_COUNT, measure_messages_repeated,
	  "messages that client and head-end sent more than once, but for TCP" },
	{ "messages.changed", UNIT_COUNT, measure_messages_changed,
	  "of IKE, ESP and WireGuard: sent again with other bytes, but for TCP" },
	{ "handshake.requests", UNIT_COUNT, measure_handshake_requests,
	  "messages by which the client asked for a session, each time that it was sent" },
	{ "handshake.backoff", UNIT_WORD, measure_handshake_backoff,
	  "until the tunnel came up, of four or more of them: does the time between two grow: "
	  "yes, no" },
	{ "leak.payload", UNIT_COUNT, measure_leak_payload,
	  "frames that client and head-end sent towards each other in which inner traffic can be "
	  "read" },
	{ "inner.duplicates", UNIT_COUNT, measure_inner_duplicates,
	  "datagrams that came out of the tunnel into the lan once more" },
	{ "inner.damaged", UNIT_COUNT, measure_inner_damaged,
	  "packets that came out of the tunnel into the lan with a wrong checksum" },
};

static const struct link_row {
	const char *name;
	enum metric_unit unit;
	bool (*measure)(const struct evidence *e, enum link_id l, enum direction d,
			const char *name, struct metric_value *ret);
	const char *what;
} link_rows[] = {
	{ "seen", UNIT_COUNT, measure_link_counter, "frames that reached the impaired link" },
	{ "dropped", UNIT_COUNT, measure_link_counter, "frames that it dropped by plan" },
	{ "overflow", UNIT_COUNT, measure_link_counter, "frames that found its queue full" },
	{ "delivered", UNIT_COUNT, measure_link_counter, "frames that it delivered" },
	{ "lost", UNIT_COUNT, measure_link_lost,
	  "frames captured where they left and not where they should come in" },
	{ "loss", UNIT_RATIO, measure_link_loss, "the same as a share" },
	{ "duplicated", UNIT_COUNT, measure_link_change,
	  "frames that came once more than they left" },
	{ "corrupted", UNIT_COUNT, measure_link_change, "frames that came with one bit turned" },
	{ "reordered", UNIT_COUNT, measure_link_change,
	  "frames that came after one that left later (RFC 4737)" },
	{ "overtook", UNIT_COUNT, measure_link_change,
	  "frames that came before one that left earlier" },
	{ "drops_match", UNIT_WORD, measure_drops_match,
	  "are the lost frames exactly those of the case's list: yes, no" },
	{ "delay_min", UNIT_SECONDS, measure_link_delay, "shortest time from end to end" },
	{ "delay_median", UNIT_SECONDS, measure_link_delay, "median time from end to end" },
	{ "delay_p99", UNIT_SECONDS, measure_link_delay, "99th percentile of it" },
	{ "delay_max", UNIT_SECONDS, measure_link_delay, "longest time from end to end" },
	{ "rate", UNIT_BPS, measure_link_rate,
	  "bits of Ethernet frames that came in, between the first and the last" },
};

static const struct metric_kind families[] = {
	{ "middlebox.<counter>", "a counter of the stateful device", UNIT_COUNT },
};

#define KINDS (ARRAY_SIZE(rows) + ARRAY_SIZE(link_rows) + ARRAY_SIZE(families))

/**
 * grade_metric_kinds() - What can be measured, for documents
 * @ret_kinds:	Set to a table that stays
 *
 * Return: its length
 */
size_t grade_metric_kinds(const struct metric_kind **ret_kinds)
{
	static struct metric_kind kinds[KINDS];
	static char names[ARRAY_SIZE(link_rows)][64];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		kinds[n++] = (struct metric_kind){ rows[i].name, rows[i].what, rows[i].unit };
	for (size_t i = 0; i < ARRAY_SIZE(link_rows); i++) {
		snprintf(names[i], sizeof(names[i]), "link.<link>.<direction>.%s",
			 link_rows[i].name);
		kinds[n++] = (struct metric_kind){ names[i], link_rows[i].what, link_rows[i].unit };
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		kinds[n++] = families[i];
	*ret_kinds = kinds;
	return n;
}

/* --- names --------------------------------------------------------------------------- */

static const struct row *find_row(const char *metric)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].name, metric) == 0)
			return &rows[i];
	return NULL;
}

/* Which of @names the text begins with, and a dot behind it; the rest goes to @text */
static int take_word(const char **text, const char *const *names, int len)
{
	for (int i = 0; i < len; i++) {
		size_t n = strlen(names[i]);

		if (strncmp(*text, names[i], n) == 0 && (*text)[n] == '.') {
			*text += n + 1;
			return i;
		}
	}
	return -1;
}

static const struct link_row *find_link_row(const char *metric, int *ret_link, int *ret_direction)
{
	if (strncmp(metric, "link.", 5) != 0)
		return NULL;
	metric += 5;
	*ret_link = take_word(&metric, link_names, LINK_COUNT);
	*ret_direction = *ret_link < 0 ? -1 : take_word(&metric, direction_names, DIR_COUNT);
	if (*ret_direction < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(link_rows); i++)
		if (strcmp(link_rows[i].name, metric) == 0)
			return &link_rows[i];
	return NULL;
}

/* Counters are the device's: their names are known to another folder */
static const char *middlebox_counter(const char *metric)
{
	const char *name = metric + strlen("middlebox.");

	if (strncmp(metric, "middlebox.", strlen("middlebox.")) != 0 || !*name)
		return NULL;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] ? NULL : name;
}

/** grade_metric_known() - Is there such a metric? */
bool grade_metric_known(const char *metric)
{
	int l, d;

	return find_row(metric) || find_link_row(metric, &l, &d) || middlebox_counter(metric);
}

/* --- values -------------------------------------------------------------------------- */

/* Of a tunnel that did not come up nothing else is said: no loss there is no merit */
static bool is_withheld(const struct evidence *e, const char *metric)
{
	return json_is_false(json_object_get(e->execution, "up")) &&
	       strcmp(metric, "tunnel.up") != 0;
}

/**
 * grade_metric() - Measure
 * @e:		The evidence
 * @metric:	A name that is known
 * @ret:	Set if it could be measured
 *
 * Return: could it be?
 */
bool grade_metric(const struct evidence *e, const char *metric, struct metric_value *ret)
{
	const struct row *row = find_row(metric);
	const struct link_row *link_row;
	const char *counter;
	int l = 0, d = 0;

	*ret = (struct metric_value){ 0 };
	if (is_withheld(e, metric))
		return false;
	if (row) {
		ret->unit = row->unit;
		return row->measure(e, ret);
	}
	link_row = find_link_row(metric, &l, &d);
	if (link_row) {
		ret->unit = link_row->unit;
		return link_row->measure(e, (enum link_id)l, (enum direction)d, link_row->name,
					 ret);
	}
	counter = middlebox_counter(metric);
	return counter && measure_middlebox(e, counter, ret);
}

/**
 * grade_metric_each() - All that can be measured
 * @e:		The evidence
 * @call:	Called for each metric in the order of the tables
 * @ctx:	Given to it
 */
void grade_metric_each(const struct evidence *e,
		       void (*call)(void *ctx, const char *name, const struct metric_value *v),
		       void *ctx)
{
	const json_t *device = json_object_get(e->execution, "device");
	struct metric_value v;
	const char *counter;
	json_t *count;
	char name[96];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (grade_metric(e, rows[i].name, &v))
			call(ctx, rows[i].name, &v);
	for (int l = 0; l < LINK_COUNT; l++)
		for (int d = 0; d < DIR_COUNT; d++)
			for (size_t i = 0; i < ARRAY_SIZE(link_rows); i++) {
				snprintf(name, sizeof(name), "link.%s.%s.%s", link_names[l],
					 direction_names[d], link_rows[i].name);
				if (grade_metric(e, name, &v))
					call(ctx, name, &v);
			}
	json_object_foreach (json_object_get(device, "counters"), counter, count) {
		snprintf(name, sizeof(name), "middlebox.%.64s", counter);
		if (json_integer_value(count) && grade_metric(e, name, &v))
			call(ctx, name, &v);
	}
}

/** grade_metric_text() - A value for people, in @buf: "98.2%", "40 ms", "5.02 Mbit/s" */
char *grade_metric_text(const struct metric_value *v, char *buf, size_t size)
{
	switch (v->unit) {
	case UNIT_WORD:
		snprintf(buf, size, "%s", v->word);
		break;
	case UNIT_RATIO:
		snprintf(buf, size, "%.4g%%", v->number * 100);
		break;
	case UNIT_SECONDS:
		if (fabs(v->number) >= 1)
			snprintf(buf, size, "%.6g s", v->number);
		else
			snprintf(buf, size, "%.6g ms", v->number * 1e3);
		break;
	case UNIT_BPS:
		snprintf(buf, size, "%.5g Mbit/s", v->number / 1e6);
		break;
	case UNIT_COUNT:
	case UNIT_BYTES:
	case UNIT_KINDS:
		snprintf(buf, size, "%.15g", v->number);
		break;
	}
	return buf;
}
