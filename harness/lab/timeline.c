// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation.  One timerfd is set to the next time at which anything begins or
 * ends; who waits for the traffic waits for it too, and calls lab_timeline_go().  That
 * asks impair/timeline what holds at each time that has come, in order, and lets the links
 * do so: no state of a link is remembered here, only what was counted.
 *
 * The witness of a change of a link is what its counters gained while it held.  They are
 * read before anything changes, so that a frame counts for what was in force when it came.
 *
 * In virtual time a change is made in the nanosecond in which it is due.  What is sent in
 * just that nanosecond may come before or after, always the same in every run.
 */
#include "lab/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/units.h"
#include "impair/timeline.h"
#include "lab/lab.h"
#include "lab/pair.h"
#include "net/change.h"

/** What came of one entry. */
struct timeline_record {
	unsigned int begun, ended; /* how often */
	json_t *before[DIR_COUNT]; /* counters when it began; NULL: it does not hold; owned */
	json_t *gained[DIR_COUNT]; /* while it held; NULL: no counters; owned */
	struct proc asked; /* the verb of the last time; owned */
	unsigned int done; /* how often a verb said that it did */
};

static const struct timeline *plan_of(const struct lab *lab)
{
	return &lab->job->c->timeline;
}

static void node_fds(const struct lab *lab, int ret[NODE_COUNT])
{
	for (int i = 0; i < NODE_COUNT; i++)
		ret[i] = lab->nodes[i].net_fd;
}

/* --- counters --------------------------------------------------------------------------- */

static bool is_counted(const struct timeline_entry *e)
{
	return e->what == TIMELINE_IMPAIR || e->what == TIMELINE_BLOCK || e->what == TIMELINE_DOWN;
}

/* What a link counted up to now, for an entry that begins or ends */
static void note_counters(struct timeline_record *r, enum direction d, bool begins,
			  const json_t *now)
{
	const char *name;
	json_t *value;

	if (begins) {
		json_decref(r->before[d]);
		r->before[d] = json_deep_copy(now);
		return;
	}
	if (!r->before[d])
		return;
	if (!r->gained[d])
		r->gained[d] = json_object();
	json_object_foreach ((json_t *)now, name, value) {
		json_int_t sum = json_integer_value(json_object_get(r->gained[d], name));

		if (json_is_integer(value)) /* else the engine does not know it */
			sum += json_integer_value(value) -
			       json_integer_value(json_object_get(r->before[d], name));
		json_object_set_new(r->gained[d], name,
				    json_is_integer(value) ? json_integer(sum) : json_null());
	}
	json_decref(r->before[d]);
	r->before[d] = NULL;
}

static bool any_counted_turn(const struct lab *lab, enum link_id l, uint64_t t_ns)
{
	return timeline_turns(plan_of(lab), t_ns, TIMELINE_IMPAIR, l) ||
	       timeline_turns(plan_of(lab), t_ns, TIMELINE_BLOCK, l) ||
	       timeline_turns(plan_of(lab), t_ns, TIMELINE_DOWN, l);
}

static int count_link(struct lab *lab, enum link_id l, uint64_t t_ns, struct err *err)
{
	struct impair_counters now[DIR_COUNT];

	if (!any_counted_turn(lab, l, t_ns))
		return 0;
	if (impair_read(&lab->impair[l], now, err))
		return -1;
	for (enum direction d = 0; d < DIR_COUNT; d++) {
		json_t *counters = impair_counters_to_json(&now[d]);

		for (size_t i = 0; i < plan_of(lab)->len; i++) {
			const struct timeline_entry *e = &plan_of(lab)->entries[i];
			enum when_turn turn = when_turn(&e->when, t_ns);

			if (is_counted(e) && e->link == l && e->on[d] && turn != WHEN_NOTHING)
				note_counters(&lab->timeline.records[i], d, turn == WHEN_BEGINS,
					      counters);
		}
		json_decref(counters);
	}
	return 0;
}

/* --- what is done ------------------------------------------------------------------------ */

static int change_link(struct lab *lab, enum link_id l, uint64_t t_ns, struct err *err)
{
	const struct timeline *t = plan_of(lab);
	int fds[NODE_COUNT];

	for (enum direction d = 0; d < DIR_COUNT; d++) {
		struct timeline_lane lane;

		if (!timeline_turns_lane(t, t_ns, l, d))
			continue;
		timeline_lane_at(lab->job->c, l, d, t_ns, &lane);
		if (impair_change(&lab->impair[l], d, &lane.plan, lane.blocked, err))
			return -1;
	}
	if (timeline_turns(t, t_ns, TIMELINE_DOWN, l) &&
	    impair_cut(&lab->impair[l], timeline_down_at(t, l, t_ns), err))
		return -1;
	if (!timeline_turns(t, t_ns, TIMELINE_MTU, l))
		return 0;
	node_fds(lab, fds);
	return change_mtu(fds, l, timeline_mtu_at(t, l, t_ns), err);
}

static int renumber(struct lab *lab, uint64_t t_ns, struct err *err)
{
	int fds[NODE_COUNT];

	node_fds(lab, fds);
	for (size_t i = 0; i < plan_of(lab)->len; i++) {
		const struct timeline_entry *e = &plan_of(lab)->entries[i];

		if (e->what == TIMELINE_RENUMBER && when_turn(&e->when, t_ns) == WHEN_BEGINS &&
		    change_client_address(fds, lab->topology.ipv6, ++lab->timeline.renumbered, err))
			return -1;
	}
	return 0;
}

/* What a verb said that may run still; one that has not ended by now has not done it */
static void note_answer(struct timeline_record *r, uint64_t timeout_ns)
{
	if (!r->asked.pid)
		return;
	r->done += proc_await(&r->asked, timeout_ns) && proc_exit_code(&r->asked) == TARGET_YES;
	proc_release(&r->asked);
}

static int turn_target(struct lab *lab, size_t i, enum when_turn turn, struct err *err)
{
	const struct timeline_entry *e = &plan_of(lab)->entries[i];
	struct timeline_record *r = &lab->timeline.records[i];

	if (e->what == TIMELINE_ASK && turn == WHEN_BEGINS) {
		note_answer(r, 0);
		return pair_ask(lab->pair, e->node, e->ask, &r->asked, err);
	}
	if (e->what != TIMELINE_CRASH || turn == WHEN_NOTHING)
		return 0;
	if (turn == WHEN_ENDS)
		return pair_revive(lab->pair, e->node, err);
	pair_crash(lab->pair, e->node);
	return 0;
}

static int turn_targets(struct lab *lab, uint64_t t_ns, struct err *err)
{
	for (size_t i = 0; i < plan_of(lab)->len; i++)
		if (turn_target(lab, i, when_turn(&plan_of(lab)->entries[i].when, t_ns), err))
			return -1;
	return 0;
}

/* It is so now: say it, and count it */
static void note_turns(struct lab *lab, uint64_t t_ns)
{
	for (size_t i = 0; i < plan_of(lab)->len; i++) {
		const struct timeline_entry *e = &plan_of(lab)->entries[i];
		struct timeline_record *r = &lab->timeline.records[i];
		enum when_turn turn = when_turn(&e->when, t_ns);

		if (turn == WHEN_NOTHING)
			continue;
		r->begun += turn == WHEN_BEGINS;
		r->ended += turn == WHEN_ENDS;
		event_log_add(&lab->timeline.log, clock_stamp_ns(), "timeline",
			      "\"entry\":%zu,\"turn\":\"%s\"", i,
			      turn == WHEN_BEGINS ? "begin" : "end");
	}
}

static int carry_out(struct lab *lab, uint64_t t_ns, struct err *err)
{
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		if (count_link(lab, l, t_ns, err))
			return -1;
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		if (change_link(lab, l, t_ns, err))
			return -1;
	if (renumber(lab, t_ns, err) || turn_targets(lab, t_ns, err))
		return -1;
	note_turns(lab, t_ns);
	return 0;
}

static int set_timer(const struct lab_timeline *t, struct err *err)
{
	struct itimerspec when = { 0 };
	uint64_t due = t->begun_ns + t->next_ns;

	if (t->next_ns != WHEN_NEVER) {
		when.it_value.tv_sec = (time_t)(due / NS_PER_S);
		when.it_value.tv_nsec = (long)(due % NS_PER_S);
	}
	return timerfd_settime(t->timer_fd, TFD_TIMER_ABSTIME, &when, NULL)
		       ? err_set(err, errno, "cannot set the timer of the timeline")
		       : 0;
}

/**
 * lab_timeline_go() - Carry out all that is due, and set the timer to what comes next
 * @lab:	After lab_timeline_begin()
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int lab_timeline_go(struct lab *lab, struct err *err)
{
	struct lab_timeline *t = &lab->timeline;

	for (;;) {
		if (t->next_ns == WHEN_NEVER || t->begun_ns + t->next_ns > clock_ns())
			return set_timer(t, err);
		if (carry_out(lab, t->next_ns, err))
			return err_wrap(err, "timeline at %.3f s", (double)t->next_ns / 1e9);
		t->next_ns = timeline_next(plan_of(lab), t->next_ns + 1);
	}
}

/**
 * lab_timeline_begin() - The losses are armed: let the times of the timeline count
 * @lab:	Built; after this @lab->timeline.timer_fd is to be waited for
 * @err:	Set on failure
 *
 * What is due at 0 is done here.  Without a timeline this does nothing.
 *
 * Return: 0 or -1
 */
int lab_timeline_begin(struct lab *lab, struct err *err)
{
	struct lab_timeline *t = &lab->timeline;

	if (!plan_of(lab)->len)
		return 0;
	t->records = calloc(plan_of(lab)->len, sizeof(*t->records));
	if (!t->records)
		return err_set(err, ENOMEM, "cannot begin the timeline");
	for (size_t i = 0; i < plan_of(lab)->len; i++)
		t->records[i].asked = (struct proc)PROC_NONE;
	if (event_log_init(&t->log, lab->events_fd, err))
		return -1;
	t->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t->timer_fd < 0)
		return err_set(err, errno, "cannot begin the timeline");
	t->begun_ns = clock_ns();
	t->next_ns = timeline_next(plan_of(lab), 0);
	return lab_timeline_go(lab, err);
}

/**
 * lab_timeline_settle() - Await what targets were asked and have not answered
 * @lab:	Its targets still run
 */
void lab_timeline_settle(struct lab *lab)
{
	for (size_t i = 0; lab->timeline.records && i < plan_of(lab)->len; i++)
		note_answer(&lab->timeline.records[i], TARGET_VERB_NS);
}

/* --- the end ------------------------------------------------------------------------------- */

static const json_t *last_counters(const json_t *links, enum link_id l, enum direction d)
{
	const json_t *link;
	size_t i;

	json_array_foreach (links, i, link)
		if (!strcmp(json_string_value(json_object_get(link, "link")), link_names[l]))
			return json_object_get(link, direction_names[d]);
	return NULL;
}

/**
 * lab_timeline_finish() - Say what came of each entry
 * @lab:	Its links have stopped
 * @links:	What they counted, as in execution.json
 * @execution:	Gets "timeline": {begun, ended, up, down} for each entry in the order of
 *		the case's times; the last two are what the counters of its link gained.  What
 *		targets were asked has begun as often as they said that they did it
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int lab_timeline_finish(struct lab *lab, const json_t *links, json_t *execution, struct err *err)
{
	struct lab_timeline *t = &lab->timeline;
	json_t *list;

	if (!t->log.buf)
		return 0;
	list = json_array();
	for (size_t i = 0; i < plan_of(lab)->len; i++) {
		const struct timeline_entry *e = &plan_of(lab)->entries[i];
		struct timeline_record *r = &t->records[i];
		unsigned int begun = e->what == TIMELINE_ASK ? r->done : r->begun;
		json_t *entry = json_pack("{s:i, s:i, s:i}", "line", (int)e->line, "begun",
					  (int)begun, "ended", (int)r->ended);

		for (enum direction d = 0; d < DIR_COUNT; d++) {
			const json_t *last = last_counters(links, e->link, d);

			if (r->before[d] && last)
				note_counters(r, d, false, last);
			if (r->gained[d])
				json_object_set(entry, direction_names[d], r->gained[d]);
		}
		json_array_append_new(list, entry);
	}
	json_object_set_new(execution, "timeline", list);
	return event_log_close(&t->log, err);
}

static void release_record(struct timeline_record *r)
{
	proc_release(&r->asked);
	for (int d = 0; d < DIR_COUNT; d++) {
		json_decref(r->before[d]);
		json_decref(r->gained[d]);
	}
}

/** lab_timeline_release() - Release what a timeline holds; idempotent */
void lab_timeline_release(struct lab *lab)
{
	struct lab_timeline *t = &lab->timeline;
	struct err ignored = { 0 };

	cleanup_close(&t->timer_fd);
	t->timer_fd = -1;
	if (t->log.buf)
		event_log_close(&t->log, &ignored);
	for (size_t i = 0; t->records && i < plan_of(lab)->len; i++)
		release_record(&t->records[i]);
	free(t->records);
	t->records = NULL;
}
