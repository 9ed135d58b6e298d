// SPDX-License-Identifier: Apache-2.0
/* What was put into the tunnel: whether it can be read outside of it, and how it came out. */
#include <endian.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/prng.h"
#include "decode/marks.h"
#include "grade/evidence.h"
#include "grade/measure.h"

/* The head of a probe or a stream of ours: its mark, and a flow's number below 256 */
static bool has_mark(const uint8_t *bytes, size_t len)
{
	static const uint32_t marks[] = { PAYLOAD_PROBE, PAYLOAD_STREAM };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		uint32_t pattern[2] = { htobe32(marks[i]), 0 };

		if (memmem(bytes, len, pattern, 7))
			return true;
	}
	return false;
}

static bool shows(const struct trace_frame *f)
{
	return f->direction == TRACE_OUTBOUND && f->parsed &&
	       has_mark(f->packet.ip, f->packet.ip_len);
}

MEASURE(leak_payload)
{
	const struct trace *ends[] = { &evidence_end(e, LINK_ACCESS, END_CLIENT)->trace,
				       &evidence_end(e, LINK_INSIDE, END_SERVER)->trace };

	if (!e->captured)
		return false;
	for (size_t i = 0; i < e->c->traffic_len; i++)
		if (e->c->traffic[i].outer)
			return false; /* what is sent beside the tunnel by plan has the mark too */
	for (size_t k = 0; k < ARRAY_SIZE(ends); k++)
		for (size_t i = 0; i < ends[k]->len; i++)
			ret->number += shows(&ends[k]->frames[i]);
	return true;
}

/* --- out of the tunnel ------------------------------------------------------------------------ */

static bool came_out(const struct trace_frame *f)
{
	return f->direction == TRACE_OUTBOUND && f->parsed && f->packet.l4 &&
	       !f->packet.more_fragments;
}

/* RFC 4303 section 3.4.3.  UDP alone: TCP may send the same packet twice itself */
MEASURE(inner_duplicates)
{
	const struct trace *t = &evidence_end(e, LINK_LAN, END_CLIENT)->trace;
	AUTO_FREE uint64_t *all = NULL;
	size_t n = 0;

	if (!e->captured)
		return false;
	all = malloc((t->len + 1) * sizeof(*all));
	if (!all)
		return false;
	for (size_t i = 0; i < t->len; i++) {
		const struct packet *p = &t->frames[i].packet;
		uint64_t hash = p->sport << 16 | p->dport;

		if (!came_out(&t->frames[i]) || p->proto != IPPROTO_UDP)
			continue;
		for (size_t k = 0; k < p->payload_len; k++)
			hash = (hash ^ p->payload[k]) * 0x100000001b3ULL; /* FNV-1a's prime */
		all[n++] = prng_mix(hash);
	}
	qsort(all, n, sizeof(*all), measure_by_value);
	for (size_t i = 1; i < n; i++)
		ret->number += all[i] == all[i - 1];
	return true;
}

MEASURE(inner_damaged)
{
	const struct trace *t = &evidence_end(e, LINK_LAN, END_CLIENT)->trace;

	if (!e->captured)
		return false;
	for (size_t i = 0; i < t->len; i++)
		ret->number +=
			came_out(&t->frames[i]) && !packet_l4_checksum_ok(&t->frames[i].packet);
	return true;
}
