/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets that the device makes itself, in the name of an end: ACKs for
 * what is behind a hole, RSTs after a timeout, the handshakes of TCP intercept.
 * Each function writes one packet and says its length.
 */
#ifndef DUPACK_MIDDLEBOX_ANSWER_H
#define DUPACK_MIDDLEBOX_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "middlebox/config.h"
#include "middlebox/flow.h"
#include "middlebox/segment.h"

struct arrival;

bool answer_has_sack(const struct engine_config *config, const struct flow *f, enum direction dir);
size_t answer_ack(const struct engine_config *config, const struct flow *f, enum direction dir,
		  uint8_t ret[SEGMENT_ACK_BYTES]);
size_t answer_reset(const struct flow *f, enum direction dir, uint8_t ret[SEGMENT_ACK_BYTES]);
size_t answer_syn(const struct flow *f, uint8_t ret[SEGMENT_ACK_BYTES]);
size_t answer_plain(const struct flow *f, enum direction dir, uint8_t ret[SEGMENT_ACK_BYTES]);
size_t answer_cookie(const struct flow_key *key, const struct arrival *a, uint32_t cookie,
		     uint16_t mss, uint8_t ret[SEGMENT_ACK_BYTES]);

#endif
