// SPDX-License-Identifier: Apache-2.0
#include "middlebox/edit.h"

#include <string.h>

#include "decode/packet.h"
#include "middlebox/bytes.h"

enum {
	KIND_END,
	KIND_NOP,
	KIND_MSS,
	KIND_WINDOW_SCALE,
	KIND_SACK_PERMITTED,
	KIND_SACK,
	KIND_TIMESTAMPS = 8,
	KIND_EXPERIMENT = 253, /* RFC 6994 */
};

#define HEADER_MIN  20
#define HEADER_MAX  60
#define CHECKSUM_AT 16

static uint16_t sum(const uint8_t *bytes, size_t len)
{
	return (uint16_t)~packet_checksum(bytes, len, 0);
}

/* The sum of what edit.c may change: header without checksum, and length in the pseudo header */
static uint32_t changeable(const struct edit *e)
{
	uint32_t all = sum(e->tcp, e->header_len);

	all += (uint16_t)~get16(e->tcp + CHECKSUM_AT);
	return all + (uint32_t)(e->len - (size_t)(e->tcp - e->ip));
}

/**
 * edit_begin() - Open a TCP segment for changes
 * @ip:		The packet; there is room for EDIT_GROWS bytes behind it
 * @p:		The same packet taken apart; its pointers are stale after a change
 *
 * Return: what the other functions take
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): what is returned writes to it */
struct edit edit_begin(uint8_t *ip, const struct packet *p)
{
	struct edit e = { .ip = ip,
			  .len = p->ip_len,
			  .tcp = ip + (p->l4 - p->ip),
			  .header_len = p->l4_len - p->payload_len };

	e.before = changeable(&e);
	return e;
}

/**
 * edit_ip_lengths() - Say in an IP header how long the packet is
 * @ip:		The packet; IPv4: its header checksum is made anew
 * @len:	With the header
 */
void edit_ip_lengths(uint8_t *ip, size_t len)
{
	size_t header = (size_t)(ip[0] & 15) * 4;

	if (ip[0] >> 4 == 6) {
		put16(ip + 4, (uint32_t)(len - 40));
		return;
	}
	put16(ip + 2, (uint32_t)len);
	put16(ip + 10, 0);
	put16(ip + 10, packet_checksum(ip, header, 0));
}

/** edit_end() - Bring data offset, lengths and checksums in line (RFC 1624, equation 3) */
void edit_end(struct edit *e)
{
	uint16_t field = get16(e->tcp + CHECKSUM_AT);
	uint16_t before = packet_checksum(NULL, 0, e->before);

	e->tcp[12] = (uint8_t)((e->tcp[12] & 15) | e->header_len / 4 << 4);
	put16(e->tcp + CHECKSUM_AT,
	      packet_checksum(NULL, 0, (uint32_t)(uint16_t)~field + before + changeable(e)));
	edit_ip_lengths(e->ip, e->len);
}

/** edit_drop_payload() - Leave the header alone */
void edit_drop_payload(struct edit *e)
{
	size_t head = (size_t)(e->tcp - e->ip) + e->header_len;

	e->before += sum(e->ip + head, e->len - head);
	e->len = head;
}

/* The option at *at, as segment.c finds it; false at the end of the list or at a wrong length */
static bool next_option(const struct edit *e, size_t *at, uint8_t *ret_kind, size_t *ret_len)
{
	while (*at < e->header_len && e->tcp[*at] == KIND_NOP)
		++*at;
	if (*at + 1 >= e->header_len || e->tcp[*at] == KIND_END)
		return false;
	*ret_kind = e->tcp[*at];
	*ret_len = e->tcp[*at + 1];
	if (*ret_len < 2 || *at + *ret_len > e->header_len)
		return false;
	*at += *ret_len;
	return true;
}

/**
 * edit_numbers() - Translate sequence and ACK number
 * @e:		The segment
 * @add_seq:	To the sequence number
 * @sub_ack:	From the ACK number, if it has one
 * @sack:	And from the edges of SACK blocks
 */
void edit_numbers(struct edit *e, uint32_t add_seq, uint32_t sub_ack, bool sack)
{
	size_t at = HEADER_MIN, len;
	uint8_t kind;

	put32(e->tcp + 4, get32(e->tcp + 4) + add_seq);
	if (e->tcp[13] & PACKET_TCP_ACK)
		put32(e->tcp + 8, get32(e->tcp + 8) - sub_ack);
	while (sack && next_option(e, &at, &kind, &len))
		for (size_t i = at - len + 2; kind == KIND_SACK && i + 4 <= at; i += 4)
			put32(e->tcp + i, get32(e->tcp + i) - sub_ack);
}

/* A header with other options; false if they do not fit */
static bool set_options(struct edit *e, const uint8_t *options, size_t len)
{
	size_t header = HEADER_MIN + (len + 3) / 4 * 4;
	uint8_t *payload = e->tcp + e->header_len;

	if (header > HEADER_MAX || e->len - e->header_len + header > UINT16_MAX)
		return false;
	memmove(e->tcp + header, payload, e->len - (size_t)(payload - e->ip));
	memcpy(e->tcp + HEADER_MIN, options, len);
	memset(e->tcp + HEADER_MIN + len, KIND_NOP, header - HEADER_MIN - len);
	e->len = e->len - e->header_len + header;
	e->header_len = header;
	return true;
}

static bool known(uint8_t kind)
{
	return kind <= KIND_SACK || kind == KIND_TIMESTAMPS;
}

/**
 * edit_strip_options() - Take options out; the header becomes shorter
 * @e:		The segment
 * @all:	All of them, or those of other kinds than 2, 3, 4, 5, 8
 *
 * What cannot be read goes with them.  Options that stay are padded with NOPs
 * in front, as they use to be.
 *
 * Return: true if there was one to take out
 */
bool edit_strip_options(struct edit *e, bool all)
{
	uint8_t kept[HEADER_MAX], kind;
	size_t at = HEADER_MIN, kept_len = 0, len, from = at;
	bool gone = false;

	while (next_option(e, &at, &kind, &len)) {
		if (all || !known(kind)) {
			gone = true;
		} else {
			memcpy(kept + kept_len, e->tcp + from, at - from);
			kept_len += at - from;
		}
		from = at;
	}
	if (at < e->header_len && e->tcp[at] != KIND_END)
		gone = true; /* of a wrong length */
	if (gone)
		set_options(e, kept, kept_len);
	return gone;
}

static bool add(struct edit *e, const uint8_t option[4], bool first)
{
	size_t old = e->header_len - HEADER_MIN;
	uint8_t options[HEADER_MAX];

	memcpy(options + (first ? 4 : 0), e->tcp + HEADER_MIN, old);
	memcpy(options + (first ? 0 : old), option, 4);
	return set_options(e, options, old + 4);
}

/**
 * edit_add_option() - Put an option in front of the others
 * @e:		The segment
 * @kind:	Its kind; it is 4 bytes long
 *
 * Return: false if there is no room for it
 */
bool edit_add_option(struct edit *e, uint8_t kind)
{
	return add(e, (const uint8_t[]){ kind, 4, 0xd0, 0xa0 }, true);
}

/**
 * edit_bad_option() - Put an option of a wrong length behind the others
 * @e:		The segment
 * @what:	What is wrong
 *
 * Return: false if there is no room for it
 */
bool edit_bad_option(struct edit *e, enum meddle_bad_option what)
{
	static const uint8_t lengths[] = {
		[BAD_OPTION_NONE] = 4,
		[BAD_OPTION_ZERO] = 0,
		[BAD_OPTION_ONE] = 1,
		[BAD_OPTION_PAST] = 40,
	};

	return add(e, (const uint8_t[]){ KIND_EXPERIMENT, lengths[what], 0, 0 }, false);
}

/**
 * edit_clamp_mss() - Make the MSS option smaller
 * @e:		A SYN
 * @mss:	What it becomes if it is larger
 *
 * Return: true if it was
 */
bool edit_clamp_mss(struct edit *e, uint16_t mss)
{
	size_t at = HEADER_MIN, len;
	uint8_t kind;

	while (next_option(e, &at, &kind, &len)) {
		if (kind != KIND_MSS || len != 4 || get16(e->tcp + at - 2) <= mss)
			continue;
		put16(e->tcp + at - 2, mss);
		return true;
	}
	return false;
}

/** edit_ecn() - The ECN field of an IP packet (RFC 3168 section 5) */
unsigned int edit_ecn(const uint8_t *ip)
{
	return (ip[0] >> 4 == 4 ? ip[1] : ip[1] >> 4) & 3U;
}

/** edit_set_ecn() - Set it; IPv4: the header checksum is made anew */
void edit_set_ecn(uint8_t *ip, unsigned int ecn)
{
	if (ip[0] >> 4 == 6) {
		ip[1] = (uint8_t)((ip[1] & ~0x30U) | ecn << 4);
		return;
	}
	ip[1] = (uint8_t)((ip[1] & ~3U) | ecn);
	put16(ip + 10, 0);
	put16(ip + 10, packet_checksum(ip, (size_t)(ip[0] & 15) * 4, 0));
}
