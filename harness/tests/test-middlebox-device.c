// SPDX-License-Identifier: Apache-2.0
/*
 * The loop around the engine, first between two sockets, then as the node's
 * kernel sees it: in a network namespace whose "outside" and "inside" are TUNs
 * that this test holds, so it is both neighbours of the middlebox.
 */
#include "middlebox/device.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/io.h"
#include "net/link.h"
#include "net/netlink.h"
#include "tests/middlebox-sim.h"

#define PATIENCE (5 * NS_PER_S)

/* A device that runs in a process of its own */
struct running {
	pid_t pid;
	int stop, counters;
	json_t *result;
};

static void start(struct running *r, const char *device, const int tun[2])
{
	int halt[2], counters[2];

	if (pipe2(halt, O_CLOEXEC) || pipe2(counters, O_CLOEXEC))
		abort();
	fflush(stdout);
	r->pid = fork();
	if (r->pid == 0) {
		struct err err = { 0 };
		struct choice c;
		int rc;

		signal(SIGPIPE, SIG_IGN);
		close(halt[1]);
		rc = choice_parse(device, &c, &err) ||
		     device_run(&c, 1, tun[0], tun[1], halt[0], counters[1], &err);
		if (rc)
			fprintf(stderr, "# %s\n", err.text);
		choice_release(&c);
		_exit(rc ? 1 : 0);
	}
	close(halt[0]);
	close(counters[1]);
	r->stop = halt[1];
	r->counters = counters[0];
}

/* Stop it by closing the descriptor; returns its exit status */
static int stop(struct running *r)
{
	char text[4096];
	size_t len = 0;
	ssize_t n;
	int status;

	close(r->stop);
	while ((n = read(r->counters, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	close(r->counters);
	waitpid(r->pid, &status, 0);
	r->result = json_loadb(text, len, 0, NULL);
	return status;
}

static long long counted(const struct running *r, const char *name)
{
	json_t *n = json_object_get(r->result, name);

	return n ? json_integer_value(n) : -1;
}

/* The next packet of a protocol from @fd, others ignored; its length, 0 if none comes */
static size_t receive(int fd, uint8_t proto, uint64_t patience_ns, struct leaving *l)
{
	uint64_t deadline = clock_ns() + patience_ns;

	for (;;) {
		uint64_t now = clock_ns();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (now >= deadline ||
		    poll(&p, 1, (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS)) <= 0)
			return 0;
		n = read(fd, l->ip, sizeof(l->ip));
		if (n <= 0)
			return 0;
		l->len = (size_t)n;
		if (packet_parse_ip(l->ip, l->len, &l->p) && l->p.proto == proto)
			return l->len;
	}
}

static void put(int fd, const struct seg *g)
{
	uint8_t ip[2048];
	size_t len = sim_build(g, ip);

	if (write(fd, ip, len) != (ssize_t)len)
		printf("# cannot send: %s\n", strerror(errno));
}

#define PUT(fd, ...) put((fd), &(const struct seg){ __VA_ARGS__ })

static void check_sockets(void)
{
	static const uint8_t udp[] = { 0x45, 0,	   0,  29,   0, 0, 0,  0, 63,  17,
				       0x63, 0xce, 10, 0,    1, 1, 10, 0, 3,   2,
				       1,    0xf4, 1,  0xf4, 0, 9, 0,  0, 0xff };
	struct leaving l = { 0 };
	struct running r;
	uint8_t ip[29];
	int out[2], in[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, in))
		abort();
	start(&r, "asa-proxy,isn-randomise=off,queue-timeout=1s", (int[]){ out[1], in[1] });
	PUT(out[0], .dir = DIR_UP, .seq = 1000, .flags = SYN);
	tap_ok(receive(in[0], 6, PATIENCE, &l) && l.p.seq == 1000, "up: a SYN");
	tap_is(l.p.ttl, 64, "its TTL has one hop back");
	tap_is(sim_sum(0, l.ip, 20), 0xffff, "the header's checksum is right");
	PUT(in[0], .dir = DIR_DOWN, .seq = 9000, .ack = 1001, .flags = SYN | ACK);
	tap_ok(receive(out[0], 6, PATIENCE, &l) && l.p.ack == 1001, "down: a SYN-ACK");
	PUT(out[0], .dir = DIR_UP, .seq = 1001, .ack = 9001, .flags = ACK);
	tap_ok(receive(in[0], 6, PATIENCE, &l), "up: an ACK");
	memcpy(ip, udp, sizeof(ip));
	if (write(in[0], ip, sizeof(ip)) != sizeof(ip))
		abort();
	tap_ok(receive(out[0], 17, PATIENCE, &l) == 29 && l.p.ttl == 64 &&
		       sim_sum(0, l.ip, 20) == 0xffff,
	       "down: UDP");
	PUT(out[0], .dir = DIR_UP, .seq = 1101, .ack = 9001, .flags = ACK, .len = 100);
	tap_ok(receive(out[0], 6, PATIENCE, &l) && l.p.ack == 1001 && l.p.payload_len == 0,
	       "a segment behind a hole: a duplicate ACK comes back");
	tap_ok(!receive(in[0], 6, NS_PER_S + 200 * NS_PER_MS, &l), "and nothing leaves");
	shutdown(in[0], SHUT_RDWR);
	close(in[0]);
	tap_is(stop(&r) != 0, 1, "a TUN that is gone is an error");
	tap_is(counted(&r, "forwarded"), 3, "counter: forwarded");
	tap_is(counted(&r, "passed-other"), 1, "counter: passed-other");
	tap_is(counted(&r, "dup-ack-sent"), 1, "counter: dup-ack-sent");
	tap_is(counted(&r, "tcp-buffer-timeout"), 1, "counter: the timeout came by itself");
	tap_is(json_object_size(r.result), COUNTER_COUNT, "all counters are in the object");
	json_decref(r.result);
	close(out[0]);
	close(out[1]);
	close(in[1]);
}

static void check_write_error(void)
{
	int out[2], full, in[2];
	struct running r;
	uint8_t chatter[48] = { 0x60, [6] = 58, [24] = 0xff, 2 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, in))
		abort();
	full = 1;
	setsockopt(in[1], SOL_SOCKET, SO_SNDBUF, &full, sizeof(full));
	while (write(in[1], chatter, sizeof(chatter)) > 0)
		;
	start(&r, "asa-bypass", (int[]){ out[1], in[1] });
	if (write(out[0], chatter, sizeof(chatter)) != sizeof(chatter))
		abort();
	PUT(out[0], .dir = DIR_UP, .seq = 1000, .flags = SYN, .len = 1000);
	PUT(in[0], .dir = DIR_DOWN, .seq = 1000, .flags = SYN);
	tap_ok(receive(out[0], 6, PATIENCE, &(struct leaving){ 0 }), "the other side goes on");
	tap_is(stop(&r), 0, "stopped in order");
	tap_is(counted(&r, "tun-write-error"), 1, "counter: tun-write-error");
	tap_is(counted(&r, "tun-not-forwarded"), 1, "counter: the node's own multicast");
	json_decref(r.result);
	close(out[0]);
	close(out[1]);
	close(in[0]);
	close(in[1]);
}

/* A TUN as the link of this name; the kernel's own packets may come out of it too */
static int neighbour(const char *name, struct nl_sock *sock, const char *v4, const char *v6)
{
	struct ifreq req = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	AUTO_CLOSE int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct err err = { 0 };
	int ifindex;

	memcpy(req.ifr_name, name, strlen(name) + 1);
	if (fd < 0 || control < 0 || ioctl(fd, TUNSETIFF, &req))
		return -1;
	req.ifr_flags = IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &req))
		return -1;
	ifindex = (int)if_nametoindex(name);
	if (link_address(sock, ifindex, v4, &err) || link_address(sock, ifindex, v6, &err)) {
		printf("# %s\n", err.text);
		return -1;
	}
	return steal_fd(&fd);
}

static bool sysctl(const char *path, const char *value)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, value, strlen(value)) > 0;
}

/* The client is 10.0.1.1 behind "outside", the head-end 10.0.3.2 on "inside": see sim_build() */
static bool build_node(int ret_link[2])
{
	AUTO_NLSOCK struct nl_sock *sock = NULL;
	struct err err = { 0 };

	if (unshare(CLONE_NEWNET) || netlink_open(&sock, &err) ||
	    !sysctl("/proc/sys/net/ipv4/ip_forward", "1") ||
	    !sysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1") ||
	    !sysctl("/proc/sys/net/ipv4/conf/default/rp_filter", "1"))
		return false;
	ret_link[0] = neighbour("outside", sock, "10.0.1.2/24", "2001:db8:1:0::2/32");
	ret_link[1] = neighbour("inside", sock, "10.0.3.1/24", "2001:db8:3::1/48");
	return ret_link[0] >= 0 && ret_link[1] >= 0;
}

static void check_kernel(void)
{
	static const uint8_t ping[] = {
		0x45, 0, 0,  28, 0, 1, 0, 0, 64,   1,	 0x64, 0xde, 10, 0,
		1,    1, 10, 0,	 1, 2, 8, 0, 0xf7, 0xfe, 0,    1,    0,	 0
	};
	struct err err = { 0 };
	struct running r;
	struct leaving l;
	int link[2], tun[2];

	if (!build_node(link)) {
		tap_skip("no right to make a network namespace with TUNs");
		return;
	}
	if (!tap_ok(device_setup_routes(&tun[0], &tun[1], &err) == 0, "routes through the TUNs")) {
		printf("# %s\n", err.text);
		return;
	}
	tap_ok(device_setup_routes(&tun[0], &tun[1], &err) < 0 && strstr(err.text, "fw-out"),
	       "a second time is an error that names the TUN");
	start(&r, "asa-proxy", tun);
	for (int version = 4; version <= 6; version += 2) {
		uint32_t client, server;

		PUT(link[0], .version = version, .dir = DIR_UP, .seq = 1000, .flags = SYN);
		tap_ok(receive(link[1], 6, PATIENCE, &l), "IPv%d: a SYN comes out inside", version);
		tap_is(l.p.ttl, 62, "the device is one hop");
		client = l.p.seq + 1;
		tap_ok(client != 1001 && sim_tcp_sum(l.ip, l.len) == 0xffff, "through the engine");
		PUT(link[1], .version = version, .dir = DIR_DOWN, .seq = 9000, .ack = client,
		    .flags = SYN | ACK);
		tap_ok(receive(link[0], 6, PATIENCE, &l) && l.p.ack == 1001 && l.p.ttl == 62,
		       "the SYN-ACK comes out outside");
		server = l.p.seq + 1;
		PUT(link[0], .version = version, .dir = DIR_UP, .seq = 1001, .ack = server,
		    .flags = ACK);
		receive(link[1], 6, PATIENCE, &l);
		PUT(link[0], .version = version, .dir = DIR_UP, .seq = 1101, .ack = server,
		    .flags = ACK, .len = 1400);
		tap_ok(receive(link[0], 6, PATIENCE, &l) && l.p.ack == 1001 && l.p.ttl == 62,
		       "behind a hole: the duplicate ACK comes out outside, as if from the peer");
		PUT(link[0], .version = version, .dir = DIR_UP, .seq = 1001, .ack = server,
		    .flags = ACK, .len = 100);
		tap_ok(receive(link[1], 6, PATIENCE, &l) && l.p.seq == client &&
			       receive(link[1], 6, PATIENCE, &l) && l.p.seq == client + 100,
		       "the hole filled: both come out inside");
	}
	if (write(link[0], ping, sizeof(ping)) != sizeof(ping))
		abort();
	tap_ok(receive(link[0], 1, PATIENCE, &l) && l.p.l4[0] == 0,
	       "the node itself answers pings");
	tap_is(stop(&r), 0, "stopped in order");
	tap_is(counted(&r, "dup-ack-sent"), 2, "counter: dup-ack-sent");
	tap_is(counted(&r, "forwarded"), 8, "counter: forwarded");
	tap_is(counted(&r, "passed-other"), 1, "what the node itself says did too");
	json_decref(r.result);
}

int main(void)
{
	check_sockets();
	check_write_error();
	check_kernel();
	return tap_done();
}
