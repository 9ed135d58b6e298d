/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of the tunnel.  Outside they have the form of WireGuard's (type, indices,
 * counter, lengths), so that all that reads WireGuard's headers reads these; what is in
 * them is simpler, and of no use outside of tests: keys follow from the pre-shared key and
 * two nonces, so there is no forward secrecy.  Pure.
 */
#ifndef MUTANTS_MESSAGE_H
#define MUTANTS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_PSK_MAX	     256
#define MESSAGE_NONCE_LEN    32
#define MESSAGE_REQUEST_LEN  148
#define MESSAGE_RESPONSE_LEN 92
#define MESSAGE_HEAD_LEN     16 /* of data */
#define MESSAGE_TAG_LEN	     16
#define MESSAGE_PAD	     16 /* plaintext is a multiple of it */
#define MESSAGE_OVERHEAD     (MESSAGE_HEAD_LEN + MESSAGE_TAG_LEN)
#define MESSAGE_MAX	     2048

/** What data messages carry besides IP packets: the first byte of their plaintext. */
enum message_control { CONTROL_ASK = 1, CONTROL_ANSWER = 2, CONTROL_BYE = 3 };

struct psk {
	uint8_t bytes[MESSAGE_PSK_MAX];
	size_t len;
};

/** One direction of a session. */
struct message_key {
	uint8_t bytes[32];
};

void message_request(const struct psk *psk, uint32_t sender, const uint8_t *nonce,
		     uint8_t ret[MESSAGE_REQUEST_LEN]);
bool message_request_ok(const struct psk *psk, const uint8_t *bytes, size_t len,
			uint32_t *ret_sender);
void message_response(const struct psk *psk, const uint8_t *request, uint32_t sender,
		      const uint8_t *nonce, uint8_t ret[MESSAGE_RESPONSE_LEN]);
bool message_response_ok(const struct psk *psk, const uint8_t *request, const uint8_t *bytes,
			 size_t len, uint32_t *ret_sender);
void message_keys(const struct psk *psk, const uint8_t *request, const uint8_t *response,
		  struct message_key *ret_up, struct message_key *ret_down);

size_t message_seal(const struct message_key *key, uint32_t receiver, uint64_t counter, bool clear,
		    const uint8_t *plain, size_t len, uint8_t ret[MESSAGE_MAX]);
bool message_head(const uint8_t *bytes, size_t len, uint32_t *ret_receiver, uint64_t *ret_counter);
bool message_open(const struct message_key *key, bool clear, const uint8_t *bytes, size_t len,
		  uint8_t ret_plain[MESSAGE_MAX]);

#endif
