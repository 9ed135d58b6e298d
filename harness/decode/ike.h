/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of an IKE message, version 2 (RFC 7296 section 3.1) and version 1
 * (RFC 2408 section 3.1), and the number of a fragment (RFC 7383 section 2.5).
 * What is encrypted stays so.
 */
#ifndef DUPACK_DECODE_IKE_H
#define DUPACK_DECODE_IKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IKE_HEADER_LEN 28
#define IKE_PEEK_LEN   (IKE_HEADER_LEN + 8) /* all that ike_parse() looks at */

/** Exchange types (IANA, "IKEv2 Exchange Types"), as far as a rule is about them. */
enum ike_exchange {
	IKE_SA_INIT = 34,
	IKE_AUTH = 35,
	IKE_CREATE_CHILD_SA = 36,
	IKE_INFORMATIONAL = 37,
};

struct ike_message {
	int version; /* 1 or 2 */
	uint64_t spi_i, spi_r; /* version 1: the cookies */
	uint8_t exchange;
	bool response, from_initiator; /* version 2 */
	uint32_t mid;
	uint16_t fragment; /* from 1; 0: not a fragment, or more of it is not at hand */
	uint32_t len; /* as the header says, its own bytes included */
};

bool ike_parse(const uint8_t *bytes, size_t len, size_t whole, struct ike_message *ret);

#endif
