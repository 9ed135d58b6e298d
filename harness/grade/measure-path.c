// SPDX-License-Identifier: Apache-2.0
/*
 * What happened on the path: from captures at both ends of every link, and from the
 * counters of links and device, each alone.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "grade/evidence.h"
#include "grade/measure.h"

static bool number(double value, struct metric_value *ret)
{
	ret->number = value;
	return true;
}

/* --- loss ------------------------------------------------------------------------------- */

MEASURE(loss_links)
{
	size_t used = 0;

	if (!e->captured)
		return false;
	snprintf(ret->word, sizeof(ret->word), "none");
	for (int l = 0; l < LINK_COUNT; l++)
		for (int d = 0; d < DIR_COUNT; d++)
			if (e->matches[l][d].lost)
				used += (size_t)snprintf(ret->word + used, sizeof(ret->word) - used,
							 "%s%s:%s", used ? "," : "", link_names[l],
							 direction_names[d]);
	return true;
}

MEASURE(loss_link)
{
	if (!measure_loss_links(e, ret))
		return false;
	if (strchr(ret->word, ','))
		snprintf(ret->word, sizeof(ret->word), "several");
	return true;
}

MEASURE_LINK(link_lost)
{
	(void)what;
	return e->captured && number((double)e->matches[l][d].lost, ret);
}

MEASURE_LINK(link_loss)
{
	const struct match *m = &e->matches[l][d];

	(void)what;
	return e->captured && m->len && number((double)m->lost / (double)m->len, ret);
}

/* What came out otherwise than it went in */
MEASURE_LINK(link_change)
{
	const struct match *m = &e->matches[l][d];
	const struct {
		const char *what;
		size_t n;
	} changes[] = {
		{ "duplicated", m->duplicated },
		{ "corrupted", m->corrupted },
		{ "reordered", m->reordered },
		{ "overtook", m->overtook },
	};

	for (size_t i = 0; e->captured && i < ARRAY_SIZE(changes); i++)
		if (strcmp(changes[i].what, what) == 0)
			return number((double)changes[i].n, ret);
	return false;
}

MEASURE_LINK(link_counter)
{
	const json_t *links = json_object_get(e->execution, "links"), *link, *count;
	size_t i;

	json_array_foreach (links, i, link) {
		const char *name = json_string_value(json_object_get(link, "link"));

		if (!name || strcmp(name, link_names[l]) != 0)
			continue;
		count = json_object_get(json_object_get(link, direction_names[d]), what);
		return json_is_integer(count) && number((double)json_integer_value(count), ret);
	}
	return false;
}

/*
 * Independent of what the wire itself counted: the frames that went out, numbered from
 * when the list began to act, and whether each came.
 */
MEASURE_LINK(drops_match)
{
	const struct impairment *plan = &e->c->impair[l][d];
	const struct trace *t = &evidence_end(e, l, evidence_sender(d))->trace;
	const struct match *m = &e->matches[l][d];
	uint64_t from = plan->arm == ARM_UP ? evidence_time(e, "armed") : 0, n = 0;
	size_t next = 0;
	bool same = true;

	(void)what;
	if (!e->captured || !plan->drop_len || plan->loss > 0 || plan->has_gemodel ||
	    plan->has_state)
		return false;
	for (size_t i = 0; i < m->len; i++) {
		const struct trace_frame *f = &t->frames[m->sent[i]];
		bool listed;

		if (f->t_ns < from ||
		    (plan->count == COUNT_PAYLOAD && !packet_carries_payload(&f->packet)))
			listed = false;
		else
			listed = next < plan->drop_len && plan->drop[next] == ++n;
		next += listed;
		same = same && listed == match_is_lost(m, i);
	}
	return measure_yes_no(same && next == plan->drop_len, ret);
}

/* RFC 792: destination unreachable, fragmentation needed; RFC 4443 section 3.2: too big */
static bool says_too_big(const struct packet *p)
{
	if (!p->l4 || p->l4_len < 2)
		return false;
	return p->version == 4 ? p->proto == IPPROTO_ICMP && p->l4[0] == 3 && p->l4[1] == 4
			       : p->proto == IPPROTO_ICMPV6 && p->l4[0] == 2;
}

static double count_too_big(const struct trace *t)
{
	double n = 0;

	for (size_t i = 0; i < t->len; i++)
		n += t->frames[i].direction == TRACE_INBOUND && t->frames[i].parsed &&
		     says_too_big(&t->frames[i].packet);
	return n;
}

MEASURE(too_big)
{
	return e->captured &&
	       number(count_too_big(&evidence_end(e, LINK_ACCESS, END_CLIENT)->trace) +
			      count_too_big(&evidence_end(e, LINK_INSIDE, END_SERVER)->trace),
		      ret);
}

/* --- what should be in the tunnel ------------------------------------------------------- */

/* Of the server's network, or of the pool of inner addresses, as targets/README.md has them */
static bool is_inner(const uint8_t *addr, int version)
{
	static const uint8_t v4[][3] = { { 10, 0, 4 }, { 10, 7, 0 } };
	static const uint8_t v6[][8] = { { 0x20, 1, 0x0d, 0xb8, 0, 4 },
					 { 0x20, 1, 0x0d, 0xb8, 0, 7 } };

	for (size_t i = 0; i < ARRAY_SIZE(v4); i++)
		if (version == 4 ? !memcmp(addr, v4[i], sizeof(v4[i]))
				 : !memcmp(addr, v6[i], sizeof(v6[i])))
			return true;
	return false;
}

/*
 * Only what a node sends: the kernel shows to a capture what it took out of ESP too, as if
 * it had come in by that interface.
 */
static double count_plaintext(const struct trace *t, uint64_t from_ns, uint64_t to_ns)
{
	double n = 0;

	for (size_t i = 0; i < t->len; i++) {
		const struct trace_frame *f = &t->frames[i];
		const struct packet *p = &f->packet;

		n += f->direction == TRACE_OUTBOUND && f->t_ns >= from_ns && f->t_ns < to_ns &&
		     p->version && (is_inner(p->src, p->version) || is_inner(p->dst, p->version));
	}
	return n;
}

/* At the point of the path where most of them were seen */
MEASURE(plaintext)
{
	uint64_t from = evidence_time(e, "up_end"), to = evidence_time(e, "down_begin");

	if (!e->captured || !from)
		return false;
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (int end = 0; l != LINK_LAN && end < END_COUNT; end++) {
			double n = count_plaintext(&e->traces[l][end].trace, from,
						   to ? to : UINT64_MAX);

			if (n > ret->number)
				ret->number = n;
		}
	return true;
}

/* --- time --------------------------------------------------------------------------------- */

static uint64_t *delays(const struct evidence *e, enum link_id l, enum direction d, size_t *ret_len)
{
	const struct trace *from = &evidence_end(e, l, evidence_sender(d))->trace;
	const struct trace *to = &evidence_end(e, l, !evidence_sender(d))->trace;
	const struct match *m = &e->matches[l][d];
	uint64_t *all = malloc((m->len + 1) * sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; all && i < m->len; i++)
		if (m->received[i] != MATCH_LOST)
			all[n++] = to->frames[m->received[i]].t_ns - from->frames[m->sent[i]].t_ns;
	if (all)
		qsort(all, n, sizeof(*all), measure_by_value);
	*ret_len = n;
	return all;
}

MEASURE_LINK(link_delay)
{
	static const struct {
		const char *what;
		double rank;
	} ranks[] = {
		{ "delay_min", 0 },
		{ "delay_median", 0.5 },
		{ "delay_p99", 0.99 },
		{ "delay_max", 1 },
	};
	AUTO_FREE uint64_t *all = NULL;
	size_t n = 0;

	if (!e->captured)
		return false;
	all = delays(e, l, d, &n);
	if (!all || !n)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ranks); i++)
		if (strcmp(ranks[i].what, what) == 0)
			return number((double)all[(size_t)(ranks[i].rank * (double)(n - 1))] /
					      (double)NS_PER_S,
				      ret);
	return false;
}

MEASURE_LINK(link_rate)
{
	const struct trace *t = &evidence_end(e, l, !evidence_sender(d))->trace;
	uint64_t first = 0, last = 0, bytes = 0;

	(void)what;
	for (size_t i = 0; e->captured && i < t->len; i++) {
		const struct trace_frame *f = &t->frames[i];

		if (f->direction != TRACE_INBOUND || f->t_ns >= e->until_ns)
			continue;
		if (!first)
			first = f->t_ns; /* its bytes came before: not counted */
		else
			bytes += f->len;
		last = f->t_ns;
	}
	if (last <= first)
		return false;
	return number((double)bytes * 8 * (double)NS_PER_S / (double)(last - first), ret);
}

/* --- the carriage, if it is TCP --------------------------------------------------------------- */

/* The lan carries what was in the tunnel, not the tunnel */
static bool is_outer(enum link_id l)
{
	return l != LINK_LAN;
}

static bool has_tcp(const struct evidence *e)
{
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (int end = 0; end < END_COUNT; end++)
			if (is_outer(l) && e->traces[l][end].tcp.len)
				return true;
	return false;
}

/* Sum over what is sent into a capture's link by its own node */
static void sum_own(const struct evidence_trace *t, uint64_t *retransmissions, uint64_t *duplicates)
{
	for (size_t i = 0; i < t->tcp.len; i++) {
		const struct tcp_connection *c = &t->tcp.connections[i];
		bool zero_is_own = t->trace.frames[c->first].direction == TRACE_OUTBOUND;
		const struct tcp_half *own = &c->half[zero_is_own ? 0 : 1];

		*retransmissions += own->retransmissions;
		*duplicates += own->duplicate_acks;
	}
}

static bool endpoints(const struct evidence *e, uint64_t *retransmissions, uint64_t *duplicates)
{
	*retransmissions = *duplicates = 0;
	if (!e->captured || !has_tcp(e))
		return false;
	sum_own(evidence_end(e, LINK_ACCESS, END_CLIENT), retransmissions, duplicates);
	sum_own(evidence_end(e, LINK_INSIDE, END_SERVER), retransmissions, duplicates);
	return true;
}

MEASURE(retransmissions)
{
	uint64_t retransmissions, duplicates;

	return endpoints(e, &retransmissions, &duplicates) && number((double)retransmissions, ret);
}

MEASURE(duplicate_acks)
{
	uint64_t retransmissions, duplicates;

	return endpoints(e, &retransmissions, &duplicates) && number((double)duplicates, ret);
}

/*
 * A hole that came when the connection was about to end proves nothing: longer than
 * the first time-outs of anybody (RFC 6298: 1 s) it must have stayed.
 */
#define HOLE_PATIENCE_NS (3 * NS_PER_S)

static bool has_stayed(const struct evidence_trace *t, const struct tcp_connection *c,
		       const struct tcp_hole *hole)
{
	return t->trace.frames[c->last].t_ns - t->trace.frames[hole->first_later].t_ns >=
	       HOLE_PATIENCE_NS;
}

static double count_holes(const struct evidence_trace *t, bool filled)
{
	double n = 0;

	for (size_t i = 0; i < t->tcp.len; i++)
		for (int half = 0; half < 2; half++) {
			const struct tcp_connection *c = &t->tcp.connections[i];
			const struct tcp_half *h = &c->half[half];

			for (size_t k = 0; k < h->holes_len; k++) {
				bool open = h->holes[k].start != h->holes[k].end;

				n += filled ? !open : open && has_stayed(t, c, &h->holes[k]);
			}
		}
	return n;
}

/* At the point of the path where most of them were seen */
static bool worst_holes(const struct evidence *e, bool filled, struct metric_value *ret)
{
	if (!e->captured || !has_tcp(e))
		return false;
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (int end = 0; is_outer(l) && end < END_COUNT; end++) {
			double n = count_holes(&e->traces[l][end], filled);

			if (n > ret->number)
				ret->number = n;
		}
	return true;
}

MEASURE(holes_filled)
{
	return worst_holes(e, true, ret);
}

MEASURE(holes_unfilled)
{
	return worst_holes(e, false, ret);
}

/** measure_middlebox() - A counter of the device */
bool measure_middlebox(const struct evidence *e, const char *counter, struct metric_value *ret)
{
	const json_t *device = json_object_get(e->execution, "device");
	const json_t *count = json_object_get(json_object_get(device, "counters"), counter);

	return json_is_integer(count) && number((double)json_integer_value(count), ret);
}
