// SPDX-License-Identifier: Apache-2.0
#include "decode/ike.h"

#include "decode/bytes.h"

#define FLAG_INITIATOR	  0x08
#define FLAG_RESPONSE	  0x20
#define PAYLOAD_SKF	  53 /* version 2: Encrypted and Authenticated Fragment */
#define PAYLOAD_FRAGMENT1 132 /* version 1, as the common implementations write it */

/**
 * ike_parse() - Read the header of an IKE message
 * @bytes:	Begins at the initiator's SPI
 * @len:	Bytes at hand; IKE_PEEK_LEN are enough
 * @whole:	Bytes that the message can have: @len, or more if its end is elsewhere
 * @ret:	Set on success
 *
 * Return: true if it is IKE: a version that exists, an initiator's SPI, a length that fits
 */
bool ike_parse(const uint8_t *bytes, size_t len, size_t whole, struct ike_message *ret)
{
	uint8_t next, flags;

	if (len < IKE_HEADER_LEN)
		return false;
	next = bytes[16];
	flags = bytes[19];
	*ret = (struct ike_message){
		.version = bytes[17] >> 4,
		.spi_i = bytes_be(bytes, 8),
		.spi_r = bytes_be(bytes + 8, 8),
		.exchange = bytes[18],
		.mid = bytes_be32(bytes + 20),
		.len = bytes_be32(bytes + 24),
	};
	if (!ret->spi_i || (ret->version != 1 && ret->version != 2) || ret->len < IKE_HEADER_LEN ||
	    ret->len > whole)
		return false;
	if (ret->version == 2) {
		ret->response = flags & FLAG_RESPONSE;
		ret->from_initiator = flags & FLAG_INITIATOR;
	}
	/* behind the generic payload header of 4 bytes: number; version 1: identifier, number */
	if (len >= IKE_PEEK_LEN && ret->version == 2 && next == PAYLOAD_SKF)
		ret->fragment = bytes_be16(bytes + IKE_HEADER_LEN + 4);
	if (len >= IKE_PEEK_LEN && ret->version == 1 && next == PAYLOAD_FRAGMENT1)
		ret->fragment = bytes[IKE_HEADER_LEN + 6];
	return true;
}
