// SPDX-License-Identifier: Apache-2.0
/*
 * Translation keeps checksums by RFC 1624: the difference of the header's sum
 * before and after goes into the field, so a segment that was wrong when it
 * came in is wrong when it leaves, and its receiver still finds out.
 */
#include "middlebox/segment.h"

#include <string.h>

#include "base/cleanup.h"
#include "decode/packet.h"

enum {
	KIND_END,
	KIND_NOP,
	KIND_MSS,
	KIND_WINDOW_SCALE,
	KIND_SACK_PERMITTED,
	KIND_SACK,
	KIND_TIMESTAMPS = 8,
};

#define CHECKSUM_AT 16

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t *put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

static bool length_ok(uint8_t kind, uint8_t len)
{
	switch (kind) {
	case KIND_MSS:
		return len == 4;
	case KIND_WINDOW_SCALE:
		return len == 3;
	case KIND_SACK_PERMITTED:
		return len == 2;
	case KIND_SACK:
		return len >= 10 && len % 8 == 2;
	case KIND_TIMESTAMPS:
		return len == 10;
	default:
		return len >= 2;
	}
}

/* The option at *at: its kind and length, and *at moves behind it; false at the end of the list */
static bool next_option(const uint8_t *options, size_t len, size_t *at, uint8_t *ret_kind,
			uint8_t *ret_len)
{
	while (*at < len && options[*at] == KIND_NOP)
		++*at;
	if (*at >= len || options[*at] == KIND_END)
		return false;
	*ret_kind = options[*at];
	*ret_len = *at + 1 < len ? options[*at + 1] : 0;
	*at += *ret_len;
	return true;
}

/**
 * segment_read_options() - The options of a segment
 * @p:		A TCP segment
 * @ret:	Filled in, zero where an option is not there
 *
 * Return: false if an option has an illegal length or runs past the header
 */
bool segment_read_options(const struct packet *p, struct segment_options *ret)
{
	const uint8_t *o = p->options;
	uint8_t kind, len;
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	while (next_option(o, p->options_len, &at, &kind, &len)) {
		const uint8_t *value = o + at - len + 2;

		if (!length_ok(kind, len) || at > p->options_len)
			return false;
		if (kind == KIND_MSS) {
			ret->mss = get16(value);
		} else if (kind == KIND_WINDOW_SCALE) {
			ret->window_scale = true;
			ret->shift = value[0] > 14 ? 14 : value[0]; /* RFC 7323 section 2.3 */
		} else if (kind == KIND_SACK_PERMITTED) {
			ret->sack_permitted = true;
		} else if (kind == KIND_TIMESTAMPS) {
			ret->timestamps = true;
			ret->tsval = get32(value);
			ret->tsecr = get32(value + 4);
		}
	}
	return true;
}

static bool translate_options(uint8_t *options, size_t options_len,
			      const struct segment_translation *t)
{
	bool cleared = false;
	uint8_t kind, len;
	size_t at = 0;

	while (next_option(options, options_len, &at, &kind, &len)) {
		uint8_t *option = options + at - len;

		if (!length_ok(kind, len) || at > options_len)
			break; /* reading them said so already */
		if (kind == KIND_SACK) {
			for (size_t i = 2; i < len; i += 4)
				put32(option + i, get32(option + i) - t->sub_ack);
		} else if (t->clear_options && kind > KIND_SACK && kind != KIND_TIMESTAMPS) {
			memset(option, KIND_NOP, len);
			cleared = true;
		}
	}
	return cleared;
}

/**
 * segment_translate() - Change a header in place and keep its checksum as right as it was
 * @tcp:	TCP header with its options
 * @header_len:	Its length, 20 to 60, without payload
 * @t:		The changes; the ACK number changes only if the ACK flag is set
 *
 * Return: true if an option was cleared
 */
bool segment_translate(uint8_t *tcp, size_t header_len, const struct segment_translation *t)
{
	uint16_t field = get16(tcp + CHECKSUM_AT), before, after;
	bool cleared;

	put16(tcp + CHECKSUM_AT, 0);
	before = packet_checksum(tcp, header_len, 0);
	put32(tcp + 4, get32(tcp + 4) + t->add_seq);
	if (tcp[13] & PACKET_TCP_ACK)
		put32(tcp + 8, get32(tcp + 8) - t->sub_ack);
	cleared = translate_options(tcp + 20, header_len - 20, t);
	after = packet_checksum(tcp, header_len, 0);
	/*
	 * HC' = ~(~HC + ~m + m') (RFC 1624, equation 3), m and m' being sums over the whole
	 * header: packet_checksum() gives ~m and ~m'
	 */
	put16(tcp + CHECKSUM_AT,
	      packet_checksum(NULL, 0, (uint32_t)(uint16_t)~field + before + (uint16_t)~after));
	return cleared;
}

static uint8_t *put_ip_header(uint8_t *at, const struct segment_ack *a, size_t tcp_len)
{
	uint8_t *ip = at;

	if (a->version == 4) {
		memset(ip, 0, 20);
		ip[0] = 0x45;
		put16(ip + 2, (uint32_t)(20 + tcp_len));
		ip[6] = 0x40; /* DF; so the identification may be 0 (RFC 6864) */
		ip[8] = a->ttl;
		ip[9] = 6;
		memcpy(ip + 12, a->src, 4);
		memcpy(ip + 16, a->dst, 4);
		put16(ip + 10, packet_checksum(ip, 20, 0));
		return ip + 20;
	}
	memset(ip, 0, 8);
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)tcp_len);
	ip[6] = 6;
	ip[7] = a->ttl;
	memcpy(ip + 8, a->src, 16);
	memcpy(ip + 24, a->dst, 16);
	return ip + 40;
}

static uint8_t *put_ack_options(uint8_t *at, const struct segment_ack *a)
{
	if (a->timestamps) {
		static const uint8_t head[] = { KIND_NOP, KIND_NOP, KIND_TIMESTAMPS, 10 };

		memcpy(at, head, sizeof(head));
		at = put32(put32(at + sizeof(head), a->tsval), a->tsecr);
	}
	if (a->sack_len) {
		*at++ = KIND_NOP;
		*at++ = KIND_NOP;
		*at++ = KIND_SACK;
		*at++ = (uint8_t)(2 + 8 * a->sack_len);
		for (size_t i = 0; i < a->sack_len; i++)
			at = put32(put32(at, a->sack[i].left), a->sack[i].right);
	}
	return at;
}

/**
 * segment_make_ack() - Write an ACK without payload as an IP packet
 * @a:		What it says; sack_len is at most 4, with timestamps 3
 * @ret:	The packet
 *
 * Return: its length in bytes
 */
size_t segment_make_ack(const struct segment_ack *a, uint8_t ret[SEGMENT_ACK_BYTES])
{
	size_t tcp_len = 20 + (a->timestamps ? 12 : 0) + (a->sack_len ? 4 + 8 * a->sack_len : 0);
	uint8_t *tcp = put_ip_header(ret, a, tcp_len);
	size_t len = (size_t)(tcp - ret) + tcp_len;
	struct packet p;

	put16(tcp, a->sport);
	put16(tcp + 2, a->dport);
	put32(tcp + 4, a->seq);
	put32(tcp + 8, a->ack);
	tcp[12] = (uint8_t)(tcp_len / 4 << 4);
	tcp[13] = PACKET_TCP_ACK;
	put16(tcp + 14, a->window);
	put32(tcp + CHECKSUM_AT, 0); /* and the urgent pointer */
	put_ack_options(tcp + 20, a);
	packet_parse_ip(ret, len, &p);
	put16(tcp + CHECKSUM_AT, packet_l4_checksum(&p));
	return len;
}

/**
 * segment_restore_ttl() - Give back one hop: TTL or hop limit plus one
 * @ip:		An IP packet, changed in place with its header checksum
 * @len:	Bytes
 *
 * Does nothing at 255, and to what is no IP packet.
 */
void segment_restore_ttl(uint8_t *ip, size_t len)
{
	uint16_t before;

	if (len >= 40 && ip[0] >> 4 == 6 && ip[7] < 255)
		ip[7]++;
	if (len < 20 || ip[0] >> 4 != 4 || ip[8] == 255)
		return;
	before = get16(ip + 8);
	ip[8]++;
	put16(ip + 10, packet_checksum(NULL, 0,
				       (uint32_t)(uint16_t)~get16(ip + 10) + (uint16_t)~before +
					       get16(ip + 8)));
}
