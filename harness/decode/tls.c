// SPDX-License-Identifier: Apache-2.0
#include "decode/tls.h"

#include "decode/bytes.h"

#define BODY_MAX	   ((1U << 14) + 2048) /* RFC 5246 section 6.2.3 */
#define DTLS_HEADER_LEN	   13
#define DTLS_HANDSHAKE_LEN 12
#define DTLS_BAD_VER	   0x0100 /* of AnyConnect before DTLS 1.2 */

/**
 * tls_parse() - Read the header of a TLS record
 * @bytes:	Begins at the type
 * @len:	Bytes at hand; TLS_PEEK_LEN are enough
 * @ret:	Set on success; its body may end behind what is at hand
 *
 * Return: true if it is one
 */
bool tls_parse(const uint8_t *bytes, size_t len, struct tls_record *ret)
{
	size_t body;

	if (len < TLS_HEADER_LEN || bytes[0] < TLS_CHANGE_CIPHER_SPEC || bytes[0] > TLS_HEARTBEAT ||
	    bytes[1] != 3 || bytes[2] > 4)
		return false;
	body = bytes_be16(bytes + 3);
	if (body > BODY_MAX)
		return false;
	*ret = (struct tls_record){ .type = bytes[0], .len = TLS_HEADER_LEN + body };
	if (ret->type == TLS_HANDSHAKE && body && len >= TLS_PEEK_LEN)
		ret->handshake = bytes[TLS_HEADER_LEN];
	return true;
}

/* RFC 9147 section 4: 001CSLEE; an identifier's length is not said, so none is accepted */
static bool parse_unified(const uint8_t *b, size_t len, struct dtls_record *ret)
{
	size_t header = 1 + (b[0] & 8 ? 2U : 1U), body;

	if (b[0] & 0x10 || len < header + 2)
		return false;
	body = len - header;
	if (b[0] & 4) {
		body = bytes_be16(b + header);
		header += 2;
		if (body > len - header)
			return false;
	}
	*ret = (struct dtls_record){ .type = DTLS_CIPHERTEXT,
				     .epoch = b[0] & 3,
				     .len = header + body };
	return true;
}

/**
 * dtls_parse() - Read the header of a DTLS record
 * @bytes:	Begins at the record; more of them may follow
 * @len:	Bytes of the datagram from there
 * @ret:	Set on success
 *
 * Return: true if it is one and is there as a whole
 */
bool dtls_parse(const uint8_t *bytes, size_t len, struct dtls_record *ret)
{
	uint16_t version;
	size_t body;

	if (len && bytes[0] >> 5 == 1)
		return parse_unified(bytes, len, ret);
	if (len < DTLS_HEADER_LEN || bytes[0] < TLS_CHANGE_CIPHER_SPEC || bytes[0] > DTLS_ACK)
		return false;
	version = bytes_be16(bytes + 1);
	body = bytes_be16(bytes + 11);
	if ((version >> 8 != 0xfe && version != DTLS_BAD_VER) || body > BODY_MAX ||
	    body > len - DTLS_HEADER_LEN)
		return false;
	*ret = (struct dtls_record){
		.type = bytes[0],
		.epoch = bytes_be16(bytes + 3),
		.seq = bytes_be(bytes + 5, 6),
		.len = DTLS_HEADER_LEN + body,
	};
	if (ret->type == TLS_HANDSHAKE && ret->epoch == 0 && body >= DTLS_HANDSHAKE_LEN) {
		ret->has_handshake = true;
		ret->handshake = bytes[DTLS_HEADER_LEN];
		ret->message_seq = bytes_be16(bytes + DTLS_HEADER_LEN + 4);
		ret->fragment_offset = (uint32_t)bytes_be(bytes + DTLS_HEADER_LEN + 6, 3);
	}
	return true;
}
