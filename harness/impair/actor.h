/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to messages by their meaning: the rules of the key `act` on the frames of
 * one link.  A function of the rules, the frames before and the time; nothing is random.
 */
#ifndef DUPACK_IMPAIR_ACTOR_H
#define DUPACK_IMPAIR_ACTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "impair/held.h"
#include "spec/act.h"
#include "spec/case.h"

struct actor {
	struct meaning_state *meaning; /* owned */
	struct rule *rules; /* owned; those of one direction are in the order of the case */
	size_t rules_len;
	struct held_frames held;
};

/** What the rules did to a frame. */
struct acted {
	unsigned done; /* a bit for each enum act_kind */
	size_t len; /* of the frame, now */
	uint64_t copies; /* that go behind it */
	uint64_t due_ns; /* when it goes on; 0: at once; UINT64_MAX: when its gate opens */
	size_t gate;
};

int actor_init(struct actor *a, const struct act *const acts[DIR_COUNT],
	       const size_t acts_len[DIR_COUNT], struct err *err);
void actor_release(struct actor *a);

void actor_judge(struct actor *a, enum direction d, bool active, uint64_t now_ns,
		 const struct meanings *m, uint8_t *frame, size_t len, struct acted *ret);
struct held *actor_hold(struct actor *a, enum direction d, const struct acted *how,
			const uint8_t *frame);
void actor_passed(struct actor *a, enum direction d, uint64_t now_ns, const struct meanings *m);
struct held *actor_take(struct actor *a, uint64_t now_ns);

void actor_lose_held(struct actor *a);

json_t *actor_report(const struct actor *a);

#endif
