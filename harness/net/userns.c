// SPDX-License-Identifier: Apache-2.0
/* One user is mapped, as an unprivileged process may: its own, as root. */
#include "net/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

static int write_map(const char *path, const char *text, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "cannot open '%s'", path);
	return io_write_all(fd, text, strlen(text), err);
}

/**
 * userns_become_root() - Be root; of a new user namespace if we are not already
 * @err:	Set on failure; ERR_SKIP if the machine does not allow it
 *
 * Return: 0 or -1
 */
int userns_become_root(struct err *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char uid_map[32], gid_map[32];

	if (uid == 0)
		return 0;
	if (unshare(CLONE_NEWUSER))
		return err_set_kind(err, ERR_SKIP,
				    "not root, and this machine gives no user namespace (%s)",
				    strerror(errno));
	snprintf(uid_map, sizeof(uid_map), "0 %u 1", uid);
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", gid);
	return write_map("/proc/self/setgroups", "deny", err) ||
			       write_map("/proc/self/uid_map", uid_map, err) ||
			       write_map("/proc/self/gid_map", gid_map, err)
		       ? -1
		       : 0;
}

/* In the child, which is pid 1 of its pid namespace: the rest of what must be our own */
static int settle(struct err *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_set(err, errno, "cannot make the mounts private");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return err_set(err, errno, "cannot mount /proc");
	return 0;
}

/**
 * userns_run() - Call a function as root, of namespaces of our own if we are not already
 * @run:	The function: 0 or -1
 * @ctx:	Its argument
 * @err:	Set on failure, by @run too; ERR_SKIP if the machine does not allow it
 *
 * Who enters a namespace can only come back to one that its user namespace owns: so
 * network, mounts and processes are our own too, and @run is in a child.
 *
 * Return: 0 or -1
 */
int userns_run(int (*run)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	struct err *told;
	int status = -1, rc = -1;
	pid_t pid;

	if (geteuid() == 0)
		return run(ctx, err);
	if (userns_become_root(err))
		return -1;
	if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET))
		return err_set_kind(err, ERR_SKIP, "this machine gives no namespaces (%s)",
				    strerror(errno));
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return err_set(err, errno, "cannot start an execution");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(settle(told) || run(ctx, told) ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		err_set(err, errno, "cannot start an execution");
	else if (status && !err_is_set(told))
		err_set(err, 0, "the execution broke");
	else if (status)
		*err = *told;
	else
		rc = 0;
	munmap(told, sizeof(*told));
	return rc;
}
