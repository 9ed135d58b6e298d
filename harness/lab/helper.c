// SPDX-License-Identifier: Apache-2.0
#include "lab/helper.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "lab/lab.h"

/**
 * helper_start() - Start a process of ours that is told to stop by a descriptor
 * @h:		Filled in; its descriptors are there before @run is called
 * @name:	Of the process and its log
 * @lab:	The laboratory
 * @node:	In which node, or NULL: outside of them
 * @run:	Called in the child; its value is the exit status
 * @ctx:	Given to it
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int helper_start(struct helper *h, const char *name, const struct lab *lab, const struct node *node,
		 int (*run)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	struct spawn spawn = {
		.name = name, .node = node, .log_dir = lab->log_dir, .run = run, .ctx = ctx
	};

	h->stop_fd = eventfd(0, EFD_CLOEXEC);
	h->report_fd = memfd_create(name, MFD_CLOEXEC);
	if (h->stop_fd < 0 || h->report_fd < 0)
		return err_set(err, errno, "cannot start '%s'", name);
	return proc_start(&spawn, &h->proc, err);
}

/**
 * helper_stop() - Tell it to stop, and await its end
 * @h:		Started, or not: then nothing happens
 * @err:	Set if it does not stop, or fails
 *
 * Return: 0 or -1
 */
int helper_stop(struct helper *h, struct err *err)
{
	const uint64_t one = 1;
	char how[64];

	if (h->proc.pid == 0)
		return 0;
	if (io_write_all(h->stop_fd, &one, sizeof(one), err))
		return -1;
	if (!proc_await(&h->proc, HELPER_END_NS))
		return err_set_kind(err, ERR_HARNESS, "'%s' did not stop", h->proc.name);
	if (h->proc.status)
		return err_set_kind(err, ERR_HARNESS, "'%s' %s; see log/%s.log", h->proc.name,
				    proc_describe(&h->proc, how, sizeof(how)), h->proc.name);
	return 0;
}

/** helper_report() - What it reported, or NULL; a new reference */
json_t *helper_report(const struct helper *h)
{
	int fd = lseek(h->report_fd, 0, SEEK_SET) < 0 ? -1 : dup(h->report_fd);
	AUTO_FCLOSE FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0)
		close(fd);
	return file ? json_loadf(file, 0, NULL) : NULL; /* json_loadfd() reads byte by byte */
}

/** helper_release() - End it and release what it holds; idempotent */
void helper_release(struct helper *h)
{
	proc_release(&h->proc);
	cleanup_close(&h->stop_fd);
	cleanup_close(&h->report_fd);
	h->stop_fd = h->report_fd = -1;
}
