/* SPDX-License-Identifier: Apache-2.0 */
/* Where a laboratory runs: in a guest with virtual or real time, or on this kernel. */
#ifndef DUPACK_RUNTIME_H
#define DUPACK_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct guest_parts;
struct home;
struct lab_job;
struct pair_targets;

enum runtime { RUNTIME_VIRTUAL, RUNTIME_GUEST, RUNTIME_HOST, RUNTIME_COUNT };
extern const char *const runtime_names[RUNTIME_COUNT];

struct runtime_job {
	const struct home *home;
	enum runtime runtime;
	const struct guest_parts *parts; /* NULL: no guest */
	const struct pair_targets *targets;
	uint64_t wall_limit_ns; /* of a guest */
};

bool runtime_has_guest(enum runtime runtime);
int runtime_execute(const struct runtime_job *job, const struct lab_job *lab, struct err *err);

#endif
