// SPDX-License-Identifier: Apache-2.0
#include "decode/esp.h"

#include "decode/bytes.h"

/**
 * esp_parse() - Read the clear part of an ESP packet
 * @bytes:	Begins at the SPI
 * @len:	Bytes at hand
 * @ret:	Set on success
 *
 * Return: true if it can be ESP: SPI 0 is never on the wire (RFC 4303 section 2.1)
 */
bool esp_parse(const uint8_t *bytes, size_t len, struct esp_packet *ret)
{
	if (len < ESP_HEADER_LEN || !bytes_be32(bytes))
		return false;
	*ret = (struct esp_packet){ bytes_be32(bytes), bytes_be32(bytes + 4) };
	return true;
}

/**
 * esp_form() - What is in a datagram of the NAT-T port, or in a message of IKE over TCP
 * @payload:	Behind the UDP header, or behind the length
 * @len:	Bytes at hand
 */
enum esp_form esp_form(const uint8_t *payload, size_t len)
{
	if (len == 1 && payload[0] == 0xff)
		return ESP_FORM_KEEPALIVE;
	if (len < ESP_MARKER_LEN)
		return ESP_FORM_NONE;
	return bytes_be32(payload) ? ESP_FORM_ESP : ESP_FORM_IKE;
}
