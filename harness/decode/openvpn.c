// SPDX-License-Identifier: Apache-2.0
#include "decode/openvpn.h"

#include "decode/bytes.h"

#define RESET_LEN    14 /* a plain reset: opcode, session, no acknowledgement, identifier */
#define REPLAY_LEN   8 /* tls-auth and tls-crypt: number and time */
#define CRYPT_DIGEST 32
#define ACKS_MAX     8

static const struct {
	size_t digest;
	bool readable;
} wrappings[] = {
	[OPENVPN_UNKNOWN] = { 0, false }, [OPENVPN_PLAIN] = { 0, true },
	[OPENVPN_AUTH_20] = { 20, true }, [OPENVPN_AUTH_32] = { 32, true },
	[OPENVPN_AUTH_64] = { 64, true }, [OPENVPN_CRYPT] = { CRYPT_DIGEST, false },
};

static bool is_server(uint8_t opcode)
{
	return opcode == OPENVPN_HARD_RESET_SERVER_V2 || opcode == OPENVPN_HARD_RESET_SERVER_V1;
}

static bool is_reset(uint8_t opcode)
{
	return is_server(opcode) || opcode == OPENVPN_HARD_RESET_CLIENT_V2 ||
	       opcode == OPENVPN_HARD_RESET_CLIENT_V1;
}

/**
 * openvpn_begins() - Can this be the first packet of a connection?
 * @bytes:	A datagram, or what is behind the length in TCP
 * @len:	Bytes at hand
 */
bool openvpn_begins(const uint8_t *bytes, size_t len)
{
	return len >= RESET_LEN && (bytes[0] == OPENVPN_HARD_RESET_CLIENT_V2 << 3 ||
				    bytes[0] == OPENVPN_HARD_RESET_CLIENT_V3 << 3);
}

/**
 * openvpn_wrapping() - How the control channel is protected
 * @bytes:	A hard reset, as a whole
 * @len:	Its length: known in each form, as a reset carries nothing
 *
 * A SHA-256 digest of tls-auth gives the length of tls-crypt; there the number 1 of the
 * replay protection stands at once behind the session identifier.
 *
 * Return: OPENVPN_UNKNOWN if it is no reset
 */
enum openvpn_wrapping openvpn_wrapping(const uint8_t *bytes, size_t len)
{
	size_t plain;

	if (len && bytes[0] >> 3 == OPENVPN_HARD_RESET_CLIENT_V3)
		return OPENVPN_CRYPT;
	if (len < RESET_LEN || !is_reset(bytes[0] >> 3))
		return OPENVPN_UNKNOWN;
	/* a server's reset acknowledges the client's: one number and the client's session */
	plain = RESET_LEN + (is_server(bytes[0] >> 3) ? 4 + 8 : 0);
	if (len == plain)
		return OPENVPN_PLAIN;
	if (len == plain + REPLAY_LEN + CRYPT_DIGEST && bytes_be32(bytes + 9) == 1)
		return OPENVPN_CRYPT;
	for (int w = OPENVPN_AUTH_20; w <= OPENVPN_AUTH_64; w++)
		if (len == plain + REPLAY_LEN + wrappings[w].digest)
			return (enum openvpn_wrapping)w;
	return OPENVPN_UNKNOWN;
}

/* Behind the session: digest and replay number, acknowledgements, the packet's identifier */
static void parse_control(const uint8_t *b, size_t len, enum openvpn_wrapping wrapping,
			  struct openvpn_packet *ret)
{
	size_t at = 9, acks;

	if (len < at)
		return;
	ret->has_session = true;
	ret->session = bytes_be(b + 1, 8);
	if (!wrappings[wrapping].readable || ret->opcode == OPENVPN_ACK_V1)
		return;
	if (wrappings[wrapping].digest)
		at += wrappings[wrapping].digest + REPLAY_LEN;
	if (len <= at || b[at] > ACKS_MAX)
		return;
	acks = b[at];
	at += 1 + acks * 4 + (acks ? 8 : 0);
	if (len < at + 4)
		return;
	ret->has_id = true;
	ret->id = bytes_be32(b + at);
}

/**
 * openvpn_parse() - Read a packet of OpenVPN
 * @bytes:	A datagram, or what is behind the length in TCP
 * @len:	Bytes at hand; OPENVPN_PEEK_LEN are enough
 * @wrapping:	How its control channel is protected
 * @ret:	Set on success.  The identifier of DATA_V2 is taken for one whatever the
 *		cipher: the caller knows if the numbers make sense
 *
 * Return: true if its opcode exists
 */
bool openvpn_parse(const uint8_t *bytes, size_t len, enum openvpn_wrapping wrapping,
		   struct openvpn_packet *ret)
{
	uint8_t opcode = len ? bytes[0] >> 3 : 0;

	if (opcode < OPENVPN_HARD_RESET_CLIENT_V1 || opcode > OPENVPN_CONTROL_WKC_V1)
		return false;
	*ret = (struct openvpn_packet){ .opcode = opcode, .key = bytes[0] & 7 };
	if (opcode == OPENVPN_DATA_V1) {
		ret->has_id = len >= 5;
		ret->id = ret->has_id ? bytes_be32(bytes + 1) : 0;
	} else if (opcode == OPENVPN_DATA_V2) {
		ret->has_id = len >= 8; /* behind the peer's identifier of 3 bytes */
		ret->id = ret->has_id ? bytes_be32(bytes + 4) : 0;
	} else {
		parse_control(bytes, len, wrapping, ret);
	}
	return true;
}
