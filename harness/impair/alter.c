// SPDX-License-Identifier: Apache-2.0
/*
 * A message that is changed in flight: with the headers as they were, so that the receiver's
 * kernel finds the damage, or with lengths and checksums mended, so that what was changed
 * reaches the implementation.  Mended are IPv4, IPv6, UDP, TCP and ICMP; what is inside of
 * the message is never mended.
 */
#include "impair/alter.h"

#include <netinet/in.h>

#include "decode/meaning.h"
#include "decode/packet.h"

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The checksum at @at of the transport part */
static void mend_checksum(const struct packet *p, uint8_t *l4, size_t at)
{
	uint16_t sum;

	if (p->l4_len < at + 2)
		return;
	put16(l4 + at, 0);
	sum = p->proto == IPPROTO_ICMP ? packet_checksum(l4, p->l4_len, 0) : packet_l4_checksum(p);
	put16(l4 + at, p->proto == IPPROTO_UDP && !sum ? 0xffff : sum); /* RFC 768: 0 means none */
}

static void mend_transport(const struct packet *p, uint8_t *l4)
{
	if (p->proto == IPPROTO_TCP)
		mend_checksum(p, l4, 16);
	else if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6)
		mend_checksum(p, l4, 2);
	if (p->proto != IPPROTO_UDP || p->l4_len < 8)
		return;
	put16(l4 + 4, p->l4_len);
	if (p->version == 6 || l4[6] || l4[7])
		mend_checksum(p, l4, 6);
}

/* @p: as it was before the change, but for the lengths */
static void mend_headers(const struct packet *p, uint8_t *ip)
{
	size_t header = (size_t)(p->l4 - p->ip);

	put16(ip + (p->version == 4 ? 2 : 4), p->version == 4 ? p->ip_len : p->ip_len - 40);
	if (!p->fragment && !p->more_fragments)
		mend_transport(p, ip + header);
	if (p->version == 4) {
		put16(ip + 10, 0);
		put16(ip + 10, packet_checksum(ip, header, 0));
	}
}

/**
 * alter_bit() - Turn a bit of a message
 * @frame:	Begins at the destination MAC address
 * @len:	Bytes
 * @m:		The message: one of the frame's meanings
 * @offset:	Byte of the message, from 0
 * @bit:	Bit of the byte, 0 is the least
 * @mend:	Make checksums right
 *
 * Return: false if the message has no such byte: nothing was changed
 */
bool alter_bit(uint8_t *frame, size_t len, const struct meaning *m, uint64_t offset, uint64_t bit,
	       bool mend)
{
	struct packet p;
	bool parsed;

	if (offset >= m->len || m->at + offset >= len)
		return false;
	parsed = packet_parse_frame(frame, len, &p);
	frame[m->at + offset] ^= (uint8_t)(1U << bit);
	if (mend && parsed)
		mend_headers(&p, frame + (p.ip - frame));
	return true;
}

/**
 * alter_truncate() - Cut a message short, and with it all that is behind it in the frame
 * @frame:	Begins at the destination MAC address
 * @len:	Bytes
 * @m:		The message: one of the frame's meanings
 * @to:		Bytes of the message that are left
 * @mend:	Make lengths and checksums right; without, the headers promise more than there is
 *
 * Return: the new length of the frame; @len if the message is not longer than @to
 */
size_t alter_truncate(uint8_t *frame, size_t len, const struct meaning *m, uint64_t to, bool mend)
{
	struct packet p;
	size_t left;

	if (to >= m->len || m->at + to >= len)
		return len;
	left = m->at + (size_t)to;
	if (!packet_parse_frame(frame, len, &p) || !p.l4 || p.l4 > frame + left || !mend)
		return left;
	p.ip_len = (size_t)(frame + left - p.ip);
	p.l4_len = (size_t)(frame + left - p.l4);
	mend_headers(&p, frame + (p.ip - frame));
	return left;
}
