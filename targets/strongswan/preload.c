// SPDX-License-Identifier: Apache-2.0
/*
 * A preload library for daemons in a guest whose time stands still while anything runs.
 * Where one thread polls until another, or the kernel's, has done something, no clock
 * ever ends its turn and the other's never comes: charon's watcher, which waits so for
 * its own callbacks, and pluto, for the first message in a TCP connection.  So each 64th
 * wait gives the turn away.  Elsewhere that costs nothing.
 */
#include <dlfcn.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>

#define WAITS 64

typedef int poll_fn(struct pollfd *fds, nfds_t len, int timeout);
typedef int epoll_fn(int fd, struct epoll_event *events, int len, int timeout);

static __thread unsigned int waits;

static void take_turns(void)
{
	if (++waits % WAITS == 0)
		sched_yield();
}

int poll(struct pollfd *fds, nfds_t len, int timeout)
{
	static poll_fn *next;

	if (!next)
		next = (poll_fn *)dlsym(RTLD_NEXT, "poll");
	take_turns();
	return next(fds, len, timeout);
}

int epoll_wait(int fd, struct epoll_event *events, int len, int timeout)
{
	static epoll_fn *next;

	if (!next)
		next = (epoll_fn *)dlsym(RTLD_NEXT, "epoll_wait");
	take_turns();
	return next(fd, events, len, timeout);
}
