/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `run` and `case` share: their flags, the validated run list, and the run with
 * its verdicts, interrupts and progress.
 */
#ifndef DUPACK_CMD_EXECUTION_H
#define DUPACK_CMD_EXECUTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/home.h"
#include "cmd/args.h"
#include "cmd/progress.h"
#include "run.h"
#include "spec/runlist.h"

struct err;

/** A list of words of the command line: the words are argv's, the list is owned. */
struct words {
	const char **v;
	size_t len;
};

/** What the flags say. */
struct execution_flags {
	struct words selectors, pairs, middleboxes;
	enum runtime runtime;
	uint64_t seed;
	unsigned jobs, repeat, shard, shards;
	const char *out; /* NULL: a new folder below results/ */
	const char *resume; /* the folder of a run that was broken off; NULL: none */
	bool matrix, json, probe;
};

extern const struct argp execution_argp; /* a child parser; its input: the flags */

/** A run: from execution_prepare() to execution_release(). */
struct execution {
	struct home home;
	struct run_list list;
	char *out; /* owned */
	bool made_out; /* it is a new folder of ours */
	char *go_on; /* the command that would resume it; owned */
	bool quiet; /* set by the caller: no progress, only what is being prepared */
	json_t **verdicts; /* of each item of the list, NULL until it has finished; owned */
	struct progress progress;
	/* called as verdicts come, if not NULL */
	void (*finished)(struct execution *e, size_t item);
	void *ctx;
	double wall_s; /* set by execution_run() */
};

enum runtime execution_runtime(struct argp_state *state, const char *text);
void execution_flags_init(struct execution_flags *flags, int argc);
void execution_flags_release(struct execution_flags *flags);
int execution_prepare(struct execution *e, const struct execution_flags *flags, const char *suffix,
		      struct err *err);
int execution_run(struct execution *e, const struct execution_flags *flags, struct err *err);
char *execution_command(const struct execution_flags *flags, const char *out);
bool execution_begun(const struct execution *e);
json_t *execution_verdicts(const struct execution *e);
void execution_release(struct execution *e);

#define AUTO_FLAGS     __attribute__((cleanup(execution_flags_release)))
#define AUTO_EXECUTION __attribute__((cleanup(execution_release)))

#endif
