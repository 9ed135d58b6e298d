/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of the runtimes virtual and guest: Debian's kernel as a process of
 * this one (User-Mode Linux).  A second engine (QEMU, say) is another file with a
 * function like machine_run().
 */
#ifndef DUPACK_GUEST_MACHINE_H
#define DUPACK_GUEST_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/** Where the folder for results is, seen by the kernel's own process. */
#define MACHINE_OUT "/proc/self/fd/11"

struct machine {
	const char *kernel; /* the program */
	const char *shim; /* the preload library */
	int initramfs_fd, out_fd; /* borrowed */
	uint64_t seed;
	bool virtual_time; /* else real time */
	uint64_t wall_limit_ns;
	const char *log_dir; /* what the kernel and the agent say goes to guest.log in it */
};

int machine_run(const struct machine *m, struct err *err);

#endif
