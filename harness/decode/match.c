// SPDX-License-Identifier: Apache-2.0
/*
 * A link changes no byte, so a frame is the same if all its bytes are (what a link does
 * else, by accident or by plan, is found in decode/damage).  A node may
 * change TTL, checksums, sequence numbers, window and options; it leaves addresses,
 * ports, the IPv4 identification and the payload alone (a NAT does not: not matched).
 *
 * Theory of operation.  Frames that look the same are twins: one group, found by a
 * hash.  Most groups have one frame at either point.  Where twins are as many at both
 * points they are paired in their order.  Where some are missing it matters which: an
 * IKE request that was lost is sent again, byte for byte, seconds later.  So what came
 * is paired with the latest twin that can have been it, given how long other frames
 * needed.  Linear in the number of frames, whatever the order in which they come.
 */
#include "decode/match.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "decode/damage.h"

#define NONE SIZE_MAX

/** What makes two frames the same. */
struct likeness {
	uint64_t (*hash)(const struct trace_frame *f);
	bool (*same)(const struct trace_frame *a, const struct trace_frame *b);
};

/* Frames of one point that look the same, in their order */
struct twins {
	size_t first, last; /* places in the list of the point, or NONE */
	size_t len;
};

struct group {
	const struct trace_frame *example;
	struct twins at[2];
};

/* The frames of one point that count */
struct point {
	const struct trace *trace;
	enum trace_direction direction;
	size_t *frames; /* owned */
	size_t *next; /* the next twin of each, or NONE; owned */
	size_t len;
};

struct matcher {
	const struct likeness *like;
	struct point points[2];
	struct group *groups; /* owned */
	size_t groups_len;
	size_t *slots; /* open addressing: places of groups, or NONE; owned */
	size_t mask;
	size_t *partner; /* of each frame of point 0 the place at point 1, or NONE; owned */
	uint64_t quickest_ns; /* the shortest way of a frame without missing twins */
};

/* --- likeness ---------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const uint8_t *bytes, size_t len)
{
	uint64_t word = 0;

	for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	word = len;
	for (size_t i = 0; i < len; i++)
		word = word << 8 | bytes[i];
	h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

static uint64_t hash_bytes(const struct trace_frame *f)
{
	return mix(f->len, f->bytes, f->len);
}

static bool same_bytes(const struct trace_frame *a, const struct trace_frame *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static size_t address_len(const struct packet *p)
{
	return p->version == 4 ? 4 : 16;
}

/* The IPv4 identification; IPv6 has none */
static unsigned int identification(const struct packet *p)
{
	return p->version == 4 ? (unsigned int)p->ip[4] << 8 | p->ip[5] : 0;
}

static uint64_t hash_content(const struct trace_frame *f)
{
	const struct packet *p = &f->packet;
	uint64_t h;

	if (!f->parsed)
		return hash_bytes(f);
	h = (uint64_t)p->sport << 48 | (uint64_t)p->dport << 32 | (uint64_t)p->flags << 24 |
	    (uint64_t)identification(p) << 8 | p->proto;
	h = mix(h, p->src, address_len(p));
	h = mix(h, p->dst, address_len(p));
	return mix(h, p->payload, p->payload_len);
}

static bool same_content(const struct trace_frame *a, const struct trace_frame *b)
{
	const struct packet *p = &a->packet, *q = &b->packet;

	if (!a->parsed || !b->parsed)
		return a->parsed == b->parsed && same_bytes(a, b);
	return p->version == q->version && p->proto == q->proto && p->sport == q->sport &&
	       p->dport == q->dport && p->flags == q->flags &&
	       identification(p) == identification(q) && p->payload_len == q->payload_len &&
	       memcmp(p->src, q->src, address_len(p)) == 0 &&
	       memcmp(p->dst, q->dst, address_len(p)) == 0 &&
	       memcmp(p->payload, q->payload, p->payload_len) == 0;
}

static const struct likeness by_bytes = { hash_bytes, same_bytes };
static const struct likeness by_content = { hash_content, same_content };

/* --- groups ------------------------------------------------------------------------ */

static const struct trace_frame *frame_of(const struct matcher *m, int which, size_t place)
{
	const struct point *p = &m->points[which];

	return &p->trace->frames[p->frames[place]];
}

static struct group *group_of(struct matcher *m, const struct trace_frame *f)
{
	size_t at = m->like->hash(f) & m->mask;

	for (; m->slots[at] != NONE; at = (at + 1) & m->mask)
		if (m->like->same(m->groups[m->slots[at]].example, f))
			return &m->groups[m->slots[at]];
	m->slots[at] = m->groups_len;
	m->groups[m->groups_len] =
		(struct group){ .example = f, .at = { { NONE, NONE, 0 }, { NONE, NONE, 0 } } };
	return &m->groups[m->groups_len++];
}

static void collect(struct matcher *m, int which)
{
	struct point *p = &m->points[which];

	for (size_t i = 0; i < p->trace->len; i++) {
		struct twins *t;

		if (p->trace->frames[i].direction != p->direction)
			continue;
		t = &group_of(m, &p->trace->frames[i])->at[which];
		p->frames[p->len] = i;
		p->next[p->len] = NONE;
		if (t->len++)
			p->next[t->last] = p->len;
		else
			t->first = p->len;
		t->last = p->len++;
	}
}

static bool prepare(struct matcher *m)
{
	size_t all = m->points[0].trace->len + m->points[1].trace->len, slots = 64;

	while (slots < all * 2)
		slots *= 2;
	m->mask = slots - 1;
	m->slots = malloc(slots * sizeof(*m->slots));
	m->groups = malloc((all + 1) * sizeof(*m->groups));
	m->partner = malloc((m->points[0].trace->len + 1) * sizeof(*m->partner));
	if (!m->slots || !m->groups || !m->partner)
		return false;
	for (size_t i = 0; i < slots; i++)
		m->slots[i] = NONE;
	for (int which = 0; which < 2; which++) {
		struct point *p = &m->points[which];

		p->frames = malloc((p->trace->len + 1) * sizeof(*p->frames));
		p->next = malloc((p->trace->len + 1) * sizeof(*p->next));
		if (!p->frames || !p->next)
			return false;
		collect(m, which);
	}
	for (size_t i = 0; i < m->points[0].len; i++)
		m->partner[i] = NONE;
	return true;
}

static void release(struct matcher *m)
{
	for (int which = 0; which < 2; which++) {
		free(m->points[which].frames);
		free(m->points[which].next);
	}
	free(m->slots);
	free(m->groups);
	free(m->partner);
}

/* --- pairs ------------------------------------------------------------------------- */

static void pair_in_order(struct matcher *m, const struct group *g)
{
	size_t sent = g->at[0].first, came = g->at[1].first;

	for (; sent != NONE; sent = m->points[0].next[sent], came = m->points[1].next[came]) {
		uint64_t from = frame_of(m, 0, sent)->t_ns, to = frame_of(m, 1, came)->t_ns;

		m->partner[sent] = came;
		if (to - from < m->quickest_ns)
			m->quickest_ns = to - from;
	}
}

/* More came than were sent: a link that duplicates.  The first that is not too early */
static void pair_earliest(struct matcher *m, const struct group *g)
{
	size_t sent = g->at[0].first, came = g->at[1].first;

	for (; sent != NONE && came != NONE; came = m->points[1].next[came]) {
		if (frame_of(m, 1, came)->t_ns < frame_of(m, 0, sent)->t_ns)
			continue;
		m->partner[sent] = came;
		sent = m->points[0].next[sent];
	}
}

/* Turn the list of twins around: the places of a group from its last to its first */
static size_t reverse(size_t *next, size_t first)
{
	size_t before = NONE;

	while (first != NONE) {
		size_t after = next[first];

		next[first] = before;
		before = first;
		first = after;
	}
	return before;
}

/*
 * Some were lost.  From the last on: each that came is the latest one which is not
 * taken and was sent early enough; an eighth less than the quickest way is allowed.
 */
static void pair_latest(struct matcher *m, const struct group *g)
{
	uint64_t way = m->quickest_ns == UINT64_MAX ? 0 : m->quickest_ns / 8 * 7;
	size_t sent = reverse(m->points[0].next, g->at[0].first);
	size_t came = reverse(m->points[1].next, g->at[1].first);

	for (; sent != NONE && came != NONE; sent = m->points[0].next[sent]) {
		if (frame_of(m, 0, sent)->t_ns + way > frame_of(m, 1, came)->t_ns)
			continue;
		m->partner[sent] = came;
		came = m->points[1].next[came];
	}
}

static void pair_all(struct matcher *m)
{
	m->quickest_ns = UINT64_MAX;
	for (size_t i = 0; i < m->groups_len; i++)
		if (m->groups[i].at[0].len == m->groups[i].at[1].len)
			pair_in_order(m, &m->groups[i]);
	for (size_t i = 0; i < m->groups_len; i++) {
		const struct group *g = &m->groups[i];

		if (g->at[0].len < g->at[1].len)
			pair_earliest(m, g);
		else if (g->at[0].len > g->at[1].len && g->at[1].len)
			pair_latest(m, g);
	}
}

static int match(struct matcher *m, uint64_t until_ns, struct match *ret)
{
	struct match out = { 0 };
	bool ok = prepare(m);

	if (ok) {
		pair_all(m);
		out.sent = malloc((m->points[0].len + 1) * sizeof(*out.sent));
		out.received = malloc((m->points[0].len + 1) * sizeof(*out.received));
		ok = out.sent && out.received;
	}
	for (size_t i = 0; ok && i < m->points[0].len; i++) {
		if (frame_of(m, 0, i)->t_ns >= until_ns)
			continue;
		out.sent[out.len] = m->points[0].frames[i];
		out.received[out.len] =
			m->partner[i] == NONE ? MATCH_LOST : m->points[1].frames[m->partner[i]];
		out.lost += out.received[out.len++] == MATCH_LOST;
	}
	release(m);
	if (!ok) {
		match_release(&out);
		return -1;
	}
	*ret = out;
	return 0;
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
	struct matcher m = { .like = &by_bytes,
			     .points = { { .trace = sender, .direction = TRACE_OUTBOUND },
					 { .trace = receiver, .direction = TRACE_INBOUND } } };

	if (match(&m, until_ns, ret))
		return -1;
	if (!damage_find(sender, receiver, ret))
		return 0;
	match_release(ret);
	return -1;
}

/** match_is_lost() - Did the @i-th frame that was sent come in no form at all? */
bool match_is_lost(const struct match *m, size_t i)
{
	return m->received[i] == MATCH_LOST && (!m->damaged || m->damaged[i] == MATCH_LOST);
}

/**
 * match_node() - Match what came into a node with what left it
 * @in:		Capture at the interface by which packets come
 * @out:	Capture at the one by which they leave
 * @ret:	Set on success; give it to match_release()
 *
 * Sequence numbers, TTL, checksums and options may change in between.
 *
 * Return: 0, or -1 if there is no memory
 */
int match_node(const struct trace *in, const struct trace *out, struct match *ret)
{
	struct matcher m = { .like = &by_content,
			     .points = { { .trace = in, .direction = TRACE_INBOUND },
					 { .trace = out, .direction = TRACE_OUTBOUND } } };

	return match(&m, UINT64_MAX, ret);
}

/** match_release() - Free it; idempotent */
void match_release(struct match *m)
{
	free(m->sent);
	free(m->received);
	free(m->damaged);
	*m = (struct match){ 0 };
}
