// SPDX-License-Identifier: Apache-2.0
/*
 * Nodes.
 *
 * Theory of operation.  node_create() clones an init process into fresh
 * namespaces.  The init mounts what makes the node private, tells its parent
 * by a byte on a pipe, and from then on only reaps.  It dies with the harness
 * (PR_SET_PDEATHSIG), and with it, as pid 1 of its pid namespace, all that
 * runs in the node, however it was detached: nothing can leak.
 *
 * Processes are put into a node by node_fork(): the harness points its
 * pid_for_children at the node, forks, and points it back; the child enters
 * the other namespaces itself.  So each process is a direct child of the
 * harness, whose end can be awaited by a pidfd.
 */
#include "process/node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"

#define NODE_NAMESPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)
#define PRIVATE_TMPFS	"mode=755,size=64m" /* the disk quota of a target */

static const char *const always_private[] = { "/run", "/tmp", NULL };

/* Each private folder is an empty tmpfs; one that the root lacks is skipped */
static int mount_private(const char *const *dirs, struct err *err)
{
	for (; dirs && *dirs; dirs++)
		if (mount("tmpfs", *dirs, "tmpfs", MS_NOSUID | MS_NODEV, PRIVATE_TMPFS) &&
		    errno != ENOENT)
			return err_set(err, errno, "cannot mount a private '%s'", *dirs);
	return 0;
}

/* A folder that may be hidden by what is mounted in between stays where it is */
struct kept {
	const char *path;
	int fd;
};

static int keep_open(const char *const *paths, struct kept kept[NODE_KEEP_MAX], struct err *err)
{
	size_t n = 0;

	for (; paths && *paths; paths++, n++) {
		if (n == NODE_KEEP_MAX)
			abort(); /* our own mistake */
		kept[n] = (struct kept){ *paths, open(*paths, O_PATH | O_DIRECTORY | O_CLOEXEC) };
		if (kept[n].fd < 0)
			return err_set(err, errno, "cannot keep '%s' in a node", *paths);
	}
	return 0;
}

/* Only where it is hidden now: the path leads elsewhere or nowhere */
static int keep_mount(const struct kept *k, struct err *err)
{
	AUTO_FREE char *from = io_printf("/proc/self/fd/%d", k->fd);
	struct stat want, got;

	if (fstat(k->fd, &want) == 0 && stat(k->path, &got) == 0 && want.st_dev == got.st_dev &&
	    want.st_ino == got.st_ino)
		return 0;
	if (io_mkdirs(k->path, err))
		return -1;
	if (mount(from, k->path, NULL, MS_BIND | MS_REC, NULL))
		return err_set(err, errno, "cannot show '%s' in a node", k->path);
	return 0;
}

/* A folder becomes the root; what is kept is opened before */
static int change_root(const char *root, struct err *err)
{
	AUTO_FREE char *dev = io_printf("%s/dev", root);

	if (mount("/dev", dev, NULL, MS_BIND | MS_REC, NULL))
		return err_set(err, errno, "cannot show /dev in '%s'", root);
	if (chroot(root) || chdir("/"))
		return err_set(err, errno, "cannot make '%s' the root of a node", root);
	return 0;
}

static int node_setup(const char *name, const char *root, const char *const *private_dirs,
		      const char *const *keep, struct err *err)
{
	struct kept kept[NODE_KEEP_MAX] = { { NULL, -1 } };

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_set(err, errno, "cannot make the mounts of node '%s' private", name);
	if (keep_open(keep, kept, err) || (root && change_root(root, err)))
		return -1;
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return err_set(err, errno, "cannot mount /proc in node '%s'", name);
	/* so that /sys/class/net shows the node's links; a locked /sys may refuse it */
	mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
	if (sethostname(name, strlen(name)))
		return err_set(err, errno, "cannot name node '%s'", name);
	if (mount_private(always_private, err) || mount_private(private_dirs, err))
		return -1;
	for (const struct kept *k = kept; k < kept + NODE_KEEP_MAX && k->path; k++)
		if (keep_mount(k, err))
			return -1;
	for (const struct kept *k = kept; k < kept + NODE_KEEP_MAX && k->path; k++)
		close(k->fd);
	return 0;
}

/* The init of a node: reap, until killed */
static void node_init(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		sigwaitinfo(&all, NULL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static int open_namespaces(struct node *node, struct err *err)
{
	struct {
		const char *name;
		int *fd;
	} all[] = {
		{ "net", &node->net_fd }, { "mnt", &node->mnt_fd }, { "pid", &node->pid_fd },
		{ "uts", &node->uts_fd }, { "ipc", &node->ipc_fd },
	};

	char root[64];

	snprintf(root, sizeof(root), "/proc/%d/root", (int)node->init);
	node->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (node->root_fd < 0)
		return err_set(err, errno, "cannot open the root of node '%s'", node->name);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)node->init, all[i].name);
		*all[i].fd = open(path, O_RDONLY | O_CLOEXEC);
		if (*all[i].fd < 0)
			return err_set(err, errno, "cannot open namespace '%s' of node '%s'",
				       all[i].name, node->name);
	}
	return 0;
}

/**
 * node_create() - Make a node and its init process
 * @name:	Borrowed for the life of the node
 * @root:	Folder that is the root of the node, with /dev /proc /sys /run /tmp; NULL: ours
 * @private_dirs: More folders to cover with an empty tmpfs, up to a NULL; or NULL
 * @keep:	Folders that stay visible even below a private one, at most
 *		NODE_KEEP_MAX, up to a NULL; or NULL
 * @ret:	Filled in; give it to node_destroy()
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int node_create(const char *name, const char *root, const char *const *private_dirs,
		const char *const *keep, struct node *ret, struct err *err)
{
	struct node node = NODE_NONE;
	int ready[2];
	long child;
	char text[sizeof(err->text)] = "";
	ssize_t n;

	node.name = name;
	if (pipe2(ready, O_CLOEXEC))
		return err_set(err, errno, "cannot make a pipe");
	child = syscall(SYS_clone, NODE_NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0) {
		struct err why = { 0 };

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		if (node_setup(name, root, private_dirs, keep, &why)) {
			io_write_all(ready[1], why.text, strlen(why.text), &why);
			_exit(1);
		}
		io_write_all(ready[1], "\n", 1, &why);
		close(ready[1]);
		node_init();
	}
	close(ready[1]);
	if (child < 0) {
		close(ready[0]);
		return err_set(err, errno,
			       "cannot make the namespaces of node '%s' (see 'dupack doctor')",
			       name);
	}
	node.init = (pid_t)child;
	node.init_pidfd = pidfd_open(node.init, 0);
	n = read(ready[0], text, sizeof(text) - 1);
	close(ready[0]);
	if (n != 1 || text[0] != '\n') {
		err_set(err, 0, "%s", n > 0 ? text : "the init of a node died at once");
		node_destroy(&node);
		return -1;
	}
	if (open_namespaces(&node, err)) {
		node_destroy(&node);
		return -1;
	}
	*ret = node;
	return 0;
}

/**
 * node_fork() - fork() into a node
 * @node:	A node
 * @err:	Set on failure
 *
 * The child is in all namespaces of the node and is ended with the harness.
 * A child that cannot enter exits at once with status 99.
 *
 * Return: as fork(): 0 in the child, its pid in the parent, -1 on failure
 */
pid_t node_fork(const struct node *node, struct err *err)
{
	AUTO_CLOSE int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	if (own < 0 || setns(node->pid_fd, CLONE_NEWPID))
		return err_set(err, errno, "cannot enter the pid namespace of node '%s'",
			       node->name);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (setns(node->net_fd, CLONE_NEWNET) || setns(node->uts_fd, CLONE_NEWUTS) ||
		    setns(node->ipc_fd, CLONE_NEWIPC) || setns(node->mnt_fd, CLONE_NEWNS) ||
		    fchdir(node->root_fd) || chroot("."))
			_exit(99);
		return 0;
	}
	if (setns(own, CLONE_NEWPID))
		abort(); /* children would land in the wrong node: nothing is safe after this */
	if (pid < 0)
		err_set(err, errno, "cannot start a process in node '%s'", node->name);
	return pid;
}

/* In the node: wait for one that is neither its init nor we, and say who; 0 if there is none */
static pid_t await_other(uint64_t deadline, char *who, size_t size)
{
	AUTO_CLOSEDIR DIR *proc = opendir("/proc");
	const struct dirent *d;

	while (proc && (d = readdir(proc))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
		AUTO_CLOSE int fd = pid > 1 && pid != getpid() ? pidfd_open(pid, 0) : -1;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_ns(), left = now < deadline ? deadline - now : 0;
		struct timespec ts = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };
		AUTO_FREE char *path = io_printf("/proc/%d/comm", (int)pid);
		struct err ignored = { 0 };
		AUTO_FREE char *comm = fd < 0 ? NULL : io_read_file(path, NULL, &ignored);

		if (fd < 0)
			continue;
		snprintf(who, size, "%.*s", comm ? (int)strcspn(comm, "\n") : 1, comm ? comm : "?");
		return ppoll(&p, 1, &ts, NULL) == 0 ? pid : -1;
	}
	return 0;
}

/**
 * node_await_empty() - Wait until nothing runs in a node but its init
 * @node:	A node
 * @timeout_ns:	How long at most
 * @ret_who:	The name of one that still runs then, or ""
 * @size:	Of @ret_who in bytes
 * @err:	Set on failure, not if somebody is left
 *
 * Return: 0 or -1
 */
int node_await_empty(const struct node *node, uint64_t timeout_ns, char *ret_who, size_t size,
		     struct err *err)
{
	uint64_t deadline = clock_ns() + timeout_ns;
	int said[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC))
		return err_set(err, errno, "cannot make a pipe");
	pid = node_fork(node, err);
	if (pid == 0) {
		char who[64] = "";
		struct err ignored = { 0 };
		pid_t other;

		while ((other = await_other(deadline, who, sizeof(who))) < 0)
			;
		if (other)
			io_write_all(said[1], who, strlen(who), &ignored);
		_exit(0);
	}
	close(said[1]);
	n = pid < 0 ? 0 : read(said[0], ret_who, size - 1);
	close(said[0]);
	ret_who[n > 0 ? n : 0] = '\0';
	if (pid < 0)
		return -1;
	waitpid(pid, NULL, 0);
	return 0;
}

/** node_destroy() - End every process of the node and release it; idempotent */
void node_destroy(struct node *node)
{
	int *fds[] = { &node->init_pidfd, &node->net_fd, &node->mnt_fd, &node->pid_fd,
		       &node->uts_fd,	  &node->ipc_fd, &node->root_fd };

	if (node->init > 0) {
		kill(node->init, SIGKILL);
		waitpid(node->init, NULL, 0);
		node->init = 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		cleanup_close(fds[i]);
		*fds[i] = -1;
	}
}
