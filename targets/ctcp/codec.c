// SPDX-License-Identifier: Apache-2.0
#include "codec.h"

#include <string.h>

#include "decode/packet.h"

#define IP_HEADER     20
#define TCP_HEADER    20
#define UDP_HEADER    8
#define ISAKMP_HEADER 28
#define ISAKMP_LENGTH 24 /* offset of the message's length */
#define ESP_MIN	      (4 + 4) /* SPI and sequence number */
#define MSS_OPTION    4
#define PORT_IKE      500
#define PORT_NAT_T    4500
#define PROTO_TCP     6
#define DF	      0x4000

static const uint8_t cookie[4] = { 0x21, 0x45, 0x6c, 0x69 }; /* "!Eli" */
static const uint8_t no_spi[4]; /* RFC 3948 section 2.2: the non-ESP marker */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)((p[0] << 8) | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return ((uint32_t)get16(p) << 16) | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

/** ctcp_trailer_encode() - The 16 bytes behind every inner datagram */
void ctcp_trailer_encode(const struct ctcp_trailer *t, uint8_t out[CTCP_TRAILER_LEN])
{
	memset(out, 0, CTCP_TRAILER_LEN);
	put16(out + 4, t->id);
	put16(out + 6, t->fragment);
	memcpy(out + 8, cookie, sizeof(cookie));
	out[12] = CTCP_TRAILER_LEN;
	out[13] = t->protocol;
	out[14] = 1; /* version, as we suppose */
}

/**
 * ctcp_payload_decode() - Split the payload of a segment
 * @payload:	All behind the TCP header
 * @len:	Bytes
 * @check_cookie: Refuse what has no cookie; whether Cisco does is not known
 * @ret_trailer: Filled in on success
 * @ret_inner_len: The inner datagram is so many bytes, from @payload on
 *
 * Bytes 12, 14 and 15 are not looked at: their meaning is inferred only.
 *
 * Return: COUNT_NONE, or why it is to be dropped
 */
enum count ctcp_payload_decode(const uint8_t *payload, size_t len, bool check_cookie,
			       struct ctcp_trailer *ret_trailer, size_t *ret_inner_len)
{
	const uint8_t *t;
	size_t inner, min;

	if (len < CTCP_TRAILER_LEN)
		return COUNT_TRUNCATED;
	inner = len - CTCP_TRAILER_LEN;
	t = payload + inner;
	if (check_cookie && memcmp(t + 8, cookie, sizeof(cookie)) != 0)
		return COUNT_NO_COOKIE;
	if (t[13] != CTCP_UDP && t[13] != CTCP_ESP)
		return COUNT_BAD_PROTOCOL;
	min = t[13] == CTCP_UDP ? UDP_HEADER : ESP_MIN;
	if (inner < min)
		return COUNT_TRUNCATED;
	if (t[13] == CTCP_UDP && (get16(payload + 4) < UDP_HEADER || get16(payload + 4) > inner))
		return COUNT_BAD_INNER;
	if (t[13] == CTCP_ESP && memcmp(payload, no_spi, sizeof(no_spi)) == 0)
		return COUNT_BAD_INNER;
	*ret_trailer = (struct ctcp_trailer){ get16(t + 4), get16(t + 6), t[13] };
	*ret_inner_len = inner;
	return COUNT_NONE;
}

/**
 * ctcp_payload_encode() - Inner datagram and trailer
 * @d:		What the local stack sent
 * @client:	We are the client: an IKE datagram then says DF in its trailer
 * @buf:	Receives the payload
 * @size:	Size of @buf in bytes
 *
 * Return: its length, 0 if @buf is too small
 */
size_t ctcp_payload_encode(const struct ctcp_datagram *d, bool client, uint8_t *buf, size_t size)
{
	bool ike = d->protocol == CTCP_UDP;
	struct ctcp_trailer t = {
		.id = ike ? d->id : 0,
		.fragment = ike && client ? DF : 0,
		.protocol = d->protocol,
	};

	if (d->len + CTCP_TRAILER_LEN > size)
		return 0;
	memcpy(buf, d->bytes, d->len);
	ctcp_trailer_encode(&t, buf + d->len);
	return d->len + CTCP_TRAILER_LEN;
}

/* Does it begin with an ISAKMP header whose length fits (RFC 7296 section 3.1)? */
static bool is_isakmp(const uint8_t *bytes, size_t len)
{
	return len >= ISAKMP_HEADER && get32(bytes + ISAKMP_LENGTH) >= ISAKMP_HEADER &&
	       get32(bytes + ISAKMP_LENGTH) <= len;
}

/*
 * UDP of the local stack.  On the NAT-T port what begins with the non-ESP
 * marker is IKE and all else ESP (RFC 3948 section 2); on others IKE is known
 * by its header.
 */
static enum count inner_udp(const struct packet *p, uint8_t *udp, struct ctcp_datagram *d)
{
	bool nat_t = p->sport == PORT_NAT_T || p->dport == PORT_NAT_T;
	bool marker =
		nat_t && p->payload_len >= 4 && memcmp(p->payload, no_spi, sizeof(no_spi)) == 0;
	size_t skip = marker ? sizeof(no_spi) : 0;

	if (p->payload_len == 1 && p->payload[0] == 0xff)
		return COUNT_NAT_KEEPALIVE;
	d->sport = p->sport;
	d->dport = p->dport;
	if (nat_t && !marker) {
		if (p->payload_len < ESP_MIN)
			return COUNT_NOT_IPSEC;
		d->protocol = CTCP_ESP;
		d->form = ESP_FORM_UDP;
		d->bytes = p->payload;
		d->len = p->payload_len;
		return COUNT_NONE;
	}
	if (!is_isakmp(p->payload + skip, p->payload_len - skip))
		return COUNT_NOT_IPSEC;
	d->protocol = CTCP_UDP;
	d->bytes = udp;
	d->len = UDP_HEADER + p->payload_len;
	put16(udp + 6, 0); /* cTCP carries it without a checksum */
	return COUNT_NONE;
}

/**
 * ctcp_inner_parse() - Take what IPsec sent out of its IPv4 packet
 * @ip:		The packet; the checksum of a UDP header with IKE in it is zeroed
 * @len:	Bytes
 * @ret:	Filled in on success; points into @ip
 *
 * Return: COUNT_NONE, or why it cannot be carried
 */
enum count ctcp_inner_parse(uint8_t *ip, size_t len, struct ctcp_datagram *ret)
{
	struct packet p;
	enum count why;

	memset(ret, 0, sizeof(*ret));
	if (!packet_parse_ip(ip, len, &p))
		return len && ip[0] >> 4 == 4 ? COUNT_BAD_INNER : COUNT_NOT_IPSEC;
	if (p.version != 4)
		return COUNT_NOT_IPSEC;
	memcpy(ret->src, p.src, sizeof(ret->src));
	memcpy(ret->dst, p.dst, sizeof(ret->dst));
	ret->id = get16(ip + 4);
	if (p.fragment || p.more_fragments)
		return COUNT_FRAGMENT;
	if (p.proto == CTCP_UDP) {
		why = inner_udp(&p, ip + (p.l4 - p.ip), ret);
		if (why)
			return why;
	} else if (p.proto == CTCP_ESP && p.l4_len >= ESP_MIN) {
		ret->protocol = CTCP_ESP;
		ret->form = ESP_FORM_IP;
		ret->bytes = p.l4;
		ret->len = p.l4_len;
	} else {
		return COUNT_NOT_IPSEC;
	}
	return ret->len > CTCP_INNER_MAX ? COUNT_TOO_BIG : COUNT_NONE;
}

static void ip_header(uint8_t *ip, size_t len, uint16_t id, uint8_t ttl, uint8_t proto,
		      const uint8_t src[4], const uint8_t dst[4])
{
	memset(ip, 0, IP_HEADER);
	ip[0] = 0x45;
	put16(ip + 2, (uint16_t)len);
	put16(ip + 4, id);
	ip[8] = ttl;
	ip[9] = proto;
	memcpy(ip + 12, src, 4);
	memcpy(ip + 16, dst, 4);
	put16(ip + 10, packet_checksum(ip, IP_HEADER, 0));
}

/*
 * IKE from a peer, for the local daemon.  ike-scan sends from port 500 to the
 * outer port and 16 bytes more than its message: mend both.
 */
static size_t mend_ike(uint8_t *udp, size_t len, uint16_t outer_port)
{
	const uint8_t *message = udp + UDP_HEADER;
	uint16_t length = get16(udp + 4);

	if (length < len)
		len = length; /* what stands behind UDP's length is padding */
	put16(udp + 6, 0);
	if (get16(udp + 2) == PORT_NAT_T)
		return len;
	if (get16(udp + 2) == outer_port)
		put16(udp + 2, PORT_IKE);
	if (is_isakmp(message, len - UDP_HEADER))
		len = UDP_HEADER + get32(message + ISAKMP_LENGTH);
	put16(udp + 4, (uint16_t)len);
	return len;
}

/**
 * ctcp_inner_build() - Give a datagram from the wire its IPv4 header back
 * @d:		A decoded datagram with the addresses of both ends; ESP of the form
 *		ESP_FORM_UDP gets a UDP header with @d's ports, else it goes bare
 * @outer_port:	Our TCP port: an inner UDP destination port equal to it means 500
 * @buf:	Receives an IPv4 packet
 * @size:	Size of @buf in bytes
 *
 * Return: its length, 0 if @buf is too small
 */
size_t ctcp_inner_build(const struct ctcp_datagram *d, uint16_t outer_port, uint8_t *buf,
			size_t size)
{
	bool wrap = d->protocol == CTCP_ESP && d->form == ESP_FORM_UDP;
	uint8_t *l4 = buf + IP_HEADER;
	size_t at = wrap ? UDP_HEADER : 0, len = at + d->len;

	if (IP_HEADER + len > size || IP_HEADER + len > 65535)
		return 0;
	memcpy(l4 + at, d->bytes, d->len);
	if (wrap) {
		put16(l4, d->sport);
		put16(l4 + 2, d->dport);
		put16(l4 + 4, (uint16_t)len);
		put16(l4 + 6, 0);
	} else if (d->protocol == CTCP_UDP) {
		len = mend_ike(l4, len, outer_port);
	}
	ip_header(buf, IP_HEADER + len, d->id, 64, wrap ? CTCP_UDP : d->protocol, d->src, d->dst);
	return IP_HEADER + len;
}

/**
 * ctcp_segment_build() - A segment as a whole IPv4 packet, checksums right unless it is spoiled
 * @s:		The segment
 * @ip_id:	IPv4 Identification
 * @buf:	Receives the packet
 * @size:	Size of @buf in bytes
 *
 * Return: its length, 0 if @buf is too small
 */
size_t ctcp_segment_build(const struct ctcp_segment *s, uint16_t ip_id, uint8_t *buf, size_t size)
{
	size_t header = TCP_HEADER + (s->mss ? MSS_OPTION : 0);
	size_t len = IP_HEADER + header + s->payload_len;
	uint8_t *tcp = buf + IP_HEADER;
	struct packet p = {
		.version = 4,
		.proto = PROTO_TCP,
		.src = s->src,
		.dst = s->dst,
		.l4 = tcp,
		.l4_len = len - IP_HEADER,
	};

	if (len > size || len > CTCP_SEGMENT_MAX)
		return 0;
	ip_header(buf, len, ip_id, CTCP_TTL, PROTO_TCP, s->src, s->dst);
	memset(tcp, 0, header);
	put16(tcp, s->sport);
	put16(tcp + 2, s->dport);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)(header / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	if (s->mss) {
		tcp[20] = 2;
		tcp[21] = MSS_OPTION;
		put16(tcp + 22, s->mss);
	}
	if (s->payload_len)
		memcpy(tcp + header, s->payload, s->payload_len);
	put16(tcp + 16, packet_l4_checksum(&p) ^ s->spoiled);
	return len;
}
