/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the last 64 counters came (RFC 4303 section 3.4.3). */
#ifndef MUTANTS_WINDOW_H
#define MUTANTS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_LEN 64

struct window {
	uint64_t next; /* behind the highest that came */
	uint64_t seen; /* bit N: next - 1 - N came */
};

/** window_has_room() - Is a counter new, and not too old to tell? */
static inline bool window_has_room(const struct window *w, uint64_t counter)
{
	uint64_t age = w->next - 1 - counter;

	if (counter >= w->next)
		return true;
	return age < WINDOW_LEN && !(w->seen >> age & 1);
}

/** window_note() - A counter came that there was room for */
static inline void window_note(struct window *w, uint64_t counter)
{
	uint64_t ahead = counter + 1 - w->next;

	if (counter < w->next) {
		w->seen |= 1ULL << (w->next - 1 - counter);
		return;
	}
	w->seen = ahead < WINDOW_LEN ? w->seen << ahead | 1 : 1;
	w->next = counter + 1;
}

#endif
