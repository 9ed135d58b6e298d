// SPDX-License-Identifier: Apache-2.0
#include "decode/wireguard.h"

#include "decode/bytes.h"

#define DATA_MIN 32 /* header, counter, and the tag of an empty packet */

/**
 * wireguard_parse() - Read a message of WireGuard
 * @bytes:	The payload of a datagram
 * @len:	Bytes
 * @ret:	Set on success
 *
 * It has no port of its own: type, zeros and exact lengths tell it from all else.
 *
 * Return: true if it is one
 */
bool wireguard_parse(const uint8_t *bytes, size_t len, struct wireguard_message *ret)
{
	static const size_t lengths[] = {
		[WIREGUARD_INITIATION] = 148, [WIREGUARD_RESPONSE] = 92, [WIREGUARD_COOKIE] = 64
	};

	if (len < DATA_MIN || bytes[0] < WIREGUARD_INITIATION || bytes[0] > WIREGUARD_DATA ||
	    bytes[1] || bytes[2] || bytes[3])
		return false;
	if (bytes[0] == WIREGUARD_DATA ? len % 16 != 0 : len != lengths[bytes[0]])
		return false;
	*ret = (struct wireguard_message){ .type = bytes[0] };
	switch (ret->type) {
	case WIREGUARD_INITIATION:
		ret->sender = (uint32_t)bytes_le(bytes + 4, 4);
		break;
	case WIREGUARD_RESPONSE:
		ret->sender = (uint32_t)bytes_le(bytes + 4, 4);
		ret->receiver = (uint32_t)bytes_le(bytes + 8, 4);
		break;
	case WIREGUARD_COOKIE:
		ret->receiver = (uint32_t)bytes_le(bytes + 4, 4);
		break;
	case WIREGUARD_DATA:
		ret->receiver = (uint32_t)bytes_le(bytes + 4, 4);
		ret->counter = bytes_le(bytes + 8, 8);
		ret->keepalive = len == DATA_MIN;
		break;
	}
	return true;
}
