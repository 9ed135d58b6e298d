// SPDX-License-Identifier: Apache-2.0
/*
 * The init of a guest: mounts what programs expect, executes the one job, copies the
 * run folder out, and switches the machine off.  Nothing is asked of the host before
 * the execution has ended.  What goes wrong is said on the console.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/paths.h"
#include "lab/lab.h"
#include "spec/name.h"

static const struct {
	const char *type, *where;
} mounts[] = {
	{ "proc", "/proc" }, { "sysfs", "/sys" }, { "devtmpfs", "/dev" },
	{ "tmpfs", "/run" }, { "tmpfs", "/tmp" },
};

static int mount_all(struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL))
			return err_set(err, errno, "cannot mount '%s'", mounts[i].where);
	if (symlink("/proc/self/fd", "/dev/fd") && errno != EEXIST)
		return err_set(err, errno, "cannot make /dev/fd");
	return 0;
}

/*
 * Nothing here takes time, so programs would meet a machine that was switched on a
 * moment ago, which no machine is when they start: the kernel's WireGuard takes each
 * handshake of the first 20 ms after boot for a flood, and drops it
 */
static void grow_older(void)
{
	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &(struct timespec){ .tv_sec = 1 }, NULL);
}

struct job {
	struct spec_case *c;
	struct pair pair;
	struct choice middlebox;
	json_int_t seed;
	int virtual_time, probe;
};

static int read_job(struct job *j, struct err *err)
{
	json_t *json = json_load_file("/" GUEST_JOB, 0, NULL);
	const char *path = "", *pair, *middlebox;
	int rc = -1;

	if (json_unpack(json, "{s?s, s:s, s:s, s:I, s:b, s:i}", "case", &path, "pair", &pair,
			"middlebox", &middlebox, "seed", &j->seed, "virtual", &j->virtual_time,
			"probe", &j->probe))
		err_set(err, 0, "the guest got no job");
	else if (pair_parse(pair, &j->pair, err) || choice_parse(middlebox, &j->middlebox, err))
		rc = -1;
	else if (j->probe || (j->c = spec_case_load(path, err)))
		rc = 0;
	json_decref(json);
	return rc;
}

static int execute(struct err *err)
{
	struct job job = { 0 };
	struct lab_job lab = {
		.pair = &job.pair,
		.middlebox = &job.middlebox,
		.targets_dir = "/" GUEST_TARGETS,
		.built_dir = "/" GUEST_BUILT,
		.roots_dir = "/" GUEST_ROOTS,
		.folder = "/" GUEST_FOLDER,
	};
	int rc;

	if (io_mkdirs(lab.folder, err) || read_job(&job, err))
		return -1;
	lab.c = job.c;
	lab.seed = (uint64_t)job.seed;
	lab.virtual_time = job.virtual_time;
	lab.probe = (unsigned int)job.probe;
	rc = lab.probe ? lab_probe(&lab, err) : lab_execute(&lab, err);
	spec_case_free(job.c);
	pair_release(&job.pair);
	choice_release(&job.middlebox);
	return rc;
}

/* The result itself goes last: where it is, all is */
static int copy_out(const char *from, const char *to, struct err *err)
{
	AUTO_CLOSEDIR DIR *dir = opendir(from);
	const struct dirent *d;

	if (!dir || (mkdir(to, 0755) && errno != EEXIST))
		return err_set(err, errno, "cannot copy '%s' out of the guest", from);
	while ((d = readdir(dir))) {
		AUTO_FREE char *here = io_printf("%s/%s", from, d->d_name);
		AUTO_FREE char *there = io_printf("%s/%s", to, d->d_name);
		struct stat st;

		if (d->d_name[0] == '.' || strcmp(d->d_name, "execution.json") == 0 ||
		    lstat(here, &st))
			continue;
		if (S_ISDIR(st.st_mode) ? copy_out(here, there, err)
					: S_ISREG(st.st_mode) && io_copy_file(here, there, err))
			return -1;
	}
	return 0;
}

static int leave(struct err *err)
{
	if (io_mkdirs("/" GUEST_HOST, err))
		return -1;
	if (mount("none", "/" GUEST_HOST, "hostfs", 0, MACHINE_OUT))
		return err_set(err, errno, "cannot reach the host's folder");
	if (copy_out("/" GUEST_FOLDER, "/" GUEST_HOST, err) ||
	    io_copy_file("/" GUEST_FOLDER "/execution.json", "/" GUEST_HOST "/execution.json", err))
		return err_wrap(err, "the results do not fit");
	return 0;
}

/**
 * agent_main() - Be the init of a guest
 *
 * Return: never, if it is one
 */
int agent_main(void)
{
	struct err err = { 0 };

	grow_older();
	if (mount_all(&err) || execute(&err) || leave(&err))
		fprintf(stderr, "dupack: %s\n", err.text);
	sync();
	reboot(RB_POWER_OFF);
	return 99;
}
