// SPDX-License-Identifier: Apache-2.0
#include "datagram.h"

#include <netinet/in.h>
#include <string.h>

#include "decode/packet.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER  8
#define TTL	    64
#define DF	    0x40 /* in byte 6 */

static const uint8_t marker[STREAM_MARKER_LEN];

/** address_len() - Bytes of an address */
size_t address_len(const struct address *a)
{
	return a->ipv6 ? 16 : 4;
}

/** address_equal() - Are they the same? */
bool address_equal(const struct address *a, const struct address *b)
{
	return a->ipv6 == b->ipv6 && memcmp(a->bytes, b->bytes, address_len(a)) == 0;
}

static bool is_natt(uint16_t sport, uint16_t dport)
{
	return sport == PORT_NATT || dport == PORT_NATT;
}

static enum count parse_udp(const struct packet *p, struct datagram *ret)
{
	*ret = (struct datagram){ .what = STREAM_IKE,
				  .bytes = p->payload,
				  .len = p->payload_len,
				  .udp = true,
				  .sport = p->sport,
				  .dport = p->dport };
	if (!is_natt(p->sport, p->dport))
		return p->sport == PORT_IKE || p->dport == PORT_IKE ? COUNT_NONE : COUNT_NOT_IPSEC;
	if (p->payload_len == 1 && p->payload[0] == 0xff)
		return COUNT_NAT_KEEPALIVE;
	if (p->payload_len <= sizeof(marker))
		return COUNT_NOT_IPSEC;
	if (memcmp(p->payload, marker, sizeof(marker)) != 0) {
		ret->what = STREAM_ESP;
		return COUNT_NONE;
	}
	ret->bytes += sizeof(marker);
	ret->len -= sizeof(marker);
	return COUNT_NONE;
}

/**
 * datagram_parse() - Take a packet of the local stack apart
 * @packet:	From its IP header on
 * @len:	Length in bytes
 * @ret:	What is in it; valid if COUNT_NONE is returned
 *
 * Return: COUNT_NONE, or why it is not carried
 */
enum count datagram_parse(const uint8_t *packet, size_t len, struct datagram *ret)
{
	enum count why = COUNT_NONE;
	struct packet p;

	if (!packet_parse_ip(packet, len, &p) || p.ip_len > len)
		return COUNT_NOT_IPSEC;
	if (p.fragment || p.more_fragments)
		return COUNT_FRAGMENT;
	if (!p.l4 || p.problem)
		return COUNT_NOT_IPSEC;
	if (p.proto == IPPROTO_UDP)
		why = parse_udp(&p, ret);
	else if (p.proto == IPPROTO_ESP && p.l4_len > sizeof(marker))
		*ret = (struct datagram){ .what = STREAM_ESP, .bytes = p.l4, .len = p.l4_len };
	else
		why = COUNT_NOT_IPSEC;
	ret->src.ipv6 = ret->dst.ipv6 = p.version == 6;
	memcpy(ret->src.bytes, p.src, address_len(&ret->src));
	memcpy(ret->dst.bytes, p.dst, address_len(&ret->dst));
	return why;
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put_header(const struct datagram *d, uint8_t *buf, size_t len)
{
	uint8_t proto = d->udp ? IPPROTO_UDP : IPPROTO_ESP;

	if (d->src.ipv6) {
		buf[0] = 0x60;
		put16(buf + 4, len - IPV6_HEADER);
		buf[6] = proto;
		buf[7] = TTL;
		memcpy(buf + 8, d->src.bytes, 16);
		memcpy(buf + 24, d->dst.bytes, 16);
		return;
	}
	buf[0] = 0x45;
	put16(buf + 2, len);
	buf[6] = DF;
	buf[8] = TTL;
	buf[9] = proto;
	memcpy(buf + 12, d->src.bytes, 4);
	memcpy(buf + 16, d->dst.bytes, 4);
	put16(buf + 10, packet_checksum(buf, IPV4_HEADER, 0));
}

/**
 * datagram_build() - A packet for the local stack
 * @d:		What; its addresses are of one family
 * @buf:	Receives it
 * @size:	Size of @buf in bytes
 *
 * Return: its length in bytes; 0 if it is too long for a packet
 */
size_t datagram_build(const struct datagram *d, uint8_t *buf, size_t size)
{
	size_t ip = d->src.ipv6 ? IPV6_HEADER : IPV4_HEADER;
	bool mark = d->udp && d->what == STREAM_IKE && is_natt(d->sport, d->dport);
	size_t head = ip + (d->udp ? UDP_HEADER : 0) + (mark ? sizeof(marker) : 0);
	size_t len = head + d->len;
	struct packet p;

	if (len > size || len - (d->src.ipv6 ? ip : 0) > UINT16_MAX)
		return 0;
	memset(buf, 0, head);
	memcpy(buf + head, d->bytes, d->len);
	put_header(d, buf, len);
	if (!d->udp)
		return len;
	put16(buf + ip, d->sport);
	put16(buf + ip + 2, d->dport);
	put16(buf + ip + 4, len - ip);
	if (packet_parse_ip(buf, len, &p)) {
		uint16_t sum = packet_l4_checksum(&p);

		put16(buf + ip + 6, sum ? sum : UINT16_MAX); /* 0 says that there is none */
	}
	return len;
}
