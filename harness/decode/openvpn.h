/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of OpenVPN, as far as they are in the clear.
 *
 * The control channel is plain, authenticated (tls-auth: a digest and a replay number
 * behind the session identifier) or encrypted (tls-crypt).  Nothing in a packet says
 * which; the first one of a connection has a known length in each form, so that
 * openvpn_wrapping() can tell it and the rest are read with what it said.
 */
#ifndef DUPACK_DECODE_OPENVPN_H
#define DUPACK_DECODE_OPENVPN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum openvpn_opcode {
	OPENVPN_HARD_RESET_CLIENT_V1 = 1,
	OPENVPN_HARD_RESET_SERVER_V1 = 2,
	OPENVPN_SOFT_RESET_V1 = 3,
	OPENVPN_CONTROL_V1 = 4,
	OPENVPN_ACK_V1 = 5,
	OPENVPN_DATA_V1 = 6,
	OPENVPN_HARD_RESET_CLIENT_V2 = 7,
	OPENVPN_HARD_RESET_SERVER_V2 = 8,
	OPENVPN_DATA_V2 = 9,
	OPENVPN_HARD_RESET_CLIENT_V3 = 10,
	OPENVPN_CONTROL_WKC_V1 = 11,
};

#define OPENVPN_PEEK_LEN (1 + 8 + 64 + 8 + 1 + 8 * 4 + 8 + 4) /* all that openvpn_parse() reads */

/** What stands between session identifier and acknowledgements. */
enum openvpn_wrapping {
	OPENVPN_UNKNOWN,
	OPENVPN_PLAIN,
	OPENVPN_AUTH_20, /* tls-auth, by the length of its digest */
	OPENVPN_AUTH_32,
	OPENVPN_AUTH_64,
	OPENVPN_CRYPT, /* identifiers cannot be read */
};

struct openvpn_packet {
	uint8_t opcode; /* enum openvpn_opcode */
	uint8_t key; /* 0 to 7 */
	bool has_session;
	uint64_t session;
	bool has_id;
	uint32_t id; /* of a control packet; of DATA_V2 if its cipher is an AEAD */
};

bool openvpn_parse(const uint8_t *bytes, size_t len, enum openvpn_wrapping wrapping,
		   struct openvpn_packet *ret);
enum openvpn_wrapping openvpn_wrapping(const uint8_t *bytes, size_t len);
bool openvpn_begins(const uint8_t *bytes, size_t len);

#endif
