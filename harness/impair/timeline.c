// SPDX-License-Identifier: Apache-2.0
/*
 * A value at a time is that of the window that is open, or of the last change that stays,
 * or the case's own.  Entries are in the order of their times, and those that say the
 * same never meet (spec/timeline.c), so a later entry may overwrite an earlier one; only
 * windows come behind what stays.
 *
 * Linear in the entries: a case has under a hundred.
 */
#include "impair/timeline.h"

/**
 * timeline_next() - The first time at or after @t_ns at which anything begins or ends
 *
 * Return: the time, or WHEN_NEVER
 */
uint64_t timeline_next(const struct timeline *t, uint64_t t_ns)
{
	uint64_t first = WHEN_NEVER;

	for (size_t i = 0; i < t->len; i++) {
		uint64_t next = when_next(&t->entries[i].when, t_ns);

		first = next < first ? next : first;
	}
	return first;
}

/** timeline_turns() - Does anything of that kind begin or end at just this time on a link? */
bool timeline_turns(const struct timeline *t, uint64_t t_ns, enum timeline_what what,
		    enum link_id link)
{
	for (size_t i = 0; i < t->len; i++) {
		const struct timeline_entry *e = &t->entries[i];

		if (e->what == what && e->link == link && when_turn(&e->when, t_ns) != WHEN_NOTHING)
			return true;
	}
	return false;
}

/** timeline_turns_lane() - Does a change or a block of one direction begin or end just then? */
bool timeline_turns_lane(const struct timeline *t, uint64_t t_ns, enum link_id link,
			 enum direction d)
{
	for (size_t i = 0; i < t->len; i++) {
		const struct timeline_entry *e = &t->entries[i];

		if ((e->what == TIMELINE_IMPAIR || e->what == TIMELINE_BLOCK) && e->link == link &&
		    e->on[d] && when_turn(&e->when, t_ns) != WHEN_NOTHING)
			return true;
	}
	return false;
}

/** timeline_renumbers() - Does the client ever get another address? */
bool timeline_renumbers(const struct timeline *t)
{
	for (size_t i = 0; i < t->len; i++)
		if (t->entries[i].what == TIMELINE_RENUMBER)
			return true;
	return false;
}

/* The entries of one kind on one link that hold, in the order in which they overwrite */
static const struct timeline_entry *next_holding(const struct timeline *t, enum timeline_what what,
						 enum link_id link, uint64_t t_ns, size_t *place)
{
	for (; *place < 2 * t->len; (*place)++) {
		const struct timeline_entry *e =
			&t->entries[*place < t->len ? *place : *place - t->len];
		bool stays = e->when.length_ns == WHEN_NEVER;

		if (e->what != what || e->link != link || stays != (*place < t->len) ||
		    !when_active(&e->when, t_ns))
			continue;
		(*place)++;
		return e;
	}
	return NULL;
}

/**
 * timeline_lane_at() - What one direction of a link does at a time
 * @c:		The case
 * @link:	The link
 * @d:		The direction
 * @t_ns:	The time; what begins just then holds, what ends just then does not
 * @ret:	Set
 */
void timeline_lane_at(const struct spec_case *c, enum link_id link, enum direction d, uint64_t t_ns,
		      struct timeline_lane *ret)
{
	const struct timeline *t = &c->timeline;
	const struct timeline_entry *e;
	size_t place = 0;

	*ret = (struct timeline_lane){ .plan = c->impair[link][d] };
	while ((e = next_holding(t, TIMELINE_IMPAIR, link, t_ns, &place)))
		if (e->on[d])
			impairment_overlay(&ret->plan, &e->change);
	place = 0;
	while ((e = next_holding(t, TIMELINE_BLOCK, link, t_ns, &place)))
		ret->blocked |= e->on[d];
}

/** timeline_down_at() - Has a link no carrier at a time? */
bool timeline_down_at(const struct timeline *t, enum link_id link, uint64_t t_ns)
{
	size_t place = 0;

	return next_holding(t, TIMELINE_DOWN, link, t_ns, &place);
}

/** timeline_mtu_at() - The MTU of a link at a time, in bytes */
uint64_t timeline_mtu_at(const struct timeline *t, enum link_id link, uint64_t t_ns)
{
	uint64_t mtu = TIMELINE_MTU_MAX;
	const struct timeline_entry *e;
	size_t place = 0;

	while ((e = next_holding(t, TIMELINE_MTU, link, t_ns, &place)))
		mtu = e->mtu;
	return mtu;
}
