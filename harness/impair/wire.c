// SPDX-License-Identifier: Apache-2.0
/*
 * Theory of operation
 *
 * A lane is one direction: frames are read from one TAP, numbered, judged, wait in a
 * queue until they are due (impair/lane), and are written to the other TAP.  Judging is
 * one function, judge(): it alone says what becomes of a frame and of its copy.  The rules
 * of `act` come first (impair/actor); what they keep back goes to its lane later, as the
 * models decided when it came.
 *
 *   state     what acts                     entered by
 *   unarmed   delay, jitter, rate, slots,   start
 *             all else of ARM_START
 *   armed     all                           'A' from the control socket, answered with 'A'
 *   stopped   -                             'S', or the end of the control socket: what
 *                                           waits is left where it is, the counters are
 *                                           written to the control socket as one line of JSON
 *
 * In any state an order of a timeline may come, each answered: 'C' and a struct change
 * (another plan for a lane, or all of it lost), 'D' and 'U' (no carrier, and again), 'Q'
 * (the counters so far).  Without a carrier all is lost, what waits included.
 *
 * A frame that waits in a TAP when an order comes was sent before: so the TAPs are
 * emptied before the control socket is looked at, and positions are exact.
 *
 * All waits are one ppoll(); the releases wake it by a timerfd, because ppoll's own
 * timeout may be late by 0.1 % of its length (the slack of select_estimate_accuracy()).
 * In virtual time a frame is released in the nanosecond that it is due.
 *
 * A TAP that is gone is no longer read, since at the end the namespaces may go
 * first; frames to it count as failed.
 */
#include "impair/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "decode/meaning.h"
#include "decode/packet.h"
#include "impair/actor.h"
#include "impair/lane.h"
#include "impair/model.h"
#include "impair/wire-order.h"

#define FRAME_MAX	 65550
#define BATCH		 64 /* frames of a lane between two looks at the clock */
#define ROUND		 1024 /* frames of a lane before the other is looked at: a TAP holds 500 */
#define LINE_MAX_LEN	 2048
#define MEANINGS_MAX_LEN (LINE_MAX_LEN - 768) /* what else a line has room for */
#define EXPIRED		 0

struct wire {
	const char *link;
	uint64_t seed;
	bool down; /* no carrier */
	unsigned int changes; /* so far: each begins random sequences of its own */
	struct lane lanes[DIR_COUNT];
	struct actor actor;
	struct meanings meanings; /* of the frame in .frame */
	int timer;
	uint64_t timer_ns; /* what the timer is set to, UINT64_MAX: not set, or EXPIRED */
	uint64_t now_ns, stamp_ns; /* of the current batch */
	int decisions_fd;
	size_t used; /* of lines */
	char lines[1 << 16]; /* whole lines: several wires may append to one file */
	uint8_t frame[FRAME_MAX];
};

/* One frame, from arrival to its fate */
struct passage {
	uint64_t position; /* 0: the list does not count it */
	struct acted acted;
	struct fates fates;
	uint64_t wait_ns[2]; /* of the frame and of its copy; UINT64_MAX: until its gate opens */
};

static const struct impairment nothing;

static void read_clocks(struct wire *w)
{
	w->now_ns = clock_ns();
	w->stamp_ns = clock_stamp_ns();
}

static int flush_lines(struct wire *w, struct err *err)
{
	size_t used = w->used;

	w->used = 0;
	if (used && io_write_all(w->decisions_fd, w->lines, used, err))
		return err_wrap(err, "cannot write the decisions of the wire '%s'", w->link);
	return 0;
}

/* What became of a frame or its copy: the end of an object */
static char *note_fate(char *end, const struct fate *f, uint64_t wait_ns)
{
	if (f->why)
		return end + sprintf(end, "\"do\":\"drop\",\"why\":\"%s\"", f->why);
	end += sprintf(end, "\"do\":\"%s\"", wait_ns == UINT64_MAX ? "hold" : "pass");
	if (wait_ns == UINT64_MAX)
		wait_ns = 0;
	if (wait_ns)
		end += sprintf(end, ",\"delay\":%" PRIu64, wait_ns);
	if (f->corrupted)
		end += sprintf(end, ",\"corrupt\":%zu", f->bit);
	if (f->reordered)
		end += sprintf(end, ",\"reorder\":true");
	return end;
}

/* What it means, and which rules acted; names have no character that JSON would escape */
static char *note_meaning(char *end, const struct wire *w, const struct passage *p)
{
	if (w->meanings.len && (w->actor.rules_len || p->fates.frame.why)) {
		end += sprintf(end, "\"is\":\"");
		end += meanings_text(&w->meanings, end, MEANINGS_MAX_LEN);
		end += sprintf(end, "\",");
	}
	if (!p->acted.done)
		return end;
	end += sprintf(end, "\"act\":[");
	for (int k = 0; k < ACT_KINDS; k++)
		if (p->acted.done & 1U << k)
			end += sprintf(end, "\"%s\",", act_names[k]);
	return end - 1 + sprintf(end - 1, "],");
}

static int note(struct wire *w, const struct lane *l, size_t len, const struct passage *p,
		struct err *err)
{
	const struct fates *fates = &p->fates;
	char *end;

	if (w->decisions_fd < 0)
		return 0;
	if (sizeof(w->lines) - w->used < LINE_MAX_LEN && flush_lines(w, err))
		return -1;
	end = w->lines + w->used;
	end += sprintf(end, "{\"t\":%" PRIu64 ",\"link\":\"%.32s\",\"dir\":\"%s\",\"n\":%" PRIu64,
		       w->stamp_ns, w->link, l->name, l->n.seen);
	end += sprintf(end, ",\"len\":%zu,", len);
	if (p->position)
		end += sprintf(end, "\"position\":%" PRIu64 ",", p->position);
	end = note_meaning(end, w, p);
	end = note_fate(end, &fates->frame, p->wait_ns[0]);
	if (fates->copied) {
		end += sprintf(end, ",\"copy\":{");
		end = note_fate(end, &fates->copy, p->wait_ns[1]);
		*end++ = '}';
	}
	*end++ = '}';
	*end++ = '\n';
	w->used = (size_t)(end - w->lines);
	return 0;
}

static enum direction direction_of(const struct wire *w, const struct lane *l)
{
	return l == &w->lanes[DIR_UP] ? DIR_UP : DIR_DOWN;
}

static bool counts(const struct lane *l, const uint8_t *frame, size_t len)
{
	struct packet p;

	if (l->plan->count == COUNT_FRAMES)
		return true;
	packet_parse_frame(frame, len, &p);
	return packet_carries_payload(&p);
}

/* The rules keep it back; false: they have no room left */
static bool hold(struct wire *w, struct lane *l, struct passage *p)
{
	struct held *h = actor_hold(&w->actor, direction_of(w, l), &p->acted, w->frame);

	if (!h)
		return false;
	h->meanings = w->meanings;
	h->fates = p->fates;
	h->copies = p->acted.copies;
	p->wait_ns[0] = p->acted.gate != HELD_NO_GATE ? UINT64_MAX : p->acted.due_ns - w->now_ns;
	return true;
}

/* What becomes of the frame in w->frame; it is changed by a rule that changes it */
static void judge(struct wire *w, struct lane *l, size_t len, struct passage *p)
{
	struct fates *f = &p->fates;

	*p = (struct passage){ .acted = { .len = len } };
	p->position = l->active && counts(l, w->frame, len) ? ++l->n.counted : 0;
	model_decide(&l->model, l->active, p->position, len, f);
	if (w->down || l->blocked) {
		*f = (struct fates){ .frame.why = w->down ? "down" : "block" };
		l->n.failed += w->down;
		l->n.dropped += !w->down;
		l->n.blocked += !w->down;
		return;
	}
	actor_judge(&w->actor, direction_of(w, l), l->active, w->now_ns, &w->meanings, w->frame,
		    len, &p->acted);
	if (p->acted.done & 1U << ACT_DROP) {
		*f = (struct fates){ .frame.why = "act" };
		l->n.dropped++;
		l->n.acted++;
		return;
	}
	f->frame.corrupted &= f->frame.bit / 8 < p->acted.len; /* it may have been cut short */
	f->copy.corrupted &= f->copy.bit / 8 < p->acted.len;
	if (!f->frame.why && (l->queue.len >= l->limit || (p->acted.due_ns && !hold(w, l, p)))) {
		f->frame.why = "queue";
		f->copied = false;
		l->n.overflow++;
		return;
	}
	l->n.dropped += f->frame.why != NULL;
	l->n.dropped += f->copied && f->copy.why;
	l->n.duplicated += f->copied;
}

/* A frame that is not lost goes to its lane, and its copies; and so it may open gates */
static int forward(struct wire *w, struct lane *l, uint8_t *frame, size_t len,
		   const struct fates *f, uint64_t copies, const struct meanings *m,
		   uint64_t ret_wait_ns[2], struct err *err)
{
	if (f->copied && !f->copy.why &&
	    lane_forward(l, w->now_ns, &f->copy, frame, len, &ret_wait_ns[1], err))
		return -1;
	if (f->frame.why)
		return 0;
	l->n.duplicated += copies;
	for (uint64_t n = 0; n <= copies; n++)
		if (lane_forward(l, w->now_ns, &f->frame, frame, len, &ret_wait_ns[0], err))
			return -1;
	actor_passed(&w->actor, direction_of(w, l), w->now_ns, m);
	return 0;
}

/* What was kept back and is due, in its order; each may open a gate for more */
static int release_held(struct wire *w, struct err *err)
{
	struct held *h;

	while ((h = actor_take(&w->actor, w->now_ns))) {
		struct lane *l = &w->lanes[h->direction];
		uint64_t unused[2];
		int rc = 0;

		if (l->blocked) {
			l->n.dropped++;
			l->n.blocked++;
		} else {
			rc = forward(w, l, h->bytes, h->len, &h->fates, h->copies, &h->meanings,
				     unused, err);
		}
		free(h);
		if (rc)
			return -1;
	}
	return 0;
}

/* The one frame in w->frame, from arrival to its fate */
static int take(struct wire *w, struct lane *l, size_t len, struct err *err)
{
	struct passage p;

	l->n.seen++;
	if (w->actor.rules_len || w->decisions_fd >= 0)
		meaning_read(w->actor.meaning, direction_of(w, l), w->frame, len, &w->meanings);
	judge(w, l, len, &p);
	if (!p.acted.due_ns && forward(w, l, w->frame, p.acted.len, &p.fates, p.acted.copies,
				       &w->meanings, p.wait_ns, err))
		return -1;
	return note(w, l, len, &p, err) || release_held(w, err) ? -1 : 0;
}

/* Take what a TAP holds, and release what falls due meanwhile */
static int drain(struct wire *w, struct lane *l, short revents, struct err *err)
{
	for (int n = 0; n < ROUND; n++) {
		ssize_t len;

		if (n % BATCH == 0) {
			read_clocks(w);
			for (int d = 0; d < DIR_COUNT; d++)
				lane_release(&w->lanes[d], w->now_ns);
			if (release_held(w, err))
				return -1;
		}
		len = read(l->in, w->frame, sizeof(w->frame));
		if (len > 0) {
			if (take(w, l, (size_t)len, err))
				return -1;
			continue;
		}
		if (len < 0 && errno == EINTR)
			continue;
		if (len == 0 || errno != EAGAIN || (revents & (POLLERR | POLLHUP | POLLNVAL)))
			l->in = -1;
		break;
	}
	lane_release(l, w->now_ns); /* what came is looked at now: a slot counts from here */
	return 0;
}

static int send_counters(const struct wire *w, int control_fd, struct err *err);

/* The rest of a 'C' comes in one piece with it: it is less than a page */
static int change(struct wire *w, int control_fd, struct err *err)
{
	struct change c;
	char stream[80];

	if (recv(control_fd, &c, sizeof(c), MSG_WAITALL) != (ssize_t)sizeof(c))
		return err_set(err, errno, "the wire '%s' got half an order", w->link);
	snprintf(stream, sizeof(stream), "wire:%s:%s:%u", w->link, direction_names[c.d],
		 ++w->changes);
	lane_change(&w->lanes[c.d], &c.plan, c.blocked, w->seed, stream);
	return 0;
}

/* Both ends of a cable see that it is cut; what is no TAP has no carrier (ENOTTY) */
static int cut(struct wire *w, bool down, struct err *err)
{
	int carrier = !down;

	w->down = down;
	for (int d = 0; d < DIR_COUNT; d++) {
		if (down) {
			lane_lose_waiting(&w->lanes[d]);
			w->lanes[d].n.failed += w->actor.held.waiting[d];
		}
		if (ioctl(w->lanes[d].out, TUNSETCARRIER, &carrier) && errno != ENOTTY)
			return err_set(err, errno, "cannot set the carrier of the wire '%s'",
				       w->link);
	}
	if (down)
		actor_lose_held(&w->actor);
	return 0;
}

/* Returns 1 to stop */
static int obey(struct wire *w, int control_fd, struct err *err)
{
	char word;
	ssize_t len = recv(control_fd, &word, 1, MSG_DONTWAIT);
	int rc = 0;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len < 0 && errno != ECONNRESET)
		return err_set(err, errno, "cannot read the control socket of the wire '%s'",
			       w->link);
	if (len <= 0 || word == 'S')
		return 1;
	if (word == 'Q')
		return send_counters(w, control_fd, err);
	if (word == 'A')
		for (int d = 0; d < DIR_COUNT; d++)
			w->lanes[d].active = true;
	else if (word == 'C')
		rc = change(w, control_fd, err);
	else if (word == 'D' || word == 'U')
		rc = cut(w, word == 'D', err);
	else
		rc = err_set(err, 0, "the wire '%s' does not know the order '%c'", w->link, word);
	if (!rc)
		send(control_fd, &word, 1, MSG_NOSIGNAL);
	return rc;
}

/* Set the timer to the earliest release, with no system call if it is set to that */
static int set_timer(struct wire *w, struct err *err)
{
	struct itimerspec when = { 0 };
	uint64_t earliest = held_due_ns(&w->actor.held);

	for (int d = 0; d < DIR_COUNT; d++) {
		uint64_t due_ns = lane_due_ns(&w->lanes[d]);

		if (due_ns < earliest)
			earliest = due_ns;
	}
	if (earliest == w->timer_ns)
		return 0;
	if (earliest != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(earliest / NS_PER_S);
		when.it_value.tv_nsec = (long)(earliest % NS_PER_S);
	}
	if (timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &when, NULL))
		return err_set(err, errno, "cannot set the timer of the wire '%s'", w->link);
	w->timer_ns = earliest;
	return 0;
}

static int loop(struct wire *w, int control_fd, struct err *err)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = w->lanes[DIR_UP].in, .events = POLLIN },
			{ .fd = w->lanes[DIR_DOWN].in, .events = POLLIN },
			{ .fd = w->timer, .events = POLLIN },
			{ .fd = control_fd, .events = POLLIN },
		};
		int stop;

		if (set_timer(w, err))
			return -1;
		if (ppoll(p, ARRAY_SIZE(p), NULL, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot wait for frames");
		}
		if (p[2].revents)
			w->timer_ns = EXPIRED; /* readable until it is set anew */
		read_clocks(w);
		for (int d = 0; d < DIR_COUNT; d++)
			lane_release(&w->lanes[d], w->now_ns);
		if (release_held(w, err))
			return -1;
		for (int d = 0; d < DIR_COUNT; d++)
			if (p[d].revents && drain(w, &w->lanes[d], p[d].revents, err))
				return -1;
		stop = p[3].revents ? obey(w, control_fd, err) : 0;
		if (stop)
			return stop < 0 ? -1 : 0;
	}
}

static int start_lane(struct wire *w, const struct wire_config *config, enum direction d,
		      struct err *err)
{
	struct lane *l = &w->lanes[d];
	char stream[64];
	int flags = fcntl(config->fd[d], F_GETFL);

	if (flags < 0 || fcntl(config->fd[d], F_SETFL, flags | O_NONBLOCK) < 0)
		return err_set(err, errno, "cannot use a TAP of the wire '%s'", w->link);
	l->name = direction_names[d];
	l->in = config->fd[d];
	l->out = config->fd[!d];
	snprintf(stream, sizeof(stream), "wire:%s:%s", w->link, l->name);
	lane_init(l, config->impair[d] ? config->impair[d] : &nothing, config->seed, stream);
	return 0;
}

static int start_actor(struct wire *w, const struct wire_config *config, struct err *err)
{
	const struct act *acts[DIR_COUNT] = { NULL };
	size_t len[DIR_COUNT] = { 0 };

	for (int d = 0; d < DIR_COUNT; d++)
		if (config->impair[d]) {
			acts[d] = config->impair[d]->acts.list;
			len[d] = config->impair[d]->acts.len;
		}
	return actor_init(&w->actor, acts, len, err);
}

static int send_counters(const struct wire *w, int control_fd, struct err *err)
{
	json_t *json = json_object();
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *line = NULL;

	for (int d = 0; d < DIR_COUNT; d++) {
		struct impair_counters n = w->lanes[d].n;

		n.queued += w->actor.held.waiting[d];
		json_object_set_new(json, w->lanes[d].name, impair_counters_to_json(&n));
	}
	json_object_set_new(json, "acts", actor_report(&w->actor));
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	line = text ? io_printf("%s\n", text) : NULL;
	if (!line)
		return err_set(err, ENOMEM, "cannot report the counters of the wire '%s'", w->link);
	/* Nobody there to read is the end of the control socket: no fault of ours */
	if (send(control_fd, line, strlen(line), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return err_set(err, errno, "cannot report the counters of the wire '%s'", w->link);
	return 0;
}

static void wire_free(struct wire **p)
{
	struct wire *w = *p;

	if (!w)
		return;
	for (int d = 0; d < DIR_COUNT; d++)
		lane_close(&w->lanes[d]);
	actor_release(&w->actor);
	if (w->timer >= 0)
		close(w->timer);
	free(w);
}

/**
 * wire_run() - Be a link until told to stop
 * @config:	What to join and how to impair it; the descriptors stay the caller's
 * @control_fd:	One end of a stream socket pair; borrowed
 *
 * Return: 0 after a stop with the counters reported, or -1 with @err set
 */
int wire_run(const struct wire_config *config, int control_fd, struct err *err)
{
	__attribute__((cleanup(wire_free))) struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(err, ENOMEM, "cannot start the wire '%s'", config->link);
	w->link = config->link;
	w->seed = config->seed;
	w->decisions_fd = config->decisions_fd;
	w->timer_ns = UINT64_MAX;
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w->timer < 0)
		return err_set(err, errno, "cannot make a timer for the wire '%s'", w->link);
	for (enum direction d = 0; d < DIR_COUNT; d++)
		if (start_lane(w, config, d, err))
			return -1;
	if (start_actor(w, config, err))
		return -1;
	if (loop(w, control_fd, err) || flush_lines(w, err))
		return -1;
	return send_counters(w, control_fd, err);
}
