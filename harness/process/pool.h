/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs in processes of their own, a few at a time: each may crash, hang or be killed,
 * and the others go on.
 */
#ifndef DUPACK_PROCESS_POOL_H
#define DUPACK_PROCESS_POOL_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct pool {
	size_t len; /* jobs, from 0 */
	unsigned int width; /* at the same time, at least 1 */
	int interrupt_fd; /* readable: end all; -1: none */
	/* in the worker: */
	int (*run)(void *ctx, size_t i, struct err *err); /* 0, or -1 with its error */
	/* in the caller: */
	uint64_t (*limit_ns)(void *ctx, size_t i); /* how long it may take */
	void (*started)(void *ctx, size_t i);
	void (*ended)(void *ctx, size_t i, const char *how); /* NULL: well */
	void *ctx;
};

int pool_run(const struct pool *pool, struct err *err);

#endif
