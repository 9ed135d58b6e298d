// SPDX-License-Identifier: Apache-2.0
/* One user is mapped, as an unprivileged process may: its own, as root. */
#include "net/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
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
