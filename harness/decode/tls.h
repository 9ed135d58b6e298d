/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of TLS (RFC 8446 section 5.1) and DTLS (RFC 6347 section 4.1, RFC 9147 section
 * 4), and the type of the first handshake message in one that is not encrypted.
 */
#ifndef DUPACK_DECODE_TLS_H
#define DUPACK_DECODE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_HEADER_LEN 5
#define TLS_PEEK_LEN   (TLS_HEADER_LEN + 1) /* and the type of a handshake message */

enum tls_type {
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_APPDATA = 23,
	TLS_HEARTBEAT = 24,
	DTLS_CID = 25,
	DTLS_ACK = 26,
	DTLS_CIPHERTEXT = 32, /* of DTLS 1.3: what it is cannot be seen; no number of a record */
};

struct tls_record {
	uint8_t type; /* enum tls_type */
	uint8_t handshake; /* type of the first message; meaningless if the record is encrypted */
	size_t len; /* all of it, header included */
};

struct dtls_record {
	uint8_t type; /* enum tls_type */
	uint16_t epoch; /* DTLS_CIPHERTEXT: its low two bits */
	uint64_t seq; /* 0 for DTLS_CIPHERTEXT: it is encrypted */
	bool has_handshake; /* of epoch 0, so that the next three can be read */
	uint8_t handshake;
	uint16_t message_seq;
	uint32_t fragment_offset;
	size_t len; /* all of it, header included */
};

bool tls_parse(const uint8_t *bytes, size_t len, struct tls_record *ret);
bool dtls_parse(const uint8_t *bytes, size_t len, struct dtls_record *ret);

#endif
