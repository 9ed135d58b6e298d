// SPDX-License-Identifier: Apache-2.0
/*
 * How much goes through a node: a TCP transfer by the kernel, from client to head-end over
 * the path of every case, without captures and without loss, through
 *
 *   the kernel's forwarding (the peer of all), the wire as one link, each engine, the relay
 *   (TPROXY, spliced), and HAProxy if it is installed
 *
 * in turns, so that all meet the same machine.  The MTU of the links makes the segments
 * 64, 512 or 1400 bytes of payload.  A packet is a full segment that arrived.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "impair/wire.h"
#include "middlebox/middlebox.h"
#include "net/netns.h"
#include "net/topology.h"
#include "net/userns.h"
#include "spec/name.h"

#define ROUNDS	 3
#define WARM_NS	 (200 * NS_PER_MS)
#define TIME_NS	 (700 * NS_PER_MS)
#define PORT	 5001
#define PATIENCE 5000 /* ms for a connection */

static const struct peer {
	const char *name, *device;
	bool wire;
} peers[] = {
	{ "kernel forwarding", "router", false }, { "wire", "router", true },
	{ "asa-bypass", "asa-bypass", false },	  { "asa", "asa", false },
	{ "asa-proxy", "asa-proxy", false },	  { "relay (TPROXY)", "relay", false },
	{ "haproxy", "haproxy", false },
};
static const size_t sizes[] = { 64, 512, 1400 };

struct path {
	struct topology topology;
	int nodes[NODE_COUNT];
	pid_t children[4];
	size_t children_len;
	int stop; /* of the wire's and the device's process */
};

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* A process that ends with us; 0 in the child */
static pid_t child(struct path *p)
{
	pid_t pid;

	fflush(stdout); /* or a child would print it again */
	pid = fork();
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	else
		p->children[p->children_len++] = pid;
	return pid;
}

static int set_mtu(void *ctx, struct err *err)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int sysctl = open("/proc/sys/net/ipv4/tcp_timestamps", O_WRONLY | O_CLOEXEC);

	for (enum link_id l = 0; l < LINK_COUNT; l++) {
		struct ifreq request = { .ifr_mtu = *(int *)ctx };

		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", link_names[l]);
		if (ioctl(fd, SIOCSIFMTU, &request) && errno != ENODEV)
			return err_set(err, errno, "cannot set the MTU");
	}
	return io_write_all(sysctl, "0", 1, err);
}

static void start_wire(struct path *p)
{
	const struct topology_link *t = &p->topology.links[LINK_OUTSIDE];
	struct wire_config config = {
		.link = "outside",
		.fd = { [DIR_UP] = t->tap_fd[SIDE_CLIENT], [DIR_DOWN] = t->tap_fd[SIDE_SERVER] },
		.decisions_fd = -1
	};
	struct err err = { 0 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair");
	if (child(p) == 0) {
		close(pair[0]);
		_exit(wire_run(&config, pair[1], &err) ? 1 : 0);
	}
	close(pair[1]);
	p->stop = pair[0];
}

struct device_job {
	struct middlebox m;
	struct choice choice;
};

static int open_device(void *ctx, struct err *err)
{
	struct device_job *j = ctx;

	return middlebox_open(&j->m, &j->choice, 1, NULL, err);
}

/* False if this machine lacks it */
static bool start_device(struct path *p, const char *device)
{
	struct device_job job = { 0 };
	struct err err = { 0 };
	int rc, halt[2];

	if (choice_parse(device, &job.choice, &err))
		die(err.text);
	rc = netns_run(p->nodes[NODE_MIDDLEBOX], open_device, &job, &err);
	if (rc && err.kind != ERR_SKIP)
		die(err.text);
	if (!rc && middlebox_ops(&job.m)) {
		if (pipe2(halt, O_CLOEXEC))
			die("pipe");
		if (child(p) == 0) {
			const struct middlebox_fds fds = {
				.stop = halt[0],
				.arm = eventfd(0, EFD_CLOEXEC),
				.counters = memfd_create("counters", MFD_CLOEXEC),
			};

			close(halt[1]);
			rc = netns_enter(p->nodes[NODE_MIDDLEBOX], &err) ||
			     middlebox_run(&job.m, &fds, &err);
			if (rc)
				fprintf(stderr, "bench: %s\n", err.text);
			_exit(rc ? 1 : 0);
		}
		close(halt[0]);
		p->stop = halt[1];
	}
	middlebox_close(&job.m);
	choice_release(&job.choice);
	return !rc;
}

static bool build(struct path *p, const struct peer *peer, int mtu)
{
	struct spec_case c = { 0 };
	struct err err = { 0 };

	*p = (struct path){ .stop = -1 };
	if (peer->wire)
		c.impair[LINK_OUTSIDE][DIR_UP].engine = c.impair[LINK_OUTSIDE][DIR_DOWN].engine =
			ENGINE_WIRE;
	for (int n = 0; n < NODE_COUNT; n++)
		if (netns_create(&p->nodes[n], &err))
			die(err.text);
	if (topology_build(&p->topology, &c, p->nodes, -1, &err))
		die(err.text);
	for (int n = 0; n < NODE_COUNT; n++)
		if (netns_run(p->nodes[n], set_mtu, &mtu, &err))
			die(err.text);
	if (peer->wire)
		start_wire(p);
	return start_device(p, peer->device);
}

static void tear_down(struct path *p)
{
	if (p->stop >= 0)
		close(p->stop);
	for (size_t i = 0; i < p->children_len; i++) {
		kill(p->children[i], SIGKILL);
		waitpid(p->children[i], NULL, 0);
	}
	topology_close(&p->topology);
	for (int n = 0; n < NODE_COUNT; n++)
		close(p->nodes[n]);
}

static int open_socket(void *ctx, struct err *err)
{
	*(int *)ctx = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return *(int *)ctx < 0 ? err_set(err, errno, "cannot open a socket") : 0;
}

static void send_for_ever(int fd, const struct sockaddr_in *to)
{
	static char bytes[1 << 16];

	signal(SIGPIPE, SIG_IGN);
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		_exit(1);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	_exit(0);
}

/* Bytes a second that arrive */
static double receive(int fd)
{
	static char bytes[1 << 18];
	uint64_t begun = clock_ns(), counted = 0, since = 0, now;

	do {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		now = clock_ns();
		if (n <= 0)
			return 0;
		if (!since && now - begun >= WARM_NS)
			since = now;
		else if (since)
			counted += (uint64_t)n;
	} while (!since || now - since < TIME_NS);
	return (double)counted * NS_PER_S / (double)(now - since);
}

static double transfer(struct path *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct err err = { 0 };
	AUTO_CLOSE int listener = -1;
	AUTO_CLOSE int client = -1;
	AUTO_CLOSE int server = -1;
	struct pollfd poll_fd;

	if (netns_run(p->nodes[NODE_HEADEND], open_socket, &listener, &err) ||
	    netns_run(p->nodes[NODE_CLIENT], open_socket, &client, &err))
		die(err.text);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 1))
		die("listen");
	inet_pton(AF_INET, "10.0.3.2", &at.sin_addr);
	if (child(p) == 0)
		send_for_ever(client, &at);
	poll_fd = (struct pollfd){ .fd = listener, .events = POLLIN };
	if (poll(&poll_fd, 1, PATIENCE) != 1)
		return 0;
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return receive(server);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(void)
{
	struct err err = { 0 };

	if (userns_become_root(&err))
		die(err.text);
	printf("\nTCP through a node on this host; the ratio is to the kernel's forwarding\n"
	       "%-18s %8s %12s %10s %8s\n",
	       "device", "payload", "packets/s", "Gbit/s", "ratio");
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		double rates[ARRAY_SIZE(peers)][ROUNDS] = { 0 };
		bool there[ARRAY_SIZE(peers)];

		for (int round = 0; round < ROUNDS; round++)
			for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
				struct path path;

				there[i] = build(&path, &peers[i], (int)sizes[s] + 40);
				if (there[i])
					rates[i][round] = transfer(&path);
				tear_down(&path);
			}
		for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
			qsort(rates[i], ROUNDS, sizeof(double), by_value);
		for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
			double rate = rates[i][ROUNDS / 2];

			if (!there[i])
				printf("%-18s %8zu   not on this machine\n", peers[i].name,
				       sizes[s]);
			else
				printf("%-18s %8zu %12.0f %10.3f %8.2f\n", peers[i].name, sizes[s],
				       rate / (double)sizes[s], rate * 8 / 1e9,
				       rate / rates[0][ROUNDS / 2]);
			fflush(stdout);
		}
	}
	return 0;
}
