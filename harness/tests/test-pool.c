// SPDX-License-Identifier: Apache-2.0
/* Workers: how they end, how many there are at a time, and that nothing of them is left. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "process/pool.h"
#include "tests/tap.h"

enum job { JOB_WELL, JOB_ERROR, JOB_CRASH, JOB_HANG, JOB_ORPHAN, JOB_COUNT };

struct seen {
	size_t running, most, ended;
	char how[JOB_COUNT][64];
	int interrupt_fd; /* written to when a job starts; -1: not */
};

static int run(void *ctx, size_t i, struct err *err)
{
	(void)ctx;
	switch ((enum job)(i % JOB_COUNT)) {
	case JOB_ERROR:
		return err_set(err, 0, "this is a test: an error on purpose");
	case JOB_CRASH:
		raise(SIGSEGV);
		break;
	case JOB_ORPHAN:
		if (fork() == 0) {
			if (fork() == 0)
				setsid();
			_exit(0); /* the orphan is a zombie of ours at once, or soon */
		}
		break;
	case JOB_HANG:
		for (;;)
			pause();
	case JOB_WELL:
	case JOB_COUNT:
		break;
	}
	return 0;
}

static uint64_t limit(void *ctx, size_t i)
{
	(void)ctx;
	return i % JOB_COUNT == JOB_HANG ? 50 * NS_PER_MS : 20 * NS_PER_S;
}

static uint64_t no_limit(void *ctx, size_t i)
{
	(void)ctx, (void)i;
	return 3600 * NS_PER_S;
}

static void started(void *ctx, size_t i)
{
	struct seen *s = ctx;
	const uint64_t one = 1;

	(void)i;
	s->running++;
	s->most = s->running > s->most ? s->running : s->most;
	if (s->interrupt_fd >= 0 && i == JOB_HANG && write(s->interrupt_fd, &one, sizeof(one)) < 0)
		abort();
}

static void ended(void *ctx, size_t i, const char *how)
{
	struct seen *s = ctx;

	s->running--;
	s->ended++;
	snprintf(s->how[i % JOB_COUNT], sizeof(s->how[0]), "%s", how ? how : "well");
}

static bool childless(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

int main(void)
{
	struct seen s = { .interrupt_fd = -1 };
	struct pool pool = { .len = 3UL * JOB_COUNT,
			     .width = 4,
			     .interrupt_fd = -1,
			     .run = run,
			     .limit_ns = limit,
			     .started = started,
			     .ended = ended,
			     .ctx = &s };
	struct err err = { 0 };

	tap_is(pool_run(&pool, &err), 0, "the pool runs to its end");
	tap_is(s.ended, 3 * JOB_COUNT, "every job ends");
	tap_is(s.most, 4, "as many at a time as wanted");
	tap_str(s.how[JOB_WELL], "well", "a job that goes well");
	tap_str(s.how[JOB_ORPHAN], "well", "a job that leaves orphans");
	tap_str(s.how[JOB_ERROR], "this is a test: an error on purpose", "a job that fails");
	tap_ok(strstr(s.how[JOB_CRASH], "signal 11") ||
		       strstr(s.how[JOB_CRASH], "exited with status"),
	       "a job that crashes: %s", s.how[JOB_CRASH]);
	tap_str(s.how[JOB_HANG], "did not end in time and was killed", "a job that hangs");
	tap_ok(childless(), "no process is left");

	s = (struct seen){ .interrupt_fd = eventfd(0, EFD_CLOEXEC) };
	pool.interrupt_fd = s.interrupt_fd;
	pool.limit_ns = no_limit;
	tap_ok(pool_run(&pool, &err) < 0 && err.kind == ERR_INTERRUPTED,
	       "an interruption ends a pool with a job that hangs");
	tap_ok(childless(), "no process is left after it");
	close(s.interrupt_fd);
	return tap_done();
}
