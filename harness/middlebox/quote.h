/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an ICMP error quotes of a TCP segment.  No state.
 *
 * Who gets the error looks for the connection that it is about, and takes it only if the
 * sequence number is one that is on its way (RFC 5927 section 4.1).  So who translates
 * numbers translates them back in what is quoted; without it no path MTU gets through.
 */
#ifndef DUPACK_MIDDLEBOX_QUOTE_H
#define DUPACK_MIDDLEBOX_QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet;

/** The beginning of a segment, behind the ICMP header of a packet. */
struct quote {
	int version; /* of IP, 4 or 6 */
	const uint8_t *src, *dst; /* 4 or 16 bytes */
	uint16_t sport, dport;
	size_t tcp; /* where it begins, from the first byte of the packet that quotes */
	size_t tcp_len; /* of its bytes that are quoted; at least 8: ports and sequence number */
};

bool quote_read(const struct packet *icmp, struct quote *ret);
void quote_translate(uint8_t *packet, size_t len, const struct quote *q, uint32_t add_seq,
		     uint32_t add_ack);

#endif
