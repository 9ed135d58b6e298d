/* SPDX-License-Identifier: Apache-2.0 */
/* Find processes by a marker in their environment, across all pid namespaces below ours. */
#ifndef DUPACK_TESTS_MARKED_H
#define DUPACK_TESTS_MARKED_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

#define MARKED_MAX 32

/** marked() - Count the processes that have KEY=VALUE in their environment; not zombies
 * @text:	"KEY=VALUE"
 * @ret_pidfds:	MARKED_MAX entries, receives a descriptor of each; NULL: only count
 */
static inline size_t marked(const char *text, int *ret_pidfds)
{
	AUTO_CLOSEDIR DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	if (!proc)
		abort();
	while ((entry = readdir(proc))) {
		AUTO_FREE char *path = io_printf("/proc/%s/environ", entry->d_name);
		AUTO_FREE char *env = NULL;
		struct err err = { 0 };
		size_t len;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		env = io_read_file(path, &len, &err);
		if (!env || !memmem(env, len, text, strlen(text)))
			continue;
		if (ret_pidfds && count < MARKED_MAX)
			ret_pidfds[count] = pidfd_open((pid_t)strtol(entry->d_name, NULL, 10), 0);
		count++;
	}
	return count;
}

#endif
