// SPDX-License-Identifier: Apache-2.0
/* From a choice to a device in its node, by the operations of its kind. */
#include "middlebox/middlebox.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "spec/name.h"

/**
 * middlebox_open() - Make all of a device that must be there before the first packet
 * @m:		Filled in; give it to middlebox_close() whatever is returned
 * @choice:	Which one, with its options; borrowed as long as @m
 * @seed:	Of the run
 * @sysctls:	Gets what was pinned; borrowed as long as @m
 * @err:	Set on failure; ERR_SKIP if the machine lacks something
 *
 * The calling thread is in the network namespace of the node.
 *
 * Return: 0 or -1
 */
int middlebox_open(struct middlebox *m, const struct choice *choice, uint64_t seed, json_t *sysctls,
		   struct err *err)
{
	const struct device_ops *ops;

	*m = (struct middlebox){ .choice = choice, .seed = seed, .sysctls = sysctls };
	if (device_config_from_choice(choice, &m->config, err))
		return -1;
	ops = middlebox_ops(m);
	if (ops && ops->open(m, err))
		return err_wrap(err, "middlebox '%s'", choice->name);
	return 0;
}

/**
 * middlebox_run() - Be the device until told to stop
 * @m:		Open; not a router, which needs nobody
 * @fds:	What stops it, and where its counters go
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int middlebox_run(struct middlebox *m, const struct middlebox_fds *fds, struct err *err)
{
	return middlebox_ops(m)->run(m, fds, err);
}

/** middlebox_close() - Release what it holds; idempotent */
void middlebox_close(struct middlebox *m)
{
	const struct device_ops *ops = middlebox_ops(m);

	if (ops && ops->close)
		ops->close(m);
}

/**
 * middlebox_packages() - What a device brings into the root of a guest
 * @choice:	The device; a valid one
 *
 * Return: names of Debian packages, NULL behind the last; NULL: none
 */
const char *const *middlebox_packages(const struct choice *choice)
{
	struct device_config config;
	struct err ignored = { 0 };

	if (device_config_from_choice(choice, &config, &ignored) || !device_kinds[config.mode].ops)
		return NULL;
	return device_kinds[config.mode].ops->packages;
}

/**
 * middlebox_counter_ok() - Does any device have a counter of this name?
 * @name:	As in the metric middlebox.<counter>
 * @err:	Set if not
 *
 * Return: true if so
 */
bool middlebox_counter_ok(const char *name, struct err *err)
{
	AUTO_FREE const char **names = NULL;
	const char *near;
	size_t len = 0;

	for (size_t d = 0; d < DEVICE_COUNT; d++)
		len += device_kinds[d].ops ? device_kinds[d].ops->counters_len : 0;
	names = calloc(len, sizeof(*names));
	if (!names)
		return err_set(err, ENOMEM, "cannot list the counters") == 0;
	len = 0;
	for (size_t d = 0; d < DEVICE_COUNT; d++) {
		const struct device_ops *ops = device_kinds[d].ops;

		for (size_t i = 0; ops && i < ops->counters_len; i++) {
			names[len] = ops->counters[i].name;
			if (strcmp(names[len++], name) == 0)
				return true;
		}
	}
	near = name_near(name, names, len);
	if (near)
		err_set_kind(err, ERR_USAGE,
			     "no middlebox has a counter '%.60s': did you mean '%s'?", name, near);
	else
		err_set_kind(err, ERR_USAGE,
			     "no middlebox has a counter '%.60s': 'dupack list middleboxes' prints "
			     "what each of them counts",
			     name);
	return false;
}

/** middlebox_write_counters() - Write {"name": number, ...} to a descriptor; 0 or -1 */
int middlebox_write_counters(const json_t *counters, int fd, struct err *err)
{
	AUTO_FREE char *text = json_dumps(counters, JSON_PRESERVE_ORDER | JSON_COMPACT);

	if (!text)
		return err_set(err, ENOMEM, "cannot write the counters of the middlebox");
	return io_write_all(fd, text, strlen(text), err);
}

/** middlebox_wait() - For a device that the kernel is: sleep until it is to stop; 0 or -1 */
int middlebox_wait(const struct middlebox_fds *fds, struct err *err)
{
	struct pollfd p = { .fd = fds->stop, .events = POLLIN };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "cannot wait for the end");
	return 0;
}
