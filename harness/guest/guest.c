// SPDX-License-Identifier: Apache-2.0
/*
 * Into the guest goes an initramfs: the root of the pair, this program as /init, the
 * case, the targets, and job.json.  It is complete before the kernel starts.  Out of
 * it comes the run folder, after the end of the execution.
 */
#include "guest/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "guest/archive.h"
#include "guest/machine.h"
#include "guest/paths.h"
#include "spec/name.h"
#include "spec/target.h"

static int add_job(struct archive *a, const struct guest_job *job, struct err *err)
{
	const struct lab_job *lab = job->lab;
	AUTO_FREE char *case_path =
		lab->c ? io_printf("%s/%s/%s.yaml", GUEST_CASES, lab->c->series, lab->c->id) : NULL;
	json_t *json = json_pack("{s:s*, s:s, s:s, s:I, s:b, s:i}", "case", case_path, "pair",
				 lab->pair->text, "middlebox", lab->middlebox->text, "seed",
				 (json_int_t)lab->seed, "virtual", lab->virtual_time, "probe",
				 (int)lab->probe);
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	if (!text)
		return err_set(err, ENOMEM, "cannot describe the execution to the guest");
	if (archive_bytes(a, GUEST_JOB, 0644, text, strlen(text), err))
		return -1;
	return case_path ? archive_file(a, case_path, lab->c->file, err) : 0;
}

/* What is private to a target has to be there to be covered: see lab/lab.c */
static int add_private(struct archive *a, const char *root, const struct target *t, struct err *err)
{
	AUTO_FREE char *etc = io_printf("%setc/%s", root, t->name);
	AUTO_FREE char *lib = io_printf("%svar/lib/%s", root, t->name);

	return archive_folder(a, etc, err) || archive_folder(a, lib, err) ? -1 : 0;
}

static int add_target(struct archive *a, const struct guest_job *job, const struct target *t,
		      struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s", GUEST_TARGETS, t->name);
	AUTO_FREE char *built = io_printf("%s/targets/%s", job->home->built, t->name);
	AUTO_FREE char *built_path = io_printf("%s/targets/%s", GUEST_BUILT, t->name);

	if (add_private(a, "", t, err) || archive_tree(a, path, t->dir, ARCHIVE_ALL, err))
		return -1;
	if (access(built, F_OK))
		return 0; /* nothing of it is built */
	return archive_tree(a, built_path, built, ARCHIVE_PROGRAMS, err);
}

/* libgcrypt asks the processor for entropy, which no seed rules, unless it is told not to */
static int add_gcrypt_conf(struct archive *a, const char *root, struct err *err)
{
	static const char deny[] = "intel-rdrand\n", conf[] = "disable-jent\n";
	AUTO_FREE char *deny_path = io_printf("%setc/gcrypt/hwf.deny", root);
	AUTO_FREE char *conf_path = io_printf("%setc/gcrypt/random.conf", root);

	return archive_bytes(a, deny_path, 0644, deny, sizeof(deny) - 1, err) ||
			       archive_bytes(a, conf_path, 0644, conf, sizeof(conf) - 1, err)
		       ? -1
		       : 0;
}

static int add_own_root(struct archive *a, const struct guest_job *job, int end, struct err *err)
{
	AUTO_FREE char *root = io_printf("%s/root.cpio", job->parts->own_roots[end]);
	AUTO_FREE char *path = io_printf("%s/%s", GUEST_ROOTS, job->targets->v[end]->name);

	AUTO_FREE char *below = io_printf("%s/", path);

	return archive_nest(a, path, root, err) || add_gcrypt_conf(a, below, err) ||
			       add_private(a, below, job->targets->v[end], err)
		       ? -1
		       : 0;
}

static bool is_first(const struct pair_targets *targets, int t)
{
	for (int i = 0; i < t; i++)
		if (targets->v[i] && strcmp(targets->v[i]->name, targets->v[t]->name) == 0)
			return false;
	return true;
}

static int pack(struct archive *a, const struct guest_job *job, struct err *err)
{
	AUTO_FREE char *root = io_printf("%s/root.cpio", job->parts->root);

	if (archive_open(a, root, err) || archive_file(a, "init", job->home->binary, err) ||
	    archive_bytes(a, GUEST_BUILT "/.keep", 0644, "", 0, err) ||
	    add_gcrypt_conf(a, "", err) || add_job(a, job, err))
		return -1;
	for (int t = 0; t < PAIR_ENDS; t++)
		if (job->parts->own_roots[t] && add_own_root(a, job, t, err))
			return -1;
	for (int t = 0; t < PAIR_TARGETS; t++)
		if (job->targets->v[t] && is_first(job->targets, t) &&
		    add_target(a, job, job->targets->v[t], err))
			return -1;
	return archive_finish(a, err);
}

static int check_result(const struct lab_job *lab, const char *log_dir, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/execution.json", lab->folder);
	AUTO_FREE char *log = io_printf("%s/guest.log", log_dir);
	AUTO_FREE char *words = NULL;

	if (access(path, F_OK) == 0)
		return 0;
	words = io_last_line(log);
	return err_set_kind(err, ERR_HARNESS,
			    "the guest ended without a result; its last words: %s",
			    words ? words : "none");
}

/**
 * guest_execute() - As lab_execute(), in a fresh guest
 * @job:	What, and with which guest
 * @err:	Set if there is no execution.json
 *
 * Return: 0 or -1
 */
int guest_execute(const struct guest_job *job, struct err *err)
{
	const struct lab_job *lab = job->lab;
	AUTO_FREE char *log_dir = io_printf("%s/log", lab->folder);
	AUTO_FREE char *kernel = io_printf("%s/linux", job->parts->kernel);
	AUTO_FREE char *shim = io_printf("%s/shim.so", job->home->built);
	AUTO_CLOSE int out = open(lab->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_ARCHIVE struct archive a = { .fd = -1 };
	struct machine m = {
		.kernel = kernel,
		.shim = shim,
		.out_fd = out,
		.seed = lab->seed,
		.virtual_time = lab->virtual_time,
		.wall_limit_ns = job->wall_limit_ns,
		.log_dir = log_dir,
	};

	if (out < 0)
		return err_set(err, errno, "cannot open '%s'", lab->folder);
	if (io_mkdirs(log_dir, err) || pack(&a, job, err))
		return -1;
	m.initramfs_fd = a.fd;
	if (machine_run(&m, err))
		return -1;
	return check_result(lab, log_dir, err);
}
