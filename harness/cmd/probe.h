/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do, tried out: a row a question. */
#ifndef DUPACK_CMD_PROBE_H
#define DUPACK_CMD_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "run.h"

struct err;
struct strings;

struct probe {
	const char *name;
	unsigned runtimes; /* bit 1 << enum runtime: who needs it */
	bool required; /* without it the runtime does not work; else some cases are skipped */
	const char *purpose; /* what it is needed for */
	const char *remedy;
	/* 0 with what was found, to be freed by the caller, or -1 with @err: what is not */
	int (*run)(char **ret_found, struct err *err);
	bool isolated; /* called in a child of its own, as it changes the process */
};

extern const struct probe probes[];
extern const size_t probes_len;

int probe_run(const struct probe *probe, char **ret_found, struct err *err);
char *probe_missing_programs(const struct strings *programs);

/* In probe-host.c, for the table */
int probe_namespaces(char **ret_found, struct err *err);
int probe_tun(char **ret_found, struct err *err);
int probe_netem(char **ret_found, struct err *err);
int probe_esp(char **ret_found, struct err *err);

#endif
