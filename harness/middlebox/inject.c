// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * The sequence number is the next that the receiver expects, by what passed
 * and what it acknowledged: "exact" is right if nothing is under way, or all
 * of it arrives before.  "window" is half a window further; "outside" is 2^30
 * further, which no window reaches (RFC 7323 section 2.3).  Timestamps are not
 * in it: who is blind does not know them.
 *
 * Flows are in the order of their turn: the first ones by their age, the
 * others behind each other as they had theirs, since all wait equally long.
 */
#include "middlebox/inject.h"

#include "decode/packet.h"
#include "middlebox/engine.h"
#include "middlebox/forge.h"
#include "middlebox/proxy.h"

#define OUTSIDE_WINDOW (1U << 30)
#define PROTO_TCP      6

/**
 * injector_init() - Set up, without flows
 * @in:		Lives longer than the turns that flows take
 * @config:	Borrowed
 * @counters:	By enum counter
 */
void injector_init(struct injector *in, const struct meddle_config *config, uint64_t *counters)
{
	in->config = config;
	in->counters = counters;
	TAILQ_INIT(&in->first);
	TAILQ_INIT(&in->again);
}

static struct injection_list *turns(struct injector *in, const struct meddle_flow *f)
{
	return f->injections ? &in->again : &in->first;
}

static bool has_turn(const struct injector *in, const struct meddle_flow *f)
{
	return f->flow.key.proto == PROTO_TCP && in->config->inject &&
	       f->injections < in->config->inject_times;
}

/** inject_take_turn() - Put a flow into its list, if it has a turn; the newest of its age */
void inject_take_turn(struct injector *in, struct meddle_flow *f)
{
	if (has_turn(in, f))
		TAILQ_INSERT_TAIL(turns(in, f), f, injection);
}

/** inject_lose_turn() - Take it out: it is forgotten, or begins anew */
void inject_lose_turn(struct injector *in, struct meddle_flow *f)
{
	if (has_turn(in, f))
		TAILQ_REMOVE(turns(in, f), f, injection);
}

/**
 * inject_send() - Send a segment in another's name
 * @dir:	The way it travels
 * @what:	Addresses and numbers
 * @flags:	Its flags
 * @count:	What it counts as
 * @counters:	By enum counter
 * @out:	Where it goes
 */
void inject_send(enum direction dir, const struct segment_ack *what, uint8_t flags,
		 enum counter count, uint64_t *counters, const struct engine_out *out)
{
	uint8_t packet[SEGMENT_ACK_BYTES];

	counters[count]++;
	out->emit(out->ctx, dir, packet, forge_segment(what, flags, packet));
}

/* A segment into what travels in @dir, @further than what is expected there */
static void inject(const struct meddle_flow *f, enum direction dir, uint32_t further, uint8_t flags,
		   enum counter count, uint64_t *counters, const struct engine_out *out)
{
	const struct half *from = &f->flow.half[dir];
	struct segment_ack what = meddle_tcp_reply(f, proxy_opposite(dir));

	what.seq = from->next + from->offset + further;
	what.timestamps = false;
	inject_send(dir, &what, flags, count, counters, out);
}

static bool both_known(const struct meddle_flow *f)
{
	return f->flow.half[DIR_UP].syn && f->flow.half[DIR_DOWN].syn;
}

/**
 * inject_resets() - End a connection for both of its ends
 * @f:		A flow, perhaps not TCP
 * @counters:	By enum counter
 * @out:	Where the RSTs go
 *
 * Return: false if the numbers of both ends are not known: nothing was sent
 */
bool inject_resets(const struct meddle_flow *f, uint64_t *counters, const struct engine_out *out)
{
	if (!both_known(f))
		return false;
	inject(f, DIR_DOWN, 0, PACKET_TCP_RST, COUNTER_MEDDLE_RESET_SENT, counters, out);
	inject(f, DIR_UP, 0, PACKET_TCP_RST, COUNTER_MEDDLE_RESET_SENT, counters, out);
	return true;
}

static void inject_blindly(struct injector *in, const struct meddle_flow *f,
			   const struct engine_out *out)
{
	static const uint8_t flags[] = {
		[INJECT_RST] = PACKET_TCP_RST, [INJECT_SYN] = PACKET_TCP_SYN
	};
	const struct meddle_config *c = in->config;

	for (enum direction dir = DIR_UP; dir < DIR_COUNT && both_known(f); dir++) {
		uint32_t half_window = f->flow.half[proxy_opposite(dir)].window / 2;
		uint32_t further = half_window ? half_window : 1;

		if (c->inject_seq != INJECT_IN_WINDOW)
			further = c->inject_seq == INJECT_EXACT ? 0 : OUTSIDE_WINDOW;
		if (c->inject_to == INJECT_TO_BOTH ||
		    (c->inject_to == INJECT_TO_SERVER) == (dir == DIR_UP))
			inject(f, dir, further, flags[c->inject], COUNTER_MEDDLE_INJECTED,
			       in->counters, out);
	}
}

static uint64_t turn_of(const struct injector *in, const struct meddle_flow *f)
{
	return f->first_ns + in->config->inject_at_ns + f->injections * in->config->inject_every_ns;
}

static struct meddle_flow *next_turn(const struct injector *in)
{
	struct meddle_flow *first = TAILQ_FIRST(&in->first), *again = TAILQ_FIRST(&in->again);

	if (!first || !again)
		return first ? first : again;
	return turn_of(in, again) < turn_of(in, first) ? again : first;
}

/** inject_due() - Inject into the flows whose turn it is */
void inject_due(struct injector *in, uint64_t now_ns, const struct engine_out *out)
{
	struct meddle_flow *f;

	while ((f = next_turn(in)) && turn_of(in, f) <= now_ns) {
		inject_lose_turn(in, f);
		inject_blindly(in, f, out);
		f->injections++;
		inject_take_turn(in, f);
	}
}

/** inject_deadline() - When the next flow has its turn, UINT64_MAX if none has */
uint64_t inject_deadline(const struct injector *in)
{
	const struct meddle_flow *f = next_turn(in);

	return f ? turn_of(in, f) : UINT64_MAX;
}
