/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire: a link in user space between two TAPs, that does to the frames exactly
 * what it was told to, and writes down what it did with each one.
 *
 * wire_run() is a process of its own, steered over one end of a stream socket
 * pair; wire_arm() and its siblings are what the owner of the other end calls.
 */
#ifndef DUPACK_IMPAIR_WIRE_H
#define DUPACK_IMPAIR_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "impair/counters.h"
#include "spec/case.h"

struct err;

struct wire_config {
	const char *link; /* its name: "outside" */
	int fd[DIR_COUNT]; /* TAP that a direction comes in by: [DIR_UP] at the client's side,
			    * [DIR_DOWN] at the server's; borrowed, made non-blocking */
	const struct impairment *impair[DIR_COUNT]; /* NULL: only forward */
	uint64_t seed; /* of the case */
	int decisions_fd; /* gets a line of JSON a frame; -1: none; borrowed */
};

int wire_run(const struct wire_config *config, int control_fd, struct err *err);
int wire_arm(int fd, struct err *err);
int wire_change(int fd, enum direction d, const struct impairment *plan, bool blocked,
		struct err *err);
int wire_cut(int fd, bool down, struct err *err);
int wire_read(int fd, struct impair_counters ret[DIR_COUNT], struct err *err);
int wire_stop(int fd, struct impair_counters ret[DIR_COUNT], json_t **ret_acts, struct err *err);

#endif
