// SPDX-License-Identifier: Apache-2.0
/*
 * From a frame to its meanings: which protocol a packet is of, and its place in it.
 *
 * IKE and ESP in UDP are known by the ports 500 and 4500, at either end, as a NAT may change
 * one.  WireGuard and DTLS are known by their form, OpenVPN by the port 1194 or by the reset
 * with which a connection begins.
 */
#include "decode/meaning.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "decode/bytes.h"
#include "decode/ctcp.h"
#include "decode/esp.h"
#include "decode/ike.h"
#include "decode/meaning-state.h"
#include "decode/tls.h"
#include "decode/wireguard.h"

#define PORT_IKE     500
#define PORT_OPENVPN 1194
#define PROTO_ICMP   1
#define PROTO_UDP    17
#define PROTO_ESP    50
#define PROTO_ICMP6  58

#define NAMES_MAX   1024
#define CONTROL_MAX 1024
#define DATA_MAX    8192

#define V1_HASHED 64 /* bytes of a message of IKEv1 that tell it from others of its exchange */

/* What a key is about: the first number that is mixed into it */
enum {
	KEY_SPI,
	KEY_ESP,
	KEY_SA,
	KEY_IKE,
	KEY_V1_EXCHANGE,
	KEY_V1_EXCHANGES,
	KEY_V1_MESSAGE,
	KEY_V1_MESSAGES,
	KEY_V1_TX,
	KEY_DTLS,
	KEY_WG_SESSION,
	KEY_WG,
	KEY_OVPN_SESSION,
	KEY_OVPN,
};

/** meaning_key() - One number of several, for counts */
uint64_t meaning_key(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return prng_mix(prng_mix(prng_mix(a) ^ b) ^ c) ^ d;
}

/** meaning_add() - Another meaning of a frame, without words and numbers; never NULL */
struct meaning *meaning_add(const struct meaning_frame *f, enum meaning_family family,
			    const uint8_t *at, size_t len)
{
	struct meaning *m;

	/* without room the last one is replaced: what is in front names the frame better */
	m = &f->ret->list[f->ret->len < MEANING_MAX ? f->ret->len++ : MEANING_MAX - 1];
	*m = (struct meaning){ .family = family,
			       .word = { MEANING_NO_WORD, MEANING_NO_WORD },
			       .span = 1,
			       .at = (size_t)(at - f->bytes),
			       .len = len };
	return m;
}

/** meaning_number() - Give a meaning one of its numbers */
void meaning_number(struct meaning *m, int place, uint64_t value)
{
	m->has = (uint8_t)(m->has | 1U << place);
	m->number[place] = value;
}

/* The place of a name among those of its kind, in the order in which they came, from 1 */
static uint32_t place_of(struct meaning_state *s, uint64_t key, uint32_t *last)
{
	uint32_t place = counts_get(&s->names, key);

	if (!place) {
		place = ++*last;
		counts_set(&s->names, key, place);
	}
	return place;
}

/* --- ESP and IKE ----------------------------------------------------------------------- */

/** meaning_esp() - A packet of ESP at @at; false if it cannot be one */
bool meaning_esp(const struct meaning_frame *f, const uint8_t *at, size_t len)
{
	struct meaning_state *s = f->s;
	uint64_t way = (uint64_t)f->direction;
	struct esp_packet p;
	struct meaning *m;

	if (!esp_parse(at, len, &p))
		return false;
	m = meaning_add(f, MEANING_ESP, at, len);
	meaning_number(m, N_ESP_SPI,
		       place_of(s, meaning_key(KEY_SPI, way, p.spi, 0), &s->spis[f->direction]));
	meaning_number(m, N_ESP_SEQ, p.seq);
	meaning_number(m, N_ESP_TX, counts_add(&s->data, meaning_key(KEY_ESP, way, p.spi, p.seq)));
	return true;
}

static uint64_t hash_bytes(const uint8_t *p, size_t len)
{
	uint64_t hash = len;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3ULL; /* FNV-1a's prime */
	return hash;
}

/*
 * Version 1 numbers its exchanges at random and has no numbers of messages: exchanges are
 * counted by type within an SA, messages within an exchange, in the order in which they came.
 */
static void ikev1(const struct meaning_frame *f, const struct ike_message *i, const uint8_t *at,
		  size_t len, uint32_t sa, struct meaning *m)
{
	struct counts *c = &f->s->control;
	uint64_t way = (uint64_t)f->direction;
	uint64_t content = hash_bytes(at, len < V1_HASHED ? len : V1_HASHED) ^ i->len;
	uint64_t exchange = meaning_key(KEY_V1_EXCHANGE, i->spi_i, i->exchange, i->mid);
	uint64_t message = meaning_key(KEY_V1_MESSAGE, exchange, content, way);
	uint32_t x = counts_get(c, exchange), msg = counts_get(c, message);

	if (!x) {
		x = counts_add(c, meaning_key(KEY_V1_EXCHANGES, i->spi_i, i->exchange, 0));
		counts_set(c, exchange, x);
	}
	if (!msg) {
		msg = counts_add(c, meaning_key(KEY_V1_MESSAGES, exchange, 0, 0));
		counts_set(c, message, msg);
	}
	meaning_number(m, N_V1_X, x);
	meaning_number(m, N_V1_MSG, msg);
	if (i->fragment)
		meaning_number(m, N_V1_FRAG, i->fragment);
	meaning_number(m, N_V1_SA, sa);
	meaning_number(m, N_V1_TX, counts_add(c, meaning_key(KEY_V1_TX, message, 0, 0)));
}

/*
 * A message is the same as an earlier one if all that its header says is the same, the
 * length too: an IKE_SA_INIT that brings a cookie is longer and begins with tx1 again.
 */
static void ikev2(const struct meaning_frame *f, const struct ike_message *i, uint32_t sa,
		  struct meaning *m)
{
	uint64_t kind = (uint64_t)i->exchange << 34 | (uint64_t)i->response << 33 |
			(uint64_t)i->from_initiator << 32 | i->mid;
	uint64_t shape = (uint64_t)i->fragment << 32 | i->len;

	m->word[1] = i->response;
	meaning_number(m, N_IKE_MID, i->mid);
	if (i->fragment)
		meaning_number(m, N_IKE_FRAG, i->fragment);
	meaning_number(m, N_IKE_SA, sa);
	meaning_number(m, N_IKE_TX,
		       counts_add(&f->s->control,
				  meaning_key(KEY_IKE, i->spi_i,
					      kind ^ (uint64_t)f->direction << 63, shape)));
}

/** meaning_ike() - A message of IKE at @at, of which @len bytes are here; false if it is none */
bool meaning_ike(const struct meaning_frame *f, const uint8_t *at, size_t len, size_t whole)
{
	struct ike_message i;
	struct meaning *m;
	uint32_t sa;

	if (!ike_parse(at, len, whole, &i))
		return false;
	sa = place_of(f->s, meaning_key(KEY_SA, i.spi_i, 0, 0), &f->s->sas);
	m = meaning_add(f, i.version == 1 ? MEANING_IKEV1 : MEANING_IKE, at,
			i.len < len ? i.len : len);
	m->word[0] = i.exchange;
	if (i.version == 1)
		ikev1(f, &i, at, len, sa, m);
	else
		ikev2(f, &i, sa, m);
	return true;
}

/** meaning_natt() - What the NAT-T port carries: IKE behind a marker, ESP or a keepalive */
bool meaning_natt(const struct meaning_frame *f, const uint8_t *at, size_t len)
{
	switch (esp_form(at, len)) {
	case ESP_FORM_ESP:
		return meaning_esp(f, at, len);
	case ESP_FORM_IKE:
		return meaning_ike(f, at + ESP_MARKER_LEN, len - ESP_MARKER_LEN,
				   len - ESP_MARKER_LEN);
	case ESP_FORM_KEEPALIVE:
		meaning_add(f, MEANING_NATT, at, len)->word[0] = 0;
		return true;
	case ESP_FORM_NONE:
		break;
	}
	return false;
}

/* --- DTLS and WireGuard ----------------------------------------------------------------- */

/* The records of a datagram; false if the first is none */
static bool dtls(const struct meaning_frame *f, const uint8_t *at, size_t len)
{
	uint64_t way = (uint64_t)f->direction;
	struct dtls_record r;
	bool any = false;

	for (; dtls_parse(at, len, &r); at += r.len, len -= r.len) {
		struct meaning *m = meaning_add(f, MEANING_DTLS, at, r.len);
		uint64_t what = r.seq;

		m->word[0] = r.type;
		if (r.has_handshake) { /* sent again it has a new record number */
			m->word[1] = r.handshake;
			meaning_number(m, N_DTLS_MSG, r.message_seq);
			what = 1ULL << 63 | (uint64_t)r.handshake << 48 |
			       (uint64_t)r.message_seq << 24 | r.fragment_offset;
		}
		any = true;
		meaning_number(m, N_DTLS_EPOCH, r.epoch);
		if (r.type == DTLS_CIPHERTEXT)
			continue;
		meaning_number(m, N_DTLS_SEQ, r.seq);
		meaning_number(
			m, N_DTLS_TX,
			counts_add(r.type == TLS_APPDATA ? &f->s->data : &f->s->control,
				   meaning_key(KEY_DTLS, way << 16 | r.epoch, r.type, what)));
	}
	return any;
}

/*
 * An initiation that is tried again is a new message; tries are counted until an answer
 * comes the other way, and with the next initiation another handshake begins.
 */
static void wg_handshake(const struct meaning_frame *f, const struct wireguard_message *w,
			 struct meaning *m)
{
	int asker = w->type == WIREGUARD_INITIATION ? f->direction : !f->direction;

	if (w->type == WIREGUARD_INITIATION) {
		if (!f->s->wg[asker].handshakes || f->s->wg[asker].answered) {
			f->s->wg[asker].handshakes++;
			f->s->wg[asker].tries = 0;
			f->s->wg[asker].answered = false;
		}
		meaning_number(m, N_WG_TX, ++f->s->wg[asker].tries);
	} else {
		f->s->wg[asker].answered |= w->type == WIREGUARD_RESPONSE;
		meaning_number(
			m, N_WG_TX,
			counts_add(&f->s->control,
				   meaning_key(KEY_WG, w->type, (uint64_t)asker, w->receiver)));
	}
	meaning_number(m, N_WG_HS, f->s->wg[asker].handshakes);
}

static bool wireguard(const struct meaning_frame *f, const uint8_t *at, size_t len)
{
	static const uint8_t words[] = { [WIREGUARD_INITIATION] = WG_INITIATION,
					 [WIREGUARD_RESPONSE] = WG_RESPONSE,
					 [WIREGUARD_COOKIE] = WG_COOKIE,
					 [WIREGUARD_DATA] = WG_DATA };
	uint64_t way = (uint64_t)f->direction;
	struct wireguard_message w;
	struct meaning *m;

	if (!wireguard_parse(at, len, &w))
		return false;
	m = meaning_add(f, MEANING_WG, at, len);
	m->word[0] = w.keepalive ? WG_KEEPALIVE : words[w.type];
	if (w.type != WIREGUARD_DATA) {
		wg_handshake(f, &w, m);
		return true;
	}
	meaning_number(m, N_WG_SESSION,
		       place_of(f->s, meaning_key(KEY_WG_SESSION, way, w.receiver, 0),
				&f->s->wg_sessions[f->direction]));
	meaning_number(m, N_WG_CTR, w.counter);
	meaning_number(
		m, N_WG_TX,
		counts_add(&f->s->data, meaning_key(KEY_WG, way << 32 | w.receiver, w.counter, 0)));
	return true;
}

/* --- OpenVPN ----------------------------------------------------------------------------- */

/**
 * meaning_ovpn() - A packet of OpenVPN
 * @f:		The frame
 * @flow:	Learns how the control channel is protected
 * @half:	Of the sender
 * @at:		The packet
 * @len:	Bytes of it that are here
 * @whole:	Its length
 *
 * The number of a data packet is in the clear only with an AEAD, and there begins with 1.
 *
 * Return: false if it is none
 */
bool meaning_ovpn(const struct meaning_frame *f, struct flow *flow, struct half *half,
		  const uint8_t *at, size_t len, size_t whole)
{
	enum openvpn_wrapping told = openvpn_wrapping(at, len < whole ? 0 : whole);
	uint64_t way = (uint64_t)f->direction;
	struct openvpn_packet p;
	struct meaning *m;
	bool data;

	if (told && !flow->wrapping)
		flow->wrapping = told;
	if (!openvpn_parse(at, len, flow->wrapping, &p))
		return false;
	m = meaning_add(f, MEANING_OVPN, at, len);
	m->word[0] = p.opcode;
	data = p.opcode == OPENVPN_DATA_V1 || p.opcode == OPENVPN_DATA_V2;
	if (data && !half->data_seen) {
		half->data_seen = true;
		half->data_clear = p.id < 1U << 16;
	}
	if (p.has_session)
		meaning_number(m, N_OVPN_SESSION,
			       place_of(f->s, meaning_key(KEY_OVPN_SESSION, way, p.session, 0),
					&f->s->sessions));
	meaning_number(m, N_OVPN_KEY, p.key);
	if (!p.has_id || (data && !half->data_clear))
		return true;
	meaning_number(m, N_OVPN_ID, p.id);
	meaning_number(m, N_OVPN_TX,
		       counts_add(data ? &f->s->data : &f->s->control,
				  meaning_key(KEY_OVPN, p.session ^ flow->end[0] ^ flow->end[1],
					      way << 16 | (uint64_t)p.key << 8 | p.opcode, p.id)));
	return true;
}

/* --- packets ------------------------------------------------------------------------------ */

static bool has_port(const struct packet *p, uint16_t port)
{
	return p->sport == port || p->dport == port;
}

static void udp(const struct meaning_frame *f, const struct packet *p)
{
	const uint8_t *at = p->payload;
	size_t len = p->payload_len;
	struct meaning *m = meaning_add(f, MEANING_UDP, p->l4, p->l4_len);
	struct flow *flow;
	int end;

	meaning_number(m, N_UDP_SPORT, p->sport);
	meaning_number(m, N_UDP_DPORT, p->dport);
	if (has_port(p, PORT_IKE) && meaning_ike(f, at, len, len))
		return;
	if (has_port(p, MEANING_PORT_NAT_T) && meaning_natt(f, at, len))
		return;
	if (wireguard(f, at, len))
		return;
	flow = meaning_flow(f->s, p, &end);
	/* a ciphertext of DTLS 1.3 looks like anything: only where there was DTLS before */
	if ((flow->dtls || !len || at[0] >> 5 != 1) && dtls(f, at, len)) {
		flow->dtls = true;
		return;
	}
	flow->ovpn |= has_port(p, PORT_OPENVPN) || openvpn_begins(at, len);
	if (flow->ovpn)
		meaning_ovpn(f, flow, &flow->half[end], at, len, len);
}

static void icmp(const struct meaning_frame *f, const struct packet *p, enum meaning_family family)
{
	struct meaning *m = meaning_add(f, family, p->l4, p->l4_len);

	if (p->l4_len < 2)
		return;
	meaning_number(m, N_ICMP_TYPE, p->l4[0]);
	meaning_number(m, N_ICMP_CODE, p->l4[1]);
}

static void other(const struct meaning_frame *f, const struct packet *p)
{
	meaning_number(meaning_add(f, MEANING_IP, p->ip, p->ip_len), N_IP_PROTO, p->proto);
}

/**
 * meaning_read() - What a frame means, at this point of the path
 * @s:		What was seen here before; learns from the frame
 * @direction:	0 or 1: names are counted apart for each
 * @frame:	Begins at the destination MAC address
 * @len:	Bytes
 * @ret:	Filled in; empty for what is not IP
 *
 * Every frame has to be shown once, in the order in which they pass.
 */
void meaning_read(struct meaning_state *s, int direction, const uint8_t *frame, size_t len,
		  struct meanings *ret)
{
	const struct meaning_frame f = { s, direction, frame, ret };
	struct packet p;

	ret->len = 0;
	s->clock++;
	if (!packet_parse_frame(frame, len, &p)) {
		if (p.version)
			other(&f, &p); /* a transport header that is cut short, or wrong */
		return;
	}
	if (p.fragment || p.more_fragments)
		meaning_add(&f, MEANING_FRAG, p.ip, p.ip_len);
	else if (p.tcp)
		meaning_tcp(&f, &p);
	else if (p.proto == PROTO_UDP)
		udp(&f, &p);
	else if (p.proto == PROTO_ICMP)
		icmp(&f, &p, MEANING_ICMP);
	else if (p.proto == PROTO_ICMP6)
		icmp(&f, &p, MEANING_ICMP6);
	else if (p.proto != PROTO_ESP || !meaning_esp(&f, p.l4, p.l4_len))
		other(&f, &p);
}

/**
 * meaning_state_new() - Begin with a link on which nothing was seen
 *
 * Return: to be freed by meaning_state_free(), or NULL without memory
 */
struct meaning_state *meaning_state_new(void)
{
	struct meaning_state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->flows = calloc(FLOWS, sizeof(*s->flows));
	if (s->flows && counts_init(&s->names, NAMES_MAX) &&
	    counts_init(&s->control, CONTROL_MAX) && counts_init(&s->data, DATA_MAX))
		return s;
	meaning_state_free(s);
	return NULL;
}

/** meaning_state_free() - NULL is fine */
void meaning_state_free(struct meaning_state *s)
{
	if (!s)
		return;
	counts_release(&s->names);
	counts_release(&s->control);
	counts_release(&s->data);
	free(s->flows);
	free(s);
}
