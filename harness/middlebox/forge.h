/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that nobody sent: segments in an end's name, ICMP packet too big;
 * and the fragments of a packet.  No state.
 */
#ifndef DUPACK_MIDDLEBOX_FORGE_H
#define DUPACK_MIDDLEBOX_FORGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "middlebox/segment.h"

struct packet;

#define FORGE_PTB_BYTES 1280 /* the longest ICMP error: IPv6 */

size_t forge_segment(const struct segment_ack *what, uint8_t flags, uint8_t ret[SEGMENT_ACK_BYTES]);
size_t forge_ptb(const struct packet *p, uint32_t mtu, uint8_t ret[FORGE_PTB_BYTES]);
bool forge_is_ptb(const struct packet *p);
bool forge_is_error(const struct packet *p);
bool forge_may_fragment(const struct packet *p);
size_t forge_fragment(const struct packet *p, size_t mtu, size_t *at, uint8_t *ret);

#endif
