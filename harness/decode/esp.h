/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP (RFC 4303 section 2), and what travels with it through one UDP port or one TCP
 * stream: RFC 3948 section 2 in UDP, RFC 9329 section 3 behind a length in TCP.
 */
#ifndef DUPACK_DECODE_ESP_H
#define DUPACK_DECODE_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESP_HEADER_LEN 8 /* SPI and sequence number */
#define ESP_MARKER_LEN 4 /* zeros in the place of an SPI: IKE follows */
#define ESP_TCP_PREFIX "IKETCP" /* RFC 9329 section 4: the originator's first bytes */
#define ESP_TCP_PEEK   (2 + ESP_MARKER_LEN)

struct esp_packet {
	uint32_t spi, seq;
};

enum esp_form {
	ESP_FORM_NONE, /* none of these */
	ESP_FORM_ESP,
	ESP_FORM_IKE, /* behind the marker */
	ESP_FORM_KEEPALIVE,
};

bool esp_parse(const uint8_t *bytes, size_t len, struct esp_packet *ret);
enum esp_form esp_form(const uint8_t *payload, size_t len);

#endif
