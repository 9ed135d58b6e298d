// SPDX-License-Identifier: Apache-2.0
/*
 * User-Mode Linux: one process that is the kernel, and traced children for the
 * address spaces of the guest.  All of them die with us (PR_SET_PDEATHSIG, and
 * PTRACE_O_EXITKILL by the preload library); what the kernel gets are descriptors,
 * so nothing of it has a name in the file system.
 *
 * In virtual time (time-travel=inf-cpu) the clock stands still while anything runs,
 * and jumps to the next timer when all sleep.  Who never sleeps stops the clock for
 * all: hence the limit in wall time.
 */
#include "guest/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/prng.h"
#include "base/units.h"
#include "guest/cpu.h"
#include "guest/shim.h"
#include "process/proc.h"

enum { FD_INITRAMFS = 10, FD_OUT, FD_SHIM, FD_NEXT };

#define MEMORY	    "mem=512M"
#define START_NS    "1767225600000000000" /* 2026-01-01 00:00 UTC */
#define CONSOLE_MAX (16 << 20)
#define LOOK_NS	    NS_PER_S /* how often the size of the console is looked at */

struct start {
	const struct machine *m;
	int shim_fd;
	cpu_set_t cpus;
};

/* Above the fixed numbers first: one of them may be in the way of another */
static int place(const int from[FD_NEXT - FD_INITRAMFS])
{
	int high[FD_NEXT - FD_INITRAMFS];

	for (int i = 0; i < FD_NEXT - FD_INITRAMFS; i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FD_NEXT);
		if (high[i] < 0)
			return -1;
	}
	for (int i = 0; i < FD_NEXT - FD_INITRAMFS; i++)
		if (dup2(high[i], FD_INITRAMFS + i) < 0)
			return -1;
	return 0;
}

/* In the child: become the kernel */
static int become_kernel(void *ctx, struct err *err)
{
	const struct start *s = ctx;
	const struct machine *m = s->m;
	const int fds[] = { m->initramfs_fd, m->out_fd, s->shim_fd };
	char seed[64], preload[] = "LD_PRELOAD=/proc/self/fd/12";
	char *env[] = { preload, seed, NULL };
	const char *argv[] = {
		"linux",
		MEMORY,
		"initrd=/proc/self/fd/10",
		"rdinit=/init",
		"uml_dir=" SHIM_NO_FOLDER, /* NOLINT(bugprone-suspicious-missing-comma) */
		"umid=dupack",
		"con=null",
		"con0=null,fd:2",
		"quiet",
		"panic=-1",
		"initcall_blacklist=jent_mod_init",
		m->virtual_time ? "time-travel=inf-cpu" : NULL,
		"time-travel-start=" START_NS,
		NULL,
	};
	struct prng prng;

	prng_init(&prng, m->seed, "kernel");
	snprintf(seed, sizeof(seed), SHIM_SEED "=%" PRIu64, prng_u64(&prng));
	if (place(fds))
		return err_set(err, errno, "cannot give the guest its files");
	if (personality(ADDR_NO_RANDOMIZE) < 0)
		return err_set(err, errno, "cannot switch address randomisation off");
	/* where it is refused the guest is slower, and no more */
	(void)sched_setaffinity(0, sizeof(s->cpus), &s->cpus);
	execve(m->kernel, (char *const *)argv, env);
	return err_set(err, errno, "cannot run '%s'", m->kernel);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_size;
}

static int watch(const struct machine *m, struct proc *p, struct err *err)
{
	AUTO_FREE char *console = io_printf("%s/guest.log", m->log_dir);
	uint64_t deadline = clock_ns() + m->wall_limit_ns;

	for (;;) {
		uint64_t now = clock_ns(), left = now < deadline ? deadline - now : 0;

		if (proc_await(p, left < LOOK_NS ? left : LOOK_NS))
			return 0;
		if (left == 0)
			return err_set_kind(
				err, ERR_TARGET,
				"the guest did not end within %llu s of wall time: something in it "
				"never sleeps, or the case needs a larger 'limits: {wall: ...}'; "
				"see log/guest.log",
				(unsigned long long)(m->wall_limit_ns / NS_PER_S));
		if (size_of(console) > CONSOLE_MAX)
			return err_set_kind(
				err, ERR_TARGET,
				"something in the guest floods its console; see log/guest.log");
	}
}

/**
 * machine_run() - Run a guest from its start to its end
 * @m:		Everything it needs
 * @err:	Set if it had to be killed, or could not be started
 *
 * Whether it did what it should is not known here: look for its results.
 *
 * Return: 0 or -1
 */
int machine_run(const struct machine *m, struct err *err)
{
	AUTO_CLOSE int shim = open(m->shim, O_RDONLY | O_CLOEXEC);
	struct start start = { .m = m, .shim_fd = shim };
	AUTO_CLOSE int claim = cpu_claim(&start.cpus);
	struct spawn spawn = {
		.name = "guest", .log_dir = m->log_dir, .run = become_kernel, .ctx = &start
	};
	struct proc p = PROC_NONE;
	int rc;

	if (shim < 0)
		return err_set(err, errno, "cannot open '%s': run make", m->shim);
	if (proc_start(&spawn, &p, err))
		return -1;
	rc = watch(m, &p, err);
	proc_release(&p);
	return rc;
}
