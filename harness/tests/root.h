/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that need to be root become it in a user namespace, if the machine allows. */
#ifndef DUPACK_TESTS_ROOT_H
#define DUPACK_TESTS_ROOT_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline bool root_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/** root_become() - Be root, if only of a user namespace; false: this machine has no way */
static inline bool root_become(void)
{
	char uid_map[32], gid_map[32];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	return geteuid() == 0 ||
	       (unshare(CLONE_NEWUSER) == 0 && root_write("/proc/self/setgroups", "deny") &&
		root_write("/proc/self/uid_map", uid_map) &&
		root_write("/proc/self/gid_map", gid_map));
}

#endif
