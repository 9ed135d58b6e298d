/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYN cookies: a sequence number that holds what the device would have to
 * remember of a SYN, and that only who receives it can know.
 *
 *   5 bits  time, in steps of 64 s       3 bits  which MSS       24 bits  a hash of all
 *
 * The hash is quick and good enough for a laboratory; it is no cryptography.
 */
#ifndef DUPACK_MIDDLEBOX_COOKIE_H
#define DUPACK_MIDDLEBOX_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

struct flow_key;

uint32_t cookie_make(uint64_t secret, const struct flow_key *key, uint32_t isn, uint16_t mss,
		     uint64_t now_ns);
bool cookie_check(uint64_t secret, const struct flow_key *key, uint32_t isn, uint32_t cookie,
		  uint64_t now_ns, uint16_t *ret_mss);
uint16_t cookie_mss(uint16_t mss);

#endif
