// SPDX-License-Identifier: Apache-2.0
/*
 * From starting the guest's kernel to its end, with an agent that finds no job: an upper
 * bound of the time until the agent is ready.  Arguments: the kernel's folder, the root's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "base/units.h"
#include "guest/archive.h"
#include "guest/machine.h"

#define ROUNDS 11

static double measure(const struct home *home, const char *kernel, const char *root,
		      const char *folder, struct err *err)
{
	AUTO_FREE char *program = io_printf("%s/linux", kernel);
	AUTO_FREE char *base = io_printf("%s/root.cpio", root);
	AUTO_FREE char *dupack = io_printf("%s/dupack", home->built);
	AUTO_FREE char *shim = io_printf("%s/shim.so", home->built);
	AUTO_CLOSE int out = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_ARCHIVE struct archive a = { .fd = -1 };
	struct machine m = { .kernel = program,
			     .shim = shim,
			     .out_fd = out,
			     .seed = 1,
			     .virtual_time = true,
			     .wall_limit_ns = 60 * NS_PER_S,
			     .log_dir = folder };
	uint64_t begun = clock_ns();

	if (archive_open(&a, base, err) || archive_file(&a, "init", dupack, err) ||
	    archive_finish(&a, err))
		return -1;
	m.initramfs_fd = a.fd;
	if (machine_run(&m, err))
		return -1;
	return (double)(clock_ns() - begun) / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	AUTO_HOME struct home home = { 0 };
	char folder[] = "/tmp/dupack-bench-XXXXXX";
	AUTO_FREE char *log = NULL;
	double times[ROUNDS];
	struct err err = { 0 };

	if (argc != 3 || !mkdtemp(folder) || home_find(&home, &err))
		return 2;
	free(home.built);
	home.built = io_printf("%.*s", (int)(strrchr(home.binary, '/') - home.binary), home.binary);
	*strrchr(home.built, '/') = '\0'; /* this program is in <built>/bench */
	for (int i = 0; i < ROUNDS; i++) {
		times[i] = measure(&home, argv[1], argv[2], folder, &err);
		if (times[i] < 0) {
			fprintf(stderr, "bench: %s\n", err.text);
			return 99;
		}
	}
	log = io_printf("%s/guest.log", folder);
	unlink(log);
	rmdir(folder);
	qsort(times, ROUNDS, sizeof(*times), by_value);
	printf("a guest from its start over the agent to its end     %8.2f s    (bound: 0.3 s to the agent)\n",
	       times[ROUNDS / 2]);
	return 0;
}
