// SPDX-License-Identifier: Apache-2.0
#include "middlebox/quote.h"

#include <string.h>

#include "decode/packet.h"
#include "middlebox/forge.h"

#define ICMP_HEADER 8 /* of both versions */
#define PROTO_TCP   6
#define TCP_LEAST   8 /* RFC 792: the first 64 bits are quoted */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void add32(uint8_t *p, uint32_t more)
{
	uint32_t v = ((uint32_t)get16(p) << 16 | get16(p + 2)) + more;

	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

/**
 * quote_read() - Find the TCP segment that an ICMP error is about
 * @icmp:	Any packet
 * @ret:	Filled in; points into the packet
 *
 * Extension headers of IPv6 within the quote are not looked behind.
 *
 * Return: false if it is no whole error, with a right checksum, about a first fragment of TCP
 */
bool quote_read(const struct packet *icmp, struct quote *ret)
{
	const uint8_t *ip;
	size_t header, len;

	if (!forge_is_error(icmp) || icmp->fragment || icmp->more_fragments ||
	    icmp->l4_len < ICMP_HEADER + 20 || !packet_l4_checksum_ok(icmp))
		return false;
	ip = icmp->l4 + ICMP_HEADER;
	len = icmp->l4_len - ICMP_HEADER;
	if (ip[0] >> 4 != icmp->version)
		return false;
	header = icmp->version == 4 ? (size_t)(ip[0] & 15) * 4 : 40;
	if (header < 20 || len < header + TCP_LEAST ||
	    ip[icmp->version == 4 ? 9 : 6] != PROTO_TCP ||
	    (icmp->version == 4 && get16(ip + 6) & 0x1fff))
		return false;
	*ret = (struct quote){
		.version = icmp->version,
		.src = ip + (icmp->version == 4 ? 12 : 8),
		.dst = ip + (icmp->version == 4 ? 16 : 24),
		.sport = get16(ip + header),
		.dport = get16(ip + header + 2),
		.tcp = (size_t)(ip - icmp->ip) + header,
		.tcp_len = len - header,
	};
	return true;
}

/**
 * quote_translate() - Change the numbers of a quoted segment
 * @packet:	The packet that quotes; its checksum is made right
 * @len:	Its bytes
 * @q:		As quote_read() said of it
 * @add_seq:	To the sequence number
 * @add_ack:	To the ACK number, if that much is quoted
 *
 * The checksum of what is quoted, and SACK blocks in it, stay: they are nobody's concern.
 */
void quote_translate(uint8_t *packet, size_t len, const struct quote *q, uint32_t add_seq,
		     uint32_t add_ack)
{
	struct packet p;
	uint8_t *sum;

	add32(packet + q->tcp + 4, add_seq);
	if (q->tcp_len >= 12)
		add32(packet + q->tcp + 8, add_ack);
	packet_parse_ip(packet, len, &p);
	sum = packet + (p.l4 - packet) + 2;
	put16(sum, 0);
	put16(sum, packet_l4_checksum(&p));
}
