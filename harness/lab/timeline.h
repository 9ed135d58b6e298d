/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline of a case, carried out on a path that is built. */
#ifndef DUPACK_LAB_TIMELINE_H
#define DUPACK_LAB_TIMELINE_H

#include <jansson.h>
#include <stdint.h>

#include "observe/event.h"

struct err;
struct lab;

/** How far it is; one for each execution. */
struct lab_timeline {
	int timer_fd; /* readable when something is due; -1: nothing ever is; owned */
	uint64_t begun_ns; /* CLOCK_MONOTONIC of its time 0 */
	uint64_t next_ns; /* since then: the first time that was not carried out */
	unsigned int renumbered; /* how often */
	struct event_log log; /* .buf NULL: not begun */
	struct timeline_record *records; /* for each entry; owned */
};

#define LAB_TIMELINE_NONE                                                                          \
	{                                                                                          \
		.timer_fd = -1                                                                     \
	}

int lab_timeline_begin(struct lab *lab, struct err *err);
int lab_timeline_go(struct lab *lab, struct err *err);
void lab_timeline_settle(struct lab *lab);
int lab_timeline_finish(struct lab *lab, const json_t *links, json_t *execution, struct err *err);
void lab_timeline_release(struct lab *lab);

#endif
