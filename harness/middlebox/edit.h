/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers changed where they lie.  No state.
 *
 * Between edit_begin() and edit_end() the header of a TCP segment may be
 * changed in any way, its length too; edit_end() brings lengths and checksums
 * in line.  A TCP checksum that was wrong stays wrong.
 */
#ifndef DUPACK_MIDDLEBOX_EDIT_H
#define DUPACK_MIDDLEBOX_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "middlebox/meddle-config.h"

struct packet;

#define EDIT_GROWS 40 /* bytes that a packet can become longer: the room behind it */

struct edit {
	uint8_t *ip;
	size_t len; /* of the packet */
	uint8_t *tcp;
	size_t header_len;
	uint32_t before; /* sum of what the checksum was made of and may be changed */
};

struct edit edit_begin(uint8_t *ip, const struct packet *p);
void edit_end(struct edit *e);
void edit_drop_payload(struct edit *e);
void edit_numbers(struct edit *e, uint32_t add_seq, uint32_t sub_ack, bool sack);
bool edit_strip_options(struct edit *e, bool all);
bool edit_add_option(struct edit *e, uint8_t kind);
bool edit_bad_option(struct edit *e, enum meddle_bad_option what);
bool edit_clamp_mss(struct edit *e, uint16_t mss);

unsigned int edit_ecn(const uint8_t *ip);
void edit_set_ecn(uint8_t *ip, unsigned int ecn);
void edit_ip_lengths(uint8_t *ip, size_t len);

#define EDIT_ECN_NOT 0U
#define EDIT_ECN_CE  3U

#endif
