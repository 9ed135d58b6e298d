/* SPDX-License-Identifier: Apache-2.0 */
/* The four messages of WireGuard (the protocol paper, section 5.4). */
#ifndef DUPACK_DECODE_WIREGUARD_H
#define DUPACK_DECODE_WIREGUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wireguard_type {
	WIREGUARD_INITIATION = 1,
	WIREGUARD_RESPONSE = 2,
	WIREGUARD_COOKIE = 3,
	WIREGUARD_DATA = 4,
};

struct wireguard_message {
	enum wireguard_type type;
	uint32_t sender, receiver; /* indices, where the message has them */
	uint64_t counter; /* data */
	bool keepalive; /* data with nothing in it */
};

bool wireguard_parse(const uint8_t *bytes, size_t len, struct wireguard_message *ret);

#endif
