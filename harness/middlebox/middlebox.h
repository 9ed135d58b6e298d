/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a device is run.  Each kind names a table of operations (struct device_ops); who
 * builds the path knows only these three calls:
 *
 *   middlebox_open()    in the network namespace of the node: all that must be there before
 *                       the first packet (rules, sysctls, sockets), or ERR_SKIP and why not
 *   middlebox_run()     in a process of the node, until it is told to stop; writes counters
 *   middlebox_close()   releases what middlebox_open() opened
 *
 * A child that was forked in between has what was opened.
 */
#ifndef DUPACK_MIDDLEBOX_MIDDLEBOX_H
#define DUPACK_MIDDLEBOX_MIDDLEBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "middlebox/config.h"
#include "middlebox/counter.h"

struct choice;
struct err;

/** A device in its node. */
struct middlebox {
	const struct choice *choice; /* borrowed */
	struct device_config config;
	uint64_t seed; /* of the run */
	json_t *sysctls; /* gets {"netfilter/...": "1", ...}: what was pinned; borrowed */
	void *state; /* of the operations; owned by them */
};

/** Descriptors of one that runs, all the caller's. */
struct middlebox_fds {
	int stop; /* readable or at its end: stop */
	int arm; /* readable: the losses of the case begin, and time counts from here */
	int counters; /* gets {"name": number, ...} */
};

/** How a kind of device is run. */
struct device_ops {
	int (*open)(struct middlebox *m, struct err *err);
	int (*run)(struct middlebox *m, const struct middlebox_fds *fds, struct err *err);
	void (*close)(struct middlebox *m); /* also after an open() that failed */
	const struct counter_kind *counters; /* every name that run() writes */
	size_t counters_len;
	const char *const *packages; /* Debian's, for its root in the guest; ends with NULL */
};

extern const struct device_ops device_ops_engine, device_ops_conntrack, device_ops_nat,
	device_ops_synproxy, device_ops_relay, device_ops_haproxy;

int middlebox_open(struct middlebox *m, const struct choice *choice, uint64_t seed, json_t *sysctls,
		   struct err *err);
int middlebox_run(struct middlebox *m, const struct middlebox_fds *fds, struct err *err);
void middlebox_close(struct middlebox *m);

/** middlebox_ops() - How it is run; NULL: the node's own routing is all */
static inline const struct device_ops *middlebox_ops(const struct middlebox *m)
{
	return device_kinds[m->config.mode].ops;
}

const char *const *middlebox_packages(const struct choice *choice);
bool middlebox_counter_ok(const char *name, struct err *err);

/* --- for the operations ----------------------------------------------------- */

int middlebox_write_counters(const json_t *counters, int fd, struct err *err);
int middlebox_wait(const struct middlebox_fds *fds, struct err *err);

#endif
