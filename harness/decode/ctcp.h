/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trailer of IPsec over TCP in the manner of Cisco: the last 16 bytes of a segment.
 * The carrier in targets/ctcp has a codec of its own, so that each can find the other's faults.
 */
#ifndef DUPACK_DECODE_CTCP_H
#define DUPACK_DECODE_CTCP_H

#include <stddef.h>
#include <stdint.h>

enum ctcp_inner {
	CTCP_INNER_NONE, /* not cTCP */
	CTCP_INNER_UDP, /* a UDP header and an IKE message */
	CTCP_INNER_ESP,
};

enum ctcp_inner ctcp_inner(const uint8_t *payload, size_t len, size_t *ret_len);

#endif
