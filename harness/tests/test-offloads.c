// SPDX-License-Identifier: Apache-2.0
/*
 * What happens when offloads are left on: the link is refused, and if it is used all the
 * same (a target may switch them on again) the captures count frames that no wire carries,
 * which makes the execution an error of the harness.  One veth pair, kernel TCP over it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "observe/capture.h"
#include "tests/root.h"
#include "tests/tap.h"

#define BYTES (2 << 20)
#define PORT  7007

enum { A, B, ENDS };

static int ns[ENDS];
static struct nl_sock *nl[ENDS];
static int control[ENDS];
static char folder[] = "/tmp/dupack-offloads-XXXXXX";

static void must(int rc, const struct err *err)
{
	if (!rc)
		return;
	printf("Bail out! %s: %s\n", err->text, strerror(errno));
	exit(1);
}

static int open_sockets(void *ctx, struct err *err)
{
	int end = *(int *)ctx;

	control[end] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return netlink_open(&nl[end], err);
}

static void build(void)
{
	struct link_end a = { -1, "link", 101, { 2, 0, 0, 0, 0, 1 } };
	struct link_end b = { -1, "link", 102, { 2, 0, 0, 0, 0, 2 } };
	struct err err = { 0 };

	for (int e = 0; e < ENDS; e++) {
		must(netns_create(&ns[e], &err), &err);
		must(netns_run(ns[e], open_sockets, &e, &err), &err);
	}
	b.netns_fd = ns[B];
	must(link_veth(nl[A], &a, &b, &err), &err);
	must(link_up(nl[A], 101, &err) || link_up(nl[B], 102, &err), &err);
	must(link_address(nl[A], 101, "10.0.1.1/24", &err) ||
		     link_address(nl[B], 102, "10.0.1.2/24", &err) ||
		     link_neighbour(nl[A], 101, "10.0.1.2", b.mac, &err) ||
		     link_neighbour(nl[B], 102, "10.0.1.1", a.mac, &err),
	     &err);
}

static int listen_b(void *ret_fd, struct err *err)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
		return err_set(err, errno, "cannot listen");
	*(int *)ret_fd = fd;
	return 0;
}

static int connect_a(void *ret_fd, struct err *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, "10.0.1.2", &to.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return err_set(err, errno, "cannot connect");
	*(int *)ret_fd = fd;
	return 0;
}

/* BYTES by TCP from A to B, at once */
static void transfer(void)
{
	static char bytes[1 << 16];
	int listener, fd, peer;
	struct err err = { 0 };
	ssize_t got;
	pid_t pid;

	must(netns_run(ns[B], listen_b, &listener, &err), &err);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		peer = accept(listener, NULL, NULL);
		do
			got = read(peer, bytes, sizeof(bytes));
		while (got > 0);
		_exit(0);
	}
	must(netns_run(ns[A], connect_a, &fd, &err), &err);
	for (int sent = 0; sent < BYTES; sent += (int)sizeof(bytes))
		if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
			must(-1, &err);
	close(fd);
	close(listener);
	waitpid(pid, NULL, 0);
}

/* Frames that were larger than the MTU, at both ends of the link, while a transfer ran */
static json_int_t oversize(void)
{
	const struct capture_end ends[] = { { ns[A], "link", "a" }, { ns[B], "link", "b" } };
	struct capture set;
	struct err err = { 0 };
	json_int_t n = 0;
	json_t *report;
	int stop[2], reports[2];
	pid_t pid;

	must(capture_open(&set, ends, ENDS, folder, &err), &err);
	must(pipe2(stop, O_CLOEXEC) || pipe2(reports, O_CLOEXEC), &err);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		_exit(capture_run(&set, stop[0], reports[1], &err) ? 1 : 0);
	}
	capture_release(&set);
	transfer();
	close(stop[1]);
	close(stop[0]);
	close(reports[1]);
	report = json_loadfd(reports[0], 0, NULL);
	close(reports[0]);
	waitpid(pid, NULL, 0);
	for (size_t e = 0; e < ENDS; e++)
		n += json_integer_value(json_object_get(json_array_get(report, e), "oversize"));
	tap_is(json_array_size(report), ENDS, "both ends report");
	json_decref(report);
	return n;
}

static void switch_on(int end, uint32_t command)
{
	struct ethtool_value value = { .cmd = command, .data = 1 };
	struct ifreq req = { .ifr_name = "link", .ifr_data = (void *)&value };

	must(ioctl(control[end], SIOCETHTOOL, &req), &(struct err){ .text = "ethtool" });
}

int main(void)
{
	static const struct {
		const char *name;
		uint32_t on;
	} offloads[] = { { "scatter-gather", ETHTOOL_SSG },
			 { "GRO", ETHTOOL_SGRO },
			 { "transmit checksums", ETHTOOL_STXCSUM } };
	struct err err = { 0 };

	if (!root_become()) {
		tap_skip("no user namespaces here");
		return tap_done();
	}
	if (!mkdtemp(folder))
		must(-1, &err);
	build();
	tap_ok(link_offloads_check(control[A], "link", &err) == -1,
	       "a veth pair as the kernel makes it is refused: %s", err.text);
	tap_ok(oversize() > 0, "and captures count frames larger than the MTU");
	for (int e = 0; e < ENDS; e++)
		must(link_offloads_off(control[e], "link", &err), &err);
	tap_is(link_offloads_check(control[A], "link", &err), 0, "with its offloads off it is not");
	tap_is(oversize(), 0, "and no frame is larger than the MTU");
	for (size_t i = 0; i < ARRAY_SIZE(offloads); i++) {
		switch_on(A, offloads[i].on);
		tap_ok(link_offloads_check(control[A], "link", &err) == -1 &&
			       strstr(err.text, offloads[i].name),
		       "one that is switched on again is named: %s", err.text);
		must(link_offloads_off(control[A], "link", &err), &err);
	}
	for (int e = 0; e < ENDS; e++) {
		AUTO_FREE char *path = io_printf("%s/%c.pcapng", folder, "ab"[e]);

		unlink(path);
		nl_socket_free(nl[e]);
	}
	rmdir(folder);
	return tap_done();
}
