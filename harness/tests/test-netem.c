// SPDX-License-Identifier: Apache-2.0
/*
 * impair/netem and the engine table on top of it, against the kernel that we run
 * on: in namespaces of our own, with two veth pairs and frames of a protocol that
 * nobody else speaks.  Skips what the kernel cannot do; the guest's can do all.
 *
 *   x0 ==veth== x1 --redirect--> y1 (netem) ==veth== y0	and back likewise
 *
 * The oracle for random losses is the kernel's own generator (taus.h): the very
 * frames that are lost are predicted, not only how many.
 */
#include "impair/netem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <math.h>
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
#include "impair/queue.h"
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
} __attribute__((packed));

/* A fresh namespace with the picture above */
struct rig {
	struct nl_sock *sock;
	int ifindex[4]; /* x0 x1 y1 y0 */
	int fd[DIR_COUNT]; /* at x0, where up begins, and at y0 */
	struct impair_link link;
	uint64_t delay_ns[FRAMES_MAX]; /* of the frame of that number; 0: not arrived */
	unsigned arrived, disorder, last_number;
	uint64_t first_ns, last_ns; /* arrivals */
};

static struct rig rig;
static bool virtual_time;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Nobody else may take a draw of the random numbers: no MLD and no RS */
static void disable_ipv6(void)
{
	AUTO_CLOSE int fd =
		open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	must((fd < 0 && errno == ENOENT) || write(fd, "1", 1) == 1, "disable_ipv6");
}

static void add_veth(const char *name, const char *peer)
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

static void set_up(int ifindex, bool up)
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
static void await_carrier(int ifindex)
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

static int open_end(int ifindex)
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

static void rig_close(void)
{
	nl_socket_free(rig.sock);
	for (int d = 0; d < DIR_COUNT; d++)
		if (rig.fd[d] > 0)
			close(rig.fd[d]);
	memset(&rig, 0, sizeof(rig));
}

static void rig_open(const struct impairment *up, const struct impairment *down)
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
		.seed = SEED,
		.sock = rig.sock,
		.ifindex = { rig.ifindex[1], rig.ifindex[2] },
	};
	tap_ok(!impair_start(&rig.link, &err), "the link starts%s%s", err.text[0] ? ": " : "",
	       err.text);
}

/* Send frames @from to @to - 1 of @len bytes at one time */
static void send_frames(enum direction d, unsigned from, unsigned to, size_t len)
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

			memcpy(bytes[n], &p, sizeof(p));
			iov[n] = (struct iovec){ bytes[n], len };
			m[n].msg_hdr = (struct msghdr){ .msg_iov = &iov[n], .msg_iovlen = 1 };
		}
		must(sendmmsg(rig.fd[d], m, n, 0) == (int)n, "send");
	}
}

static uint64_t arrival_ns(struct msghdr *m)
{
	struct timespec ts = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void note(const struct payload *p, uint64_t now)
{
	rig.arrived++;
	rig.disorder += p->number < rig.last_number;
	rig.last_number = p->number;
	rig.delay_ns[p->number] = now - p->sent_ns + 1;
	rig.first_ns = rig.first_ns ? rig.first_ns : now;
	rig.last_ns = now;
}

/* Note what has come out at the far end of @d */
static void receive_frames(enum direction d)
{
	struct payload p[BATCH];
	char control[BATCH][CMSG_SPACE(sizeof(struct timespec))];
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	int got;

	do {
		for (int n = 0; n < BATCH; n++) {
			iov[n] = (struct iovec){ &p[n], sizeof(p[n]) };
			m[n].msg_hdr = (struct msghdr){ .msg_iov = &iov[n],
							.msg_iovlen = 1,
							.msg_control = control[n],
							.msg_controllen = sizeof(control[n]) };
		}
		got = recvmmsg(rig.fd[!d], m, BATCH, 0, NULL);
		for (int n = 0; n < got; n++)
			note(&p[n], arrival_ns(&m[n].msg_hdr));
	} while (got == BATCH);
}

/* Take what comes out in the next @ns */
static void receive_for(enum direction d, uint64_t ns)
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
static void traffic(enum direction d, unsigned frames, uint64_t wait_ns)
{
	for (unsigned n = 0; n < frames; n += BATCH) {
		send_frames(d, n, n + BATCH, 100);
		receive_for(d, NS_PER_MS);
	}
	receive_for(d, wait_ns);
}

static struct impair_counters counters(enum direction d)
{
	struct impair_counters c[DIR_COUNT] = { 0 };
	struct err err = { 0 };

	tap_ok(!impair_stop(&rig.link, c, &err), "the counters can be read%s%s",
	       err.text[0] ? ": " : "", err.text);
	tap_ok(c[d].seen ==
		       c[d].dropped + c[d].overflow + c[d].failed + c[d].queued + c[d].delivered,
	       "and add up");
	return c[d];
}

/* What the link was seeded with, as impair.c derives it for direction up */
static void taus_of_link(struct taus *t)
{
	struct prng prng;

	prng_init(&prng, SEED, "netem:outside:up");
	taus_seed(t, prng_mix(prng_u64(&prng)));
}

/* Predicts each frame; with jitter, a frame that passes takes a draw for it */
static unsigned mispredicted(const struct impairment *plan, unsigned frames, unsigned *ret_lost)
{
	const struct gemodel *g = &plan->gemodel;
	unsigned wrong = 0, lost = 0;
	bool bad = false;
	struct taus t;

	taus_of_link(&t);
	for (unsigned n = 0; n < frames; n++) {
		bool loss = false;

		if (plan->has_gemodel) {
			bool was_bad = bad;

			if (taus_next(&t) / 0x1p32 < (bad ? g->r : g->p))
				bad = !bad;
			/* In the bad state the high draws lose, in the good one the low */
			loss = was_bad ? taus_next(&t) / 0x1p32 >= 1 - g->loss_bad
				       : taus_next(&t) / 0x1p32 < g->loss_good;
		} else if (plan->loss > 0) {
			loss = taus_next(&t) / 0x1p32 < plan->loss;
		}
		lost += loss;
		wrong += loss != !rig.delay_ns[n];
		if (!loss && plan->jitter_ns) {
			uint64_t draw = taus_next(&t) % (2 * (uint32_t)plan->jitter_ns);
			uint64_t delay = plan->delay_ns - plan->jitter_ns + draw;

			wrong += rig.delay_ns[n] <= delay; /* +1 in it: so not before its time */
			wrong += virtual_time && rig.delay_ns[n] > delay + NS_PER_MS / 10;
		}
	}
	*ret_lost = lost;
	return wrong;
}

static void check_delay(void)
{
	struct impairment plan = { .delay_ns = 40 * NS_PER_MS };
	uint64_t min = UINT64_MAX, max = 0;

	rig_open(&plan, NULL);
	traffic(DIR_UP, 1000, NS_PER_S);
	for (unsigned n = 0; n < 1000; n++) {
		min = rig.delay_ns[n] < min ? rig.delay_ns[n] : min;
		max = rig.delay_ns[n] > max ? rig.delay_ns[n] : max;
	}
	tap_is(rig.arrived, 1000, "all arrive");
	tap_ok(min > plan.delay_ns && min < plan.delay_ns + NS_PER_MS,
	       "40 ms measure as %.6f ms at least", (double)(min - 1) / 1e6);
	if (virtual_time)
		tap_ok(max <= plan.delay_ns + NS_PER_MS / 10, "and %.6f ms at most",
		       (double)(max - 1) / 1e6);
	tap_is(counters(DIR_UP).delivered, 1000, "delivered");
	memset(rig.delay_ns, 0, sizeof(rig.delay_ns));
	traffic(DIR_DOWN, 100, NS_PER_MS);
	tap_is(rig.arrived, 1100, "down comes at once");
	tap_is(counters(DIR_DOWN).delivered, 100, "and is counted apart");
}

/* @variance: of a single draw, with its correlations */
static void check_loss(const char *what, unsigned frames, const struct impairment *plan,
		       double want, double variance)
{
	struct netem_stats stats = { 0 };
	struct err err = { 0 };
	struct impair_counters c;
	double sigma = sqrt(frames * variance);
	unsigned predicted, wrong;

	rig_open(plan, NULL);
	tap_ok(!netem_stats(rig.sock, rig.ifindex[2], &stats, &err), "%s: statistics", what);
	traffic(DIR_UP, frames, NS_PER_S);
	c = counters(DIR_UP);
	tap_is(c.seen, frames, "%s: seen", what);
	tap_is(c.dropped, frames - rig.arrived, "%s: counted as measured", what);
	tap_is(c.overflow, 0, "%s: nothing overflowed", what);
	tap_ok(fabs((double)c.dropped - frames * want) < 4 * sigma,
	       "%s: %llu lost are within 4 sigma (%.0f) of %.0f", what,
	       (unsigned long long)c.dropped, sigma, frames * want);
	wrong = mispredicted(plan, frames, &predicted);
	if (!stats.seed)
		tap_skip("the kernel's netem has no seed (Linux 6.6)");
	else
		tap_is(wrong, 0, "%s: all %u losses are the frames that were predicted", what,
		       predicted);
}

static void check_losses(void)
{
	const double p = 0.01, r = 0.3, b = p / (p + r);
	struct impairment random = { .loss = 0.1, .delay_ns = 40 * NS_PER_MS };
	struct impairment jitter = { .loss = 0.1,
				     .delay_ns = 10 * NS_PER_MS,
				     .jitter_ns = 2 * NS_PER_MS };
	struct impairment burst = { .has_gemodel = true, .gemodel = { p, r, 1, 0 } };
	struct impairment partial = { .has_gemodel = true, .gemodel = { p, r, 0.5, 0.01 } };
	double loss = 0.01 + b * 0.49, memory = 2 * b * (1 - b) * (1 - p - r) / (p + r);

	check_loss("loss 10%", FRAMES_MAX, &random, 0.1, 0.1 * 0.9);
	check_loss("loss 10% with jitter", FRAMES_MAX / 5, &jitter, 0.1, 0.1 * 0.9);
	/* variances as in test-loss.c */
	check_loss("gemodel", FRAMES_MAX / 5, &burst, b, b * (1 - b) + memory);
	check_loss("gemodel with 1-h and 1-k", FRAMES_MAX / 5, &partial, loss,
		   loss * (1 - loss) + 0.49 * 0.49 * memory);
}

/* 1 ms of 10 Mbit/s is 1250 bytes, with the Ethernet header */
static void check_rate(void)
{
	struct impairment plan = { .rate_bps = 10000000 };
	const unsigned frames = 500;
	double took;

	rig_open(&plan, NULL);
	send_frames(DIR_UP, 0, frames, 1250);
	receive_for(DIR_UP, 2 * NS_PER_S);
	took = (double)(rig.last_ns - rig.first_ns) / 1e6;
	tap_is(rig.arrived, frames, "all arrive, in a queue of 1000");
	tap_ok(fabs(took - (frames - 1)) < 0.01 * frames, "%u frames at 10 Mbit/s take %.3f ms",
	       frames, took);
	tap_is(rig.disorder, 0, "in order");
	(void)counters(DIR_UP);
}

/* What is on the way at the arming arrives, with its delay; what comes after is lost */
static void check_arming(void)
{
	struct impairment late = { .delay_ns = 100 * NS_PER_MS, .loss = 1, .arm = ARM_UP };
	struct impairment early = { .loss = 0.5, .arm = ARM_START };
	struct err err = { 0 };
	struct impair_counters c;
	unsigned lost = 0, short_delay = 0, arrived;

	rig_open(&late, &early);
	send_frames(DIR_UP, 0, 50, 100);
	receive_for(DIR_UP, 10 * NS_PER_MS);
	tap_is(counters(DIR_UP).queued, 50, "50 are on the way");
	tap_ok(!impair_arm(&rig.link, &err), "armed%s%s", err.text[0] ? ": " : "", err.text);
	send_frames(DIR_UP, 50, 100, 100);
	receive_for(DIR_UP, NS_PER_S);
	for (unsigned n = 0; n < 100; n++) {
		lost += !rig.delay_ns[n];
		short_delay += rig.delay_ns[n] && rig.delay_ns[n] <= late.delay_ns;
	}
	tap_is(rig.arrived, 50, "they arrive");
	tap_is(lost, 50, "what was sent after is lost");
	tap_is(short_delay, 0, "none lost its delay by the arming");
	c = counters(DIR_UP);
	tap_is(c.dropped, 50, "dropped");
	tap_is(c.delivered, 50, "delivered");

	arrived = rig.arrived;
	traffic(DIR_DOWN, 1000, NS_PER_MS);
	tap_ok(rig.arrived - arrived < 600, "arm: start loses too: %u of 1000 came",
	       rig.arrived - arrived);
}

/* Planned losses and a full queue at once: the counters tell them apart */
static void check_overflow(void)
{
	struct impairment plan = { .delay_ns = NS_PER_S, .loss = 0.5, .limit = 10 };
	struct netem_stats stats = { 0 };
	struct err err = { 0 };
	struct impair_counters c;
	unsigned lost = 0;
	struct taus t;

	rig_open(&plan, NULL);
	netem_stats(rig.sock, rig.ifindex[2], &stats, &err);
	send_frames(DIR_UP, 0, 100, 100);
	c = counters(DIR_UP);
	tap_is(c.queued, 10, "the queue holds its limit");
	tap_is(c.dropped + c.overflow, 90, "the rest is lost");
	taus_of_link(&t);
	for (unsigned n = 0; n < 100; n++)
		lost += taus_next(&t) / 0x1p32 < plan.loss;
	if (!stats.seed)
		tap_skip("the kernel's netem has no seed (Linux 6.6)");
	else
		tap_is(c.dropped, lost, "by plan, of them");
	receive_for(DIR_UP, 2 * NS_PER_S);
	tap_is(rig.arrived, 10, "what was queued arrives");

	/* The far interface is down: neither lost by plan nor overflow */
	rig_open(&(struct impairment){ 0 }, NULL);
	set_up(rig.ifindex[2], false);
	send_frames(DIR_UP, 0, 1, 100);
	c = counters(DIR_UP);
	tap_is(c.failed, 1, "a frame for an interface that is down has failed");
	tap_is(c.dropped + c.overflow, 0, "and is nothing else");
}

static void check_refusals(void)
{
	uint64_t position = 1;
	struct impairment list = { .drop = &position, .drop_len = 1 };
	struct impairment jitter = { .delay_ns = 3 * NS_PER_S, .jitter_ns = 3 * NS_PER_S };
	struct impairment fast = { .rate_bps = 100000000000, .delay_ns = NS_PER_S };
	struct netem_stats stats;
	struct err err = { 0 };

	rig_open(NULL, NULL);
	tap_ok(netem_set(rig.sock, rig.ifindex[2], &list, true, 1, &err) == -1, "%s", err.text);
	tap_ok(netem_set(rig.sock, rig.ifindex[2], &jitter, true, 1, &err) == -1, "%s", err.text);
	tap_ok(netem_set(rig.sock, 12345, &fast, true, 1, &err) == -1, "no interface: %s",
	       err.text);
	tap_ok(netem_stats(rig.sock, rig.ifindex[0], &stats, &err) == -1, "no netem there: %s",
	       err.text);
	tap_ok(!netem_set(rig.sock, rig.ifindex[2], &fast, true, 1, &err), "100 Gbit/s fit");
	err_clear(&err);
	tap_ok(!netem_supported(rig.sock, &err), "supported");
	tap_ok(!netem_supported(rig.sock, &err), "and leaves nothing behind");
	tap_is(if_nametoindex("dupackprobe0"), 0, "not even a link");
}

static void check_limit(void)
{
	static const struct {
		struct impairment plan;
		uint32_t want;
	} rows[] = {
		{ { .limit = 7 }, 7 },
		{ { .limit = 7, .rate_bps = 1000000000, .delay_ns = NS_PER_S }, 7 },
		{ { .limit = UINT64_MAX }, UINT32_MAX },
		{ { .delay_ns = NS_PER_S }, 100000 },
		{ { .rate_bps = 10000000 }, 1000 },
		/* 100 Mbit/s x 200 ms = 2.5 MB, in frames of 64 bytes */
		{ { .rate_bps = 100000000, .delay_ns = 200 * NS_PER_MS }, 1000 + 39062 },
		{ { .rate_bps = 100000000,
		    .delay_ns = 100 * NS_PER_MS,
		    .jitter_ns = 100 * NS_PER_MS },
		  1000 + 39062 },
		{ { .rate_bps = 1000000000000, .delay_ns = 3600 * NS_PER_S }, UINT32_MAX },
	};

	for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
		tap_is(queue_limit(&rows[n].plan), rows[n].want, "queue limit %zu", n);
}

static bool may_use_network(void)
{
	return !unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

int main(void)
{
	struct err err = { 0 };
	AUTO_FREE char *cmdline = NULL;
	struct nl_sock *sock = NULL;
	bool supported;

	check_limit();
	if (!may_use_network()) {
		tap_skip("no network namespace here");
		return tap_done();
	}
	supported = !netlink_open(&sock, &err) && !netem_supported(sock, &err);
	nl_socket_free(sock);
	if (!supported) {
		tap_ok(err.kind == ERR_SKIP, "what is not supported is a skip");
		tap_skip(err.text);
		return tap_done();
	}
	cmdline = io_read_file("/proc/cmdline", &(size_t){ 0 }, &err);
	virtual_time = cmdline && strstr(cmdline, "time-travel=inf-cpu");
	check_delay();
	check_losses();
	check_rate();
	check_arming();
	check_overflow();
	check_refusals();
	rig_close();
	return tap_done();
}
