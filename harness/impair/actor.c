// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A frame that comes is shown to the rules of its direction in their order.  A rule that
 * has its pattern counts it; if it is its turn (nth, every, count) it acts, and the next
 * rule is asked, except behind drop and hold.
 *
 * A rule that holds is a gate:
 *
 *   state    a frame for it              left by
 *   open     is held, and closes it      the first frame
 *   closed   is held behind the others   a frame with the pattern of `until` has passed,
 *                                        in either direction, or the time `for` is over
 *                                        since it closed
 *
 * To pass is to be sent on: not dropped, and not held itself.  The frame that opens a gate
 * goes first, then what was held, in the order in which it came; these pass then too, and
 * may open other gates.  After it opened a gate may close again, as far as `count` allows.
 *
 * A frame for which there is no room is lost as in a full queue, and the rule did not act.
 */
#include "impair/actor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "impair/alter.h"

struct rule {
	const struct act *plan; /* borrowed */
	enum direction direction;
	uint64_t matched, happened;
	/* hold */
	size_t holds; /* frames; 0: open */
	uint64_t due_ns; /* of the closed gate */
};

/**
 * actor_init() - Begin with a link on which nothing was seen
 * @a:		Filled in; give it to actor_release() whatever is returned
 * @acts:	The rules of each direction; borrowed, must outlive @a
 * @acts_len:	How many
 * @err:	Set on failure
 *
 * Return: 0, or -1 without memory
 */
int actor_init(struct actor *a, const struct act *const acts[DIR_COUNT],
	       const size_t acts_len[DIR_COUNT], struct err *err)
{
	size_t n = 0;

	*a = (struct actor){ .rules_len = acts_len[DIR_UP] + acts_len[DIR_DOWN] };
	held_init(&a->held);
	a->meaning = meaning_state_new();
	a->rules = calloc(a->rules_len + 1, sizeof(*a->rules));
	if (!a->meaning || !a->rules)
		return err_set(err, ENOMEM, "cannot follow the messages of a link");
	for (enum direction d = 0; d < DIR_COUNT; d++)
		for (size_t i = 0; i < acts_len[d]; i++)
			a->rules[n++] = (struct rule){ .plan = &acts[d][i], .direction = d };
	return 0;
}

/** actor_release() - Free what it holds, frames too; idempotent */
void actor_release(struct actor *a)
{
	if (a->rules)
		held_release(&a->held);
	meaning_state_free(a->meaning);
	free(a->rules);
	memset(a, 0, sizeof(*a));
}

/* Is it this match's turn?  Counts it */
static bool is_due(struct rule *r)
{
	const struct act *plan = r->plan;
	uint64_t n = ++r->matched;

	return n >= plan->nth && (n - plan->nth) % plan->every == 0 &&
	       (!plan->count || r->happened < plan->count);
}

static uint64_t later(uint64_t from_ns, uint64_t by_ns)
{
	return by_ns < UINT64_MAX - from_ns ? from_ns + by_ns : UINT64_MAX;
}

static bool room_for(const struct actor *a, size_t len)
{
	return a->held.len < HELD_MAX && len <= HELD_BYTES_MAX - a->held.bytes;
}

/* The frame in @ret goes into the gate of a rule */
static void close_gate(struct actor *a, struct rule *r, uint64_t now_ns, struct acted *ret)
{
	if (!r->holds)
		r->due_ns = r->plan->time_ns ? later(now_ns, r->plan->time_ns) : UINT64_MAX;
	ret->due_ns = r->due_ns;
	ret->gate = (size_t)(r - a->rules);
}

/* True if it had an effect */
static bool act(struct actor *a, struct rule *r, uint64_t now_ns, const struct meaning *m,
		uint8_t *frame, struct acted *ret)
{
	const struct act *plan = r->plan;
	size_t before = ret->len;

	switch (plan->kind) {
	case ACT_DROP:
		return true;
	case ACT_DUPLICATE:
		ret->copies += plan->times;
		return true;
	case ACT_DELAY:
		ret->due_ns = later(ret->due_ns ? ret->due_ns : now_ns, plan->time_ns);
		return room_for(a, ret->len);
	case ACT_HOLD:
		close_gate(a, r, now_ns, ret);
		return room_for(a, ret->len);
	case ACT_CORRUPT:
		return alter_bit(frame, ret->len, m, plan->offset, plan->bit, plan->mend);
	case ACT_TRUNCATE:
		ret->len = alter_truncate(frame, ret->len, m, plan->to, plan->mend);
		return ret->len != before;
	case ACT_KINDS:
		break;
	}
	return false;
}

/**
 * actor_judge() - Show a frame to the rules
 * @a:		The rules
 * @d:		Where it travels
 * @active:	The rules act; else it is only noticed
 * @now_ns:	The time, on any clock that does not go back
 * @m:		What it means
 * @frame:	Its bytes; changed by a rule that corrupts, shortened in @ret by one that truncates
 * @len:	How many
 * @ret:	Set to what was done.  A frame with a due_ns is to be given to actor_hold()
 */
void actor_judge(struct actor *a, enum direction d, bool active, uint64_t now_ns,
		 const struct meanings *m, uint8_t *frame, size_t len, struct acted *ret)
{
	*ret = (struct acted){ .len = len, .gate = HELD_NO_GATE };
	for (size_t i = 0; active && i < a->rules_len; i++) {
		struct rule *r = &a->rules[i];
		const struct meaning *hit;

		if (r->direction != d)
			continue;
		hit = selector_match(&r->plan->on.selector, d, m);
		if (!hit || !is_due(r) || !act(a, r, now_ns, hit, frame, ret))
			continue;
		r->happened++;
		ret->done |= 1U << r->plan->kind;
		if (r->plan->kind == ACT_DROP || r->plan->kind == ACT_HOLD)
			return;
	}
}

/**
 * actor_hold() - Keep a frame back that was judged so
 * @a:		The rules
 * @d:		Where it travels
 * @how:	What actor_judge() said of it
 * @frame:	Its bytes; copied
 *
 * Return: for the caller to fill in what he has to know when it goes on; NULL: there is no
 * room, and it is lost
 */
struct held *actor_hold(struct actor *a, enum direction d, const struct acted *how,
			const uint8_t *frame)
{
	struct held *f = held_add(&a->held, d, how->due_ns, how->gate, frame, how->len);

	if (f && how->gate != HELD_NO_GATE)
		a->rules[how->gate].holds++;
	return f;
}

/**
 * actor_passed() - A frame was sent on: it may open gates
 * @a:		The rules
 * @d:		Where it travels
 * @now_ns:	The time
 * @m:		What it means
 */
void actor_passed(struct actor *a, enum direction d, uint64_t now_ns, const struct meanings *m)
{
	for (size_t i = 0; i < a->rules_len; i++) {
		struct rule *r = &a->rules[i];

		if (!r->holds || !r->plan->until.text ||
		    !selector_match(&r->plan->until.selector, d, m))
			continue;
		held_open(&a->held, i, now_ns);
		r->holds = 0;
	}
}

/**
 * actor_take() - The next frame that goes on
 * @a:		The rules
 * @now_ns:	The time
 *
 * Return: for the caller to send, to tell actor_passed() of, and to free; NULL: there is none
 */
struct held *actor_take(struct actor *a, uint64_t now_ns)
{
	struct held *f = held_take(&a->held, now_ns);

	/* the time of its gate is over, so all that the gate holds is due: it is open */
	if (f && f->gate != HELD_NO_GATE && a->rules[f->gate].due_ns <= now_ns)
		a->rules[f->gate].holds = 0;
	return f;
}

/** actor_lose_held() - All that is held is gone, and every gate open */
void actor_lose_held(struct actor *a)
{
	held_release(&a->held);
	for (size_t i = 0; i < a->rules_len; i++)
		a->rules[i].holds = 0;
}

/**
 * actor_report() - What the rules did: the witness of each
 * @a:		The rules
 *
 * Return: [{direction, select, do, planned, matched, happened}], a new reference; planned is
 * null for a rule without a count
 */
json_t *actor_report(const struct actor *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->rules_len; i++) {
		const struct rule *r = &a->rules[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:o, s:I, s:I}", "direction",
					direction_names[r->direction], "select", r->plan->on.text,
					"do", act_names[r->plan->kind], "planned",
					r->plan->count ? json_integer((json_int_t)r->plan->count)
						       : json_null(),
					"matched", (json_int_t)r->matched, "happened",
					(json_int_t)r->happened));
	}
	return list;
}
