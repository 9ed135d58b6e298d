// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation.  A point is an end of a link.  From the sending end of a link to
 * the other a frame keeps all its bytes; through a node it keeps what match_node()
 * compares.  So a frame can be followed through a device that rewrites sequence numbers,
 * without knowing how.  A NAT or a relay gives everything of a connection another name:
 * there the trail ends, and no loss is said.  The tunnel ends at the head-end: what goes on from
 * there to the server is another packet, and is not followed.
 */
#include "grade/trail.h"

#include <stdio.h>
#include <string.h>

#include "decode/match.h"

/* Where the frame @sent went to; false if it is not among those that were compared */
static bool look_up(const struct match *m, size_t sent, size_t *ret_received)
{
	size_t low = 0, high = m->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->sent[middle] < sent)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == m->len || m->sent[low] != sent)
		return false;
	*ret_received = m->received[low];
	return true;
}

/* The link after this one, in a direction; false at the end of the tunnel */
static bool next_link(enum link_id l, enum direction d, enum link_id *ret)
{
	if (l == (d == DIR_UP ? LINK_INSIDE : LINK_ACCESS) || l == LINK_LAN)
		return false;
	*ret = (enum link_id)(d == DIR_UP ? (int)l + 1 : (int)l - 1);
	return true;
}

/* Over a link: true if it came out, and @s is there then */
static bool cross_link(const struct evidence *e, enum direction d, struct trail_point *s,
		       struct trail *ret)
{
	size_t received;

	if (!look_up(&e->matches[s->link][d], s->frame, &received))
		return false; /* sent when the traffic was over: not compared */
	if (received == MATCH_LOST) {
		snprintf(ret->hop, sizeof(ret->hop), "%s:%s", link_names[s->link],
			 direction_names[d]);
		return false;
	}
	s->frame = received;
	s->end = !s->end;
	return true;
}

static bool same_flow(const struct packet *p, const struct packet *q)
{
	size_t len = p->version == 4 ? 4 : 16;

	return p->version == q->version && p->proto == q->proto && p->sport == q->sport &&
	       p->dport == q->dport && memcmp(p->src, q->src, len) == 0 &&
	       memcmp(p->dst, q->dst, len) == 0;
}

/* Did the node send on anything of the flow of a frame as it came? */
static bool keeps_names(const struct match *m, const struct trace *in, size_t frame)
{
	for (size_t i = 0; i < m->len; i++)
		if (m->received[i] != MATCH_LOST &&
		    same_flow(&in->frames[m->sent[i]].packet, &in->frames[frame].packet))
			return true;
	return false;
}

/* Through the node at the far end of a link: 1 if seen behind it, 0 if not, -1: no memory */
static int cross_node(const struct evidence *e, enum direction d, enum link_id next,
		      struct trail_point *s, struct trail *ret)
{
	const struct evidence_trace *in = evidence_end(e, s->link, s->end);
	const struct evidence_trace *out = evidence_end(e, next, evidence_sender(d));
	struct match m = { 0 };
	size_t received = MATCH_LOST;
	bool lost;

	if (match_node(&in->trace, &out->trace, &m))
		return -1;
	look_up(&m, s->frame, &received);
	lost = received == MATCH_LOST && keeps_names(&m, &in->trace, s->frame);
	match_release(&m);
	if (received == MATCH_LOST && !lost)
		return 0;
	if (lost) {
		snprintf(ret->hop, sizeof(ret->hop), "%s", node_names[in->node]);
		return 0;
	}
	*s = (struct trail_point){ next, evidence_sender(d), received };
	return 1;
}

/**
 * trail_follow() - Follow a frame to where it got lost
 * @e:		Evidence with captures
 * @d:		The way it travels
 * @from:	Where it was seen first
 * @ret:	Set on success
 *
 * Return: 0, or -1 if there is no memory
 */
int trail_follow(const struct evidence *e, enum direction d, const struct trail_point *from,
		 struct trail *ret)
{
	struct trail_point s = *from;
	int left = 1;

	*ret = (struct trail){ .last = s };
	while (left > 0) {
		enum link_id next;

		if (s.end == evidence_sender(d) && !cross_link(e, d, &s, ret))
			return 0;
		ret->last = s;
		if (!next_link(s.link, d, &next))
			return 0;
		left = cross_node(e, d, next, &s, ret);
		if (left > 0)
			ret->last = s;
	}
	return left;
}
