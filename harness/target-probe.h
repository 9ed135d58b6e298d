/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe of targets from outside: before many executions, each target of them is asked
 * once, in the same runtime and sandbox, whether it keeps its contract.
 */
#ifndef DUPACK_TARGET_PROBE_H
#define DUPACK_TARGET_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runtime.h"

struct pair;

struct probe_options {
	const struct home *home;
	enum runtime runtime;
	const char *folder; /* what is left of a probe goes below it; made if it is not there */
	unsigned jobs; /* probes at the same time, at least 1 */
	int interrupt_fd; /* readable: stop, tear down, return ERR_INTERRUPTED; -1: none */
};

/** Who takes part in something that is to be run; .pair NULL: nobody is asked. */
struct probe_item {
	const struct pair *pair;
	const struct pair_targets *targets;
	const struct guest_parts *parts; /* NULL: no guest */
	unsigned members; /* set by probe_items(): whom to ask here, a bit of each enum member */
	struct err why; /* set by probe_items(): who does not conform; not set: go on */
};

/** Told what came of one role: @why not set, it conforms. */
typedef void (*probe_answer)(void *ctx, const char *role, const struct err *why);

int probe_target(const char *dir, const struct probe_options *options, probe_answer answer,
		 void *ctx, struct err *err);
int probe_items(struct probe_item *items, size_t len, const struct probe_options *options,
		struct err *err);

#endif
