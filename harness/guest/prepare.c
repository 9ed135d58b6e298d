// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel and the root of a guest are made by scripts, which print the folder in
 * the cache: building is a matter of package tools and make, not of C.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "base/units.h"
#include "guest/guest.h"
#include "process/proc.h"
#include "spec/target.h"

#define PACKAGES_MAX 64
#define CLEAN_UP_NS  (10 * NS_PER_S)

/* 0 if it ended by itself with success */
static int await_script(struct proc *p, const char *script, int interrupt_fd, struct err *err)
{
	struct pollfd polls[] = { { .fd = p->pidfd, .events = POLLIN },
				  { .fd = interrupt_fd, .events = POLLIN } };
	char how[64];

	while (poll(polls, ARRAY_SIZE(polls), -1) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "cannot wait for '%s'", script);
	if (polls[1].revents) {
		proc_stop(p, CLEAN_UP_NS);
		return err_set_kind(err, ERR_INTERRUPTED, "interrupted while '%s' ran", script);
	}
	if (proc_await(p, NS_PER_S) && p->status == 0)
		return 0;
	return err_set_kind(err, ERR_HARNESS, "'%s' %s: what it said is above", script,
			    proc_describe(p, how, sizeof(how)));
}

/* Run a script; what it prints is a folder, owned by the caller */
static char *run_script(char *const *argv, int interrupt_fd, struct err *err)
{
	AUTO_CLOSE int out = memfd_create("script", MFD_CLOEXEC);
	AUTO_FREE char *out_path = io_printf("/proc/%d/fd/%d", (int)getpid(), out);
	struct spawn spawn = { .name = "script",
			       .argv = argv,
			       .env = environ,
			       .out_path = out_path,
			       .trusted = true };
	struct proc p = PROC_NONE;
	AUTO_FREE char *text = NULL;
	int rc;

	if (out < 0 || proc_start(&spawn, &p, err))
		return NULL;
	rc = await_script(&p, argv[1], interrupt_fd, err);
	proc_release(&p);
	if (rc)
		return NULL;
	text = io_read_file(out_path, NULL, err);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	if (text && *text == '/')
		return steal_ptr(&text);
	if (text)
		err_set_kind(err, ERR_HARNESS, "'%s' printed no folder", argv[1]);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The packages of all targets of a pair, sorted, each once; a list for argv */
static size_t packages_of(const struct pair_targets *targets, char **list, struct err *err)
{
	size_t n = 0, kept = 0;

	for (int t = 0; t < PAIR_TARGETS; t++) {
		const struct target *target = targets->v[t];

		for (size_t i = 0; target && i < target->packages.len; i++) {
			if (n == PACKAGES_MAX) {
				err_set(err, 0, "more than %d packages for one guest",
					PACKAGES_MAX);
				return SIZE_MAX;
			}
			list[n++] = target->packages.v[i];
		}
	}
	qsort(list, n, sizeof(*list), by_name);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(list[i], list[i - 1]) != 0)
			list[kept++] = list[i];
	return kept;
}

static char *prepare_root(const struct home *home, const struct pair_targets *targets,
			  int interrupt_fd, struct err *err)
{
	const char *client = targets->v[PAIR_CLIENT]->name;
	const char *headend = targets->v[PAIR_HEADEND]->name;
	AUTO_FREE char *script = io_printf("%s/image.sh", home->scripts);
	AUTO_FREE char *name =
		strcmp(client, headend) ? io_printf("%s-%s", client, headend) : strdup(client);
	char *argv[PACKAGES_MAX + 4] = { (char *)"/bin/sh", script, name };

	if (packages_of(targets, argv + 3, err) == SIZE_MAX)
		return NULL;
	return run_script(argv, interrupt_fd, err);
}

static json_t *load(const char *folder, const char *name, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s", folder, name);
	json_error_t why;
	json_t *json = json_load_file(path, 0, &why);

	if (!json)
		err_set(err, 0, "cannot read '%s': %s", path, why.text);
	return json;
}

/**
 * guest_prepare() - Have the kernel and the root for the targets of a pair
 * @home:	Where the scripts are
 * @targets:	The pair
 * @interrupt_fd: When it is readable, stop; -1: none
 * @ret:	Set on success; release it with guest_parts_release()
 * @err:	Set on failure; what the scripts say goes to standard error
 *
 * Return: 0 or -1
 */
int guest_prepare(const struct home *home, const struct pair_targets *targets, int interrupt_fd,
		  struct guest_parts *ret, struct err *err)
{
	AUTO_FREE char *script = io_printf("%s/kernel.sh", home->scripts);
	char *argv[] = { (char *)"/bin/sh", script, NULL };
	struct guest_parts p = { 0 };

	p.kernel = run_script(argv, interrupt_fd, err);
	p.root = p.kernel ? prepare_root(home, targets, interrupt_fd, err) : NULL;
	p.kernel_version = p.root ? load(p.kernel, "version.json", err) : NULL;
	p.packages = p.kernel_version ? load(p.root, "packages.json", err) : NULL;
	if (!p.packages) {
		guest_parts_release(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

/** guest_parts_release() - Release it; idempotent */
void guest_parts_release(struct guest_parts *p)
{
	free(p->kernel);
	free(p->root);
	json_decref(p->kernel_version);
	json_decref(p->packages);
	*p = (struct guest_parts){ 0 };
}
