/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laboratory of one execution: the path under test, built and running, with
 * everything on it that is ours.  The same code runs on the host's kernel and, as
 * the guest's init, in a guest.
 *
 *   lab_execute()   all of it, from nothing to execution.json in the run folder
 *   lab_probe()     targets of a pair probed one after the other, to execution.json
 */
#ifndef DUPACK_LAB_LAB_H
#define DUPACK_LAB_LAB_H

#include <jansson.h>
#include <stdint.h>

#include "impair/impair.h"
#include "lab/helper.h"
#include "lab/timeline.h"
#include "net/topology.h"
#include "process/node.h"
#include "process/proc.h"
#include "spec/case.h"

struct err;

/** What to execute; all of it is the caller's. */
struct lab_job {
	const struct spec_case *c; /* lab_probe(): NULL */
	const struct pair *pair;
	const struct choice *middlebox;
	uint64_t seed;
	const char *targets_dir; /* targets/<name>/target.yaml */
	const char *built_dir; /* targets/<name>/<program> that was built */
	const char *roots_dir; /* <target>/: the root of its nodes, if there is one; or NULL */
	const char *folder; /* the run folder, which exists and is empty; absolute */
	bool virtual_time; /* the clock stands still while anything runs */
	unsigned int probe; /* lab_probe(): whom, a bit 1 << enum member of each */
};

int lab_execute(const struct lab_job *job, struct err *err);
int lab_probe(const struct lab_job *job, struct err *err);

/* --- between the files of this folder ------------------------------------- */

struct pair_run;

struct lab {
	const struct lab_job *job;
	struct pair_run *pair; /* borrowed; NULL: a case without a tunnel */
	char *log_dir; /* owned */
	struct node nodes[NODE_COUNT];
	int wan_fd;
	struct topology topology;
	struct impair_link impair[LINK_COUNT]; /* .engine NONE: a plain link */
	struct proc wires[LINK_COUNT];
	struct helper device, capture, servers[2]; /* in the server, and in the head-end */
	struct lab_timeline timeline;
	struct helper receiver; /* of synthetic segments, in the head-end; not in every case */
	int device_arm_fd; /* eventfd: tells the device that losses begin; owned, -1: no device */
	int events_fd;
};

char *lab_node_root(const struct lab_job *job, enum node_id node);
int lab_build(struct lab *lab, const struct lab_job *job, struct err *err);
int lab_arm(struct lab *lab, struct err *err);
int lab_finish(struct lab *lab, json_t *execution, struct err *err);
void lab_close(struct lab *lab);

#endif
