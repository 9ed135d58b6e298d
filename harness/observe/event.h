/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of events.jsonl, kept in memory and written in whole lines: in a guest
 * nothing is written while something is measured.  Several processes write the one
 * file (opened O_APPEND), so its lines are in order by "t" only per process.
 */
#ifndef DUPACK_OBSERVE_EVENT_H
#define DUPACK_OBSERVE_EVENT_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct event_log {
	int fd; /* borrowed */
	char *buf; /* owned */
	size_t len;
	int failed; /* errno of the first write that failed */
};

int event_log_init(struct event_log *log, int fd, struct err *err);
void event_log_add(struct event_log *log, uint64_t t_ns, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int event_log_close(struct event_log *log, struct err *err);

#endif
