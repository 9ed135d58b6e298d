// SPDX-License-Identifier: Apache-2.0
/*
 * The models and their order are those of Linux (net/sched/sch_netem.c,
 * netem_enqueue()), so that both engines mean the same by the same numbers:
 *
 *   duplicate	before loss.  One of two copies that is lost leaves one: a frame that is
 *		duplicated and lost goes on alone.  The copy is taken before corruption, goes
 *		first, and is judged anew, but not duplicated again
 *   corrupt	one bit, anywhere in the frame
 *   reorder	the frame goes at once, while the others wait for their delay.  With a gap,
 *		only one that has gap - 1 delayed ones behind the last such frame
 *   delay	with jitter, frames leave in the order of the times at which they are due
 *
 * A list is not of netem: a frame of it is lost, whatever is drawn.
 */
#include "impair/model.h"

#include <string.h>

#include "impair/distribution.h"

/**
 * model_init() - Begin
 * @m:		Filled in
 * @plan:	What shall happen; borrowed, must outlive @m
 * @seed:	The seed of the case
 * @stream:	Name of the random streams, one for each link and direction
 */
void model_init(struct model *m, const struct impairment *plan, uint64_t seed, const char *stream)
{
	memset(m, 0, sizeof(*m));
	m->plan = plan;
	loss_init(&m->loss, plan, seed, stream);
	draws_init(&m->duplicate, &plan->duplicate, seed, stream, "duplicate");
	draws_init(&m->corrupt, &plan->corrupt, seed, stream, "corrupt");
	draws_init(&m->reorder, &plan->reorder, seed, stream, "reorder");
	sequence_init(&m->jitter, plan->delay_correlation, seed, stream, "jitter");
	sequence_init(&m->bit, 0, seed, stream, "bit");
}

static struct fate decide(struct model *m, bool armed, uint64_t position, size_t len)
{
	struct fate f = { .delay_ns = (int64_t)m->plan->delay_ns };

	if (m->plan->jitter_ns)
		f.delay_ns = distribution_delay(m->plan, sequence_next(&m->jitter));
	if (!armed)
		return f;
	if (loss_decide(&m->loss, position))
		f.why = m->loss.why;
	f.corrupted = draws_happens(&m->corrupt) && len;
	if (f.corrupted)
		f.bit = (size_t)(sequence_next(&m->bit) * 8 * (double)len);
	f.reordered = draws_happens(&m->reorder);
	return f;
}

/* Nothing else becomes of what is lost; the gap counts what goes on */
static void settle(struct model *m, struct fate *f)
{
	if (f->why) {
		*f = (struct fate){ .why = f->why };
		return;
	}
	f->reordered = f->reordered && m->behind + 1 >= m->plan->gap;
	m->behind = f->reordered ? 0 : m->behind + 1;
}

/**
 * model_decide() - What becomes of this frame?
 * @m:		Moves on by one frame
 * @armed:	All models act, not only the delay
 * @position:	Number of the frame as the exact list counts, from 1 and ascending;
 *		0 for a frame that the list does not count
 * @len:	Of the frame, bytes
 * @ret:	Filled in
 */
void model_decide(struct model *m, bool armed, uint64_t position, size_t len, struct fates *ret)
{
	bool listed;

	*ret = (struct fates){ .copied = armed && draws_happens(&m->duplicate) };
	ret->frame = decide(m, armed, position, len);
	listed = ret->frame.why && strcmp(ret->frame.why, "list") == 0;
	if (ret->copied) {
		ret->copy = decide(m, armed, 0, len);
		ret->copied = !ret->frame.why;
		ret->frame.why = listed ? ret->frame.why : NULL;
	}
	if (ret->copied)
		settle(m, &ret->copy);
	settle(m, &ret->frame);
}
