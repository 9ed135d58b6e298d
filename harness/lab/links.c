// SPDX-License-Identifier: Apache-2.0
/*
 * The impaired links of an execution.  A wire is a process of its own; netem is told by
 * netlink.
 */
#include "lab/links.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "impair/wire.h"
#include "lab/lab.h"

#define DRAIN_NS (5 * NS_PER_S) /* a link that is down, or that holds for ever, does not end */

struct wire_job {
	struct wire_config config;
	int control_fd;
};

static int run_wire(void *ctx, struct err *err)
{
	struct wire_job *j = ctx;

	return wire_run(&j->config, j->control_fd, err);
}

static int start_wire(struct lab *lab, enum link_id l, int decisions_fd, struct err *err)
{
	struct impair_link *link = &lab->impair[l];
	struct topology_link *t = &lab->topology.links[l];
	AUTO_FREE char *name = io_printf("wire-%s", link->name);
	struct wire_job job = {
		.config = { .link = link->name, .seed = link->seed, .decisions_fd = decisions_fd }
	};
	struct spawn spawn = {
		.name = name, .log_dir = lab->log_dir, .run = run_wire, .ctx = &job
	};
	AUTO_CLOSE int theirs = -1;
	int pair[2];

	for (enum direction d = 0; d < DIR_COUNT; d++) {
		job.config.impair[d] = link->impair[d];
		job.config.fd[d] = t->tap_fd[d == DIR_UP ? SIDE_CLIENT : SIDE_SERVER];
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return err_set(err, errno, "cannot control the wire '%s'", link->name);
	link->control_fd = pair[0];
	theirs = pair[1];
	job.control_fd = theirs;
	return proc_start(&spawn, &lab->wires[l], err);
}

/**
 * links_start() - Let the impaired links do what the case says
 * @lab:	Its path is built
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int links_start(struct lab *lab, struct err *err)
{
	const struct spec_case *c = lab->job->c;
	AUTO_FREE char *path = io_printf("%s/decisions.jsonl", lab->job->folder);
	AUTO_CLOSE int decisions = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (decisions < 0)
		return err_set(err, errno, "cannot write '%s'", path);
	for (enum link_id l = 0; l < LINK_COUNT; l++) {
		struct topology_link *t = &lab->topology.links[l];
		struct impair_link *link = &lab->impair[l];

		*link = (struct impair_link){ .engine = t->engine,
					      .name = link_names[l],
					      .seed = lab->job->seed,
					      .control_fd = -1,
					      .sock = lab->topology.wan,
					      .ifindex = { t->ifindex[0], t->ifindex[1] } };
		if (t->engine == ENGINE_NONE)
			continue;
		for (enum direction d = 0; d < DIR_COUNT; d++)
			if (c->impair[l][d].engine != ENGINE_NONE)
				link->impair[d] = &c->impair[l][d];
		if ((t->engine == ENGINE_WIRE && start_wire(lab, l, decisions, err)) ||
		    impair_start(link, err))
			return -1;
	}
	return 0;
}

/**
 * links_stop() - Stop them, and collect what they counted
 * @lab:	Started
 * @ret_links:	Gets an object for each impaired link
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int links_stop(struct lab *lab, json_t *ret_links, struct err *err)
{
	char how[64];

	for (enum link_id l = 0; l < LINK_COUNT; l++) {
		const struct impair_link *link = &lab->impair[l];
		struct impair_counters counters[DIR_COUNT];
		json_t *entry, *acts;

		if (link->engine == ENGINE_NONE)
			continue;
		if (impair_stop(link, counters, &acts, err))
			return -1;
		entry = json_pack("{s:s, s:s, s:o, s:o}", "link", link->name, "engine",
				  impair_engine_names[link->engine], "up",
				  impair_counters_to_json(&counters[DIR_UP]), "down",
				  impair_counters_to_json(&counters[DIR_DOWN]));
		if (json_array_size(acts))
			json_object_set(entry, "acts", acts);
		json_decref(acts);
		json_array_append_new(ret_links, entry);
		if (link->engine == ENGINE_WIRE &&
		    (!proc_await(&lab->wires[l], HELPER_END_NS) || lab->wires[l].status))
			return err_set_kind(err, ERR_HARNESS, "'%s' %s; see log/%s.log",
					    lab->wires[l].name,
					    proc_describe(&lab->wires[l], how, sizeof(how)),
					    lab->wires[l].name);
	}
	return 0;
}

/* Frames that the links have not let out yet */
static int count_queued(const struct lab *lab, uint64_t *ret, struct err *err)
{
	*ret = 0;
	for (enum link_id l = 0; l < LINK_COUNT; l++) {
		struct impair_counters counters[DIR_COUNT];

		if (lab->impair[l].engine == ENGINE_NONE)
			continue;
		if (impair_read(&lab->impair[l], counters, err))
			return -1;
		*ret += counters[DIR_UP].queued + counters[DIR_DOWN].queued;
	}
	return 0;
}

/**
 * links_drain() - What is on its way is not lost: let it come before the captures end
 * @lab:	Nobody sends any more
 * @err:	Set if a link cannot be asked
 *
 * Return: 0, also if a link keeps what it has; or -1
 */
int links_drain(const struct lab *lab, struct err *err)
{
	const struct timespec step = { 0, 10 * NS_PER_MS };
	uint64_t deadline = clock_ns() + DRAIN_NS, queued;

	for (;;) {
		if (count_queued(lab, &queued, err))
			return -1;
		if (!queued || clock_ns() >= deadline)
			return 0;
		ppoll(NULL, 0, &step, NULL);
	}
}
