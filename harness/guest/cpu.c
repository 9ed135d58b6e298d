// SPDX-License-Identifier: Apache-2.0
/*
 * A guest is processes that take turns: the kernel's, and the traced one that runs in it.
 * On two processors each turn wakes the other one up, on one it is a switch; in a virtual
 * machine, where a sleeping processor is with the hypervisor, that halves the time.  So a
 * guest stays on one, and each guest of the machine, of whichever user, on another.
 */
#include "guest/cpu.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* An abstract name is one claim in the network namespace, and goes with its descriptor */
static int claim(int cpu)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int length = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "dupack-cpu-%d", cpu);
	size_t size = offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&name, (socklen_t)size) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/**
 * cpu_claim() - Find a processor for a guest, and keep other guests from it
 * @one:	Set to that processor only; to all that this process may use if each has a
 *		guest, or the machine does not tell
 *
 * Return: a descriptor that holds the claim until it is closed, to be owned by the caller;
 * -1 if @one is not one processor
 */
int cpu_claim(cpu_set_t *one)
{
	cpu_set_t all;
	int here = sched_getcpu();

	CPU_ZERO(one);
	if (sched_getaffinity(0, sizeof(all), &all))
		return -1;
	*one = all;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		int cpu = ((here < 0 ? 0 : here) + i) % CPU_SETSIZE;
		int fd = CPU_ISSET(cpu, &all) ? claim(cpu) : -1;

		if (fd < 0)
			continue;
		CPU_ZERO(one);
		CPU_SET(cpu, one);
		return fd;
	}
	return -1;
}
