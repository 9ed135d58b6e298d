// SPDX-License-Identifier: Apache-2.0
/*
 * IPv4, IPv6 (with extension headers), TCP and UDP headers.  Pure: bytes in,
 * struct out.  Every length is checked before the bytes behind it are read.
 */
#include "decode/packet.h"

#include <string.h>

#define ETH_HEADER 14
#define PROTO_ICMP 1
#define PROTO_TCP  6
#define PROTO_UDP  17

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)((p[0] << 8) | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static bool broken(struct packet *p, const char *problem)
{
	p->problem = problem;
	return false;
}

static bool parse_tcp(struct packet *p)
{
	const uint8_t *t = p->l4;
	size_t header;

	if (p->l4_len < 20)
		return broken(p, "TCP header cut short");
	header = (size_t)(t[12] >> 4) * 4;
	if (header < 20 || header > p->l4_len)
		return broken(p, "TCP data offset outside the segment");
	p->tcp = true;
	p->sport = get16(t);
	p->dport = get16(t + 2);
	p->seq = get32(t + 4);
	p->ack = get32(t + 8);
	p->flags = t[13];
	p->window = get16(t + 14);
	p->options = t + 20;
	p->options_len = header - 20;
	p->payload = t + header;
	p->payload_len = p->l4_len - header;
	return true;
}

static bool parse_udp(struct packet *p)
{
	size_t length;

	if (p->l4_len < 8)
		return broken(p, "UDP header cut short");
	length = get16(p->l4 + 4);
	if (length < 8 || length > p->l4_len)
		return broken(p, "UDP length outside the packet");
	p->sport = get16(p->l4);
	p->dport = get16(p->l4 + 2);
	p->payload = p->l4 + 8;
	p->payload_len = length - 8;
	return true;
}

static bool parse_transport(struct packet *p)
{
	p->payload = p->l4;
	p->payload_len = p->l4_len;
	if (p->fragment)
		return true;
	if (p->proto == PROTO_TCP)
		return p->more_fragments || parse_tcp(p);
	if (p->proto == PROTO_UDP)
		return p->more_fragments || parse_udp(p);
	return true;
}

static bool parse_ipv4(const uint8_t *b, size_t len, struct packet *p)
{
	size_t header;
	uint16_t frag;

	if (len < 20)
		return broken(p, "IPv4 header cut short");
	header = (size_t)(b[0] & 15) * 4;
	p->ip_len = get16(b + 2);
	if (header < 20 || header > p->ip_len)
		return broken(p, "IPv4 header length outside the packet");
	if (p->ip_len > len)
		return broken(p, "IPv4 packet cut short");
	p->version = 4;
	p->ttl = b[8];
	p->proto = b[9];
	p->src = b + 12;
	p->dst = b + 16;
	frag = get16(b + 6);
	p->fragment = (frag & 0x1fff) != 0;
	p->more_fragments = (frag & 0x2000) != 0;
	p->l4 = b + header;
	p->l4_len = p->ip_len - header;
	return parse_transport(p);
}

static bool parse_ipv6(const uint8_t *b, size_t len, struct packet *p)
{
	size_t at = 40;

	if (len < 40)
		return broken(p, "IPv6 header cut short");
	p->ip_len = 40 + (size_t)get16(b + 4);
	if (p->ip_len > len)
		return broken(p, "IPv6 packet cut short");
	p->version = 6;
	p->ttl = b[7];
	p->src = b + 8;
	p->dst = b + 24;
	p->proto = b[6];
	/* hop-by-hop, routing, fragment, destination options (RFC 8200 section 4.1) */
	while (p->proto == 0 || p->proto == 43 || p->proto == 44 || p->proto == 60) {
		size_t extension;

		if (at + 8 > p->ip_len)
			return broken(p, "IPv6 extension header cut short");
		extension = p->proto == 44 ? 8 : ((size_t)b[at + 1] + 1) * 8;
		if (p->proto == 44) {
			p->fragment = (get16(b + at + 2) & 0xfff8) != 0;
			p->more_fragments = b[at + 3] & 1;
		}
		p->proto = b[at];
		at += extension;
		if (at > p->ip_len)
			return broken(p, "IPv6 extension header outside the packet");
		if (p->fragment)
			break;
	}
	p->l4 = b + at;
	p->l4_len = p->ip_len - at;
	return parse_transport(p);
}

/**
 * packet_parse_ip() - Take an IP packet apart
 * @bytes:	Begins at the IP header
 * @len:	Bytes given; more than the packet's own length is padding
 * @ret:	Filled in, zero where nothing was found; points into @bytes
 *
 * Return: true if well formed; else ret->problem says what is wrong
 */
bool packet_parse_ip(const uint8_t *bytes, size_t len, struct packet *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->ip = bytes;
	if (len && bytes[0] >> 4 == 4)
		return parse_ipv4(bytes, len, ret);
	if (len && bytes[0] >> 4 == 6)
		return parse_ipv6(bytes, len, ret);
	return broken(ret, "neither IPv4 nor IPv6");
}

/**
 * packet_parse_frame() - Take an Ethernet frame apart
 * @frame:	Begins at the destination MAC address
 * @len:	Bytes
 * @ret:	Filled in as by packet_parse_ip(); version 0 for other than IP
 *
 * Return: true if it holds a well-formed IP packet
 */
bool packet_parse_frame(const uint8_t *frame, size_t len, struct packet *ret)
{
	uint16_t type = len >= ETH_HEADER ? get16(frame + 12) : 0;

	if (type == 0x0800 || type == 0x86dd)
		return packet_parse_ip(frame + ETH_HEADER, len - ETH_HEADER, ret);
	memset(ret, 0, sizeof(*ret));
	return broken(ret, len < ETH_HEADER ? "Ethernet header cut short" : "not IP");
}

/**
 * packet_checksum() - The Internet checksum (RFC 1071)
 * @bytes:	Data
 * @len:	Its length; an odd last byte is padded with zero
 * @start:	Sum of what comes before, for example of a pseudo header; 0
 *
 * Return: the complemented sum, host order
 */
uint16_t packet_checksum(const uint8_t *bytes, size_t len, uint32_t start)
{
	uint64_t sum = start;

	for (; len >= 2; bytes += 2, len -= 2)
		sum += get16(bytes);
	if (len)
		sum += (uint32_t)bytes[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/**
 * packet_l4_checksum() - Sum over pseudo header, which ICMP of IPv4 has not, and transport part
 * @p:		A whole packet with a transport header
 *
 * The transport part is summed as it stands: over a right packet the result
 * is 0; with the checksum field zeroed it is the value for the field.
 *
 * Return: the complemented sum, host order
 */
uint16_t packet_l4_checksum(const struct packet *p)
{
	size_t alen = p->version == 4 ? 4 : 16;
	uint32_t pseudo = p->proto;

	if (p->version == 4 && p->proto == PROTO_ICMP)
		return packet_checksum(p->l4, p->l4_len, 0);
	for (size_t i = 0; i < alen; i += 2)
		pseudo += (uint32_t)get16(p->src + i) + get16(p->dst + i);
	pseudo += (uint32_t)(p->l4_len >> 16) + (uint32_t)(p->l4_len & 0xffff);
	return packet_checksum(p->l4, p->l4_len, pseudo);
}

/** packet_l4_checksum_ok() - Is the transport checksum right (or absent, for UDP over IPv4)? */
bool packet_l4_checksum_ok(const struct packet *p)
{
	if (p->proto == PROTO_UDP && p->version == 4 && p->l4_len >= 8 && !get16(p->l4 + 6))
		return true;
	return packet_l4_checksum(p) == 0;
}

/**
 * packet_carries_payload() - Does it carry something, or only control TCP?
 * @p:		A parsed packet
 *
 * Return: true for TCP with payload and for every other IP packet
 */
bool packet_carries_payload(const struct packet *p)
{
	return p->version != 0 && (!p->tcp || p->payload_len > 0);
}
