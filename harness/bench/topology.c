// SPDX-License-Identifier: Apache-2.0
/*
 * How long the path takes to build, by netlink in process and by running `ip` for each
 * step as scripts do; in turns, so that both meet the same machine.  What `ip` does not
 * do (offloads, sysctls) is left out for it: the comparison is in its favour.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "net/netns.h"
#include "net/topology.h"
#include "net/userns.h"

#define ROUNDS 15

static unsigned int forks;

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* `ip` has to name namespaces by the pid of somebody in them */
static pid_t inhabit(int netns)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (setns(netns, CLONE_NEWNET))
			_exit(1);
		for (;;)
			pause();
	}
	return pid;
}

__attribute__((format(printf, 2, 3))) static void ip(int netns, const char *fmt, ...)
{
	char text[256], *argv[24] = { (char *)"ip" };
	size_t n = 1;
	int status;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *word = strtok(text, " "); word && n < 23; word = strtok(NULL, " "))
		argv[n++] = word;
	forks++;
	pid = fork();
	if (pid == 0) {
		if (setns(netns, CLONE_NEWNET) == 0)
			execvp("ip", argv);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("ip failed");
}

static void build_by_ip(const int fds[NODE_COUNT], const pid_t pids[NODE_COUNT])
{
	static const char *const routes[][3] = {
		/* node, to, via */
		{ "0", "default", "10.0.1.2" },
		{ "1", "10.0.3.0/24", "10.0.2.2" },
		{ "2", "10.0.1.0/24", "10.0.2.1" },
		{ "3", "default", "10.0.3.1" },
		{ "4", "default", "10.0.4.1" },
		{ "0", "default", "2001:db8:1::2" },
		{ "1", "2001:db8:3::/64", "2001:db8:2::2" },
		{ "2", "2001:db8:1::/64", "2001:db8:2::1" },
		{ "3", "default", "2001:db8:3::1" },
		{ "4", "default", "2001:db8:4::1" },
	};

	for (int n = 0; n < NODE_COUNT; n++)
		ip(fds[n], "link set lo up");
	for (int l = 0; l < LINK_COUNT; l++) {
		const char *name = link_names[l];

		ip(fds[l],
		   "link add %s address 02:00:00:00:0%d:01 type veth peer name %s address "
		   "02:00:00:00:0%d:02 netns %d",
		   name, l + 1, name, l + 1, (int)pids[l + 1]);
		for (int s = 1; s <= 2; s++) {
			int fd = fds[l + s - 1];

			ip(fd, "link set %s up", name);
			ip(fd, "addr add 10.0.%d.%d/24 dev %s", l + 1, s, name);
			ip(fd, "addr add 2001:db8:%d::%d/64 dev %s nodad", l + 1, s, name);
			ip(fd, "neigh add 10.0.%d.%d lladdr 02:00:00:00:0%d:0%d dev %s", l + 1,
			   3 - s, l + 1, 3 - s, name);
			ip(fd, "neigh add 2001:db8:%d::%d lladdr 02:00:00:00:0%d:0%d dev %s", l + 1,
			   3 - s, l + 1, 3 - s, name);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		ip(fds[routes[i][0][0] - '0'], "route add %s via %s", routes[i][1], routes[i][2]);
}

static double measure(bool by_ip)
{
	struct spec_case c = { 0 };
	struct topology t;
	struct err err = { 0 };
	int fds[NODE_COUNT];
	pid_t pids[NODE_COUNT] = { 0 };
	uint64_t begun, ended;

	for (int n = 0; n < NODE_COUNT; n++)
		if (netns_create(&fds[n], &err))
			die(err.text);
	for (int n = 0; by_ip && n < NODE_COUNT; n++)
		pids[n] = inhabit(fds[n]);
	begun = clock_ns();
	if (by_ip)
		build_by_ip(fds, pids);
	else if (topology_build(&t, &c, fds, -1, &err))
		die(err.text);
	ended = clock_ns();
	if (!by_ip)
		topology_close(&t);
	for (int n = 0; n < NODE_COUNT; n++) {
		if (by_ip) {
			kill(pids[n], SIGKILL);
			waitpid(pids[n], NULL, 0);
		}
		close(fds[n]);
	}
	return (double)(ended - begun) / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	double netlink[ROUNDS], forked[ROUNDS];
	struct err err = { 0 };

	if (userns_become_root(&err))
		die(err.text);
	for (int i = 0; i < ROUNDS; i++) {
		netlink[i] = measure(false);
		forks = 0;
		forked[i] = measure(true);
	}
	qsort(netlink, ROUNDS, sizeof(*netlink), by_value);
	qsort(forked, ROUNDS, sizeof(*forked), by_value);
	printf("the path by netlink, sysctls and offloads included   %8.1f ms\n",
	       netlink[ROUNDS / 2]);
	printf("the path by running ip %u times                      %8.1f ms   %.1f times as long\n",
	       forks, forked[ROUNDS / 2], forked[ROUNDS / 2] / netlink[ROUNDS / 2]);
	return 0;
}
