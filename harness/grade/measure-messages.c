// SPDX-License-Identifier: Apache-2.0
/*
 * What client and head-end sent, message by message, as each sent it: from the capture at its
 * own end of the link.  TCP is left out of what is repeated: it repeats by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/prng.h"
#include "decode/meaning.h"
#include "decode/wireguard.h"
#include "grade/evidence.h"
#include "grade/measure.h"
#include "spec/selector.h"

/** A message that was sent. */
struct sent {
	uint64_t t_ns;
	uint64_t key, content; /* the same message; its bytes */
	size_t order;
	bool again; /* by its name */
	bool exact; /* of a protocol whose messages are sent again bit by bit */
	bool asks; /* for a session */
};

struct sent_list {
	struct sent *list; /* owned */
	size_t len, room;
};

static void sent_list_release(struct sent_list *l)
{
	free(l->list);
}
#define AUTO_SENT __attribute__((cleanup(sent_list_release)))

/* What opens a session, of every protocol */
static const char *const requests[] = {
	"ike:IKE_SA_INIT:req",	       "ikev1:MAIN:x1:msg1",
	"ikev1:AGGRESSIVE:x1:msg1",    "wg:initiation",
	"ovpn:hard_reset_client_v1",   "ovpn:hard_reset_client_v2",
	"dtls:handshake:client_hello",
};

struct requests {
	struct selector of[ARRAY_SIZE(requests)];
};

static void requests_parse(struct requests *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		struct err err = { 0 };
		size_t at;

		if (selector_parse(requests[i], &ret->of[i], &at, &err))
			abort(); /* the table above is ours */
	}
}

static bool asks(const struct requests *r, enum direction d, const struct meanings *m)
{
	for (size_t i = 0; d == DIR_UP && i < ARRAY_SIZE(requests); i++)
		if (selector_match(&r->of[i], d, m))
			return true;
	return false;
}

/* The place of the transmission among a family's numbers; -1: there is none */
static int tx_place(enum meaning_family family)
{
	const struct meaning_grammar *g = &meaning_grammars[family];

	for (int i = 0; i < MEANING_NUMBERS && g->number[i]; i++)
		if (strcmp(g->number[i], "tx") == 0)
			return i;
	return -1;
}

static uint64_t hash(uint64_t start, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		start = (start ^ bytes[i]) * 0x100000001b3ULL; /* FNV-1a's prime */
	return prng_mix(start);
}

/*
 * RFC 7296 section 2.1 wants the bits of IKE again, RFC 4303 and WireGuard want another
 * number on anything else.  DTLS and OpenVPN number their records and acknowledgements anew.
 */
static bool is_exact(enum meaning_family family)
{
	return family == MEANING_IKE || family == MEANING_ESP || family == MEANING_WG;
}

/*
 * WireGuard's tries are new messages, and what tells them apart are indices (the protocol paper,
 * section 5.4): of an initiation the sender's, of a response whom it answers, of data
 * the receiver's and the counter.
 */
static uint64_t wireguard_key(uint64_t key, const uint8_t *bytes, size_t len)
{
	size_t from = bytes[0] == WIREGUARD_RESPONSE ? 8 : 4;
	size_t to = bytes[0] == WIREGUARD_DATA ? 16 : from + 4;

	return len < to ? key : hash(key, bytes + from, to - from);
}

/* All of a name but for how often */
static uint64_t key_of(const struct meaning *m, enum direction d, const uint8_t *bytes)
{
	uint64_t key = prng_mix((uint64_t)m->family << 8 | d) ^ m->len;
	int tx = tx_place(m->family);

	for (int i = 0; i < MEANING_WORDS; i++)
		key = prng_mix(key ^ m->word[i]);
	if (m->family == MEANING_WG)
		return wireguard_key(key, bytes, m->len);
	for (int i = 0; i < MEANING_NUMBERS; i++)
		key = prng_mix(key ^ (i != tx && m->has & 1U << i ? m->number[i] + 1 : 0));
	return key;
}

static void add(struct sent_list *l, const struct trace_frame *f, enum direction d,
		const struct meanings *all, bool opens)
{

	for (size_t i = 0; i < all->len; i++) {
		const struct meaning *m = &all->list[i];
		int tx = tx_place(m->family);

		if (tx < 0 || m->family == MEANING_TCP)
			continue;
		if (l->len == l->room) {
			l->room = l->room ? 2 * l->room : 1024;
			l->list = realloc(l->list, l->room * sizeof(*l->list));
			if (!l->list)
				abort();
		}
		l->list[l->len] = (struct sent){
			.t_ns = f->t_ns,
			.key = key_of(m, d, f->bytes + m->at),
			.content = hash(m->len, f->bytes + m->at, m->len),
			.order = l->len,
			.again = !f->packet.tcp && m->has & 1U << tx && m->number[tx] > 1,
			.exact = !f->packet.tcp && is_exact(m->family),
			.asks = opens,
		};
		l->len++;
		opens = false; /* a frame asks once */
	}
}

static void collect_end(const struct evidence_trace *t, enum direction own, struct sent_list *l)
{
	struct meaning_state *s = meaning_state_new();
	struct requests r;

	requests_parse(&r);
	for (size_t i = 0; s && i < t->trace.len; i++) {
		const struct trace_frame *f = &t->trace.frames[i];
		bool out = f->direction == TRACE_OUTBOUND;
		struct meanings m = { .len = 0 };

		meaning_read(s, out ? (int)own : !own, f->bytes, f->len, &m);
		if (out)
			add(l, f, own, &m, asks(&r, own, &m));
	}
	meaning_state_free(s);
}

static bool collect(const struct evidence *e, struct sent_list *ret)
{
	if (!e->captured)
		return false;
	collect_end(evidence_end(e, LINK_ACCESS, END_CLIENT), DIR_UP, ret);
	collect_end(evidence_end(e, LINK_INSIDE, END_SERVER), DIR_DOWN, ret);
	return ret->len > 0;
}

static int by_key(const void *a, const void *b)
{
	const struct sent *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

MEASURE(messages_repeated)
{
	AUTO_SENT struct sent_list l = { 0 };

	if (!collect(e, &l))
		return false;
	for (size_t i = 0; i < l.len; i++)
		ret->number += l.list[i].again;
	return true;
}

MEASURE(messages_changed)
{
	AUTO_SENT struct sent_list l = { 0 };
	const struct sent *first = NULL;

	if (!collect(e, &l))
		return false;
	qsort(l.list, l.len, sizeof(*l.list), by_key);
	for (size_t i = 0; i < l.len; i++) {
		if (!first || first->key != l.list[i].key)
			first = &l.list[i];
		ret->number += first->exact && first->content != l.list[i].content;
	}
	return true;
}

MEASURE(handshake_requests)
{
	AUTO_SENT struct sent_list l = { 0 };

	if (!collect(e, &l))
		return false;
	for (size_t i = 0; i < l.len; i++)
		ret->number += l.list[i].asks;
	return ret->number > 0;
}

/* RFC 7296 section 2.4; jitter is allowed, and that the last ones are as far apart as can be */
MEASURE(handshake_backoff)
{
	AUTO_SENT struct sent_list l = { 0 };
	uint64_t until = evidence_time(e, "up_end"), last = 0, gap, first_gap = 0, last_gap = 0;
	size_t n = 0;
	bool grows = true;

	if (!collect(e, &l))
		return false;
	for (size_t i = 0; i < l.len; i++) {
		if (!l.list[i].asks || l.list[i].t_ns >= until)
			continue;
		gap = l.list[i].t_ns - last;
		if (n == 1)
			first_gap = gap;
		else if (n > 1)
			grows = grows && gap * 10 >= last_gap * 9;
		last = l.list[i].t_ns;
		last_gap = n ? gap : 0;
		n++;
	}
	return n >= 4 && measure_yes_no(grows && last_gap >= 2 * first_gap, ret);
}
