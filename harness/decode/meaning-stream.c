// SPDX-License-Identifier: Apache-2.0
/*
 * Messages in a stream: TLS, IKE over TCP (RFC 9329) and OpenVPN over TCP, of which each
 * may begin anywhere.
 *
 *   frontier   sequence number at which the next message begins; the bytes of a message's
 *              head that came so far are in .partial, what follows the head is skipped
 *   ring       the last messages with their place: if the bytes come again, so does the
 *              name, with the next tx
 *
 * A message belongs to the segment in which its head ends.  Behind a hole the frontier is
 * lost; if the next segment begins with a head it goes on from there, so messages in what
 * fills the hole later may have no name.
 */
#include <string.h>

#include "decode/bytes.h"
#include "decode/esp.h"
#include "decode/ike.h"
#include "decode/meaning-state.h"
#include "decode/tls.h"

struct stream {
	const struct meaning_frame *f;
	struct flow *flow;
	struct half *half;
	const struct packet *p;
	uint32_t seq; /* of the first byte of the payload */
};

/* What a message's head says: how much of it is needed to name it, and the whole length */
struct head {
	size_t need, whole;
};

/* The first bytes of a connection tell what it carries */
static enum stream_kind recognise(const uint8_t *b, size_t have, size_t *ret_need)
{
	static const char prefix[] = ESP_TCP_PREFIX;
	struct tls_record tls;

	*ret_need = TLS_PEEK_LEN;
	if (have < TLS_PEEK_LEN)
		return STREAM_UNKNOWN;
	if (memcmp(b, prefix, sizeof(prefix) - 1) == 0)
		return STREAM_IKE;
	if (tls_parse(b, have, &tls) && tls.type == TLS_HANDSHAKE)
		return STREAM_TLS;
	*ret_need = 2 + 14; /* the shortest reset of OpenVPN */
	if (bytes_be16(b) < 14 || (b[2] != OPENVPN_HARD_RESET_CLIENT_V2 << 3 &&
				   b[2] != OPENVPN_HARD_RESET_CLIENT_V3 << 3))
		return STREAM_OPAQUE;
	return have < *ret_need ? STREAM_UNKNOWN : STREAM_OVPN;
}

/* False: this is no head of a message */
static bool read_head(enum stream_kind kind, const uint8_t *b, size_t have, struct head *ret)
{
	size_t peek = kind == STREAM_IKE ? ESP_TCP_PEEK + IKE_PEEK_LEN : 2 + OPENVPN_PEEK_LEN;
	struct tls_record tls;

	*ret = (struct head){ kind == STREAM_TLS ? TLS_HEADER_LEN : 2, 0 };
	if (have < ret->need)
		return true;
	if (kind == STREAM_TLS) {
		if (!tls_parse(b, have, &tls))
			return false;
		ret->whole = tls.len;
		peek = TLS_PEEK_LEN;
	} else {
		/* RFC 9329 section 3: the length counts itself; OpenVPN's does not */
		ret->whole = (size_t)bytes_be16(b) + (kind == STREAM_OVPN ? 2 : 0);
		if (ret->whole < 3)
			return false;
	}
	ret->need = ret->whole < peek ? ret->whole : peek;
	return true;
}

static void tls_record(const struct stream *s, const uint8_t *b, size_t have, const uint8_t *at,
		       size_t len)
{
	struct half *h = s->half;
	struct tls_record r;
	struct meaning *m;

	tls_parse(b, have, &r); /* as read_head() did */
	m = meaning_add(s->f, MEANING_TLS, at, len);
	m->word[0] = r.type;
	if (r.type == TLS_HANDSHAKE && !h->encrypted && r.len > TLS_HEADER_LEN)
		m->word[1] = r.handshake;
	h->encrypted |= r.type == TLS_CHANGE_CIPHER_SPEC;
	h->records++;
	if (!h->jumped)
		meaning_number(m, N_TLS_REC, h->records);
	meaning_number(m, N_TLS_CONN, s->flow->conn);
	meaning_number(m, N_TLS_TX, 1);
}

/* Where a meaning has its transmission number, or -1 */
static int tx_place(const struct meaning *m)
{
	const char *const *number = meaning_grammars[m->family].number;

	for (int i = 0; i < MEANING_NUMBERS && number[i]; i++)
		if (strcmp(number[i], "tx") == 0 && m->has & 1U << i)
			return i;
	return -1;
}

/* A message with its head in @b; what of it is in the segment: @at, @len.  Its tx's place */
static int name_message(const struct stream *s, const uint8_t *b, size_t have, size_t whole,
			const uint8_t *at, size_t len)
{
	struct meanings found = { .len = 0 };
	struct meaning_frame into = { s->f->s, s->f->direction, b, &found };
	struct meaning *m;

	if (s->flow->kind == STREAM_TLS) {
		tls_record(s, b, have, at, len);
		return N_TLS_TX;
	}
	/* read where the head is collected, then said of the bytes in the segment */
	if (s->flow->kind == STREAM_OVPN) {
		meaning_ovpn(&into, s->flow, s->half, b + 2, have - 2, whole - 2);
	} else {
		switch (esp_form(b + 2, whole - 2 < have - 2 ? whole - 2 : have - 2)) {
		case ESP_FORM_IKE:
			meaning_ike(&into, b + ESP_TCP_PEEK, have - ESP_TCP_PEEK,
				    whole - ESP_TCP_PEEK);
			break;
		case ESP_FORM_ESP:
			meaning_esp(&into, b + 2, have - 2);
			break;
		case ESP_FORM_KEEPALIVE:
			meaning_add(&into, MEANING_NATT, b + 2, 1)->word[0] = 0;
			break;
		case ESP_FORM_NONE:
			break;
		}
	}
	if (!found.len)
		return -1;
	m = meaning_add(s->f, found.list[0].family, at, len);
	found.list[0].at = m->at;
	found.list[0].len = m->len;
	*m = found.list[0];
	return tx_place(m);
}

static void remember(struct half *h, uint32_t end, int tx, const struct meaning *m)
{
	h->ring[h->ring_at] = (struct stream_record){ end, tx, *m };
	h->ring_at = (h->ring_at + 1) % RECORDS;
	if (h->ring_len < RECORDS)
		h->ring_len++;
}

/* Name again what was named before, in the order in which it came; true if anything was */
static bool repeat(const struct stream *s)
{
	uint32_t end = s->seq + (uint32_t)s->p->payload_len;
	struct half *h = s->half;
	bool any = false;

	for (size_t i = 0; i < h->ring_len; i++) {
		struct stream_record *r =
			&h->ring[(h->ring_at + RECORDS - h->ring_len + i) % RECORDS];
		struct meaning *m;

		if (!seq_lt(s->seq, r->end) || !seq_leq(r->end, end))
			continue;
		if (r->tx >= 0)
			r->meaning.number[r->tx]++;
		m = meaning_add(s->f, r->meaning.family, s->p->payload, s->p->payload_len);
		r->meaning.at = m->at;
		r->meaning.len = m->len;
		*m = r->meaning;
		any = true;
	}
	return any;
}

/* Read messages from the frontier on, as far as their heads are in this segment */
static void walk(const struct stream *s)
{
	struct half *h = s->half;
	uint32_t end = s->seq + (uint32_t)s->p->payload_len;

	while (h->framed && seq_lt(h->frontier + (uint32_t)h->partial_len, end)) {
		uint32_t from = h->frontier + (uint32_t)h->partial_len;
		const uint8_t *more = s->p->payload + (from - s->seq);
		size_t left = (size_t)(end - from), room = sizeof(h->partial) - h->partial_len;
		size_t have = h->partial_len + (left < room ? left : room), before;
		const uint8_t *at;
		struct head head = { 0 };
		int tx;

		memcpy(h->partial + h->partial_len, more, have - h->partial_len);
		if (s->flow->kind == STREAM_UNKNOWN)
			s->flow->kind = recognise(h->partial, have, &head.need);
		if (s->flow->kind == STREAM_IKE && h->frontier == h->isn + 1 && have >= 6 &&
		    memcmp(h->partial, ESP_TCP_PREFIX, 6) == 0) {
			h->frontier += 6;
			h->partial_len = 0;
			continue;
		}
		if (s->flow->kind == STREAM_OPAQUE ||
		    (s->flow->kind != STREAM_UNKNOWN &&
		     !read_head(s->flow->kind, h->partial, have, &head))) {
			h->framed = false;
			return;
		}
		if (have < head.need) {
			h->partial_len = have;
			return;
		}
		before = h->partial_len; /* bytes of the head that came in earlier segments */
		at = before ? s->p->payload : more;
		tx = name_message(s, h->partial, have < head.whole ? have : head.whole, head.whole,
				  at, head.whole - before < left ? head.whole - before : left);
		if (tx >= 0)
			remember(h, h->frontier + (uint32_t)head.need, tx,
				 &s->f->ret->list[s->f->ret->len - 1]);
		h->frontier += (uint32_t)head.whole;
		h->partial_len = 0;
	}
}

/* Does a segment begin with the head of a record?  TLS has enough that is fixed */
static bool begins_record(const struct packet *p)
{
	struct tls_record r;

	return tls_parse(p->payload, p->payload_len, &r) && p->payload[1] == 3 &&
	       (r.type != TLS_CHANGE_CIPHER_SPEC || r.len == TLS_PEEK_LEN);
}

static void jump(const struct stream *s)
{
	s->half->framed = true;
	s->half->jumped = true;
	s->half->frontier = s->seq;
	s->half->partial_len = 0;
}

/**
 * meaning_stream() - The messages whose heads end in a segment
 * @f:		The frame
 * @flow:	Its flow; learns what it carries
 * @half:	Of the sender
 * @p:		The segment, with payload
 * @seq:	Sequence number of the first byte of the payload
 */
void meaning_stream(const struct meaning_frame *f, struct flow *flow, struct half *half,
		    const struct packet *p, uint32_t seq)
{
	const struct stream stream = { f, flow, half, p, seq }, *s = &stream;
	struct half *h = half;
	bool repeated = repeat(s);
	uint32_t next = h->frontier + (uint32_t)h->partial_len;

	if (h->framed && seq_lt(next, s->seq))
		h->framed = false; /* a hole in the head of a message */
	else if (h->framed && seq_leq(s->seq, next))
		walk(s);
	if (h->framed || repeated)
		return;
	if (s->flow->kind == STREAM_UNKNOWN && h->isn_guessed && begins_record(s->p))
		s->flow->kind = STREAM_TLS;
	if (s->flow->kind == STREAM_TLS && begins_record(s->p)) {
		jump(s);
		walk(s);
	}
}
