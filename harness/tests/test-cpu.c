// SPDX-License-Identifier: Apache-2.0
/* guest/cpu: no two guests on one processor while there are others. */
#include "guest/cpu.h"

#include <stdbool.h>
#include <unistd.h>

#include "tests/tap.h"

/* In a network namespace of its own nobody else's guests have claims */
static bool alone(void)
{
	return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

int main(void)
{
	cpu_set_t all, used, one;
	int fds[CPU_SETSIZE], had;

	if (!alone() || sched_getaffinity(0, sizeof(all), &all)) {
		tap_skip("no network namespace, or no list of processors");
		return tap_done();
	}
	had = CPU_COUNT(&all);
	CPU_ZERO(&used);
	for (int i = 0; i < had; i++) {
		cpu_set_t both;

		fds[i] = cpu_claim(&one);
		tap_ok(fds[i] >= 0 && CPU_COUNT(&one) == 1, "guest %d gets one processor", i + 1);
		CPU_AND(&both, &one, &used);
		tap_is(CPU_COUNT(&both), 0, "... which no other guest has");
		CPU_OR(&used, &used, &one);
	}
	tap_ok(CPU_EQUAL(&used, &all), "all processors are in use");
	tap_is(cpu_claim(&one), -1, "one more guest gets no claim");
	tap_ok(CPU_EQUAL(&one, &all), "... and may use them all");
	close(fds[had - 1]);
	fds[had - 1] = cpu_claim(&one);
	tap_ok(fds[had - 1] >= 0, "what is given back can be had again");
	for (int i = 0; i < had; i++)
		close(fds[i]);
	return tap_done();
}
