/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that no end sent, into flows that the box knows: at their time, or
 * because a flow ends.
 */
#ifndef DUPACK_MIDDLEBOX_INJECT_H
#define DUPACK_MIDDLEBOX_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "middlebox/counter.h"
#include "middlebox/meddle-tcp.h"

struct engine_out;

TAILQ_HEAD(injection_list, meddle_flow);

struct injector {
	const struct meddle_config *config;
	uint64_t *counters;
	struct injection_list first, again; /* flows by when it is their turn */
};

void injector_init(struct injector *in, const struct meddle_config *config, uint64_t *counters);
void inject_take_turn(struct injector *in, struct meddle_flow *f);
void inject_lose_turn(struct injector *in, struct meddle_flow *f);
void inject_due(struct injector *in, uint64_t now_ns, const struct engine_out *out);
uint64_t inject_deadline(const struct injector *in);
bool inject_resets(const struct meddle_flow *f, uint64_t *counters, const struct engine_out *out);
void inject_send(enum direction dir, const struct segment_ack *what, uint8_t flags,
		 enum counter count, uint64_t *counters, const struct engine_out *out);

#endif
