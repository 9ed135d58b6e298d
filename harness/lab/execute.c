// SPDX-License-Identifier: Apache-2.0
/*
 * One execution, from an empty folder to execution.json:
 *
 *   build -> targets ready -> (probes) -> tunnel up -> losses armed -> traffic -> (idle)
 *         -> (tunnel down -> probes) -> stop
 *
 * A step that fails ends the way; what was counted until then is collected all
 * the same, and execution.json says what went wrong and whose fault it is.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "base/version.h"
#include "impair/timeline.h"
#include "lab/lab.h"
#include "lab/pair.h"
#include "net/snapshot.h"
#include "observe/traffic.h"
#include "spec/name.h"

#define MARGIN_NS (30 * NS_PER_S) /* for traffic to end after its own deadlines */

struct execution {
	const struct lab_job *job;
	struct lab lab;
	struct pair_run pair;
	char *network; /* of the client before the tunnel was asked for; owned */
	json_t *json, *times, *versions; /* the last two are members of the first */
};

static void note_time(struct execution *x, const char *what)
{
	json_object_set_new(x->times, what, json_integer((json_int_t)clock_stamp_ns()));
}

/* --- traffic ---------------------------------------------------------------- */

struct client_job {
	struct traffic_client client;
	const struct helper *h;
};

static int run_client(void *ctx, struct err *err)
{
	struct client_job *j = ctx;

	j->client.stop_fd = j->h->stop_fd;
	return traffic_client_run(&j->client, err);
}

static uint64_t traffic_time(const struct traffic *flows, size_t len)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < len; i++) {
		uint64_t t = flows[i].start_ns + flows[i].duration_ns + flows[i].timeout_ns;

		longest = t > longest ? t : longest;
	}
	return longest;
}

/*
 * Wait until @p has ended (1) or time is over (0); -1 if a member ended meanwhile.  What the
 * timeline has for this time is carried out.
 */
static int watch(struct execution *x, const struct proc *p, uint64_t timeout_ns, struct err *err)
{
	struct pollfd polls[MEMBER_COUNT + 2] = {
		{ .fd = p ? p->pidfd : -1, .events = POLLIN },
		{ .fd = x->lab.timeline.timer_fd, .events = POLLIN },
	};
	uint64_t deadline = clock_ns() + timeout_ns;

	for (;;) {
		for (int m = 0; m < MEMBER_COUNT; m++) /* the timeline may start them again */
			polls[m + 2] =
				(struct pollfd){ .fd = x->pair.procs[m].pidfd, .events = POLLIN };

		uint64_t now = clock_ns(), left = now < deadline ? deadline - now : 0;
		struct timespec ts = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };

		if (ppoll(polls, ARRAY_SIZE(polls), &ts, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot wait for the traffic");
		}
		if (polls[0].revents)
			return 1;
		if (polls[1].revents && lab_timeline_go(&x->lab, err))
			return -1;
		if (pair_check_alive(&x->pair, err))
			return -1;
		if (left == 0)
			return 0;
	}
}

/* A transfer that is not over by then is stopped, and is not whole: that is measured */
static int await_client(struct execution *x, struct helper *h, uint64_t timeout_ns, struct err *err)
{
	int ended = watch(x, &h->proc, timeout_ns, err);
	char how[64];

	if (ended < 0)
		return -1;
	if (!ended)
		return helper_stop(h, err);
	if (proc_await(&h->proc, 0) && h->proc.status == 0)
		return 0;
	return err_set_kind(err, ERR_HARNESS, "the traffic %s; see log/%s.log",
			    proc_describe(&h->proc, how, sizeof(how)), h->proc.name);
}

static int run_client_as(struct execution *x, const char *name, struct traffic_client *client,
			 struct err *err)
{
	struct helper h = { PROC_NONE, -1, -1 };
	struct client_job job = { .client = *client, .h = &h };
	int rc = helper_start(&h, name, &x->lab, &x->lab.nodes[NODE_CLIENT], run_client, &job, err);

	if (!rc)
		rc = await_client(x, &h, traffic_time(client->flows, client->len) + MARGIN_NS, err);
	helper_release(&h);
	return rc;
}

static int run_traffic(struct execution *x, struct err *err)
{
	const struct spec_case *c = x->job->c;
	char outer_local[TOPOLOGY_ADDRESS_MAX], outer_remote[TOPOLOGY_ADDRESS_MAX];
	char server[TOPOLOGY_ADDRESS_MAX];
	struct traffic_client client = {
		.flows = c->traffic,
		.len = c->traffic_len,
		.outer = { topology_address(LINK_ACCESS, SIDE_CLIENT, c->ipv6, outer_local),
			   topology_address(LINK_INSIDE, SIDE_SERVER, c->ipv6, outer_remote) },
		.seed = x->job->seed,
		.roams = timeline_renumbers(&c->timeline),
		.events_fd = x->lab.events_fd,
	};

	if (x->pair.inner[0])
		client.inner = (struct traffic_path){
			x->pair.inner,
			topology_address(LINK_LAN, SIDE_SERVER, strchr(x->pair.inner, ':'), server),
		};
	note_time(x, "traffic_begin");
	if (run_client_as(x, "traffic-client", &client, err))
		return -1;
	note_time(x, "traffic_end");
	return 0;
}

/* --- probes before, between and after ---------------------------------------------- */

static const struct {
	const char *name, *end; /* of the process; of the time at which it was over */
	uint64_t interval_ns, timeout_ns;
	bool tunnel; /* from the inner address, else from what the node takes for it */
} probings[PROBING_COUNT] = {
	[PROBING_IDLE] = { "traffic-idle", "idle_end", NS_PER_S, 5 * NS_PER_S, true },
	[PROBING_BEFORE] = { "traffic-before", "before_end", 100 * NS_PER_MS, NS_PER_S, false },
	[PROBING_AFTER] = { "traffic-after", "after_end", 100 * NS_PER_MS, NS_PER_S, false },
};

static int probe(struct execution *x, enum probing which, uint64_t duration_ns, struct err *err)
{
	const struct spec_case *c = x->job->c;
	size_t len = c->traffic_len + (size_t)which + 1;
	AUTO_FREE struct traffic *flows = calloc(len, sizeof(*flows));
	char server[TOPOLOGY_ADDRESS_MAX];
	struct traffic_client client = {
		.flows = flows,
		.len = len,
		.inner = { probings[which].tunnel ? x->pair.inner
			   : c->inner_ipv6	  ? "::"
						  : "0.0.0.0",
			   topology_address(LINK_LAN, SIDE_SERVER, c->inner_ipv6, server) },
		.seed = x->job->seed,
		.roams = !probings[which].tunnel,
		.events_fd = x->lab.events_fd,
	};

	if (!flows)
		return err_set(err, ENOMEM, "cannot probe");
	for (size_t i = 0; i < len - 1; i++)
		flows[i].outer = true; /* of a path that there is none of: not run */
	flows[len - 1] = (struct traffic){ .kind = TRAFFIC_ECHO,
					   .duration_ns = duration_ns,
					   .interval_ns = probings[which].interval_ns,
					   .size = 64,
					   .timeout_ns = probings[which].timeout_ns };
	if (run_client_as(x, probings[which].name, &client, err))
		return -1;
	note_time(x, probings[which].end);
	return 0;
}

static int idle(struct execution *x, struct err *err)
{
	return watch(x, NULL, x->job->c->idle_ns, err) < 0
		       ? -1
		       : probe(x, PROBING_IDLE, 5 * NS_PER_S, err);
}

/* The client's network as it is, and in a file; NULL if it cannot be told */
static char *describe_client(const struct execution *x, const char *when, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/client-network-%s.txt", x->lab.log_dir, when);
	AUTO_FREE char *text = snapshot_take(x->lab.nodes[NODE_CLIENT].net_fd, err);

	return text && !io_write_file(path, text, strlen(text), err) ? steal_ptr(&text) : NULL;
}

static int take_down(struct execution *x, struct err *err)
{
	AUTO_FREE char *now = NULL;
	bool orderly;

	note_time(x, "down_begin");
	if (pair_down(&x->pair, &orderly, err))
		return -1;
	note_time(x, "down_end");
	now = describe_client(x, "after", err);
	if (!now)
		return -1;
	json_object_set_new(x->json, "down",
			    json_pack("{s:b, s:b}", "orderly", orderly, "restored",
				      strcmp(now, x->network) == 0));
	return probe(x, PROBING_AFTER, x->job->c->after_ns, err);
}

/* --- the way ----------------------------------------------------------------- */

static int bring_up(struct execution *x, bool *ret_up, struct err *err)
{
	x->lab.pair = &x->pair;
	if (pair_start(&x->pair, &x->lab, json_object_get(x->versions, "targets"), err))
		return -1;
	if (x->job->c->before_ns && probe(x, PROBING_BEFORE, x->job->c->before_ns, err))
		return -1;
	x->network = describe_client(x, "before", err);
	if (!x->network)
		return -1;
	note_time(x, "up_begin");
	if (pair_up(&x->pair, x->job->c->up_timeout_ns, ret_up, err))
		return -1;
	note_time(x, "up_end");
	json_object_set_new(x->json, "up", json_boolean(*ret_up));
	if (*ret_up)
		json_object_set_new(x->json, "inner_address", json_string(x->pair.inner));
	else
		pair_diagnose(&x->pair);
	return 0;
}

static int go(struct execution *x, struct err *err)
{
	const struct spec_case *c = x->job->c;
	bool up = true;

	if (lab_build(&x->lab, x->job, err))
		return -1;
	if (spec_case_has_tunnel(c) && bring_up(x, &up, err))
		return -1;
	if (!up)
		return 0;
	if (lab_arm(&x->lab, err))
		return -1;
	note_time(x, "armed");
	if (run_traffic(x, err) || (c->idle_ns && idle(x, err)) ||
	    pair_await_revived(&x->pair, err))
		return -1;
	lab_timeline_settle(&x->lab);
	return c->after_ns && spec_case_has_tunnel(c) ? take_down(x, err) : 0;
}

static void begin(struct execution *x, const struct lab_job *job)
{
	struct utsname u = { 0 };

	uname(&u);
	x->job = job;
	x->times = json_object();
	x->versions = json_pack("{s:s, s:s, s:{}}", "dupack", DUPACK_VERSION, "kernel", u.release,
				"targets");
	x->json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:n, s:o, s:o}", "format", 1, "case",
			    job->c->id, "series", job->c->series, "pair", job->pair->text,
			    "middlebox", job->middlebox->text, "seed", (json_int_t)job->seed, "up",
			    "times", x->times, "versions", x->versions);
	note_time(x, "start");
	pair_init(&x->pair);
}

static int write_result(struct execution *x, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/execution.json", x->job->folder);
	AUTO_FREE char *text = json_dumps(x->json, JSON_INDENT(2));

	if (!text)
		return err_set(err, ENOMEM, "cannot write the result");
	return io_write_file(path, text, strlen(text), err);
}

/**
 * lab_execute() - Execute a case for a pair over a middlebox with a seed
 * @job:	What
 * @err:	Set if not even execution.json could be written
 *
 * Return: 0 if the run folder holds execution.json, whatever came out; or -1
 */
int lab_execute(const struct lab_job *job, struct err *err)
{
	struct execution x = { 0 };
	struct err why = { 0 }, later = { 0 };
	uint64_t begun = clock_ns();
	int failed, rc;

	begin(&x, job);
	failed = go(&x, &why);
	/* of several failures the first is told */
	if (pair_stop(&x.pair, failed ? &later : &why))
		failed = -1;
	if (lab_finish(&x.lab, x.json, failed ? &later : &why))
		failed = -1;
	note_time(&x, "end");
	json_object_set_new(x.json, "virtual_s",
			    json_real((double)(clock_ns() - begun) / (double)NS_PER_S));
	json_object_set_new(x.json, "outcome", json_string(failed ? "failed" : "complete"));
	if (failed)
		json_object_set_new(
			x.json, "error",
			json_pack("{s:s, s:s}", "kind", err_kind_name(why.kind), "text", why.text));
	pair_close(&x.pair);
	lab_close(&x.lab);
	rc = write_result(&x, err);
	json_decref(x.json);
	free(x.network);
	return rc;
}
