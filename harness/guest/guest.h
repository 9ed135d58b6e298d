/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtimes virtual and guest: an execution inside a kernel of our own.
 *
 *   guest_prepare()   the kernel and the root for a pair and a device, built once, cached
 *   guest_execute()   one execution in a fresh guest
 *   agent_main()      what this program does as the init of a guest
 */
#ifndef DUPACK_GUEST_GUEST_H
#define DUPACK_GUEST_GUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "lab/lab.h"
#include "spec/target.h"

struct err;
struct home;

/** What a guest is made of; the folders are in the cache. */
struct guest_parts {
	char *kernel, *root; /* folders; owned */
	char *own_roots[PAIR_ENDS]; /* folder of the root of one end only, or NULL; owned */
	json_t *kernel_version, *packages; /* for the verdicts; owned */
};

/** Input of an execution that lab_execute() does not need. */
struct guest_job {
	const struct lab_job *lab;
	const struct home *home;
	const struct guest_parts *parts;
	const struct pair_targets *targets;
	uint64_t wall_limit_ns;
};

int guest_prepare(const struct home *home, const struct pair_targets *targets,
		  const struct choice *middlebox, int interrupt_fd, struct guest_parts *ret,
		  struct err *err);
void guest_parts_release(struct guest_parts *parts);
int guest_execute(const struct guest_job *job, struct err *err);

int agent_main(void);

#endif
