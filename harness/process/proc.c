// SPDX-License-Identifier: Apache-2.0
/*
 * Processes.  A process is awaited by its pidfd with a deadline, never by a
 * sleep.  What a target may write is bounded: a file, its log included, may grow to
 * 64 MiB, after which the kernel ends it by SIGXFSZ.
 */
#include "process/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "process/node.h"

#define FILE_LIMIT (64ULL << 20)
#define READY_FD   9 /* what DUPACK_READY_FD says */

/* Wait until one of two descriptors is readable: 1, or 0 when the time is over */
static int wait_either(int fd, int other_fd, uint64_t timeout_ns)
{
	uint64_t deadline = clock_ns() + timeout_ns;

	for (;;) {
		struct pollfd polls[] = { { .fd = fd, .events = POLLIN },
					  { .fd = other_fd, .events = POLLIN } };
		uint64_t now = clock_ns();
		uint64_t left = now < deadline ? deadline - now : 0;
		struct timespec ts = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };
		int n = ppoll(polls, ARRAY_SIZE(polls), &ts, NULL);

		if (n > 0)
			return 1;
		if (n == 0 && left == 0)
			return 0;
	}
}

static int wait_readable(int fd, uint64_t timeout_ns)
{
	return wait_either(fd, -1, timeout_ns);
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int redirect(const char *path, int mode, int target)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | mode | O_CLOEXEC, 0644);

	return fd < 0 ? -1 : dup2(fd, target);
}

static int child_files(const struct spawn *spawn, const char *log, int ready)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, 0);
	if (log && (redirect(log, O_APPEND, 1) < 0 || dup2(1, 2) < 0))
		return -1;
	if (spawn->out_path && redirect(spawn->out_path, O_TRUNC, 1) < 0)
		return -1;
	if (ready >= 0 && dup2(ready, READY_FD) < 0)
		return -1;
	return 0;
}

static void child_main(const struct spawn *spawn, const char *log, int ready)
{
	struct rlimit limit = { FILE_LIMIT, FILE_LIMIT }, no_core = { 0, 0 };
	struct err err = { 0 };
	int status;

	reset_signals();
	if (!spawn->node)
		prctl(PR_SET_PDEATHSIG, spawn->trusted ? SIGTERM : SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	if (child_files(spawn, log, ready))
		_exit(99);
	if (spawn->argv) {
		setsid();
		if (!spawn->trusted)
			setrlimit(RLIMIT_FSIZE, &limit);
		execve(spawn->argv[0], spawn->argv, spawn->env);
		dprintf(2, "cannot run '%s': %s\n", spawn->argv[0], strerror(errno));
		_exit(errno == ENOENT ? 77 : 99);
	}
	status = spawn->run(spawn->ctx, &err);
	if (err_is_set(&err))
		dprintf(2, "%s: %s\n", spawn->name, err.text);
	_exit(status);
}

/**
 * proc_start() - Start a process
 * @spawn:	What, where, with which environment
 * @ret:	Filled in; give it to proc_release()
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int proc_start(const struct spawn *spawn, struct proc *ret, struct err *err)
{
	AUTO_FREE char *log =
		spawn->log_dir ? io_printf("%s/%s.log", spawn->log_dir, spawn->name) : NULL;
	struct proc p = PROC_NONE;
	int ready[2] = { -1, -1 };

	snprintf(p.name, sizeof(p.name), "%s", spawn->name);
	if (spawn->ready_fd && pipe2(ready, O_CLOEXEC))
		return err_set(err, errno, "cannot make a pipe");
	fflush(NULL);
	p.pid = spawn->node ? node_fork(spawn->node, err) : fork();
	if (p.pid == 0)
		child_main(spawn, log, ready[1]);
	cleanup_close(&ready[1]);
	if (p.pid < 0) {
		cleanup_close(&ready[0]);
		return err_is_set(err) ? -1 : err_set(err, errno, "cannot start '%s'", spawn->name);
	}
	p.ready = ready[0];
	p.pidfd = pidfd_open(p.pid, 0);
	if (p.pidfd < 0) {
		kill(p.pid, SIGKILL);
		waitpid(p.pid, NULL, 0);
		cleanup_close(&ready[0]);
		return err_set(err, errno, "cannot watch '%s'", spawn->name);
	}
	fcntl(p.pidfd, F_SETFD, FD_CLOEXEC);
	*ret = p;
	return 0;
}

/**
 * proc_await() - Wait for a process to end
 * @p:		A process
 * @timeout_ns:	How long at most; 0 only looks
 *
 * Return: 1 if it has ended (its status is in @p), 0 if not
 */
int proc_await(struct proc *p, uint64_t timeout_ns)
{
	if (p->pid == 0 || p->ended)
		return 1;
	if (!wait_readable(p->pidfd, timeout_ns))
		return 0;
	waitpid(p->pid, &p->status, 0);
	p->ended = true;
	return 1;
}

/**
 * proc_await_ready() - Wait for the process to write READY to its descriptor
 * @p:		Started with ready_fd
 * @timeout_ns:	How long at most
 * @err:	Set on failure: it ended first, wrote something else, or time ran out
 *
 * Return: 0 or -1
 */
int proc_await_ready(struct proc *p, uint64_t timeout_ns, struct err *err)
{
	uint64_t deadline = clock_ns() + timeout_ns;
	char text[32] = "", how[64];
	size_t used = 0;

	while (used < 5) {
		uint64_t now = clock_ns();
		ssize_t n;

		/* a process that it left behind may hold the descriptor: its own end counts too */
		if (now >= deadline || !wait_either(p->ready, p->pidfd, deadline - now))
			return err_set_kind(
				err, ERR_TARGET, "'%s' was not ready after %llu s; see log/%s.log",
				p->name, (unsigned long long)(timeout_ns / NS_PER_S), p->name);
		if (!wait_readable(p->ready, 0))
			break;
		n = read(p->ready, text + used, sizeof(text) - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
		if (used >= 5)
			break;
	}
	if (strncmp(text, "READY", 5) == 0)
		return 0;
	if (used == 0 && proc_await(p, NS_PER_S)) {
		if (proc_exit_code(p) == 77)
			return err_set_kind(
				err, ERR_SKIP,
				"'%s' says that this machine lacks something; see log/%s.log",
				p->name, p->name);
		return err_set_kind(err, ERR_TARGET, "'%s' %s before it was ready; see log/%s.log",
				    p->name, proc_describe(p, how, sizeof(how)), p->name);
	}
	return err_set_kind(err, ERR_TARGET,
			    "'%s' closed or misused its readiness descriptor; see log/%s.log",
			    p->name, p->name);
}

/**
 * proc_stop() - Ask a process to end, then make it end
 * @p:		A process; nothing happens if it has ended
 * @grace_ns:	How long SIGTERM may take before SIGKILL
 */
void proc_stop(struct proc *p, uint64_t grace_ns)
{
	if (proc_await(p, 0))
		return;
	pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0);
	if (proc_await(p, grace_ns))
		return;
	pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
	proc_await(p, 5 * NS_PER_S);
}

/** proc_kill_group() - End a program at once with all that it started and left in its group */
void proc_kill_group(struct proc *p)
{
	if (!proc_await(p, 0))
		kill(-p->pid, SIGKILL); /* it leads a group: see child_main() */
	proc_release(p);
}

/** proc_release() - Kill what still runs and close the descriptors; idempotent */
void proc_release(struct proc *p)
{
	if (p->pid > 0 && !p->ended)
		proc_stop(p, 0);
	cleanup_close(&p->pidfd);
	cleanup_close(&p->ready);
	p->pidfd = p->ready = -1;
	p->pid = 0;
}

/** proc_exit_code() - Exit status of an ended process; 128 + N if signal N ended it */
int proc_exit_code(const struct proc *p)
{
	return WIFEXITED(p->status) ? WEXITSTATUS(p->status) : 128 + WTERMSIG(p->status);
}

/** proc_describe() - How it ended, as text: "exited with status 1", "was ended by signal 25 ..." */
const char *proc_describe(const struct proc *p, char *buf, unsigned int size)
{
	if (!p->ended)
		snprintf(buf, size, "still runs");
	else if (WIFEXITED(p->status))
		snprintf(buf, size, "exited with status %d", WEXITSTATUS(p->status));
	else
		snprintf(buf, size, "was ended by signal %d (%s)", WTERMSIG(p->status),
			 strsignal(WTERMSIG(p->status)));
	return buf;
}

/**
 * proc_find_program() - Where a program of the system is
 * @root:	The folder that is the root; "": ours
 * @name:	Its name
 *
 * Not by $PATH: who is not root has no sbin in it, and in a node everybody is.
 *
 * Return: its path, to be freed, or NULL if this machine lacks it
 */
char *proc_find_program(const char *root, const char *name)
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					       "/usr/bin",	  "/sbin",	    "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		AUTO_FREE char *path = io_printf("%s%s/%s", root, folders[i], name);

		if (access(path, X_OK) == 0)
			return steal_ptr(&path);
	}
	return NULL;
}
