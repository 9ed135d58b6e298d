// SPDX-License-Identifier: Apache-2.0
#include "decode/ctcp.h"

#include <string.h>

#define TRAILER_LEN 16

/**
 * ctcp_inner() - What a segment carries, by its trailer
 * @payload:	All behind the TCP header
 * @len:	Bytes
 * @ret_len:	Set to the bytes before the trailer, if it is cTCP
 *
 * The cookie, the length of the trailer and the protocol tell it from other TCP.
 */
enum ctcp_inner ctcp_inner(const uint8_t *payload, size_t len, size_t *ret_len)
{
	static const uint8_t cookie[] = { 0x21, 0x45, 0x6c, 0x69, TRAILER_LEN };
	const uint8_t *trailer;

	if (len < TRAILER_LEN)
		return CTCP_INNER_NONE;
	trailer = payload + len - TRAILER_LEN;
	if (memcmp(trailer + 8, cookie, sizeof(cookie)) != 0)
		return CTCP_INNER_NONE;
	*ret_len = len - TRAILER_LEN;
	return trailer[13] == 17   ? CTCP_INNER_UDP
	       : trailer[13] == 50 ? CTCP_INNER_ESP
				   : CTCP_INNER_NONE;
}
