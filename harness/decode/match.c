// SPDX-License-Identifier: Apache-2.0
/*
 * A link changes no byte, so a frame is the same if all its bytes are.  Equal frames
 * (an ACK sent twice) are matched in their order.  A hash of the bytes finds them:
 * linear in the number of frames, however much a link reorders.
 */
#include "decode/match.h"

#include <stdlib.h>
#include <string.h>

struct table {
	size_t *slots; /* the first frame not yet taken with this hash, or MATCH_LOST */
	size_t *next; /* for each frame the next of its slot */
	size_t mask;
};

/* FNV-1a */
static uint64_t hash(const struct trace_frame *f)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < f->len; i++)
		h = (h ^ f->bytes[i]) * 0x100000001b3ULL;
	return h ^ (h >> 32);
}

static bool same(const struct trace_frame *a, const struct trace_frame *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* From the last to the first, so that each slot begins with its earliest frame */
static bool fill_table(struct table *t, const struct trace *receiver)
{
	size_t slots = 64;

	while (slots < receiver->len * 2)
		slots *= 2;
	t->mask = slots - 1;
	t->slots = malloc(slots * sizeof(*t->slots));
	t->next = malloc((receiver->len + 1) * sizeof(*t->next));
	if (!t->slots || !t->next)
		return false;
	for (size_t i = 0; i < slots; i++)
		t->slots[i] = MATCH_LOST;
	for (size_t i = receiver->len; i-- > 0;) {
		size_t *slot;

		if (receiver->frames[i].direction != TRACE_INBOUND)
			continue;
		slot = &t->slots[hash(&receiver->frames[i]) & t->mask];
		t->next[i] = *slot;
		*slot = i;
	}
	return true;
}

static size_t take(struct table *t, const struct trace *receiver, const struct trace_frame *f)
{
	for (size_t *at = &t->slots[hash(f) & t->mask]; *at != MATCH_LOST; at = &t->next[*at])
		if (same(&receiver->frames[*at], f)) {
			size_t found = *at;

			*at = t->next[found];
			return found;
		}
	return MATCH_LOST;
}

/**
 * match_link() - Match what went out at one end of a link with what came in at the other
 * @sender:	Capture at the sending end
 * @receiver:	Capture at the other end
 * @until_ns:	Only what was sent before this time: later frames may be on their way
 * @ret:	Set on success; give it to match_release()
 *
 * Return: 0, or -1 if there is no memory
 */
int match_link(const struct trace *sender, const struct trace *receiver, uint64_t until_ns,
	       struct match *ret)
{
	struct match m = { .sent = malloc((sender->len + 1) * sizeof(*m.sent)),
			   .received = malloc((sender->len + 1) * sizeof(*m.received)) };
	struct table table = { 0 };
	bool ok = m.sent && m.received && fill_table(&table, receiver);

	for (size_t i = 0; ok && i < sender->len; i++) {
		const struct trace_frame *f = &sender->frames[i];

		if (f->direction != TRACE_OUTBOUND || f->t_ns >= until_ns)
			continue;
		m.sent[m.len] = i;
		m.received[m.len] = take(&table, receiver, f);
		m.lost += m.received[m.len++] == MATCH_LOST;
	}
	free(table.slots);
	free(table.next);
	if (!ok) {
		match_release(&m);
		return -1;
	}
	*ret = m;
	return 0;
}

/** match_release() - Free it; idempotent */
void match_release(struct match *m)
{
	free(m->sent);
	free(m->received);
	*m = (struct match){ 0 };
}
