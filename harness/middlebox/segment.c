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
#include "middlebox/config.h"

enum {
	KIND_END,
	KIND_NOP,
	KIND_MSS,
	KIND_WINDOW_SCALE,
	KIND_SACK_PERMITTED,
	KIND_SACK,
	KIND_TIMESTAMPS = 8,
};

#define RESERVED_AT   12
#define RESERVED_BITS 0x0f /* RFC 9293 section 3.1 */
#define FLAGS_AT      13
#define CHECKSUM_AT   16
#define URGENT_AT     18

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
 * segment_policy_init() - What a configuration does with headers
 * @ret:	Filled in
 * @config:	The configuration
 */
void segment_policy_init(struct segment_policy *ret, const struct engine_config *config)
{
	const struct range_list *const lists[] = {
		[ACTION_ALLOW] = &config->options_allow,
		[ACTION_CLEAR] = &config->options_clear,
		[ACTION_DROP] = &config->options_drop,
	};

	memset(ret, 0, sizeof(*ret));
	for (unsigned int kind = KIND_SACK + 1; kind < ARRAY_SIZE(ret->option); kind++) {
		ret->option[kind] = (uint8_t)config->tcp_options;
		for (enum action action = ACTION_ALLOW; action <= ACTION_DROP; action++)
			if (range_list_has(lists[action], kind))
				ret->option[kind] = (uint8_t)action;
	}
	ret->option[KIND_SACK_PERMITTED] = (uint8_t)config->selective_ack;
	ret->option[KIND_SACK] = (uint8_t)config->selective_ack;
	ret->option[KIND_TIMESTAMPS] = (uint8_t)config->timestamp;
	ret->option[KIND_WINDOW_SCALE] = (uint8_t)config->window_scale;
	ret->clear_reserved = config->reserved_bits == ACTION_CLEAR;
	ret->clear_urgent = config->urgent_flag == ACTION_CLEAR;
	ret->mss_maximum = (uint16_t)config->mss_maximum;
}

/** segment_reserved_bits() - Is one of the reserved bits of a TCP segment set? */
bool segment_reserved_bits(const struct packet *p)
{
	return (p->l4[RESERVED_AT] & RESERVED_BITS) != 0;
}

/* An option whose length is right and that stays */
static void read_option(uint8_t kind, const uint8_t *value, struct segment_options *ret)
{
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

/**
 * segment_read_options() - The options of a segment
 * @p:		A TCP segment
 * @policy:	Says which are cleared: they are not there
 * @ret:	Filled in, zero where an option is not there
 *
 * Return: false if an option has an illegal length or runs past the header
 */
bool segment_read_options(const struct packet *p, const struct segment_policy *policy,
			  struct segment_options *ret)
{
	const uint8_t *o = p->options;
	uint8_t kind, len;
	size_t at = 0;

	memset(ret, 0, sizeof(*ret));
	while (next_option(o, p->options_len, &at, &kind, &len)) {
		if (!length_ok(kind, len) || at > p->options_len)
			return false;
		if (policy->option[kind] == ACTION_ALLOW)
			read_option(kind, o + at - len + 2, ret);
		ret->unwanted |= policy->option[kind] == ACTION_DROP;
	}
	return true;
}

static unsigned int translate_option(uint8_t *option, const struct segment_translation *t)
{
	uint8_t kind = option[0], len = option[1];

	if (t->policy->option[kind] == ACTION_CLEAR) {
		memset(option, KIND_NOP, len);
		return SEGMENT_OPTION_CLEARED;
	}
	if (kind == KIND_SACK)
		for (size_t i = 2; i < len; i += 4)
			put32(option + i, get32(option + i) - t->sub_ack);
	if (kind == KIND_MSS && t->policy->mss_maximum &&
	    get16(option + 2) > t->policy->mss_maximum) {
		put16(option + 2, t->policy->mss_maximum);
		return SEGMENT_MSS_LOWERED;
	}
	return 0;
}

static unsigned int translate_options(uint8_t *options, size_t options_len,
				      const struct segment_translation *t)
{
	unsigned int changed = 0;
	uint8_t kind, len;
	size_t at = 0;

	while (next_option(options, options_len, &at, &kind, &len)) {
		if (!length_ok(kind, len) || at > options_len)
			break; /* reading them said so already */
		changed |= translate_option(options + at - len, t);
	}
	return changed;
}

/*
 * HC' = ~(~HC + ~m + m') (RFC 1624, equation 3), m and m' being sums over the whole
 * header: packet_checksum() gives ~m and ~m'
 */
static uint16_t corrected(uint16_t field, uint16_t before, uint16_t after)
{
	return packet_checksum(NULL, 0, (uint32_t)(uint16_t)~field + before + (uint16_t)~after);
}

static unsigned int clear_bits(uint8_t *tcp, const struct segment_policy *policy)
{
	unsigned int changed = 0;

	if (policy->clear_reserved && (tcp[RESERVED_AT] & RESERVED_BITS)) {
		tcp[RESERVED_AT] &= (uint8_t)~RESERVED_BITS;
		changed |= SEGMENT_RESERVED_CLEARED;
	}
	if (policy->clear_urgent && (tcp[FLAGS_AT] & PACKET_TCP_URG)) {
		tcp[FLAGS_AT] &= (uint8_t)~PACKET_TCP_URG;
		put16(tcp + URGENT_AT, 0);
		changed |= SEGMENT_URGENT_CLEARED;
	}
	return changed;
}

/**
 * segment_translate() - Change a header in place and keep its checksum as right as it was
 * @tcp:	TCP header with its options
 * @header_len:	Its length, 20 to 60, without payload
 * @t:		The changes; the ACK number changes only if the ACK flag is set
 *
 * Return: what was changed besides the numbers, a set of enum segment_change
 */
unsigned int segment_translate(uint8_t *tcp, size_t header_len, const struct segment_translation *t)
{
	uint16_t field = get16(tcp + CHECKSUM_AT), before, after;
	unsigned int changed;

	put16(tcp + CHECKSUM_AT, 0);
	before = packet_checksum(tcp, header_len, 0);
	put32(tcp + 4, get32(tcp + 4) + t->add_seq);
	if (tcp[FLAGS_AT] & PACKET_TCP_ACK)
		put32(tcp + 8, get32(tcp + 8) - t->sub_ack);
	changed = clear_bits(tcp, t->policy);
	changed |= translate_options(tcp + 20, header_len - 20, t);
	after = packet_checksum(tcp, header_len, 0);
	put16(tcp + CHECKSUM_AT, corrected(field, before, after));
	return changed;
}

/**
 * segment_raise_timestamp() - Make a timestamp at least as new as the one before it
 * @tcp:	TCP header with its options, changed in place with its checksum
 * @header_len:	Its length
 * @tsval:	The one before; set to that of this segment, if it has one
 *
 * Return: true if it was older and is changed
 */
bool segment_raise_timestamp(uint8_t *tcp, size_t header_len, uint32_t *tsval)
{
	uint16_t field = get16(tcp + CHECKSUM_AT), before;
	uint8_t kind, len, *value;
	size_t at = 20;

	while (next_option(tcp, header_len, &at, &kind, &len) && length_ok(kind, len) &&
	       at <= header_len) {
		if (kind != KIND_TIMESTAMPS)
			continue;
		value = tcp + at - len + 2;
		if (!seq_lt(get32(value), *tsval)) {
			*tsval = get32(value);
			return false;
		}
		put16(tcp + CHECKSUM_AT, 0);
		before = packet_checksum(tcp, header_len, 0);
		put32(value, *tsval);
		put16(tcp + CHECKSUM_AT,
		      corrected(field, before, packet_checksum(tcp, header_len, 0)));
		return true;
	}
	return false;
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
	if (a->mss) {
		*at++ = KIND_MSS;
		*at++ = 4;
		at = put16(at, a->mss);
	}
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
 * segment_make_ack() - Write a segment without payload as an IP packet
 * @a:		What it says; sack_len is at most 4, with timestamps 3, with an MSS 0
 * @ret:	The packet
 *
 * Return: its length in bytes
 */
size_t segment_make_ack(const struct segment_ack *a, uint8_t ret[SEGMENT_ACK_BYTES])
{
	size_t tcp_len = 20 + (a->mss ? 4 : 0) + (a->timestamps ? 12 : 0) +
			 (a->sack_len ? 4 + 8 * a->sack_len : 0);
	uint8_t *tcp = put_ip_header(ret, a, tcp_len);
	size_t len = (size_t)(tcp - ret) + tcp_len;
	struct packet p;

	put16(tcp, a->sport);
	put16(tcp + 2, a->dport);
	put32(tcp + 4, a->seq);
	put32(tcp + 8, a->ack);
	tcp[RESERVED_AT] = (uint8_t)(tcp_len / 4 << 4);
	tcp[FLAGS_AT] = a->flags ? a->flags : PACKET_TCP_ACK;
	put16(tcp + 14, a->window);
	put32(tcp + CHECKSUM_AT, 0); /* and the urgent pointer */
	put_ack_options(tcp + 20, a);
	packet_parse_ip(ret, len, &p);
	put16(tcp + CHECKSUM_AT, packet_l4_checksum(&p));
	return len;
}

/**
 * segment_set_ttl() - Another TTL or hop limit
 * @ip:		An IP packet, changed in place with its header checksum
 * @len:	Bytes
 * @ttl:	The new one
 *
 * Does nothing to what is no IP packet.
 */
void segment_set_ttl(uint8_t *ip, size_t len, uint8_t ttl)
{
	uint16_t before;

	if (len >= 40 && ip[0] >> 4 == 6)
		ip[7] = ttl;
	if (len < 20 || ip[0] >> 4 != 4)
		return;
	before = get16(ip + 8);
	ip[8] = ttl;
	put16(ip + 10, packet_checksum(NULL, 0,
				       (uint32_t)(uint16_t)~get16(ip + 10) + (uint16_t)~before +
					       get16(ip + 8)));
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
	uint8_t ttl = len < 20 ? 255 : ip[0] >> 4 == 6 ? ip[7] : ip[8];

	if (ttl < 255)
		segment_set_ttl(ip, len, (uint8_t)(ttl + 1));
}
