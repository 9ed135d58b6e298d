// SPDX-License-Identifier: Apache-2.0
/*
 * The path under test, built in fresh namespaces: is it there, is it silent,
 * does it forward, and is it gone afterwards?
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "net/topology.h"
#include "tests/root.h"
#include "tests/tap.h"

static int fds[NODE_COUNT + 1]; /* the last one: wan */

static int open_udp(void *ret_fd, struct err *err)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(7007) };

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return err_set(err, errno, "cannot bind");
	*(int *)ret_fd = fd;
	return 0;
}

static int open_all_frames(void *ret_fd, struct err *err)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0)
		return err_set(err, errno, "cannot capture");
	*(int *)ret_fd = fd;
	return 0;
}

static int in_node(int node, int (*run)(void *, struct err *))
{
	struct err err = { 0 };
	int fd = -1;

	if (netns_run(fds[node], run, &fd, &err))
		printf("# %s\n", err.text);
	return fd;
}

/* Send one datagram to a v4-mapped or IPv6 address; at most a second for it to arrive */
static bool reaches(int from, int to, const char *address, char ret_source[INET6_ADDRSTRLEN])
{
	AUTO_CLOSE int sender = in_node(from, open_udp), receiver = in_node(to, open_udp);
	struct sockaddr_in6 dst = { .sin6_family = AF_INET6, .sin6_port = htons(7007) }, src;
	struct pollfd p = { .fd = receiver, .events = POLLIN };
	socklen_t len = sizeof(src);
	char c;

	inet_pton(AF_INET6, address, &dst.sin6_addr);
	if (sendto(sender, "x", 1, 0, (struct sockaddr *)&dst, sizeof(dst)) != 1)
		return false;
	if (poll(&p, 1, 1000) != 1 ||
	    recvfrom(receiver, &c, 1, 0, (struct sockaddr *)&src, &len) != 1)
		return false;
	inet_ntop(AF_INET6, &src.sin6_addr, ret_source, INET6_ADDRSTRLEN);
	return true;
}

/* What a capture has: frames in all, the largest, and those with a wrong UDP checksum */
static size_t drain(int fd, size_t *ret_largest)
{
	unsigned char frame[65536];
	size_t frames = 0;
	ssize_t n;

	while ((n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
		frames++;
		if (ret_largest && (size_t)n > *ret_largest)
			*ret_largest = (size_t)n;
	}
	return frames;
}

static bool make_namespaces(struct err *err)
{
	for (int i = 0; i <= NODE_COUNT; i++)
		fds[i] = -1;
	for (int i = 0; i <= NODE_COUNT; i++)
		if (netns_create(&fds[i], err))
			return false;
	return true;
}

static void drop_namespaces(void)
{
	for (int i = 0; i <= NODE_COUNT; i++)
		cleanup_close(&fds[i]);
}

static void test_plain(void)
{
	static const struct spec_case nothing;
	AUTO_CLOSE int seen = -1;
	struct topology t = { 0 };
	struct err err = { 0 };
	char source[INET6_ADDRSTRLEN] = "";
	uint64_t before, after;

	make_namespaces(&err);
	seen = in_node(NODE_INTERNET, open_all_frames);
	before = clock_ns();
	tap_is(topology_build(&t, &nothing, fds, -1, &err), 0, "a plain path: built %s", err.text);
	after = clock_ns();
	printf("# built in %.2f ms\n", (double)(after - before) / 1e6);
	tap_ok(!t.wan, "no netem, no wan namespace");
	tap_str(json_string_value(
			json_object_get(json_object_get(t.sysctls, "internet"), "ipv4/ip_forward")),
		"1", "internet forwards, and that is recorded");
	tap_str(json_string_value(
			json_object_get(json_object_get(t.sysctls, "client"), "ipv4/ip_forward")),
		"0", "client does not");
	printf("# congestion control: %s\n",
	       json_string_value(json_object_get(json_object_get(t.sysctls, "client"),
						 "ipv4/tcp_congestion_control")));

	poll(NULL, 0, 300); /* no event to wait for: that there is none is the test */
	tap_is(drain(seen, NULL), 0, "a path that was just built is silent");

	tap_ok(reaches(NODE_CLIENT, NODE_HEADEND, "::ffff:10.0.3.2", source),
	       "client reaches headend");
	tap_str(source, "::ffff:10.0.1.1", "from the address of its link");
	tap_ok(reaches(NODE_CLIENT, NODE_HEADEND, "2001:db8:3::2", source), "over IPv6 too");
	tap_str(source, "2001:db8:1::1", "from the IPv6 address of its link");
	tap_ok(reaches(NODE_HEADEND, NODE_CLIENT, "::ffff:10.0.1.1", source),
	       "headend reaches client");
	tap_ok(reaches(NODE_SERVER, NODE_HEADEND, "::ffff:10.0.4.1", source),
	       "server reaches headend");
	/* two passages of each of three packets that cross internet */
	tap_is(drain(seen, NULL), 6, "internet saw the three packets, and nothing else");
	tap_ok(!reaches(NODE_CLIENT, NODE_SERVER, "::ffff:10.0.4.2", source),
	       "client does not reach the protected network without a tunnel");
	topology_close(&t);
	drop_namespaces();
}

struct device {
	const char *name;
	int fd;
};

/* The flags, as the kernel says them */
static int read_flags(void *ctx, struct err *err)
{
	struct device *d = ctx;
	struct ifreq req = { 0 };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(req.ifr_name, IFNAMSIZ, "%s", d->name);
	if (ioctl(fd, SIOCGIFFLAGS, &req))
		return err_set(err, errno, "'%s'", d->name);
	d->fd = req.ifr_flags;
	return 0;
}

static void test_engines(void)
{
	struct spec_case c = { 0 };
	struct topology t = { 0 };
	struct err err = { 0 };
	unsigned char frame[2048];
	struct pollfd p = { .events = POLLIN };
	struct device d = { .name = "access" };
	char source[INET6_ADDRSTRLEN];
	uint64_t before, after;
	uint8_t mac[6];
	ssize_t n;

	c.impair[LINK_ACCESS][DIR_DOWN].engine = ENGINE_WIRE;
	c.impair[LINK_INSIDE][DIR_UP].engine = ENGINE_NETEM;
	make_namespaces(&err);
	before = clock_ns();
	tap_is(topology_build(&t, &c, fds, fds[NODE_COUNT], &err), 0, "both engines: built %s",
	       err.text);
	after = clock_ns();
	printf("# built in %.2f ms\n", (double)(after - before) / 1e6);
	tap_ok(t.wan != NULL, "netem has a socket in the wan namespace");
	tap_ok(t.links[LINK_INSIDE].ifindex[SIDE_CLIENT] !=
		       t.links[LINK_INSIDE].ifindex[SIDE_SERVER],
	       "and two interfaces there");
	tap_ok(t.links[LINK_ACCESS].tap_fd[SIDE_CLIENT] >= 0 &&
		       t.links[LINK_ACCESS].tap_fd[SIDE_SERVER] >= 0,
	       "the wire has two TAPs");
	tap_ok(!netns_run(fds[NODE_CLIENT], read_flags, &d, &err) &&
		       (d.fd & (IFF_UP | IFF_MULTICAST)) == IFF_UP,
	       "a TAP is up, without multicast");
	d.name = "inside.1";
	tap_ok(!netns_run(fds[NODE_COUNT], read_flags, &d, &err) &&
		       (d.fd & (IFF_UP | IFF_MULTICAST)) == IFF_UP,
	       "so is the middle of a link with netem %s", err.text);

	/* One packet by hand over the wire; not over the other link: nothing joins it yet */
	p.fd = t.links[LINK_ACCESS].tap_fd[SIDE_CLIENT];
	tap_is(poll(&p, 1, 0), 0, "the TAP is silent");
	tap_ok(!reaches(NODE_CLIENT, NODE_INTERNET, "::ffff:10.0.1.2", source),
	       "nothing arrives unless the wire is read");
	n = read(p.fd, frame, sizeof(frame));
	tap_is(n, 14 + 20 + 8 + 1, "the TAP has the frame");
	topology_mac(LINK_ACCESS, SIDE_SERVER, mac);
	tap_ok(n > 12 && !memcmp(frame, mac, 6) && frame[11] == 1,
	       "from and to the right MAC addresses");
	topology_close(&t);
	drop_namespaces();
}

static int open_netlink(void *ret, struct err *err)
{
	return netlink_open(ret, err);
}

static void test_errors(void)
{
	AUTO_CLOSE int ns = -1;
	AUTO_NLSOCK struct nl_sock *nl = NULL;
	struct link_end a = { .name = "a", .ifindex = 7, .mac = { 2 } }, b = a;
	struct err err = { 0 };

	if (netns_create(&ns, &err) || netns_run(ns, open_netlink, &nl, &err)) {
		tap_ok(false, "%s", err.text);
		return;
	}
	b.netns_fd = ns;
	tap_is(link_veth(nl, &a, &b, &err), -1, "two interfaces of one name are refused");
	tap_ok(strstr(err.text, "cannot add veth pair 'a' and 'a'") && strstr(err.text, "exists"),
	       "%s", err.text);
	b.name = "b";
	b.ifindex = 8;
	tap_is(link_veth(nl, &a, &b, &err), 0, "both in one namespace are not");
	tap_is(link_address(nl, 7, "10.0.0.300/24", &err), -1, "a bad address: %s", err.text);
	tap_is(link_route(nl, "10.9.0.0/16", "10.8.0.1", &err), -1,
	       "a gateway that is not reachable: %s", err.text);
	tap_ok(strstr(err.text, "(Nexthop has invalid gateway)"), "the kernel's own words");
	tap_is(link_address(nl, 7, "10.0.0.3/24", &err), 0, "the socket goes on after errors");
}

static int count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

int main(void)
{
	struct err err = { 0 };
	int open_before;

	if (!root_become() || !make_namespaces(&err)) {
		printf("1..0 # SKIP not root, nor a user namespace: %s\n", err.text);
		return 0;
	}
	drop_namespaces();
	open_before = count_open();
	test_plain();
	test_engines();
	test_errors();
	tap_is(count_open(), open_before, "no descriptor is left open");
	return tap_done();
}
