// SPDX-License-Identifier: Apache-2.0
/*
 * Nodes are private and leave nothing behind, whatever their processes do and
 * however the harness ends; processes are bounded in time and in what they write.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "process/node.h"
#include "process/proc.h"
#include "tests/marked.h"
#include "tests/root.h"
#include "tests/tap.h"

#define PATIENCE   (20 * NS_PER_S) /* only a test that fails waits so long */
#define FILE_LIMIT (64LL << 20)

static char folder[] = "/tmp/dupack-test-XXXXXX";
static char marker[64];

static size_t open_files(void)
{
	AUTO_CLOSEDIR DIR *fds = opendir("/proc/self/fd");
	size_t count = 0;

	while (fds && readdir(fds))
		count++;
	return count;
}

/* Start a line of shell in a node, with the marker in its environment */
static int shell(const struct node *node, const char *name, const char *line, struct proc *ret,
		 struct err *err)
{
	const char *const argv[] = { "/bin/sh", "-c", line, NULL };
	const char *const env[] = { "PATH=/usr/bin:/bin", marker, NULL };
	const struct spawn spawn = { .name = name,
				     .node = node,
				     .log_dir = folder,
				     .argv = (char *const *)argv,
				     .env = (char *const *)env,
				     .ready_fd = true };

	return proc_start(&spawn, ret, err);
}

static bool log_holds(const char *name, const char *text)
{
	AUTO_FREE char *path = io_printf("%s/%s.log", folder, name);
	struct err err = { 0 };
	AUTO_FREE char *log = io_read_file(path, NULL, &err);

	return log && strstr(log, text);
}

/* Does a process or a descriptor of ours hold this namespace? */
static bool namespace_is_held(const char *kind, ino_t inode)
{
	AUTO_CLOSEDIR DIR *proc = opendir("/proc");
	AUTO_CLOSEDIR DIR *own = opendir("/proc/self/fd");
	const struct dirent *entry;
	struct stat st;

	while (proc && (entry = readdir(proc))) {
		AUTO_FREE char *path = io_printf("/proc/%s/ns/%s", entry->d_name, kind);

		if (stat(path, &st) == 0 && st.st_ino == inode)
			return true;
	}
	while (own && (entry = readdir(own)))
		if (fstatat(dirfd(own), entry->d_name, &st, 0) == 0 && st.st_ino == inode)
			return true;
	return false;
}

/* What a process of ours in a node sees; the exit status names the first surprise */
static int look_around(void *unused, struct err *err)
{
	char host[64] = "";

	(void)unused;
	if (gethostname(host, sizeof(host)) || strcmp(host, "alpha") != 0) {
		err_set(err, 0, "the host is called '%s'", host);
		return 1;
	}
	if (io_write_file("/tmp/in-node", "x", 1, err) ||
	    io_write_file("/run/in-node", "x", 1, err) ||
	    io_write_file("/var/tmp/in-node", "x", 1, err))
		return 2;
	if (access(folder, X_OK))
		return 3;
	if (access("/sys/class/net/lo", F_OK) || access("/proc/2", F_OK))
		return 4; /* pid 1 is the init, we are 2 */
	return 0;
}

static void test_node(void)
{
	static const char *const kinds[] = { "net", "mnt", "pid", "uts", "ipc" };
	const char *const keep[] = { folder, NULL };
	const char *const more[] = { "/var/tmp", "/nowhere/at/all", NULL };
	const struct spawn look = {
		.name = "look", .log_dir = folder, .run = look_around, .node = NULL
	};
	struct spawn spawn = look;
	struct node node = NODE_NONE;
	struct proc p = PROC_NONE;
	struct err err = { 0 };
	ino_t inodes[ARRAY_SIZE(kinds)] = { 0 };
	char host[64], after[64];
	size_t files = open_files();

	gethostname(host, sizeof(host));
	tap_is(node_create("alpha", NULL, more, keep, &node, &err), 0, "a node %s", err.text);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_FREE char *path = io_printf("/proc/%d/ns/%s", (int)node.init, kinds[i]);
		AUTO_FREE char *own = io_printf("/proc/self/ns/%s", kinds[i]);
		struct stat st, mine;

		if (stat(path, &st) || stat(own, &mine))
			abort();
		inodes[i] = st.st_ino;
		tap_ok(st.st_ino != mine.st_ino && namespace_is_held(kinds[i], st.st_ino),
		       "its own namespace: %s", kinds[i]);
	}
	spawn.node = &node;
	tap_is(proc_start(&spawn, &p, &err), 0, "a function in it %s", err.text);
	tap_ok(proc_await(&p, PATIENCE), "it ends");
	tap_is(proc_exit_code(&p), 0, "it saw its name, private folders and what is kept");
	proc_release(&p);
	tap_ok(access("/tmp/in-node", F_OK) && access("/run/in-node", F_OK) &&
		       access("/var/tmp/in-node", F_OK),
	       "what it wrote is not outside");
	gethostname(after, sizeof(after));
	tap_str(after, host, "the host keeps its name");
	node_destroy(&node);
	node_destroy(&node);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		tap_ok(!namespace_is_held(kinds[i], inodes[i]), "gone: %s", kinds[i]);
	tap_is(open_files(), files, "no descriptor is left");
}

static int look_around_root(void *ctx, struct err *err)
{
	(void)ctx;
	if (access("/marker", F_OK) || access("/usr", F_OK) == 0)
		return 1;
	if (io_write_file("/run/in-node", "x", 1, err) || access("/dev/null", W_OK) ||
	    access("/proc/2", F_OK))
		return 2;
	return access(folder, X_OK) ? 3 : 0;
}

static void test_root(void)
{
	static const char *const parts[] = { "dev", "proc", "sys", "run", "tmp", "marker" };
	AUTO_FREE char *root = io_printf("%s/root", folder);
	AUTO_FREE char *inside = io_printf("%s/run/in-node", root);
	AUTO_FREE char *nowhere = io_printf("%s/nowhere", folder);
	const char *const keep[] = { folder, NULL };
	struct node node = NODE_NONE;
	struct spawn spawn = {
		.name = "root", .log_dir = folder, .run = look_around_root, .node = &node
	};
	struct proc p = PROC_NONE;
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		AUTO_FREE char *path = io_printf("%s/%s", root, parts[i]);

		if (io_mkdirs(path, &err))
			abort();
	}
	tap_ok(node_create("rooted", nowhere, NULL, keep, &node, &err) && strstr(err.text, nowhere),
	       "a root that is not there is named");
	tap_is(node_create("rooted", root, NULL, keep, &node, &err), 0, "a root of its own %s",
	       err.text);
	tap_ok(!proc_start(&spawn, &p, &err) && proc_await(&p, PATIENCE) && proc_exit_code(&p) == 0,
	       "a process in it sees that root, its own /run and /proc, and what is kept");
	tap_ok(access(inside, F_OK), "what it wrote to /run is not in the root");
	proc_release(&p);
	node_destroy(&node);
}

static void test_daemons(void)
{
	const char *const keep[] = { folder, NULL };
	struct node node = NODE_NONE;
	struct proc p = PROC_NONE;
	struct err err = { 0 };

	tap_is(node_create("daemons", NULL, NULL, keep, &node, &err), 0, "a node %s", err.text);
	/* away from its parent, its session and its standard files, twice */
	tap_is(shell(&node, "daemon",
		     "mkfifo /tmp/up /tmp/never; exec 3<>/tmp/up; for i in 1 2 3; do"
		     " (setsid setsid sh -c 'echo up >/tmp/up; read x </tmp/never' 3>&- 9>&-"
		     " </dev/null >/dev/null 2>&1 &);"
		     " done; read x <&3; read x <&3; read x <&3; echo READY >&9",
		     &p, &err),
	       0, "a process that makes daemons %s", err.text);
	tap_is(proc_await_ready(&p, PATIENCE, &err), 0, "has made them %s", err.text);
	tap_ok(proc_await(&p, PATIENCE), "and ends");
	proc_release(&p);
	tap_is(marked(marker, NULL), 3, "they run on");
	node_destroy(&node);
	tap_is(marked(marker, NULL), 0, "until the node goes");
}

static void test_ready(const struct node *node)
{
	static const struct {
		const char *name, *line, *text;
		enum err_kind kind;
	} bad[] = {
		{ "at-once", "exit 3",
		  "'at-once' exited with status 3 before it was ready; see log/at-once.log",
		  ERR_TARGET },
		{ "crash", "kill -SEGV $$",
		  "'crash' was ended by signal 11 (Segmentation fault) before it was ready; "
		  "see log/crash.log",
		  ERR_TARGET },
		{ "lacks", "exit 77",
		  "'lacks' says that this machine lacks something; see log/lacks.log", ERR_SKIP },
		{ "never", "exec sleep 1000", "'never' was not ready after 1 s; see log/never.log",
		  ERR_TARGET },
		{ "half", "printf REA >&9; exec sleep 1000",
		  "'half' was not ready after 1 s; see log/half.log", ERR_TARGET },
		{ "garbage", "echo GARBAGE >&9; exec sleep 1000",
		  "'garbage' closed or misused its readiness descriptor; see log/garbage.log",
		  ERR_TARGET },
		{ "much", "head -c 100000 /dev/zero >&9; exec sleep 1000",
		  "'much' closed or misused its readiness descriptor; see log/much.log",
		  ERR_TARGET },
		{ "closes", "exec 9>&-; exec sleep 1000",
		  "'closes' closed or misused its readiness descriptor; see log/closes.log",
		  ERR_TARGET },
	};
	struct proc p = PROC_NONE;
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&err);
		tap_is(shell(node, bad[i].name, bad[i].line, &p, &err), 0, "'%s'", bad[i].line);
		tap_is(proc_await_ready(&p, NS_PER_S, &err), -1, "is not ready");
		tap_str(err.text, bad[i].text, "and says so");
		tap_is(err.kind, bad[i].kind, "whose fault it is");
		proc_release(&p);
	}
	err_clear(&err);
	tap_is(shell(node, "slow", "echo said; printf READ >&9; printf 'Y\\n' >&9; exec sleep 1000",
		     &p, &err),
	       0, "in two pieces");
	tap_is(proc_await_ready(&p, PATIENCE, &err), 0, "is ready %s", err.text);
	tap_ok(!proc_await(&p, 0), "and runs");
	tap_ok(log_holds("slow", "said\n"), "its output is in its log");
	proc_stop(&p, PATIENCE);
	tap_is(proc_exit_code(&p), 128 + SIGTERM, "SIGTERM ends it");
	proc_release(&p);
	proc_release(&p);
}

static void test_stubborn(const struct node *node)
{
	struct proc p = PROC_NONE;
	struct err err = { 0 };
	uint64_t start;

	shell(node, "stubborn", "trap '' TERM; echo READY >&9; while :; do sleep 1000; done", &p,
	      &err);
	tap_is(proc_await_ready(&p, PATIENCE, &err), 0, "one that ignores SIGTERM %s", err.text);
	start = clock_ns();
	proc_stop(&p, NS_PER_S / 5);
	tap_is(proc_exit_code(&p), 128 + SIGKILL, "is killed");
	tap_ok(clock_ns() - start >= NS_PER_S / 5 && clock_ns() - start < PATIENCE,
	       "after the grace of 0.2 s");
	proc_release(&p);
}

static void test_flood(const struct node *node)
{
	AUTO_FREE char *path = io_printf("%s/flood.log", folder);
	struct proc p = PROC_NONE;
	struct err err = { 0 };
	struct stat st = { 0 };
	char how[64];

	shell(node, "flood", "exec cat /dev/zero", &p, &err);
	tap_ok(proc_await(&p, PATIENCE), "one that floods its log ends");
	tap_str(proc_describe(&p, how, sizeof(how)),
		"was ended by signal 25 (File size limit exceeded)", "by the kernel");
	tap_ok(stat(path, &st) == 0 && st.st_size == FILE_LIMIT, "with 64 MiB in it");
	proc_release(&p);
	unlink(path);
}

static void test_missing(const struct node *node)
{
	const char *argv[] = { "/nowhere/program", NULL }, *env[] = { marker, NULL };
	struct spawn spawn = { .name = "missing",
			       .node = node,
			       .log_dir = folder,
			       .argv = (char *const *)argv,
			       .env = (char *const *)env };
	struct proc p = PROC_NONE;
	struct err err = { 0 };

	tap_is(proc_start(&spawn, &p, &err), 0, "a program that is not there");
	tap_ok(proc_await(&p, PATIENCE), "ends");
	tap_is(proc_exit_code(&p), 77, "as something that is missing");
	tap_ok(log_holds("missing", "cannot run '/nowhere/program': No such file"), "and logged");
	proc_release(&p);
	argv[0] = folder;
	spawn.name = "folder";
	tap_is(proc_start(&spawn, &p, &err), 0, "a program that is a folder");
	tap_ok(proc_await(&p, PATIENCE) && proc_exit_code(&p) == 99, "is broken");
	proc_release(&p);
	spawn.log_dir = "/nowhere";
	tap_is(proc_start(&spawn, &p, &err), 0, "a log that cannot be written");
	tap_ok(proc_await(&p, PATIENCE) && proc_exit_code(&p) == 99, "is broken, too");
	proc_release(&p);
}

/* A harness with a node full of processes; never returns */
static void harness_main(int report)
{
	const char *const keep[] = { folder, NULL };
	struct node node = NODE_NONE;
	struct proc p = PROC_NONE;
	struct err err = { 0 };

	if (node_create("killed", NULL, NULL, keep, &node, &err) ||
	    shell(&node, "killed",
		  "trap '' TERM HUP; mkfifo /tmp/up /tmp/never; exec 3<>/tmp/up;"
		  " (setsid setsid sh -c 'echo up >/tmp/up; read x </tmp/never' &);"
		  " read x <&3; echo READY >&9; read x </tmp/never",
		  &p, &err) ||
	    proc_await_ready(&p, PATIENCE, &err))
		_exit(1);
	if (write(report, &node.init, sizeof(node.init)) < 0)
		_exit(1);
	for (;;)
		pause();
}

static void test_killed_harness(void)
{
	int report[2], fds[MARKED_MAX + 1], status;
	size_t count, ended = 0;
	pid_t init = 0, harness;

	if (pipe2(report, O_CLOEXEC))
		abort();
	fflush(stdout);
	harness = fork();
	if (harness == 0)
		harness_main(report[1]);
	close(report[1]);
	if (read(report[0], &init, sizeof(init)) != sizeof(init))
		init = 0;
	close(report[0]);
	tap_ok(init > 0, "a harness with a node");
	count = marked(marker, fds);
	if (count > MARKED_MAX)
		abort();
	tap_ok(count >= 2, "in which %zu processes run", count);
	fds[count++] = pidfd_open(init, 0);
	kill(harness, SIGKILL);
	waitpid(harness, &status, 0);
	for (size_t i = 0; i < count; i++) {
		struct pollfd p = { .fd = fds[i], .events = POLLIN };

		ended += poll(&p, 1, (int)(PATIENCE / NS_PER_MS)) == 1;
		close(fds[i]);
	}
	tap_is(ended, count, "all end when it is killed, and the node's init");
	tap_is(marked(marker, NULL), 0, "nothing is left");
}

static void remove_logs(void)
{
	AUTO_CLOSEDIR DIR *logs = opendir(folder);
	const struct dirent *entry;

	while (logs && (entry = readdir(logs)))
		unlinkat(dirfd(logs), entry->d_name, 0);
	rmdir(folder);
}

int main(void)
{
	const char *keep[] = { folder, NULL };
	struct node node = NODE_NONE;
	struct err err = { 0 };
	size_t files;

	if (!root_become() || !mkdtemp(folder)) {
		puts("1..0 # SKIP not root, nor a user namespace");
		return 0;
	}
	snprintf(marker, sizeof(marker), "DUPACK_TEST=%s", folder);
	test_node();
	test_root();
	test_daemons();
	files = open_files();
	if (node_create("beta", NULL, NULL, keep, &node, &err)) {
		tap_ok(false, "a node: %s", err.text);
		return tap_done();
	}
	test_ready(&node);
	test_stubborn(&node);
	test_flood(&node);
	test_missing(&node);
	node_destroy(&node);
	tap_is(open_files(), files, "no descriptor is left");
	tap_is(marked(marker, NULL), 0, "no process is left");
	test_killed_harness();
	remove_logs();
	return tap_done();
}
