// SPDX-License-Identifier: Apache-2.0
/*
 * The table of probes, and those of the runtimes virtual and guest.  The kernel and
 * the root are made by kernel.sh and image.sh: what these scripts ask for is asked
 * for here, before they would fail.
 */
#include "cmd/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "spec/name.h"
#include "spec/target.h"

#define SOURCE	       "/usr/src/linux-source-6.12.tar.xz" /* as in kernel.sh */
#define MIB	       (1ULL << 20)
#define MEMORY_NEED    (512 * MIB) /* of a guest */
#define DISK_NEED      (256 * MIB) /* results and a root */
#define DISK_BUILD     (3072 * MIB) /* and the kernel's source and objects while it is built */
#define CHILD_LIMIT_MS 10000

/* --- programs --------------------------------------------------------------- */

/* PATH, and where Debian keeps what only root is thought to call */
static bool have_program(const char *name)
{
	const char *path = getenv("PATH");
	AUTO_FREE char *all = io_printf("%s:/usr/local/sbin:/usr/sbin:/sbin:/usr/lib/ipsec",
					path ? path : "/usr/local/bin:/usr/bin:/bin");
	char *save = NULL;

	for (char *dir = strtok_r(all, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		AUTO_FREE char *file = io_printf("%s/%s", dir, name);
		struct stat st;

		if (!stat(file, &st) && S_ISREG(st.st_mode) && !access(file, X_OK))
			return true;
	}
	return false;
}

/**
 * probe_missing_programs() - Which of these programs this machine lacks
 * @programs:	Their names
 *
 * Return: "a, b", or "" if all are there; to be freed by the caller
 */
char *probe_missing_programs(const struct strings *programs)
{
	const char **missing = calloc(programs->len + 1, sizeof(*missing));
	size_t len = 0;
	char *list;

	if (!missing)
		abort();
	for (size_t i = 0; i < programs->len; i++)
		if (!have_program(programs->v[i]))
			missing[len++] = programs->v[i];
	list = name_list(missing, len);
	free(missing);
	return list;
}

static int need_programs(const char *const *names, size_t len, struct err *err)
{
	const struct strings programs = { (char **)names, len };
	AUTO_FREE char *missing = probe_missing_programs(&programs);

	return *missing ? err_set(err, 0, "missing: %s", missing) : 0;
}

/* --- the cache ---------------------------------------------------------------- */

static char *cache_folder(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && *cache)
		return io_printf("%s/dupack", cache);
	return io_printf("%s/.cache/dupack", home ? home : "");
}

/* Is there a @what in the cache?  Perhaps of other versions: then it is made again */
static bool cached(const char *what)
{
	AUTO_FREE char *cache = cache_folder();
	AUTO_FREE char *pattern = io_printf("%s/%s", cache, what);
	glob_t found = { 0 };
	bool yes = glob(pattern, 0, NULL, &found) == 0;

	globfree(&found);
	return yes;
}

static int probe_kernel(char **ret_found, struct err *err)
{
	static const char *const tools[] = { "gcc", "make",  "flex",	  "bison",	"bc", "xz",
					     "tar", "flock", "sha256sum", "dpkg-query", "ld" };

	if (need_programs(tools, ARRAY_SIZE(tools), err))
		return -1;
	if (access(SOURCE, R_OK))
		return err_set(err, 0, "'%s' is missing", SOURCE);
	*ret_found =
		io_printf("%s", cached("kernel-*/linux") ? "in the cache"
							 : "will be built once, about 3 minutes");
	return 0;
}

static int probe_image(char **ret_found, struct err *err)
{
	static const char *const tools[] = { "mmdebstrap", "bsdtar", "apt-get", "flock",
					     "sha256sum" };

	if (need_programs(tools, ARRAY_SIZE(tools), err))
		return -1;
	*ret_found = io_printf("%s", cached("image-*/root.cpio")
					     ? "in the cache"
					     : "will be made once from Debian's packages");
	return 0;
}

/* USER:FIRST:COUNT, or with the number of the user (subuid(5)) */
static bool has_subuids(const char *file)
{
	const struct passwd *user = getpwuid(geteuid());
	AUTO_FREE char *number = io_printf("%u", geteuid());
	struct err ignored = { 0 };
	AUTO_FREE char *text = io_read_file(file, NULL, &ignored);
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, ":")] = '\0';
		if (strcmp(line, number) == 0 || (user && strcmp(line, user->pw_name) == 0))
			return true;
	}
	return false;
}

static int probe_image_rights(char **ret_found, struct err *err)
{
	static const char *const tools[] = { "newuidmap", "newgidmap" };

	if (geteuid() == 0) {
		*ret_found = io_printf("root");
		return 0;
	}
	if (need_programs(tools, ARRAY_SIZE(tools), err))
		return -1;
	if (!has_subuids("/etc/subuid") || !has_subuids("/etc/subgid"))
		return err_set(err, 0, "no ids for this user in /etc/subuid and /etc/subgid");
	*ret_found = io_printf("by a user namespace");
	return 0;
}

static int probe_disk(char **ret_found, struct err *err)
{
	unsigned long long need = cached("kernel-*/linux") ? DISK_NEED : DISK_BUILD, have;
	AUTO_FREE char *cache = cache_folder();
	AUTO_FREE char *at = io_printf("%s", cache);
	struct statvfs fs;

	while (statvfs(at, &fs)) { /* what is there of it */
		char *slash = strrchr(at, '/');

		if (!slash)
			return err_set(err, errno, "cannot look at the cache '%s'", cache);
		slash[slash == at] = '\0';
		if (slash == at && statvfs(at, &fs))
			return err_set(err, errno, "cannot look at the cache '%s'", cache);
	}
	have = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (access(at, W_OK))
		return err_set(err, errno, "cannot write to '%s'", at);
	if (have < need)
		return err_set(err, 0, "%llu MiB free in '%s', %llu are needed", have / MIB, at,
			       need / MIB);
	*ret_found = io_printf("%llu MiB free in %s", have / MIB, at);
	return 0;
}

/* --- this machine ----------------------------------------------------------- */

static int probe_x86_64(char **ret_found, struct err *err)
{
	struct utsname u;

	if (uname(&u))
		return err_set(err, errno, "cannot ask for the architecture");
	if (strcmp(u.machine, "x86_64") != 0)
		return err_set(err, 0, "this machine is '%s'", u.machine);
	*ret_found = io_printf("%s", u.machine);
	return 0;
}

/* MemAvailable of /proc/meminfo (proc(5)), in KiB */
static int probe_memory(char **ret_found, struct err *err)
{
	AUTO_FREE char *text = io_read_file("/proc/meminfo", NULL, err);
	const char *line = text ? strstr(text, "MemAvailable:") : NULL;
	unsigned long long have;

	if (!text)
		return -1;
	have = line ? strtoull(line + strlen("MemAvailable:"), NULL, 10) * 1024 : 0;
	if (have < MEMORY_NEED)
		return err_set(err, 0, "%llu MiB are available, %llu are needed for each job",
			       have / MIB, MEMORY_NEED / MIB);
	*ret_found = io_printf("%llu MiB are available", have / MIB);
	return 0;
}

/* User-Mode Linux runs its processes under PTRACE_SYSEMU: containers may forbid it */
static int probe_ptrace(char **ret_found, struct err *err)
{
	pid_t child = fork();
	int status = 0, errnum = 0;

	if (child < 0)
		return err_set(err, errno, "cannot fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(errno);
		raise(SIGSTOP);
		/* cppcheck-suppress unreachableCode ; the parent lets it go on */
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		errnum = errno;
	else if (!WIFSTOPPED(status))
		errnum = WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EPERM;
	else if (ptrace(PTRACE_SYSEMU, child, NULL, NULL))
		errnum = errno;
	if (!errnum || WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (errnum)
		return err_set(err, errnum, "ptrace is refused");
	*ret_found = io_printf("allowed");
	return 0;
}

/* --- the table --------------------------------------------------------------- */

#define VIRTUAL (1U << RUNTIME_VIRTUAL | 1U << RUNTIME_GUEST)
#define HOST	(1U << RUNTIME_HOST)

const struct probe probes[] = {
	{ .name = "x86-64",
	  .runtimes = VIRTUAL,
	  .required = true,
	  .purpose = "the guest's kernel is a program for this architecture",
	  .remedy = "use an x86-64 machine, or --runtime host",
	  .run = probe_x86_64 },
	{ .name = "ptrace",
	  .runtimes = VIRTUAL,
	  .required = true,
	  .purpose = "the guest's kernel runs its processes with it",
	  .remedy = "in a container: allow ptrace (docker run --cap-add SYS_PTRACE --security-opt "
		    "seccomp=unconfined); else: sysctl kernel.yama.ptrace_scope=1",
	  .run = probe_ptrace },
	{ .name = "memory",
	  .runtimes = VIRTUAL,
	  .required = true,
	  .purpose = "512 MiB for each guest",
	  .remedy = "free some memory; --jobs 1 needs least",
	  .run = probe_memory },
	{ .name = "kernel",
	  .runtimes = VIRTUAL,
	  .required = true,
	  .purpose = "the guest's kernel is built from Debian's source",
	  .remedy = "run 'make deps': apt-get install linux-source-6.12 gcc make flex bison bc "
		    "xz-utils",
	  .run = probe_kernel },
	{ .name = "image",
	  .runtimes = VIRTUAL,
	  .required = true,
	  .purpose = "the guest's root is made from Debian's packages",
	  .remedy = "run 'make deps': apt-get install mmdebstrap libarchive-tools",
	  .run = probe_image },
	{ .name = "image-rights",
	  .runtimes = VIRTUAL,
	  .required = true,
	  .purpose = "mmdebstrap is root, if only of a user namespace",
	  .remedy = "apt-get install uidmap; usermod --add-subuids 100000-165535 "
		    "--add-subgids 100000-165535 USER",
	  .run = probe_image_rights },
	{ .name = "disk",
	  .runtimes = VIRTUAL,
	  .required = true,
	  .purpose = "kernels and roots are kept in the cache",
	  .remedy = "make room, or set XDG_CACHE_HOME to a folder with more of it",
	  .run = probe_disk },
	{ .name = "namespaces",
	  .runtimes = HOST,
	  .required = true,
	  .purpose = "each node of the path is one",
	  .remedy = "run it as root, or: sysctl kernel.unprivileged_userns_clone=1 "
		    "kernel.apparmor_restrict_unprivileged_userns=0",
	  .run = probe_namespaces,
	  .isolated = true },
	{ .name = "tun",
	  .runtimes = HOST,
	  .required = true,
	  .purpose = "impaired links, middleboxes and tunnels are TAPs and TUNs",
	  .remedy = "modprobe tun; in a container: --device /dev/net/tun",
	  .run = probe_tun,
	  .isolated = true },
	{ .name = "netem",
	  .runtimes = HOST,
	  .purpose = "delay, rate and random loss by the kernel",
	  .remedy = "modprobe -a sch_netem cls_u32 act_mirred sch_ingress; --runtime virtual has "
		    "it",
	  .run = probe_netem,
	  .isolated = true },
	{ .name = "esp",
	  .runtimes = HOST,
	  .purpose = "IPsec of the kernel: the carriage esp",
	  .remedy = "modprobe -a esp4 esp6 xfrm_user; --runtime virtual has it",
	  .run = probe_esp,
	  .isolated = true },
};
const size_t probes_len = ARRAY_SIZE(probes);

/* --- calling one ---------------------------------------------------------------- */

/** What a child says of its probe. */
struct answer {
	bool ok;
	char text[sizeof(((struct err *)NULL)->text)];
};

_Noreturn static void answer_and_exit(const struct probe *probe, int fd)
{
	AUTO_FREE char *found = NULL;
	struct answer answer = { 0 };
	struct err err = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	answer.ok = probe->run(&found, &err) == 0;
	snprintf(answer.text, sizeof(answer.text), "%s", answer.ok ? found : err.text);
	_exit(write(fd, &answer, sizeof(answer)) != sizeof(answer));
}

static int await_answer(int fd, pid_t child, struct answer *ret, struct err *err)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	bool came = poll(&poll_fd, 1, CHILD_LIMIT_MS) == 1 &&
		    read(fd, ret, sizeof(*ret)) == sizeof(*ret);

	if (!came)
		kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return came ? 0 : err_set(err, 0, "no answer within %d s", CHILD_LIMIT_MS / 1000);
}

/**
 * probe_run() - Try something out; this process stays as it is
 * @probe:	What
 * @ret_found:	What was found, on success; to be freed by the caller
 * @err:	What is missing, on failure
 *
 * Return: 0 or -1
 */
int probe_run(const struct probe *probe, char **ret_found, struct err *err)
{
	AUTO_CLOSE int reader = -1;
	AUTO_CLOSE int writer = -1;
	struct answer answer;
	int ends[2];
	pid_t child;

	if (!probe->isolated)
		return probe->run(ret_found, err);
	if (pipe2(ends, O_CLOEXEC))
		return err_set(err, errno, "cannot make a pipe");
	reader = ends[0];
	writer = ends[1];
	child = fork();
	if (child < 0)
		return err_set(err, errno, "cannot fork");
	if (!child)
		answer_and_exit(probe, writer);
	close(steal_fd(&writer));
	if (await_answer(reader, child, &answer, err))
		return -1;
	if (!answer.ok)
		return err_set(err, 0, "%s", answer.text);
	*ret_found = io_printf("%s", answer.text);
	return 0;
}
