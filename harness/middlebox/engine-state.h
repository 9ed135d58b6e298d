/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the engine, for the files that it is made of: boxes.c, engine.c
 * and intercept.c.
 */
#ifndef DUPACK_MIDDLEBOX_ENGINE_STATE_H
#define DUPACK_MIDDLEBOX_ENGINE_STATE_H

#include <stdint.h>
#include <sys/queue.h>

#include "base/prng.h"
#include "middlebox/engine.h"
#include "middlebox/flow.h"
#include "middlebox/history.h"
#include "middlebox/proxy.h"
#include "middlebox/reorder.h"
#include "middlebox/segment.h"

struct meddle;

/** A packet between the two boxes: up it is for the device, down for what meddles. */
struct parcel {
	STAILQ_ENTRY(parcel) link;
	enum direction dir;
	size_t len;
	uint8_t ip[];
};

struct engine {
	struct device_config config;
	struct meddle *meddle; /* NULL: nothing does */
	STAILQ_HEAD(parcels, parcel) between;
	struct segment_policy policy;
	struct prng isn;
	uint64_t cookie_secret;
	uint64_t begun_ns; /* the first packet */
	struct flow_table flows;
	struct reorder_pool pool;
	struct history_pool history;
	uint64_t counters[COUNTER_COUNT];
	uint8_t scratch[65536];
};

void engine_judge(struct engine *e, uint64_t now_ns, enum direction dir, const uint8_t *ip,
		  size_t len, const struct engine_out *out);
void engine_expire(struct engine *e, uint64_t now_ns, const struct engine_out *out);
void engine_forget(struct engine *e, struct flow *f);
void engine_forget_all(struct engine *e);
void engine_act(struct engine *e, struct flow *f, const struct arrival *a, enum counter what,
		const struct engine_out *out);
void engine_send_reset(struct engine *e, const struct flow *f, enum direction dir,
		       const struct engine_out *out);
struct flow *engine_add_flow(struct engine *e, const struct arrival *a, const struct flow_key *key,
			     enum flow_state state, enum flow_timer timer);

#endif
