// SPDX-License-Identifier: Apache-2.0
/*
 * The engines as a table.  Before impair_start() the caller has made what the
 * engine works on: for the wire a process in wire_run(), for netem the node in
 * the middle with its two interfaces, up and with their offloads off.
 */
#include "impair/impair.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/prng.h"
#include "impair/netem.h"
#include "impair/wire.h"
#include "net/link.h"

static const struct impairment nothing;

static int wire_engine_start(const struct impair_link *link, struct err *err)
{
	(void)link, (void)err; /* runs since its process does */
	return 0;
}

static int wire_engine_arm(const struct impair_link *link, struct err *err)
{
	return wire_arm(link->control_fd, err);
}

static int wire_engine_stop(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
			    json_t **ret_acts, struct err *err)
{
	return wire_stop(link->control_fd, ret, ret_acts, err);
}

static int wire_engine_change(struct impair_link *link, enum direction d,
			      const struct impairment *plan, bool blocked, struct err *err)
{
	return wire_change(link->control_fd, d, plan, blocked, err);
}

static int wire_engine_cut(const struct impair_link *link, bool down, struct err *err)
{
	return wire_cut(link->control_fd, down, err);
}

static int wire_engine_read(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
			    struct err *err)
{
	return wire_read(link->control_fd, ret, err);
}

/* Both directions have a netem, if only to count: up leaves by the server's side */
static int netem_engine_set(const struct impair_link *link, enum direction d, bool armed,
			    struct err *err)
{
	const struct impairment *plan = link->impair[d] ? link->impair[d] : &nothing;
	struct prng prng;
	char stream[64];

	if (armed && plan->arm != ARM_UP)
		return 0; /* acts already; its random sequence goes on */
	snprintf(stream, sizeof(stream), "netem:%s:%s", link->name, direction_names[d]);
	prng_init(&prng, link->seed, stream);
	return netem_set(link->sock, link->ifindex[d == DIR_UP], plan, armed, prng_u64(&prng), err);
}

static int netem_engine_start(const struct impair_link *link, struct err *err)
{
	for (enum direction d = 0; d < DIR_COUNT; d++)
		if (netem_engine_set(link, d, false, err) ||
		    netem_redirect(link->sock, link->ifindex[d == DIR_DOWN],
				   link->ifindex[d == DIR_UP], err))
			return -1;
	return 0;
}

static int netem_engine_arm(const struct impair_link *link, struct err *err)
{
	for (enum direction d = 0; d < DIR_COUNT; d++)
		if (netem_engine_set(link, d, true, err))
			return -1;
	return 0;
}

/*
 * Each frame that reached netem, and each copy that it made, has left, waits, or was
 * dropped.  Copies that were made while the interface was down cannot be told from fewer
 * copies: then the smaller number of both is said.
 */
static struct impair_counters netem_counters(const struct netem_redirect_stats *in,
					     const struct netem_stats *out)
{
	uint64_t reached = out->sent + out->queued + out->dropped;
	struct impair_counters c = {
		.seen = in->seen,
		.duplicated = reached > in->seen ? reached - in->seen : 0,
		.corrupted = IMPAIR_UNKNOWN,
		.reordered = out->reordered,
		.delayed = IMPAIR_UNKNOWN,
		.failed = in->seen > reached ? in->seen - reached : 0, /* interface down */
		.queued = out->queued,
		.delivered = out->sent,
	};

	c.overflow = in->refused > c.failed ? in->refused - c.failed : 0;
	c.dropped = out->dropped > c.overflow ? out->dropped - c.overflow : 0;
	return c;
}

static int netem_engine_read(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
			     struct err *err)
{
	for (int d = 0; d < DIR_COUNT; d++) {
		struct netem_redirect_stats in;
		struct netem_stats out;

		if (netem_redirect_stats(link->sock, link->ifindex[d == DIR_DOWN], &in, err) ||
		    netem_stats(link->sock, link->ifindex[d == DIR_UP], &out, err))
			return -1;
		ret[d] = netem_counters(&in, &out);
		ret[d].blocked = link->lane[d].sum;
		if (link->lane[d].blocked)
			ret[d].blocked += ret[d].dropped - link->lane[d].before;
	}
	return 0;
}

static int netem_engine_stop(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
			     json_t **ret_acts, struct err *err)
{
	(void)ret_acts; /* it has no rules */
	return netem_engine_read(link, ret, err);
}

/* A block is a loss of everything; what waits in the queue is on its way already */
static int netem_engine_change(struct impair_link *link, enum direction d,
			       const struct impairment *plan, bool blocked, struct err *err)
{
	const struct impairment all = { .loss = 1, .limit = plan->limit };
	struct impair_counters now[DIR_COUNT];
	struct prng prng;
	char stream[64];

	if (netem_engine_read(link, now, err))
		return -1;
	link->lane[d].sum = now[d].blocked;
	link->lane[d].before = now[d].dropped;
	link->lane[d].blocked = blocked;
	snprintf(stream, sizeof(stream), "netem:%s:%s:%u", link->name, direction_names[d],
		 ++link->lane[d].changes);
	prng_init(&prng, link->seed, stream);
	return netem_set(link->sock, link->ifindex[d == DIR_UP], blocked ? &all : plan, true,
			 prng_u64(&prng), err);
}

/* An end of a veth pair has its carrier as long as the other one is up: that in the middle */
static int netem_engine_cut(const struct impair_link *link, bool down, struct err *err)
{
	for (int end = 0; end < 2; end++)
		if (down ? link_down(link->sock, link->ifindex[end], err)
			 : link_up(link->sock, link->ifindex[end], err))
			return -1;
	return 0;
}

static const struct impair_ops {
	int (*start)(const struct impair_link *link, struct err *err);
	int (*arm)(const struct impair_link *link, struct err *err);
	int (*change)(struct impair_link *link, enum direction d, const struct impairment *plan,
		      bool blocked, struct err *err);
	int (*cut)(const struct impair_link *link, bool down, struct err *err);
	int (*read)(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
		    struct err *err);
	int (*stop)(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
		    json_t **ret_acts, struct err *err);
} engines[ENGINE_COUNT] = {
	[ENGINE_NETEM] = { .start = netem_engine_start,
			   .arm = netem_engine_arm,
			   .change = netem_engine_change,
			   .cut = netem_engine_cut,
			   .read = netem_engine_read,
			   .stop = netem_engine_stop },
	[ENGINE_WIRE] = { .start = wire_engine_start,
			  .arm = wire_engine_arm,
			  .change = wire_engine_change,
			  .cut = wire_engine_cut,
			  .read = wire_engine_read,
			  .stop = wire_engine_stop },
};

/**
 * impair_start() - Begin to impair a link
 * @link:	All of it filled in; the caller has made what the engine works on
 *
 * Return: 0, or -1 with @err set
 */
int impair_start(const struct impair_link *link, struct err *err)
{
	if (engines[link->engine].start(link, err))
		return err_wrap(err, "link '%s'", link->name);
	return 0;
}

/**
 * impair_arm() - The tunnel is up: begin the losses that waited for it
 * @link:	A started link
 *
 * Return: 0 when what is sent from now on is subject to them, or -1 with @err set
 */
int impair_arm(const struct impair_link *link, struct err *err)
{
	if (engines[link->engine].arm(link, err))
		return err_wrap(err, "link '%s'", link->name);
	return 0;
}

/**
 * impair_change() - Let another plan hold for one direction from now on
 * @link:	A started link that is armed
 * @d:		The direction
 * @plan:	What shall happen; its list of positions is that of the case, or none
 * @blocked:	Lose every frame, whatever the plan says
 *
 * Return: 0 when what is sent from now on is subject to it, or -1 with @err set
 */
int impair_change(struct impair_link *link, enum direction d, const struct impairment *plan,
		  bool blocked, struct err *err)
{
	if (engines[link->engine].change(link, d, plan, blocked, err))
		return err_wrap(err, "link '%s'", link->name);
	return 0;
}

/**
 * impair_cut() - Take the carrier from both ends of a link, or give it back
 * @link:	A started link
 * @down:	Take it: what is on the way is lost
 *
 * Return: 0, or -1 with @err set
 */
int impair_cut(const struct impair_link *link, bool down, struct err *err)
{
	if (engines[link->engine].cut(link, down, err))
		return err_wrap(err, "link '%s'", link->name);
	return 0;
}

/**
 * impair_read() - The counters of a link so far
 * @link:	A started link; it goes on
 * @ret:	Set on success: a row for each direction
 *
 * Return: 0, or -1 with @err set
 */
int impair_read(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
		struct err *err)
{
	if (engines[link->engine].read(link, ret, err))
		return err_wrap(err, "link '%s'", link->name);
	return 0;
}

/**
 * impair_stop() - Get the counters of a link, for the last time
 * @link:	A started link; a wire ends by it, netem goes with its node
 * @ret:	Set on success: a row for each direction
 * @ret_acts:	Set to what the rules of `act` did, a new reference, or to NULL if the engine has
 *		none.  May be NULL
 *
 * Return: 0, or -1 with @err set
 */
int impair_stop(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
		json_t **ret_acts, struct err *err)
{
	if (ret_acts)
		*ret_acts = NULL;
	if (engines[link->engine].stop(link, ret, ret_acts, err))
		return err_wrap(err, "link '%s'", link->name);
	return 0;
}
