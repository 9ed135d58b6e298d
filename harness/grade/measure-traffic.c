// SPDX-License-Identifier: Apache-2.0
/* What the traffic went through: from events, that is from client and server alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "grade/evidence.h"
#include "grade/measure.h"

#define LAST_MIN 5 /* probes that decide whether a flow is alive, at least */

/** measure_yes_no() - Set a word */
bool measure_yes_no(bool yes, struct metric_value *ret)
{
	snprintf(ret->word, sizeof(ret->word), "%s", yes ? "yes" : "no");
	return true;
}

/** measure_by_value() - Compare two uint64_t for qsort() */
int measure_by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool number(double value, struct metric_value *ret)
{
	ret->number = value;
	return true;
}

static double seconds(uint64_t ns)
{
	return (double)ns / (double)NS_PER_S;
}

MEASURE(up)
{
	const json_t *up = json_object_get(e->execution, "up");

	return json_is_boolean(up) && measure_yes_no(json_is_true(up), ret);
}

MEASURE(up_time)
{
	uint64_t begin = evidence_time(e, "up_begin"), end = evidence_time(e, "up_end");

	return end && json_is_true(json_object_get(e->execution, "up")) &&
	       number(seconds(end - begin), ret);
}

/* --- echo ----------------------------------------------------------------------------- */

struct echo {
	size_t sent, received;
	uint64_t max_gap_ns, first_ns;
	bool alive; /* all flows */
	uint64_t died_ns; /* else, when the first of them died */
};

static size_t last_of(size_t probes)
{
	size_t tenth = probes / 10 > LAST_MIN ? probes / 10 : LAST_MIN;

	return tenth < probes ? tenth : probes;
}

static void add_flow(struct echo *x, const struct flow_events *f)
{
	uint64_t last_ns = f->probes[0].t_ns, gap;
	bool alive = false;

	if (!x->sent || f->probes[0].t_ns < x->first_ns)
		x->first_ns = f->probes[0].t_ns;
	for (size_t i = 0; i < f->probes_len; i++) {
		const struct probe *p = &f->probes[i];
		bool end = i + 1 == f->probes_len;

		gap = p->t_ns - last_ns;
		if ((p->rtt_ns || end) && gap > x->max_gap_ns)
			x->max_gap_ns = gap;
		if (!p->rtt_ns)
			continue;
		x->received++;
		last_ns = p->t_ns;
		alive = alive || i + last_of(f->probes_len) >= f->probes_len;
	}
	x->sent += f->probes_len;
	if (!alive && (x->alive || last_ns < x->died_ns))
		x->died_ns = last_ns;
	x->alive = x->alive && alive;
}

static bool echo(const struct evidence *e, struct echo *ret)
{
	*ret = (struct echo){ .alive = true };
	for (size_t i = 0; i < e->c->traffic_len; i++)
		if (e->flows[i].probes_len)
			add_flow(ret, &e->flows[i]);
	return ret->sent > 0;
}

MEASURE(echo_sent)
{
	struct echo x;

	return echo(e, &x) && number((double)x.sent, ret);
}

MEASURE(echo_received)
{
	struct echo x;

	return echo(e, &x) && number((double)x.received, ret);
}

MEASURE(echo_lost)
{
	struct echo x;

	return echo(e, &x) && number((double)(x.sent - x.received), ret);
}

MEASURE(echo_delivery)
{
	struct echo x;

	return echo(e, &x) && number((double)x.received / (double)x.sent, ret);
}

MEASURE(echo_max_gap)
{
	struct echo x;

	return echo(e, &x) && number(seconds(x.max_gap_ns), ret);
}

MEASURE(echo_alive)
{
	struct echo x;

	return echo(e, &x) && measure_yes_no(x.alive, ret);
}

MEASURE(echo_died_at)
{
	struct echo x;

	if (!echo(e, &x) || x.alive)
		return false;
	return number(seconds(x.died_ns - x.first_ns), ret);
}

/* The round trip at @rank of 0 to 1, of all that were answered */
static bool rtt(const struct evidence *e, double rank, struct metric_value *ret)
{
	AUTO_FREE uint64_t *all = NULL;
	struct echo x;
	size_t n = 0;

	if (!echo(e, &x) || !x.received)
		return false;
	all = malloc(x.received * sizeof(*all));
	if (!all)
		return false;
	for (size_t i = 0; i < e->c->traffic_len; i++)
		for (size_t k = 0; k < e->flows[i].probes_len; k++)
			if (e->flows[i].probes[k].rtt_ns)
				all[n++] = e->flows[i].probes[k].rtt_ns;
	qsort(all, n, sizeof(*all), measure_by_value);
	return number(seconds(all[(size_t)(rank * (double)(n - 1))]), ret);
}

MEASURE(rtt_min)
{
	return rtt(e, 0, ret);
}

MEASURE(rtt_median)
{
	return rtt(e, 0.5, ret);
}

MEASURE(rtt_max)
{
	return rtt(e, 1, ret);
}

/* How many of these probes were answered; false if none was sent */
static bool answered(const struct evidence *e, enum probing which, struct metric_value *ret)
{
	const struct flow_events *f = &e->flows[e->c->traffic_len + (size_t)which];
	size_t n = 0;

	for (size_t i = 0; i < f->probes_len; i++)
		n += f->probes[i].rtt_ns != 0;
	ret->number = (double)n;
	return f->probes_len > 0;
}

MEASURE(idle_alive)
{
	struct metric_value n = { 0 };

	return answered(e, PROBING_IDLE, &n) && measure_yes_no(n.number > 0, ret);
}

MEASURE(before_answered)
{
	return answered(e, PROBING_BEFORE, ret);
}

MEASURE(after_answered)
{
	return answered(e, PROBING_AFTER, ret);
}

/* --- the end of the tunnel ---------------------------------------------------------------- */

static bool down(const struct evidence *e, const char *key, struct metric_value *ret)
{
	const json_t *value = json_object_get(json_object_get(e->execution, "down"), key);

	return value && measure_yes_no(json_is_true(value), ret);
}

MEASURE(down_orderly)
{
	return down(e, "orderly", ret);
}

MEASURE(down_restored)
{
	return down(e, "restored", ret);
}

/* --- TCP in the tunnel ------------------------------------------------------------------ */

static bool is_tcp(const struct evidence *e, size_t i)
{
	return e->c->traffic[i].kind == TRAFFIC_TCP && evidence_time(e, "traffic_end");
}

MEASURE(tcp_bytes)
{
	bool any = false;

	for (size_t i = 0; i < e->c->traffic_len; i++)
		if (is_tcp(e, i)) {
			any = true;
			ret->number += (double)e->flows[i].tcp_bytes;
		}
	return any;
}

/* A stream that ends early is unchanged as far as it goes */
static bool is_whole(const struct evidence *e, size_t i)
{
	const struct flow_events *f = &e->flows[i];

	return f->tcp_received && f->tcp_intact && f->tcp_bytes == e->c->traffic[i].bytes;
}

MEASURE(tcp_completion)
{
	size_t all = 0, whole = 0;

	for (size_t i = 0; i < e->c->traffic_len; i++)
		if (is_tcp(e, i)) {
			all++;
			whole += is_whole(e, i);
		}
	ret->number = all ? (double)whole / (double)all : 0;
	return all > 0;
}

MEASURE(tcp_intact)
{
	struct metric_value completion = { 0 };

	return measure_tcp_completion(e, &completion) &&
	       measure_yes_no(completion.number >= 1, ret);
}

MEASURE(tcp_rate)
{
	uint64_t begin = evidence_time(e, "traffic_begin");
	bool any = false;

	for (size_t i = 0; i < e->c->traffic_len; i++) {
		const struct flow_events *f = &e->flows[i];
		uint64_t from = begin + e->c->traffic[i].start_ns;
		double rate;

		if (!is_tcp(e, i))
			continue;
		if (!f->tcp_received || f->tcp_t_ns <= from)
			return false; /* the slowest of all, and nobody knows how slow */
		rate = (double)f->tcp_bytes * 8 / seconds(f->tcp_t_ns - from);
		if (!any || rate < ret->number)
			ret->number = rate;
		any = true;
	}
	return any;
}
