// SPDX-License-Identifier: Apache-2.0
/*
 * Random, bursty and exact loss.
 *
 * The Gilbert-Elliott model is the one of Linux (net/sched/sch_netem.c,
 * loss_gilb_ell()), so that both engines mean the same by the same numbers: each
 * frame first takes the transition, then is lost by the loss ratio of the state
 * that it found, not of the one that it went to.  The chain begins in the good state.
 * The model of four states is the kernel's loss_4state(): a frame is lost by the state
 * that it goes to.  The chain begins in a gap, where frames pass.
 */
#include "impair/loss.h"

#include <string.h>

/**
 * loss_init() - Begin a model
 * @m:		Filled in
 * @plan:	What shall happen; borrowed, must outlive @m
 * @seed:	The seed of the case
 * @stream:	Name of the random stream, one for each link and direction
 */
void loss_init(struct loss_model *m, const struct impairment *plan, uint64_t seed,
	       const char *stream)
{
	memset(m, 0, sizeof(*m));
	m->plan = plan;
	prng_init(&m->prng, seed, stream);
}

static bool listed(struct loss_model *m, uint64_t position)
{
	const struct impairment *plan = m->plan;

	while (m->next < plan->drop_len && plan->drop[m->next] < position)
		m->next++;
	return m->next < plan->drop_len && plan->drop[m->next] == position;
}

static bool gilbert_elliott(struct loss_model *m)
{
	const struct gemodel *ge = &m->plan->gemodel;
	double loss = m->bad ? ge->loss_bad : ge->loss_good;

	if (prng_unit(&m->prng) < (m->bad ? ge->r : ge->p))
		m->bad = !m->bad;
	return prng_unit(&m->prng) < loss;
}

static bool four_states(struct loss_model *m)
{
	const struct fourstate *f = &m->plan->state;
	double u = prng_unit(&m->prng);

	switch (m->at) {
	case PASS_GAP:
		m->at = u < f->p14 ? LOST_GAP : u < f->p14 + f->p13 ? LOST_BURST : PASS_GAP;
		break;
	case PASS_BURST:
		m->at = u < f->p23 ? LOST_BURST : PASS_BURST;
		break;
	case LOST_BURST:
		m->at = u < f->p32 ? PASS_BURST : u < f->p32 + f->p31 ? PASS_GAP : LOST_BURST;
		break;
	case LOST_GAP:
		m->at = PASS_GAP;
		break;
	}
	return m->at == LOST_BURST || m->at == LOST_GAP;
}

/**
 * loss_decide() - Is this frame lost?
 * @m:		The model; moves on by one frame
 * @position:	Number of the frame as the exact list counts, from 1 and ascending;
 *		0 for a frame that the list does not count
 *
 * Every model draws for every frame, whatever the others say: a list that grows
 * or shrinks leaves the random losses where they were.
 *
 * Return: true if it is lost, and then m->why says by what
 */
bool loss_decide(struct loss_model *m, uint64_t position)
{
	bool random = m->plan->loss > 0 && prng_unit(&m->prng) < m->plan->loss;
	bool burst = m->plan->has_gemodel && gilbert_elliott(m);
	bool state = m->plan->has_state && four_states(m);

	m->why = position && listed(m, position) ? "list"
		 : random			 ? "loss"
		 : burst			 ? "gemodel"
		 : state			 ? "state"
						 : NULL;
	return m->why;
}
