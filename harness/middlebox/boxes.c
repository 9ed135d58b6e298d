// SPDX-License-Identifier: Apache-2.0
/*
 * The engine as seen from outside: one box or two.
 *
 * Where a switch of meddle.c is on, a second box stands in front of the
 * device, on the outside, so that it sees the numbers of one side only:
 *
 *   client ── meddle ── device ── server
 *
 * What goes from one to the other is copied into a list, so neither is called
 * while it is at work.  A packet causes a bounded number of them.
 */
#include <stdlib.h>
#include <string.h>

#include "middlebox/engine-state.h"
#include "middlebox/meddle.h"

/* One call from outside: the way out of both */
struct call {
	struct engine *e;
	const struct engine_out *out;
};

static void pass_on(struct engine *e, enum direction dir, const uint8_t *ip, size_t len)
{
	struct parcel *p = malloc(sizeof(*p) + len);

	if (!p)
		abort();
	p->dir = dir;
	p->len = len;
	memcpy(p->ip, ip, len);
	STAILQ_INSERT_TAIL(&e->between, p, link);
}

static void from_device(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	const struct call *c = ctx;

	if (c->e->meddle && dir == DIR_DOWN)
		pass_on(c->e, dir, ip, len);
	else
		c->out->emit(c->out->ctx, dir, ip, len);
}

static void from_meddle(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	const struct call *c = ctx;

	if (dir == DIR_UP)
		pass_on(c->e, dir, ip, len);
	else
		c->out->emit(c->out->ctx, dir, ip, len);
}

/* Until nothing is left between them */
static void settle(struct engine *e, uint64_t now_ns, const struct engine_out *device,
		   const struct engine_out *meddle)
{
	struct parcel *p;

	while ((p = STAILQ_FIRST(&e->between))) {
		STAILQ_REMOVE_HEAD(&e->between, link);
		if (p->dir == DIR_UP)
			engine_judge(e, now_ns, p->dir, p->ip, p->len, device);
		else
			meddle_packet(e->meddle, now_ns, p->dir, p->ip, p->len, meddle);
		free(p);
	}
}

/**
 * engine_packet() - A packet arrives
 * @e:		The engine
 * @now_ns:	Time, never less than before; due timeouts happen first
 * @dir:	The way it travels
 * @ip:		An IP packet; not changed
 * @len:	Bytes
 * @out:	Called for each packet that leaves because of it, in order
 */
void engine_packet(struct engine *e, uint64_t now_ns, enum direction dir, const uint8_t *ip,
		   size_t len, const struct engine_out *out)
{
	struct call call = { e, out };
	const struct engine_out device = { from_device, &call }, meddle = { from_meddle, &call };

	engine_timer(e, now_ns, out);
	if (e->meddle && dir == DIR_UP)
		meddle_packet(e->meddle, now_ns, dir, ip, len, &meddle);
	else
		engine_judge(e, now_ns, dir, ip, len, &device);
	settle(e, now_ns, &device, &meddle);
}

/**
 * engine_timer() - Do what is due
 * @e:		The engine
 * @now_ns:	Time; before engine_deadline() nothing happens
 * @out:	Where packets go
 *
 * Linear in what expires, so constant per packet over time.
 */
void engine_timer(struct engine *e, uint64_t now_ns, const struct engine_out *out)
{
	struct call call = { e, out };
	const struct engine_out device = { from_device, &call }, meddle = { from_meddle, &call };

	if (e->meddle && meddle_timer(e->meddle, now_ns, &meddle))
		engine_forget_all(e);
	engine_expire(e, now_ns, &device);
	settle(e, now_ns, &device, &meddle);
}

/** engine_deadline() - When engine_timer() is due, UINT64_MAX if it is not */
uint64_t engine_deadline(const struct engine *e)
{
	uint64_t queues = reorder_deadline(&e->pool), flows = flow_deadline(&e->flows);
	uint64_t device = queues < flows ? queues : flows;
	uint64_t meddle = e->meddle ? meddle_deadline(e->meddle) : UINT64_MAX;

	return device < meddle ? device : meddle;
}
