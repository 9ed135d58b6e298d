// SPDX-License-Identifier: Apache-2.0
/*
 * Running a script.
 *
 * Theory of operation.  Between the harness and the script there is a process that
 * looks after it, since a shell handles no signal while it waits for a command, and
 * what a shell started does not die with it.  The guard is told to end by SIGTERM: by
 * the harness, or by the kernel when the harness dies (PR_SET_PDEATHSIG).  It then
 * tells the whole process group of the script, so that the command ends, and the
 * shell can run its traps, which remove what is half made; what is still there after
 * that is killed.  The guard is a subreaper and ends after the last of them.
 */
#include "guest/script.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "process/proc.h"

#define CLEAN_UP_NS (10 * NS_PER_S) /* from SIGTERM to SIGKILL of the script */
#define GUARD_NS    (CLEAN_UP_NS + 5 * NS_PER_S)

/* The script is the leader of its session, so its group has its number */
static void end_group(pid_t script, int sig)
{
	if (kill(-script, sig) && errno == ESRCH)
		kill(script, sig); /* it has not come to setsid() yet, or is gone */
}

static int guard(void *ctx, struct err *err)
{
	const struct spawn *script = ctx;
	struct proc p = PROC_NONE;
	AUTO_CLOSE int signals = -1;
	struct pollfd polls[2];
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0)
		return err_set(err, errno, "cannot make a descriptor for signals"), 99;
	prctl(PR_SET_CHILD_SUBREAPER, 1UL);
	if (proc_start(script, &p, err))
		return 99;
	polls[0] = (struct pollfd){ .fd = p.pidfd, .events = POLLIN };
	polls[1] = (struct pollfd){ .fd = signals, .events = POLLIN };
	while (poll(polls, ARRAY_SIZE(polls), -1) < 0 && errno == EINTR)
		;
	if (polls[1].revents)
		end_group(p.pid, SIGTERM);
	proc_await(&p, polls[1].revents ? CLEAN_UP_NS : 0);
	if (!p.ended)
		end_group(p.pid, SIGKILL);
	proc_await(&p, NS_PER_S);
	kill(-p.pid, SIGKILL); /* what it left behind; its number is taken while that lives */
	while (waitpid(-1, NULL, 0) > 0)
		;
	status = p.ended ? proc_exit_code(&p) : 99;
	proc_release(&p);
	return status;
}

/* 0 if it ended by itself with success */
static int await_guard(struct proc *p, const char *script, int interrupt_fd, struct err *err)
{
	struct pollfd polls[] = { { .fd = p->pidfd, .events = POLLIN },
				  { .fd = interrupt_fd, .events = POLLIN } };
	char how[64];

	while (poll(polls, ARRAY_SIZE(polls), -1) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "cannot wait for '%s'", script);
	if (polls[1].revents) {
		proc_stop(p, GUARD_NS);
		return err_set_kind(err, ERR_INTERRUPTED, "interrupted while '%s' ran", script);
	}
	if (proc_await(p, NS_PER_S) && p->status == 0)
		return 0;
	return err_set_kind(err, ERR_HARNESS, "'%s' %s: what it said is above", script,
			    proc_describe(p, how, sizeof(how)));
}

/**
 * script_run() - Run a script of ours that prints a folder
 * @argv:	The interpreter, the script, its arguments, NULL
 * @interrupt_fd: When it is readable, stop; -1: none
 * @err:	Set on failure; what the script says goes to standard error
 *
 * Return: the folder, owned by the caller, or NULL; nothing that it started is left
 */
char *script_run(char *const *argv, int interrupt_fd, struct err *err)
{
	AUTO_CLOSE int out = memfd_create("script", MFD_CLOEXEC);
	AUTO_FREE char *out_path = io_printf("/proc/%d/fd/%d", (int)getpid(), out);
	struct spawn script = { .name = "script",
				.argv = argv,
				.env = environ,
				.out_path = out_path,
				.trusted = true };
	struct spawn spawn = { .name = "guard", .run = guard, .ctx = &script, .trusted = true };
	struct proc p = PROC_NONE;
	AUTO_FREE char *text = NULL;
	int rc;

	if (out < 0 || proc_start(&spawn, &p, err))
		return NULL;
	rc = await_guard(&p, argv[1], interrupt_fd, err);
	proc_release(&p);
	if (rc)
		return NULL;
	text = io_read_file(out_path, NULL, err);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	if (text && *text == '/')
		return steal_ptr(&text);
	if (text)
		err_set_kind(err, ERR_HARNESS, "'%s' printed no folder", argv[1]);
	return NULL;
}
