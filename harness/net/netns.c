// SPDX-License-Identifier: Apache-2.0
/*
 * Namespaces are entered for a moment only, to open what stays bound to them:
 * a socket, a TAP, a file under /proc/sys/net.  It assumes a process of one
 * thread and a mounted /proc.
 */
#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/err.h"

static int open_current(struct err *err)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "cannot open the current network namespace") : fd;
}

/* Lost in the wrong namespace nothing is safe any more: not even to report it */
static void return_to(int home)
{
	if (setns(home, CLONE_NEWNET))
		abort();
}

/**
 * netns_create() - Make a network namespace that lives as long as a descriptor
 * @ret_fd:	Set on success; closing it removes the namespace
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int netns_create(int *ret_fd, struct err *err)
{
	AUTO_CLOSE int home = open_current(err);
	AUTO_CLOSE int fresh = -1;

	if (home < 0)
		return -1;
	if (unshare(CLONE_NEWNET))
		return err_set(err, errno,
			       "cannot create a network namespace (see 'dupack doctor')");
	fresh = open_current(err);
	return_to(home);
	if (fresh < 0)
		return -1;
	*ret_fd = steal_fd(&fresh);
	return 0;
}

/**
 * netns_enter() - Move this process into a network namespace, for good
 * @fd:		Descriptor of the namespace, borrowed
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int netns_enter(int fd, struct err *err)
{
	if (setns(fd, CLONE_NEWNET))
		return err_set(err, errno, "cannot enter a network namespace");
	return 0;
}

/**
 * netns_run() - Call a function inside a network namespace, and come back
 * @fd:		Descriptor of the namespace, borrowed
 * @run:	The function: 0 or -1
 * @ctx:	Its argument
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int netns_run(int fd, int (*run)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	AUTO_CLOSE int home = open_current(err);
	int rc;

	if (home < 0 || netns_enter(fd, err))
		return -1;
	rc = run(ctx, err);
	return_to(home);
	return rc;
}
