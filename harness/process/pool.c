// SPDX-License-Identifier: Apache-2.0
/*
 * Everything that a worker starts dies with it: it is told so by the kernel
 * (PR_SET_PDEATHSIG), and what is orphaned on the way comes to us, who are the
 * subreaper.  So when pool_run() returns nothing is left of any worker.
 */
#include "process/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "process/proc.h"

#define REAP_NS (10 * NS_PER_S) /* for orphans that were killed to be gone */

struct worker {
	const struct pool *pool;
	size_t job;
	struct proc proc; /* .pid 0: idle */
	int said_fd; /* why its job failed, in its own words; -1: none */
	uint64_t deadline;
};

static int work(void *ctx, struct err *err)
{
	const struct worker *w = ctx;
	struct err ignored;

	if (!w->pool->run(w->pool->ctx, w->job, err))
		return 0;
	io_write_all(w->said_fd, err->text, strlen(err->text), &ignored);
	return 1;
}

static int start(struct worker *w, size_t job, struct err *err)
{
	const struct pool *pool = w->pool;
	struct spawn spawn = { .name = "worker", .run = work, .ctx = w };

	w->job = job;
	w->deadline = clock_ns() + pool->limit_ns(pool->ctx, job);
	w->said_fd = memfd_create("worker", MFD_CLOEXEC); /* memory: the disk may be full */
	if (w->said_fd < 0)
		return err_set(err, errno, "cannot start a worker");
	if (proc_start(&spawn, &w->proc, err))
		return -1;
	pool->started(pool->ctx, job);
	return 0;
}

static void release(struct worker *w)
{
	proc_release(&w->proc);
	cleanup_close(&w->said_fd);
	w->said_fd = -1;
}

/* NULL if it did its job */
static const char *describe(struct worker *w, char *buf, unsigned int size)
{
	ssize_t n;

	if (!w->proc.status)
		return NULL;
	n = pread(w->said_fd, buf, size - 1, 0);
	if (n <= 0)
		return proc_describe(&w->proc, buf, size);
	buf[n] = '\0';
	return buf;
}

static void finish(struct worker *w, const char *how)
{
	w->pool->ended(w->pool->ctx, w->job, how);
	release(w);
}

/* Look after one worker; true if it is idle now */
static bool look(struct worker *w)
{
	struct err how;

	if (w->proc.pid == 0)
		return true;
	if (proc_await(&w->proc, 0)) {
		finish(w, describe(w, how.text, sizeof(how.text)));
		return true;
	}
	if (clock_ns() < w->deadline)
		return false;
	proc_stop(&w->proc, 0);
	finish(w, "did not end in time and was killed");
	return true;
}

/* Until a worker has ended, the nearest deadline, or an interruption (1) */
static int wait_event(const struct worker *workers, unsigned int width, struct pollfd *polls,
		      int interrupt_fd, struct err *err)
{
	uint64_t now = clock_ns(), deadline = UINT64_MAX, left;
	struct timespec ts;

	for (unsigned int i = 0; i < width; i++) {
		polls[i] = (struct pollfd){ .fd = workers[i].proc.pid ? workers[i].proc.pidfd : -1,
					    .events = POLLIN };
		if (workers[i].proc.pid && workers[i].deadline < deadline)
			deadline = workers[i].deadline;
	}
	polls[width] = (struct pollfd){ .fd = interrupt_fd, .events = POLLIN };
	left = deadline > now ? deadline - now : 0;
	ts = (struct timespec){ (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };
	if (ppoll(polls, width + 1, &ts, NULL) < 0 && errno != EINTR)
		return err_set(err, errno, "cannot wait for the executions");
	return polls[width].revents ? 1 : 0;
}

static int run_jobs(const struct pool *pool, struct worker *workers, struct pollfd *polls,
		    struct err *err)
{
	size_t next = 0, busy;
	int rc;

	do {
		busy = 0;
		for (unsigned int i = 0; i < pool->width; i++) {
			if (look(&workers[i]) && next < pool->len &&
			    start(&workers[i], next++, err))
				return -1;
			busy += workers[i].proc.pid != 0;
		}
		rc = busy ? wait_event(workers, pool->width, polls, pool->interrupt_fd, err) : 0;
		if (rc < 0)
			return -1;
		if (rc)
			return err_set_kind(err, ERR_INTERRUPTED, "interrupted");
	} while (busy);
	return 0;
}

/* What a killed worker left is dying and comes to us: wait until all of it is gone */
static void reap_orphans(void)
{
	uint64_t now, deadline = clock_ns() + REAP_NS;
	sigset_t child, before;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	while ((now = clock_ns()) < deadline) {
		struct timespec ts = { (time_t)((deadline - now) / NS_PER_S), 0 };
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			break; /* ECHILD: nobody is left */
		if (pid == 0)
			sigtimedwait(&child, NULL, &ts);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/**
 * pool_run() - Run all jobs
 * @pool:	What and how
 * @err:	Set on failure: ERR_INTERRUPTED, or a worker could not be started.  A job
 *		that fails is not a failure here; .ended is told
 *
 * Return: 0 or -1, when no process of any job is left
 */
int pool_run(const struct pool *pool, struct err *err)
{
	AUTO_FREE struct worker *workers = calloc(pool->width, sizeof(*workers));
	AUTO_FREE struct pollfd *polls = calloc(pool->width + 1, sizeof(*polls));
	const struct proc nobody = PROC_NONE;
	int rc;

	if (!workers || !polls)
		return err_set(err, ENOMEM, "cannot start %u executions", pool->width);
	for (unsigned int i = 0; i < pool->width; i++)
		workers[i] = (struct worker){ .pool = pool, .proc = nobody, .said_fd = -1 };
	prctl(PR_SET_CHILD_SUBREAPER, 1UL);
	rc = run_jobs(pool, workers, polls, err);
	for (unsigned int i = 0; i < pool->width; i++)
		release(&workers[i]);
	reap_orphans();
	return rc;
}
