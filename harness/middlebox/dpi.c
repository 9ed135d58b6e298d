// SPDX-License-Identifier: Apache-2.0
#include "middlebox/dpi.h"

#include <string.h>

#include "base/cleanup.h"
#include "decode/packet.h"
#include "middlebox/bytes.h"

static bool begins(const struct packet *p, const void *bytes, size_t len)
{
	return p->payload_len >= len && memcmp(p->payload, bytes, len) == 0;
}

/* A handshake record: TLS 1.0 to 1.3 (RFC 8446 section 5.1), DTLS (RFC 9147 section 4) */
static bool is_tls(const struct packet *p)
{
	if (p->payload_len < 3 || p->payload[0] != 22)
		return false;
	return p->tcp ? p->payload[1] == 3 && p->payload[2] <= 4
		      : p->payload[1] == 254 && (p->payload[2] == 255 || p->payload[2] == 253);
}

/* A request line or a status line (RFC 9112 section 2.1) */
static bool is_http(const struct packet *p)
{
	static const char *const words[] = { "GET ",	 "POST ",    "HEAD ",  "PUT ", "DELETE ",
					     "CONNECT ", "OPTIONS ", "TRACE ", "HTTP/" };

	for (size_t i = 0; p->tcp && i < ARRAY_SIZE(words); i++)
		if (begins(p, words[i], strlen(words[i])))
			return true;
	return false;
}

/*
 * TCP: the prefix of RFC 9329 section 4.  UDP: a header of IKEv1 or IKEv2 whose length is
 * the datagram's (RFC 7296 section 3.1), perhaps behind a non-ESP marker (RFC 3948 section 2.2)
 */
static bool is_ike(const struct packet *p)
{
	static const uint8_t marker[4] = { 0 };
	size_t skip = begins(p, marker, sizeof(marker)) ? sizeof(marker) : 0;
	const uint8_t *ike = p->payload + skip;

	if (p->tcp)
		return begins(p, "IKETCP", 6);
	return p->payload_len >= skip + 28 && (ike[17] == 0x10 || ike[17] == 0x20) &&
	       get32(ike + 24) == p->payload_len - skip;
}

/**
 * dpi_matches() - Is it what the filter looks for?
 * @config:	Its switches; dpi is not DPI_OFF
 * @p:		The first packet of a flow with payload: what is cut off is not seen
 *
 * Return: true if so
 */
bool dpi_matches(const struct meddle_config *config, const struct packet *p)
{
	switch ((enum meddle_dpi)config->dpi) {
	case DPI_TLS:
		return is_tls(p);
	case DPI_HTTP:
		return is_http(p);
	case DPI_IKE:
		return is_ike(p);
	case DPI_BYTES:
		return begins(p, config->dpi_bytes.bytes, config->dpi_bytes.len);
	case DPI_OFF:
		break;
	}
	return false;
}
