/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link with netem, for the tests of it: in namespaces of our own, with two veth pairs
 * and frames of a protocol that nobody else speaks.
 *
 *   x0 ==veth== x1 --redirect--> y1 (netem) ==veth== y0	and back likewise
 */
#ifndef DUPACK_TESTS_NETEM_RIG_H
#define DUPACK_TESTS_NETEM_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/prng.h"
#include "base/units.h"
#include "impair/impair.h"
#include "impair/netem.h"
#include "net/netlink.h"
#include "tests/tap.h"
#include "tests/taus.h"

#define PROTOCOL   0x88b5 /* IEEE 802: local experimental */
#define FRAMES_MAX 100000
#define BATCH	   100
#define SEED	   42
#define OPER_UP	   6 /* IF_OPER_UP of linux/if.h, which cannot be included beside net/if.h */

struct payload {
	struct ether_header ether;
	uint32_t number;
	uint64_t sent_ns;
	uint64_t check; /* of both; behind it all is 0 */
} __attribute__((packed));

/* A fresh namespace with the picture above */
struct rig {
	struct nl_sock *sock;
	int ifindex[4]; /* x0 x1 y1 y0 */
	int fd[DIR_COUNT]; /* at x0, where up begins, and at y0 */
	struct impair_link link;
	uint64_t delay_ns[FRAMES_MAX]; /* of the frame of that number; 0: not arrived */
	uint8_t intact[FRAMES_MAX]; /* how often it arrived unchanged */
	unsigned arrived, disorder, last_number;
	uint64_t first_ns, last_ns; /* arrivals */
};

static struct rig rig;
static bool virtual_time;
static uint64_t rig_seed = SEED;

static inline void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Nobody else may take a draw of the random numbers: no MLD and no RS */
static inline void disable_ipv6(void)
{
	AUTO_CLOSE int fd =
		open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	must((fd < 0 && errno == ENOENT) || write(fd, "1", 1) == 1, "disable_ipv6");
}

static inline void add_veth(const char *name, const char *peer)
{
	struct rtnl_link *veth = rtnl_link_veth_alloc();
	struct rtnl_link *far = rtnl_link_veth_get_peer(veth);
	struct nl_msg *msg = NULL;
	struct err err = { 0 };

	rtnl_link_set_name(veth, name);
	rtnl_link_set_name(far, peer);
	rtnl_link_put(far);
	must(!rtnl_link_build_add_request(veth, NLM_F_CREATE | NLM_F_EXCL, &msg), "libnl");
	must(!netlink_talk(rig.sock, msg, &err, "cannot add '%s'", name), err.text);
	rtnl_link_veth_release(veth);
}

static inline void set_up(int ifindex, bool up)
{
	struct ifinfomsg info = { .ifi_index = ifindex,
				  .ifi_flags = up ? IFF_UP : 0,
				  .ifi_change = IFF_UP };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	struct err err = { 0 };

	nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
	must(!netlink_talk(rig.sock, msg, &err, "cannot set interface %d", ifindex), err.text);
}

/*
 * The end of a veth pair that was set up first gets its carrier when the second is,
 * and its qdisc only when the kernel's linkwatch has run: until then all is dropped.
 */
static inline void await_carrier(int ifindex)
{
	for (int ms = 0; ms < 5000; ms++) {
		struct rtnl_link *link = NULL;
		int state;

		must(!rtnl_link_get_kernel(rig.sock, ifindex, NULL, &link), "read interface");
		state = rtnl_link_get_operstate(link);
		rtnl_link_put(link);
		if (state == OPER_UP)
			return;
		ppoll(NULL, 0, &(struct timespec){ .tv_nsec = NS_PER_MS }, NULL);
	}
	must(false, "no carrier");
}

static inline int open_end(int ifindex)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(PROTOCOL),
		.sll_ifindex = ifindex,
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = 8 << 20, on = 1;

	must(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)), "packet socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	return fd;
}

static inline void rig_close(void)
{
	nl_socket_free(rig.sock);
	for (int d = 0; d < DIR_COUNT; d++)
		if (rig.fd[d] > 0)
			close(rig.fd[d]);
	memset(&rig, 0, sizeof(rig));
}

static inline void rig_open(const struct impairment *up, const struct impairment *down)
{
	static const char *const names[] = { "x0", "x1", "y1", "y0" };
	struct err err = { 0 };

	rig_close();
	must(!unshare(CLONE_NEWNET), "network namespace");
	disable_ipv6();
	must(!netlink_open(&rig.sock, &err), err.text);
	add_veth("x0", "x1");
	add_veth("y1", "y0");
	for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
		rig.ifindex[n] = (int)if_nametoindex(names[n]);
		set_up(rig.ifindex[n], true);
	}
	for (size_t n = 0; n < ARRAY_SIZE(names); n++)
		await_carrier(rig.ifindex[n]);
	rig.fd[DIR_UP] = open_end(rig.ifindex[0]);
	rig.fd[DIR_DOWN] = open_end(rig.ifindex[3]);
	rig.link = (struct impair_link){
		.engine = ENGINE_NETEM,
		.name = "outside",
		.impair = { up, down },
		.seed = rig_seed,
		.sock = rig.sock,
		.ifindex = { rig.ifindex[1], rig.ifindex[2] },
	};
	tap_ok(!impair_start(&rig.link, &err), "the link starts%s%s", err.text[0] ? ": " : "",
	       err.text);
}

/* Send frames @from to @to - 1 of @len bytes at one time */
static inline void send_frames(enum direction d, unsigned from, unsigned to, size_t len)
{
	static uint8_t bytes[BATCH][1514];
	struct mmsghdr m[BATCH] = { 0 };
	struct iovec iov[BATCH];

	while (from < to) {
		unsigned n = 0;

		for (; n < BATCH && from < to; n++, from++) {
			struct payload p = {
				.ether = { .ether_dhost = { 2, 0, 0, 0, 0, 1 },
					   .ether_shost = { 2, 0, 0, 0, 0, 2 },
					   .ether_type = htons(PROTOCOL) },
				.number = from,
				.sent_ns = clock_stamp_ns(),
			};

			p.check = prng_mix(p.number ^ p.sent_ns);
			memcpy(bytes[n], &p, sizeof(p));
			iov[n] = (struct iovec){ bytes[n], len };
			m[n].msg_hdr = (struct msghdr){ .msg_iov = &iov[n], .msg_iovlen = 1 };
		}
		must(sendmmsg(rig.fd[d], m, n, 0) == (int)n, "send");
	}
}

/* By the kernel's stamp, or now if the socket has none */
static inline uint64_t arrival_ns(struct msghdr *m)
{
	struct timespec ts = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	return ts.tv_sec ? (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec : clock_stamp_ns();
}

/* A frame of send_frames() as it was sent?  Its own addresses do not matter to anybody */
static inline bool is_intact(const uint8_t *bytes, size_t len, struct payload *ret)
{
	static const uint8_t zero[1514];

	if (len < sizeof(*ret))
		return false;
	memcpy(ret, bytes, sizeof(*ret));
	return ret->check == prng_mix(ret->number ^ ret->sent_ns) &&
	       ret->ether.ether_dhost[0] == 2 && ret->ether.ether_dhost[5] == 1 &&
	       !memcmp(ret->ether.ether_dhost + 1, zero, 4) && ret->ether.ether_shost[0] == 2 &&
	       ret->ether.ether_shost[5] == 2 && !memcmp(ret->ether.ether_shost + 1, zero, 4) &&
	       !memcmp(bytes + sizeof(*ret), zero, len - sizeof(*ret));
}

static inline void note(const uint8_t *bytes, size_t len, uint64_t now)
{
	struct payload p;

	rig.arrived++;
	if (!is_intact(bytes, len, &p))
		return;
	rig.disorder += p.number < rig.last_number;
	rig.last_number = p.number;
	rig.intact[p.number]++;
	rig.delay_ns[p.number] = now - p.sent_ns + 1;
	rig.first_ns = rig.first_ns ? rig.first_ns : now;
	rig.last_ns = now;
}

/* Note what has come out at the far end of @d */
static inline void receive_frames(enum direction d)
{
	static uint8_t bytes[BATCH][1514];
	char control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	int got;

	do {
		for (int n = 0; n < BATCH; n++) {
			iov[n] = (struct iovec){ bytes[n], sizeof(bytes[n]) };
			m[n].msg_hdr = (struct msghdr){ .msg_iov = &iov[n],
							.msg_iovlen = 1,
							.msg_control = control[n],
							.msg_controllen = sizeof(control[n]) };
		}
		got = recvmmsg(rig.fd[!d], m, BATCH, 0, NULL);
		for (int n = 0; n < got; n++)
			note(bytes[n], m[n].msg_len, arrival_ns(&m[n].msg_hdr));
	} while (got == BATCH);
}

/* Take what comes out in the next @ns */
static inline void receive_for(enum direction d, uint64_t ns)
{
	uint64_t until = clock_ns() + ns;

	for (uint64_t now; (now = clock_ns()) < until; receive_frames(d)) {
		struct pollfd p = { .fd = rig.fd[!d], .events = POLLIN };
		struct timespec left = { .tv_sec = (time_t)((until - now) / NS_PER_S),
					 .tv_nsec = (long)((until - now) % NS_PER_S) };

		ppoll(&p, 1, &left, NULL);
	}
	receive_frames(d);
}

/* A generator that sleeps between its batches, and then waits for the last to come */
static inline void traffic(enum direction d, unsigned frames, uint64_t wait_ns)
{
	for (unsigned n = 0; n < frames; n += BATCH) {
		send_frames(d, n, n + BATCH, 100);
		receive_for(d, NS_PER_MS);
	}
	receive_for(d, wait_ns);
}

static inline struct impair_counters counters(enum direction d)
{
	struct impair_counters c[DIR_COUNT] = { 0 };
	struct err err = { 0 };

	tap_ok(!impair_stop(&rig.link, c, NULL, &err), "the counters can be read%s%s",
	       err.text[0] ? ": " : "", err.text);
	tap_ok(c[d].seen + c[d].duplicated ==
		       c[d].dropped + c[d].overflow + c[d].failed + c[d].queued + c[d].delivered,
	       "and add up");
	return c[d];
}

/* What the link was seeded with, as impair.c derives it for direction up */
static inline uint64_t seed_of_link(void)
{
	struct prng prng;

	prng_init(&prng, rig_seed, "netem:outside:up");
	return prng_u64(&prng);
}

static inline void taus_of_link(struct taus *t)
{
	taus_seed(t, prng_mix(seed_of_link()));
}

/*
 * Is there a netem to test?  If not, says so and the test is over.  The guest's kernel has
 * one: harness/tests/fidelity.sh runs these tests there.
 */
static inline bool rig_supported(void)
{
	AUTO_FREE char *cmdline = NULL;
	struct nl_sock *sock = NULL;
	struct err err = { 0 };
	bool supported;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		tap_skip("no network namespace here");
		return false;
	}
	supported = !netlink_open(&sock, &err) && !netem_supported(sock, &err);
	nl_socket_free(sock);
	if (!supported) {
		tap_ok(err.kind == ERR_SKIP, "what is not supported is a skip");
		tap_skip(err.text);
		return false;
	}
	cmdline = io_read_file("/proc/cmdline", &(size_t){ 0 }, &err);
	virtual_time = cmdline && strstr(cmdline, "time-travel=inf-cpu");
	return true;
}

#endif
