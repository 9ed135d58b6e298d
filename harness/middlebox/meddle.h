/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What middleboxes in the wild do to packets, as switches that are all off by
 * default.  A box of its own: packets in, packets out, in one address and
 * number space.  The engine puts it in front of its device.
 */
#ifndef DUPACK_MIDDLEBOX_MEDDLE_H
#define DUPACK_MIDDLEBOX_MEDDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/case.h"

struct device_config;
struct engine_out;
struct meddle;

bool meddle_wanted(const struct device_config *config);
struct meddle *meddle_new(const struct device_config *config, uint64_t seed, uint64_t *counters);
void meddle_free(struct meddle *m);
void meddle_packet(struct meddle *m, uint64_t now_ns, enum direction dir, const uint8_t *ip,
		   size_t len, const struct engine_out *out);
bool meddle_timer(struct meddle *m, uint64_t now_ns, const struct engine_out *out);
uint64_t meddle_deadline(const struct meddle *m);
size_t meddle_usage(const struct meddle *m, size_t *ret_flows, size_t *ret_gathered);
size_t meddle_bytes_max(const struct device_config *config);

#endif
