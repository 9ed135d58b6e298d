/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process of an execution: started in a node, logged, awaited, stopped.
 * It is a program (argv) or a function of ours that runs in a child.
 */
#ifndef DUPACK_PROCESS_PROC_H
#define DUPACK_PROCESS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct node;

/** What to start: the caller fills it in; everything is borrowed until proc_start() returns. */
struct spawn {
	const char *name; /* of the process, for events and the log file */
	const struct node *node; /* NULL: where the caller is */
	const char *log_dir; /* its output is added to <log_dir>/<name>.log; NULL: inherited */
	/* either a program: */
	char *const *argv, *const *env;
	const char *out_path; /* its standard output replaces this file; NULL: to the log */
	bool ready_fd; /* give it DUPACK_READY_FD, see proc_await_ready() */
	bool trusted; /* a tool of ours: its files may be large, and it cleans up by
		       * itself if the harness dies (SIGTERM) */
	/* or a function, whose value is the exit status: */
	int (*run)(void *ctx, struct err *err);
	void *ctx;
};

struct proc {
	char name[64];
	pid_t pid; /* 0: none */
	int pidfd, ready; /* owned, -1 if none */
	bool ended;
	int status; /* as wait(2), once ended */
};

#define PROC_NONE                                                                                  \
	{                                                                                          \
		"", 0, -1, -1, false, 0                                                            \
	}

char *proc_find_program(const char *root, const char *name);
int proc_start(const struct spawn *spawn, struct proc *ret, struct err *err);
int proc_await(struct proc *p, uint64_t timeout_ns);
int proc_await_ready(struct proc *p, uint64_t timeout_ns, struct err *err);
void proc_stop(struct proc *p, uint64_t grace_ns);
void proc_kill_group(struct proc *p);
void proc_release(struct proc *p);
int proc_exit_code(const struct proc *p);
const char *proc_describe(const struct proc *p, char *buf, unsigned int size);

#endif
