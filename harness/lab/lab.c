// SPDX-License-Identifier: Apache-2.0
/*
 * Building the path, and taking it down.
 *
 * Everything that runs on the path and is ours is a process of its own: it can
 * fail alone, be watched by its pidfd, and be ended.  Captures are open before
 * the first packet can be sent and are the last to stop.
 */
#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "impair/netem.h"
#include "lab/links.h"
#include "middlebox/middlebox.h"
#include "net/netns.h"
#include "observe/capture.h"
#include "observe/segments.h"
#include "observe/traffic.h"
#include "spec/name.h"

/* --- captures: both ends of every link --------------------------------------- */

struct capture_job {
	struct capture set;
	const struct helper *h;
};

static int run_capture(void *ctx, struct err *err)
{
	struct capture_job *j = ctx;

	return capture_run(&j->set, j->h->stop_fd, j->h->report_fd, err);
}

static int start_capture(struct lab *lab, struct err *err)
{
	struct capture_end ends[LINK_COUNT * SIDE_COUNT];
	char names[LINK_COUNT * SIDE_COUNT][32];
	struct capture_job job = { .h = &lab->capture };
	size_t n = 0;
	int rc;

	for (enum link_id l = 0; l < LINK_COUNT; l++)
		for (enum side s = 0; s < SIDE_COUNT; s++, n++) {
			enum node_id node = topology_node(l, s);

			snprintf(names[n], sizeof(names[n]), "%s-%s", node_names[node],
				 link_names[l]);
			ends[n] = (struct capture_end){ lab->nodes[node].net_fd, link_names[l],
							names[n] };
		}
	if (capture_open(&job.set, ends, n, lab->job->folder, err))
		return -1;
	rc = helper_start(&lab->capture, "capture", lab, NULL, run_capture, &job, err);
	capture_release(&job.set); /* the child has its own */
	return rc;
}

/* --- the device ------------------------------------------------------------- */

struct device_job {
	struct lab *lab;
	struct middlebox middlebox;
};

static int open_device(void *ctx, struct err *err)
{
	struct device_job *j = ctx;
	const struct lab_job *job = j->lab->job;
	json_t *sysctls = json_object_get(j->lab->topology.sysctls, node_names[NODE_MIDDLEBOX]);

	return middlebox_open(&j->middlebox, job->middlebox, job->seed, sysctls, err);
}

static int run_device(void *ctx, struct err *err)
{
	struct device_job *j = ctx;
	const struct lab *lab = j->lab;
	const struct middlebox_fds fds = {
		.stop = lab->device.stop_fd,
		.arm = lab->device_arm_fd,
		.counters = lab->device.report_fd,
	};

	return middlebox_run(&j->middlebox, &fds, err);
}

static int start_device(struct lab *lab, struct err *err)
{
	const struct node *node = &lab->nodes[NODE_MIDDLEBOX];
	struct device_job job = { .lab = lab };
	int rc = netns_run(node->net_fd, open_device, &job, err);

	if (!rc && middlebox_ops(&job.middlebox)) {
		lab->device_arm_fd = eventfd(0, EFD_CLOEXEC);
		rc = lab->device_arm_fd < 0 ? err_set(err, errno, "cannot start the middlebox")
					    : helper_start(&lab->device, "middlebox", lab, node,
							   run_device, &job, err);
	}
	middlebox_close(&job.middlebox); /* the child has its own */
	return rc;
}

/* --- what answers the traffic ------------------------------------------------- */

struct server_job {
	struct traffic_server server;
	const struct helper *h;
	int events_fd;
};

static int open_server(void *ctx, struct err *err)
{
	struct server_job *j = ctx;

	return traffic_server_open(&j->server, err);
}

static int run_server(void *ctx, struct err *err)
{
	struct server_job *j = ctx;

	return traffic_server_run(&j->server, j->h->stop_fd, j->events_fd, err);
}

static int start_server(struct lab *lab, struct helper *h, enum node_id node, struct err *err)
{
	AUTO_FREE char *name = io_printf("traffic-%s", node_names[node]);
	struct server_job job = { TRAFFIC_SERVER_NONE, h, lab->events_fd };
	int rc = netns_run(lab->nodes[node].net_fd, open_server, &job, err);

	if (!rc)
		rc = helper_start(h, name, lab, NULL, run_server, &job, err);
	traffic_server_release(&job.server);
	return rc;
}

/* --- what receives synthetic segments ------------------------------------------ */

struct receiver_job {
	struct segments_server server;
	const struct lab *lab;
};

static int quiet_client(void *ctx, struct err *err)
{
	(void)ctx;
	return segments_quiet(err);
}

static int open_receiver(void *ctx, struct err *err)
{
	struct receiver_job *j = ctx;

	return segments_quiet(err) || segments_server_open(&j->server, err) ? -1 : 0;
}

static int run_receiver(void *ctx, struct err *err)
{
	struct receiver_job *j = ctx;

	return segments_server_run(&j->server, j->lab->receiver.stop_fd, j->lab->events_fd, err);
}

static int start_receiver(struct lab *lab, struct err *err)
{
	const struct segments_socket none = SEGMENTS_SOCKET_NONE;
	const struct spec_case *c = lab->job->c;
	struct receiver_job job = {
		.server = { .flows = c->traffic, .len = c->traffic_len, .sockets = { none, none } },
		.lab = lab,
	};
	bool wanted = false;
	int rc;

	for (size_t i = 0; i < c->traffic_len; i++)
		wanted = wanted || c->traffic[i].kind == TRAFFIC_SEGMENTS;
	if (!wanted)
		return 0;
	rc = netns_run(lab->nodes[NODE_CLIENT].net_fd, quiet_client, NULL, err) ||
	     netns_run(lab->nodes[NODE_HEADEND].net_fd, open_receiver, &job, err) ||
	     helper_start(&lab->receiver, "segments-headend", lab, NULL, run_receiver, &job, err);
	segments_server_close(&job.server);
	return rc ? -1 : 0;
}

/* --- all of it ---------------------------------------------------------------- */

/* The implementation of a pair that is on a node; NULL: none */
static const char *target_of(const struct lab_job *job, enum node_id node)
{
	return node == NODE_CLIENT    ? job->pair->client
	       : node == NODE_HEADEND ? job->pair->headend
				      : NULL;
}

/**
 * lab_node_root() - The folder that is the root of a node
 * @job:	The execution
 * @node:	Which
 *
 * Return: the folder, owned by the caller; NULL: the root of all
 */
char *lab_node_root(const struct lab_job *job, enum node_id node)
{
	const char *target = target_of(job, node);
	AUTO_FREE char *root = NULL;

	if (!job->roots_dir || !target)
		return NULL;
	root = io_printf("%s/%s", job->roots_dir, target);
	return access(root, F_OK) ? NULL : steal_ptr(&root);
}

/* /etc/NAME and /var/lib/NAME are the target's own on its node, and empty */
static int create_node(struct lab *lab, enum node_id node, struct err *err)
{
	const struct lab_job *job = lab->job;
	const char *const keep[] = { job->targets_dir, job->built_dir, job->folder, NULL };
	const char *target = target_of(job, node);
	AUTO_FREE char *root = lab_node_root(job, node);
	AUTO_FREE char *etc = io_printf("/etc/%s", target ? target : "");
	AUTO_FREE char *lib = io_printf("/var/lib/%s", target ? target : "");
	const char *const private[] = { etc, lib, NULL };

	return node_create(node_names[node], root, target ? private : NULL, keep, &lab->nodes[node],
			   err);
}

static int create_nodes(struct lab *lab, struct err *err)
{
	const struct lab_job *job = lab->job;

	for (int i = 0; i < NODE_COUNT; i++)
		if (create_node(lab, (enum node_id)i, err))
			return -1;
	if (topology_needs_wan(job->c) && netns_create(&lab->wan_fd, err))
		return -1;
	return 0;
}

static int build_path(struct lab *lab, struct err *err)
{
	int fds[NODE_COUNT];

	for (int i = 0; i < NODE_COUNT; i++)
		fds[i] = lab->nodes[i].net_fd;
	if (topology_build(&lab->topology, lab->job->c, fds, lab->wan_fd, err))
		return -1;
	return lab->topology.wan ? netem_supported(lab->topology.wan, err) : 0;
}

static int open_folder(struct lab *lab, struct err *err)
{
	AUTO_FREE char *events = io_printf("%s/events.jsonl", lab->job->folder);

	lab->log_dir = io_printf("%s/log", lab->job->folder);
	if (io_mkdirs(lab->log_dir, err))
		return -1;
	lab->events_fd = open(events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return lab->events_fd < 0 ? err_set(err, errno, "cannot write '%s'", events) : 0;
}

/**
 * lab_build() - Build the path and start all that is ours on it
 * @lab:	Filled in; give it to lab_close() whatever is returned
 * @job:	The execution; borrowed as long as the lab
 * @err:	Set on failure; ERR_SKIP if the machine lacks something
 *
 * Return: 0 or -1
 */
int lab_build(struct lab *lab, const struct lab_job *job, struct err *err)
{
	const struct node no_node = NODE_NONE;
	const struct helper no_helper = { PROC_NONE, -1, -1 };

	*lab = (struct lab){ .job = job,
			     .wan_fd = -1,
			     .events_fd = -1,
			     .device_arm_fd = -1,
			     .timeline = LAB_TIMELINE_NONE };
	lab->device = lab->capture = lab->servers[0] = lab->servers[1] = no_helper;
	lab->receiver = no_helper;
	for (int i = 0; i < NODE_COUNT; i++)
		lab->nodes[i] = no_node;
	for (int l = 0; l < LINK_COUNT; l++) {
		lab->wires[l] = no_helper.proc;
		lab->impair[l].control_fd = -1;
		lab->topology.links[l].tap_fd[0] = lab->topology.links[l].tap_fd[1] = -1;
	}
	if (open_folder(lab, err) || create_nodes(lab, err) || build_path(lab, err) ||
	    start_capture(lab, err) || links_start(lab, err) || start_device(lab, err) ||
	    start_server(lab, &lab->servers[0], NODE_SERVER, err) ||
	    start_server(lab, &lab->servers[1], NODE_HEADEND, err) || start_receiver(lab, err))
		return err_wrap(err, "cannot build the path");
	return 0;
}

/** lab_arm() - The tunnel is up: begin the losses that waited for it, and the timeline */
int lab_arm(struct lab *lab, struct err *err)
{
	const uint64_t one = 1;

	if (lab->device_arm_fd >= 0 && io_write_all(lab->device_arm_fd, &one, sizeof(one), err))
		return -1;
	for (enum link_id l = 0; l < LINK_COUNT; l++)
		if (lab->impair[l].engine != ENGINE_NONE && impair_arm(&lab->impair[l], err))
			return -1;
	return lab_timeline_begin(lab, err);
}

static void add_capture_names(json_t *captures)
{
	size_t i;
	json_t *c;

	json_array_foreach (captures, i, c) {
		json_object_set_new(
			c, "node",
			json_string(node_names[topology_node((enum link_id)(i / SIDE_COUNT),
							     (enum side)(i % SIDE_COUNT))]));
		json_object_set_new(c, "link", json_string(link_names[i / SIDE_COUNT]));
	}
}

/* Options that were given and are faults, each with the counter that stands for it */
static json_t *device_witness(const struct choice *choice)
{
	json_t *list = json_array();
	struct device_config config;
	struct err ignored = { 0 };

	if (device_config_from_choice(choice, &config, &ignored))
		return list; /* it would not have started */
	for (size_t i = 0; i < choice->options_len; i++) {
		const struct option *given = &choice->options[i];
		const struct device_option *o;

		for (size_t n = 0; (o = device_option(n)); n++) {
			AUTO_FREE char *text = NULL;

			/* as it is anyway ("remap=off") it is no fault */
			if (!o->witness || strcmp(o->name, given->key) != 0 ||
			    !device_has_option(config.mode, o) ||
			    strcmp(o->preset, given->value) == 0)
				continue;
			text = io_printf("%s=%s", given->key, given->value);
			json_array_append_new(list, json_pack("{s:s, s:s}", "option", text,
							      "counter", o->witness));
		}
	}
	return list;
}

/**
 * lab_finish() - Stop what is ours, in order, and collect what it counted
 * @lab:	Built; the targets have ended
 * @execution:	Gets "links", "timeline", "device", "captures" and "sysctls"
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int lab_finish(struct lab *lab, json_t *execution, struct err *err)
{
	json_t *links = json_array(), *captures, *device;

	json_object_set_new(execution, "links", links);
	json_object_set(execution, "sysctls", lab->topology.sysctls);
	if (links_drain(lab, err) || helper_stop(&lab->servers[0], err) ||
	    helper_stop(&lab->servers[1], err) || helper_stop(&lab->receiver, err) ||
	    links_stop(lab, links, err) || lab_timeline_finish(lab, links, execution, err) ||
	    helper_stop(&lab->device, err) || helper_stop(&lab->capture, err))
		return -1;
	captures = helper_report(&lab->capture);
	if (!captures)
		return err_set_kind(err, ERR_HARNESS, "the captures gave no report");
	add_capture_names(captures);
	json_object_set_new(execution, "captures", captures);
	device = lab->device.proc.pid ? helper_report(&lab->device) : json_null();
	if (!device)
		return err_set_kind(err, ERR_HARNESS, "the middlebox gave no counters");
	json_object_set_new(execution, "device",
			    json_pack("{s:s, s:o, s:o}", "name", lab->job->middlebox->text,
				      "counters", device, "witness",
				      device_witness(lab->job->middlebox)));
	return 0;
}

/** lab_close() - End everything and release it; idempotent */
void lab_close(struct lab *lab)
{
	lab_timeline_release(lab);
	helper_release(&lab->servers[0]);
	helper_release(&lab->servers[1]);
	helper_release(&lab->receiver);
	helper_release(&lab->device);
	cleanup_close(&lab->device_arm_fd);
	lab->device_arm_fd = -1;
	for (int l = 0; l < LINK_COUNT; l++) {
		proc_release(&lab->wires[l]);
		cleanup_close(&lab->impair[l].control_fd);
		lab->impair[l].control_fd = -1;
	}
	helper_release(&lab->capture);
	topology_close(&lab->topology);
	cleanup_close(&lab->wan_fd);
	lab->wan_fd = -1;
	for (int i = 0; i < NODE_COUNT; i++)
		node_destroy(&lab->nodes[i]);
	cleanup_close(&lab->events_fd);
	lab->events_fd = -1;
	free(lab->log_dir);
	lab->log_dir = NULL;
}
