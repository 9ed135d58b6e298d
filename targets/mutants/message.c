// SPDX-License-Identifier: Apache-2.0
/*
 *   request   1 0 0 0 | sender 4 | nonce 32 | zeros 76 | HMAC 32
 *   response  2 0 0 0 | sender 4 | receiver 4 | nonce 32 | zeros 16 | HMAC 32, over the request too
 *   data      4 0 0 0 | receiver 4 | counter 8 | ciphertext, a multiple of 16 | tag 16
 *
 * Numbers are little-endian.  The cipher is ChaCha20-Poly1305 (RFC 8439) with the counter as
 * its nonce and the head as additional data; HMAC is that of SHA-256.
 */
#include "message.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_REQUEST = 1, TYPE_RESPONSE = 2, TYPE_DATA = 4 };

#define MAC_LEN	       32
#define REQUEST_NONCE  8
#define RESPONSE_NONCE 12

static void put_le(uint8_t *to, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_le(const uint8_t *from, size_t len)
{
	uint64_t value = 0;

	for (size_t i = len; i-- > 0;)
		value = value << 8 | from[i];
	return value;
}

static void mac(const struct psk *psk, const uint8_t *bytes, size_t len, uint8_t ret[MAC_LEN])
{
	if (!HMAC(EVP_sha256(), psk->bytes, (int)psk->len, bytes, len, ret, NULL))
		abort(); /* only without memory */
}

/** message_request() - Ask for a session; @nonce has MESSAGE_NONCE_LEN bytes */
void message_request(const struct psk *psk, uint32_t sender, const uint8_t *nonce,
		     uint8_t ret[MESSAGE_REQUEST_LEN])
{
	memset(ret, 0, MESSAGE_REQUEST_LEN);
	ret[0] = TYPE_REQUEST;
	put_le(ret + 4, sender, 4);
	memcpy(ret + REQUEST_NONCE, nonce, MESSAGE_NONCE_LEN);
	mac(psk, ret, MESSAGE_REQUEST_LEN - MAC_LEN, ret + MESSAGE_REQUEST_LEN - MAC_LEN);
}

/** message_request_ok() - Is it a request of who has the key? */
bool message_request_ok(const struct psk *psk, const uint8_t *bytes, size_t len,
			uint32_t *ret_sender)
{
	uint8_t wanted[MAC_LEN];

	if (len != MESSAGE_REQUEST_LEN || bytes[0] != TYPE_REQUEST)
		return false;
	mac(psk, bytes, len - MAC_LEN, wanted);
	*ret_sender = (uint32_t)get_le(bytes + 4, 4);
	return CRYPTO_memcmp(wanted, bytes + len - MAC_LEN, MAC_LEN) == 0;
}

/* Over the whole request and the response without its own */
static void response_mac(const struct psk *psk, const uint8_t *request, const uint8_t *response,
			 uint8_t ret[MAC_LEN])
{
	uint8_t both[MESSAGE_REQUEST_LEN + MESSAGE_RESPONSE_LEN - MAC_LEN];

	memcpy(both, request, MESSAGE_REQUEST_LEN);
	memcpy(both + MESSAGE_REQUEST_LEN, response, MESSAGE_RESPONSE_LEN - MAC_LEN);
	mac(psk, both, sizeof(both), ret);
}

/** message_response() - Answer a request that is right */
void message_response(const struct psk *psk, const uint8_t *request, uint32_t sender,
		      const uint8_t *nonce, uint8_t ret[MESSAGE_RESPONSE_LEN])
{
	memset(ret, 0, MESSAGE_RESPONSE_LEN);
	ret[0] = TYPE_RESPONSE;
	put_le(ret + 4, sender, 4);
	memcpy(ret + 8, request + 4, 4);
	memcpy(ret + RESPONSE_NONCE, nonce, MESSAGE_NONCE_LEN);
	response_mac(psk, request, ret, ret + MESSAGE_RESPONSE_LEN - MAC_LEN);
}

/** message_response_ok() - Is it the answer to this request, of who has the key? */
bool message_response_ok(const struct psk *psk, const uint8_t *request, const uint8_t *bytes,
			 size_t len, uint32_t *ret_sender)
{
	uint8_t wanted[MAC_LEN];

	if (len != MESSAGE_RESPONSE_LEN || bytes[0] != TYPE_RESPONSE)
		return false;
	response_mac(psk, request, bytes, wanted);
	*ret_sender = (uint32_t)get_le(bytes + 4, 4);
	return CRYPTO_memcmp(wanted, bytes + len - MAC_LEN, MAC_LEN) == 0;
}

/** message_keys() - The keys of a session: from client to head-end, and from there */
void message_keys(const struct psk *psk, const uint8_t *request, const uint8_t *response,
		  struct message_key *ret_up, struct message_key *ret_down)
{
	uint8_t text[1 + 2 * MESSAGE_NONCE_LEN];

	memcpy(text + 1, request + REQUEST_NONCE, MESSAGE_NONCE_LEN);
	memcpy(text + 1 + MESSAGE_NONCE_LEN, response + RESPONSE_NONCE, MESSAGE_NONCE_LEN);
	text[0] = 'u';
	mac(psk, text, sizeof(text), ret_up->bytes);
	text[0] = 'd';
	mac(psk, text, sizeof(text), ret_down->bytes);
}

/* RFC 8439 section 2.8: of 12 bytes, the counter in the last 8 */
static EVP_CIPHER_CTX *cipher(const struct message_key *key, uint64_t counter, bool seal)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12] = { 0 };

	put_le(nonce + 4, counter, 8);
	if (!c || !EVP_CipherInit_ex(c, EVP_chacha20_poly1305(), NULL, key->bytes, nonce, seal))
		abort(); /* only without memory */
	return c;
}

/* Authenticate the head, and encrypt or decrypt the rest; @clear: authenticate it too */
static void run_cipher(EVP_CIPHER_CTX *c, bool clear, const uint8_t *head, const uint8_t *from,
		       size_t len, uint8_t *to)
{
	int n;

	EVP_CipherUpdate(c, NULL, &n, head, MESSAGE_HEAD_LEN);
	EVP_CipherUpdate(c, clear ? NULL : to, &n, from, (int)len);
	if (clear)
		memcpy(to, from, len);
}

/**
 * message_seal() - A data message
 * @key:	Of this direction
 * @receiver:	The other end's index of the session
 * @counter:	Not used before with this key
 * @clear:	Do not encrypt, only authenticate
 * @plain:	An IP packet or a control byte
 * @len:	Bytes of it
 * @ret:	Receives the message
 *
 * Return: its length; 0: too long
 */
size_t message_seal(const struct message_key *key, uint32_t receiver, uint64_t counter, bool clear,
		    const uint8_t *plain, size_t len, uint8_t ret[MESSAGE_MAX])
{
	size_t padded = (len + MESSAGE_PAD - 1) / MESSAGE_PAD * MESSAGE_PAD;
	uint8_t text[MESSAGE_MAX] = { 0 };
	EVP_CIPHER_CTX *c;
	int n;

	if (padded + MESSAGE_OVERHEAD > MESSAGE_MAX)
		return 0;
	memcpy(text, plain, len);
	memset(ret, 0, MESSAGE_HEAD_LEN);
	ret[0] = TYPE_DATA;
	put_le(ret + 4, receiver, 4);
	put_le(ret + 8, counter, 8);
	c = cipher(key, counter, true);
	run_cipher(c, clear, ret, text, padded, ret + MESSAGE_HEAD_LEN);
	EVP_CipherFinal_ex(c, text, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, MESSAGE_TAG_LEN,
			    ret + MESSAGE_HEAD_LEN + padded);
	EVP_CIPHER_CTX_free(c);
	return padded + MESSAGE_OVERHEAD;
}

/** message_head() - Is it data, and for which session? */
bool message_head(const uint8_t *bytes, size_t len, uint32_t *ret_receiver, uint64_t *ret_counter)
{
	if (len < MESSAGE_OVERHEAD + MESSAGE_PAD || len > MESSAGE_MAX || len % MESSAGE_PAD ||
	    bytes[0] != TYPE_DATA)
		return false;
	*ret_receiver = (uint32_t)get_le(bytes + 4, 4);
	*ret_counter = get_le(bytes + 8, 8);
	return true;
}

/**
 * message_open() - What is in a data message
 * @key:	Of this direction
 * @clear:	It is authenticated only
 * @bytes:	message_head() says that it is one
 * @len:	Its length
 * @ret_plain:	Receives what is in it, be it right or not: len - MESSAGE_OVERHEAD bytes
 *
 * Return: is its tag right?
 */
bool message_open(const struct message_key *key, bool clear, const uint8_t *bytes, size_t len,
		  uint8_t ret_plain[MESSAGE_MAX])
{
	EVP_CIPHER_CTX *c = cipher(key, get_le(bytes + 8, 8), false);
	uint8_t tag[MESSAGE_TAG_LEN], rest[MESSAGE_PAD];
	bool right;
	int n;

	memcpy(tag, bytes + len - MESSAGE_TAG_LEN, sizeof(tag));
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag);
	run_cipher(c, clear, bytes, bytes + MESSAGE_HEAD_LEN, len - MESSAGE_OVERHEAD, ret_plain);
	right = EVP_CipherFinal_ex(c, rest, &n) > 0;
	EVP_CIPHER_CTX_free(c);
	return right;
}
