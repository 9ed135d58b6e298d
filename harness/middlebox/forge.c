// SPDX-License-Identifier: Apache-2.0
#include "middlebox/forge.h"

#include <string.h>

#include "decode/packet.h"
#include "middlebox/bytes.h"

#define PROTO_ICMP   1
#define PROTO_ICMPV6 58
#define PTB_QUOTE_V4 576 /* with all headers: RFC 1812 section 4.3.2.3 */
#define TTL	     64

/**
 * forge_segment() - Write a segment without payload as an IP packet
 * @what:	Addresses and numbers
 * @flags:	Its flags; without ACK the ACK number becomes 0
 * @ret:	The packet
 *
 * Return: its length in bytes
 */
size_t forge_segment(const struct segment_ack *what, uint8_t flags, uint8_t ret[SEGMENT_ACK_BYTES])
{
	size_t len = segment_make_ack(what, ret);
	uint8_t *tcp = ret + (what->version == 4 ? 20 : 40);
	struct packet p;

	tcp[13] = flags;
	if (!(flags & PACKET_TCP_ACK))
		put32(tcp + 8, 0);
	put16(tcp + 16, 0);
	packet_parse_ip(ret, len, &p);
	put16(tcp + 16, packet_l4_checksum(&p));
	return len;
}

static size_t ptb_v4(const struct packet *p, uint32_t mtu, uint8_t *ret)
{
	size_t quote = p->ip_len < PTB_QUOTE_V4 - 28 ? p->ip_len : PTB_QUOTE_V4 - 28;

	memset(ret, 0, 28);
	ret[0] = 0x45;
	put16(ret + 2, (uint32_t)(28 + quote));
	ret[8] = TTL;
	ret[9] = PROTO_ICMP;
	memcpy(ret + 12, p->dst, 4);
	memcpy(ret + 16, p->src, 4);
	put16(ret + 10, packet_checksum(ret, 20, 0));
	ret[20] = 3; /* destination unreachable */
	ret[21] = 4; /* fragmentation needed and DF set (RFC 1191 section 4) */
	put16(ret + 26, mtu);
	memcpy(ret + 28, p->ip, quote);
	put16(ret + 22, packet_checksum(ret + 20, 8 + quote, 0));
	return 28 + quote;
}

static size_t ptb_v6(const struct packet *p, uint32_t mtu, uint8_t *ret)
{
	size_t quote = p->ip_len < FORGE_PTB_BYTES - 48 ? p->ip_len : FORGE_PTB_BYTES - 48;
	struct packet icmp;

	memset(ret, 0, 48);
	ret[0] = 0x60;
	put16(ret + 4, (uint32_t)(8 + quote));
	ret[6] = PROTO_ICMPV6;
	ret[7] = TTL;
	memcpy(ret + 8, p->dst, 16);
	memcpy(ret + 24, p->src, 16);
	ret[40] = 2; /* RFC 4443 section 3.2 */
	put32(ret + 44, mtu);
	memcpy(ret + 48, p->ip, quote);
	packet_parse_ip(ret, 48 + quote, &icmp);
	put16(ret + 42, packet_l4_checksum(&icmp));
	return 48 + quote;
}

/**
 * forge_ptb() - Write an ICMP packet too big about a packet
 * @p:		The packet, IPv4 or IPv6
 * @mtu:	What it says
 * @ret:	The message, to the packet's sender
 *
 * Its source is the packet's destination: a bump in the path has no address
 * of its own, and senders do not look at it (RFC 5927 section 2.2).
 *
 * Return: its length in bytes
 */
size_t forge_ptb(const struct packet *p, uint32_t mtu, uint8_t ret[FORGE_PTB_BYTES])
{
	return p->version == 4 ? ptb_v4(p, mtu, ret) : ptb_v6(p, mtu, ret);
}

/** forge_is_ptb() - Is it an ICMP packet too big, of either version? */
bool forge_is_ptb(const struct packet *p)
{
	if (!p->l4 || p->fragment || p->l4_len < 8)
		return false;
	return p->version == 4 ? p->proto == PROTO_ICMP && p->l4[0] == 3 && p->l4[1] == 4
			       : p->proto == PROTO_ICMPV6 && p->l4[0] == 2;
}

/** forge_is_error() - Is it an ICMP error, about which none is sent (RFC 1812 4.3.2.7)? */
bool forge_is_error(const struct packet *p)
{
	if (!p->l4 || p->fragment || p->l4_len < 8)
		return false;
	if (p->version == 6)
		return p->proto == PROTO_ICMPV6 && p->l4[0] < 128; /* RFC 4443 section 2.1 */
	return p->proto == PROTO_ICMP && (p->l4[0] == 3 || p->l4[0] == 4 || p->l4[0] == 5 ||
					  p->l4[0] == 11 || p->l4[0] == 12);
}

/** forge_may_fragment() - May a router cut it: IPv4, and DF is not set? */
bool forge_may_fragment(const struct packet *p)
{
	return p->version == 4 && !(p->ip[6] & 0x40);
}

/**
 * forge_fragment() - Write the next fragment of a packet
 * @p:		The packet, perhaps a fragment itself; forge_may_fragment() holds
 * @mtu:	At most so many bytes, at least 68
 * @at:		Bytes of it that are written already, from 0
 * @ret:	The fragment, @mtu bytes of room
 *
 * IP options go into each (RFC 791 section 3.1 spares some that nobody sends).
 *
 * Return: its length in bytes, 0 if there is nothing left
 */
size_t forge_fragment(const struct packet *p, size_t mtu, size_t *at, uint8_t *ret)
{
	size_t header = (size_t)(p->ip[0] & 15) * 4, all = p->ip_len - header;
	size_t room = (mtu - header) / 8 * 8, len = all - *at;
	uint32_t field = get16(p->ip + 6);

	if (*at >= all)
		return 0;
	if (header + len > mtu) {
		len = room;
		field |= 0x2000; /* more fragments */
	}
	memcpy(ret, p->ip, header);
	memcpy(ret + header, p->ip + header + *at, len);
	put16(ret + 2, (uint32_t)(header + len));
	put16(ret + 6, field + (uint32_t)(*at / 8));
	put16(ret + 10, 0);
	put16(ret + 10, packet_checksum(ret, header, 0));
	*at += len;
	return header + len;
}
