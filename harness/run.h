/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: a run list in, a results folder with a verdict for each
 * execution out.
 */
#ifndef DUPACK_RUN_H
#define DUPACK_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime.h"

struct err;
struct home;
struct run_list;

/** Told as the run goes on; called in the caller's process, one at a time. */
struct run_observer {
	void (*started)(void *ctx, size_t item);
	void (*finished)(void *ctx, size_t item, const json_t *verdict); /* verdict: borrowed */
	void (*kept)(void *ctx, size_t item, const json_t *verdict); /* it was done before */
	void *ctx;
};

struct run_options {
	const struct home *home;
	enum runtime runtime;
	const char *out; /* results/<run>: made if it is not there */
	bool resume; /* there is the same run in it: do what is missing */
	const char *go_on; /* the command that would resume it, for run.json */
	unsigned jobs; /* executions at the same time, at least 1 */
	bool probe; /* every target before the first execution; who does not conform is not run */
	int interrupt_fd; /* readable: stop, tear down, return ERR_INTERRUPTED; -1: none */
	struct run_observer observer;
};

int run_all(const struct run_list *list, const struct run_options *options, struct err *err);

#endif
