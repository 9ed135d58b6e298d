// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic between two namespaces over a link that the test itself forwards and
 * damages, with captures at both ends: what is reported is compared with what was
 * done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "observe/capture.h"
#include "observe/payload.h"
#include "observe/traffic.h"
#include "tests/root.h"
#include "tests/tap.h"

#define PROBES 40ULL
#define BYTES  3000001ULL /* not a multiple of anything */

enum { A, B, ENDS };

static const char *const addresses[2][ENDS] = { { "10.0.1.1", "10.0.1.2" },
						{ "2001:db8:1::1", "2001:db8:1::2" } };
static int ns[ENDS], tap[ENDS];
static char folder[] = "/tmp/dupack-test-XXXXXX";

static int open_netlink(void *ret, struct err *err)
{
	return netlink_open(ret, err);
}

static int open_server(void *ret, struct err *err)
{
	return traffic_server_open(ret, err);
}

static int pin_ipv6(void *unused, struct err *err)
{
	AUTO_CLOSE int fd =
		open("/proc/sys/net/ipv6/conf/default/addr_gen_mode", O_WRONLY | O_CLOEXEC);

	(void)unused;
	return fd < 0 || write(fd, "1", 1) != 1 ? err_set(err, errno, "addr_gen_mode") : 0;
}

static int build_end(int end, struct err *err)
{
	struct link_end e = { .name = "link", .ifindex = 101, .mac = { 2, 0, 0, 0, 1 } };
	uint8_t peer_mac[6] = { 2, 0, 0, 0, 1, (uint8_t)(2 - end) };
	AUTO_NLSOCK struct nl_sock *nl = NULL;

	ns[end] = tap[end] = -1;
	if (netns_create(&ns[end], err) || netns_run(ns[end], pin_ipv6, NULL, err) ||
	    netns_run(ns[end], open_netlink, &nl, err))
		return -1;
	e.netns_fd = ns[end];
	e.mac[5] = (uint8_t)(end + 1);
	if (link_tap(nl, &e, &tap[end], err) || link_up(nl, 101, err))
		return -1;
	for (int v6 = 0; v6 < 2; v6++) {
		AUTO_FREE char *own = io_printf("%s/%d", addresses[v6][end], v6 ? 64 : 24);

		if (link_address(nl, 101, own, err) ||
		    link_neighbour(nl, 101, addresses[v6][!end], peer_mac, err))
			return -1;
	}
	return 0;
}

/* Drops every tenth UDP frame that comes from A; ends with SIGTERM */
static void forward(void)
{
	struct pollfd polls[ENDS] = { { .fd = tap[A], .events = POLLIN },
				      { .fd = tap[B], .events = POLLIN } };
	unsigned int udp = 0;

	while (ppoll(polls, ENDS, NULL, NULL) > 0)
		for (int end = 0; end < ENDS; end++) {
			unsigned char frame[2048];
			ssize_t n;

			while ((n = read(tap[end], frame, sizeof(frame))) > 0) {
				bool is_udp = n > 24 && frame[12] == 8 && frame[23] == IPPROTO_UDP;

				if (end == A && is_udp && ++udp % 10 == 0)
					continue;
				if (write(tap[!end], frame, (size_t)n) < 0)
					_exit(1);
			}
		}
	_exit(1);
}

struct events {
	unsigned int probes, errors, replies, sent, received, intact, failed, stray;
	uint64_t bytes, rtt_min, first_probe, last_probe;
	char answered[PROBES + 2];
	char why[128];
};

static void count_event(const json_t *e, struct events *ret)
{
	const char *name = json_string_value(json_object_get(e, "event"));
	uint64_t n = (uint64_t)json_integer_value(json_object_get(e, "n"));
	uint64_t t = (uint64_t)json_integer_value(json_object_get(e, "t"));
	uint64_t rtt = (uint64_t)json_integer_value(json_object_get(e, "rtt_ns"));

	if (!strcmp(name, "probe")) {
		ret->probes++;
		ret->errors += json_object_get(e, "error") != NULL;
		if (n == 1)
			ret->first_probe = t;
		ret->last_probe = t;
	} else if (!strcmp(name, "reply")) {
		ret->replies++;
		if (n <= PROBES)
			ret->answered[n] = 1;
		if (!ret->rtt_min || rtt < ret->rtt_min)
			ret->rtt_min = rtt;
	} else if (!strcmp(name, "tcp-sent")) {
		ret->sent++;
	} else if (!strcmp(name, "tcp-received")) {
		ret->received++;
		ret->bytes += (uint64_t)json_integer_value(json_object_get(e, "bytes"));
		ret->intact += json_is_true(json_object_get(e, "intact"));
	} else if (!strcmp(name, "tcp-stray")) {
		ret->stray++;
	} else if (!strcmp(name, "tcp-failed")) {
		ret->failed++;
		snprintf(ret->why, sizeof(ret->why), "%s",
			 json_string_value(json_object_get(e, "why")));
	}
}

static void read_events(const char *path, struct events *ret)
{
	struct err err = { 0 };
	AUTO_FREE char *text = io_read_file(path, NULL, &err);
	char *line = text, *next;

	memset(ret, 0, sizeof(*ret));
	for (; line && (next = strchr(line, '\n')); line = next + 1) {
		json_t *e = json_loadb(line, (size_t)(next - line), 0, NULL);

		if (!e)
			printf("# not JSON: %.*s\n", (int)(next - line), line);
		else
			count_event(e, ret);
		json_decref(e);
	}
}

struct run {
	const struct traffic *flows;
	size_t len;
	bool v6;
	bool stop_early; /* before the client has ended */
};

/* Both processes of the traffic, from start to end */
static void run_traffic(const struct run *r, struct events *ret)
{
	AUTO_FREE char *path = io_printf("%s/events", folder);
	AUTO_CLOSE int events =
		open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
	struct traffic_server server;
	struct traffic_path way = { addresses[r->v6][A], addresses[r->v6][B] };
	struct err err = { 0 };
	pid_t client_pid, server_pid;
	int stop[2], stop_client[2], status;

	if (pipe2(stop, O_CLOEXEC) || pipe2(stop_client, O_CLOEXEC))
		abort();
	if (netns_run(ns[B], open_server, &server, &err))
		printf("# %s\n", err.text);
	fflush(stdout);
	server_pid = fork();
	if (server_pid == 0) {
		close(stop[1]);
		close(stop_client[1]); /* a copy here would hide the parent's close */
		_exit(traffic_server_run(&server, stop[0], events, &err) ? 1 : 0);
	}
	traffic_server_release(&server);
	client_pid = fork();
	if (client_pid == 0) {
		struct traffic_client client = { .flows = r->flows,
						 .len = r->len,
						 .inner = way,
						 .seed = 7,
						 .stop_fd = stop_client[0],
						 .events_fd = events };

		close(stop_client[1]);
		_exit(netns_enter(ns[A], &err) || traffic_client_run(&client, &err) ? 1 : 0);
	}
	if (r->stop_early) {
		poll(NULL, 0, 200);
		close(stop_client[1]);
	}
	waitpid(client_pid, &status, 0);
	tap_is(status, 0, "the client ends well");
	close(stop[1]);
	waitpid(server_pid, &status, 0);
	tap_is(status, 0, "so does the server");
	close(stop[0]);
	close(stop_client[0]);
	if (!r->stop_early)
		close(stop_client[1]);
	read_events(path, ret);
}

static void test_traffic(void)
{
	static const struct traffic flows[] = {
		{ .kind = TRAFFIC_ECHO,
		  .interval_ns = 5 * NS_PER_MS,
		  .duration_ns = PROBES * 5 * NS_PER_MS,
		  .size = 100,
		  .timeout_ns = NS_PER_S / 2 },
		{ .kind = TRAFFIC_ECHO, .outer = true }, /* no such path: not run */
		{ .kind = TRAFFIC_TCP,
		  .start_ns = 10 * NS_PER_MS,
		  .bytes = BYTES,
		  .timeout_ns = 5 * NS_PER_S },
	};
	struct run r = { .flows = flows, .len = ARRAY_SIZE(flows) };
	struct events e;

	run_traffic(&r, &e);
	tap_is(e.probes, PROBES, "all probes were sent");
	tap_is(e.errors, 0, "without errors");
	tap_is(e.replies, PROBES - PROBES / 10, "all but the dropped ones were answered");
	tap_ok(e.answered[9] && !e.answered[10] && e.answered[11] && !e.answered[20],
	       "it is known which");
	tap_ok(e.rtt_min > 1000 && e.rtt_min < 100 * NS_PER_MS, "a round trip takes %.3f ms",
	       (double)e.rtt_min / 1e6);
	tap_ok(e.last_probe - e.first_probe >= (PROBES - 1) * 5 * NS_PER_MS - NS_PER_MS &&
		       e.last_probe - e.first_probe < (PROBES - 1) * 5 * NS_PER_MS + 50 * NS_PER_MS,
	       "the schedule does not drift: %.2f ms for 195",
	       (double)(e.last_probe - e.first_probe) / 1e6);
	tap_is(e.sent, 1, "the stream was sent");
	tap_is(e.received, 1, "and received");
	tap_is(e.bytes, BYTES, "with all its bytes");
	tap_is(e.intact, 1, "intact");
	tap_is(e.failed, 0, "nothing failed");

	r.v6 = true;
	run_traffic(&r, &e);
	tap_is(e.replies, PROBES, "IPv6: all probes are answered");
	tap_is(e.intact, 1, "IPv6: the stream is intact");
}

/* One stream from A, with no server of ours */
static void run_stream(const struct traffic_path *way, struct events *ret)
{
	static const struct traffic tcp = { .kind = TRAFFIC_TCP,
					    .bytes = 10,
					    .timeout_ns = 300 * NS_PER_MS };
	AUTO_FREE char *path = io_printf("%s/events", folder);
	AUTO_CLOSE int events = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	struct traffic_client client = {
		.flows = &tcp, .len = 1, .stop_fd = -1, .events_fd = events, .inner = *way
	};
	struct err err = { 0 };
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(netns_enter(ns[A], &err) || traffic_client_run(&client, &err) ? 1 : 0);
	waitpid(pid, &status, 0);
	tap_is(status, 0, "a stream that fails is no error of ours");
	read_events(path, ret);
	tap_is(ret->failed, 1, "but an event");
}

static void test_failures(void)
{
	static const struct traffic slow[] = {
		{ .kind = TRAFFIC_ECHO,
		  .interval_ns = NS_PER_S,
		  .duration_ns = 60 * NS_PER_S,
		  .size = 32 },
		{ .kind = TRAFFIC_TCP, .bytes = 1ULL << 40, .timeout_ns = 5 * NS_PER_S },
	};
	static const struct traffic_path strange = { "10.9.9.9", "10.0.1.2" },
					 silent = { "10.0.1.1", "10.0.1.99" };
	struct run r = { .flows = slow, .len = 2, .stop_early = true };
	struct events e;

	run_traffic(&r, &e);
	tap_is(e.probes, 1, "stopped after one probe");
	tap_str(e.why, "send: stopped", "the stream was stopped");
	tap_ok(e.received == 1 && !e.intact && e.bytes > 0,
	       "the server has it, incomplete: %llu, %d, %llu bytes",
	       (unsigned long long)e.received, (int)e.intact, (unsigned long long)e.bytes);
	run_stream(&strange, &e);
	tap_str(e.why, "connect: Cannot assign requested address", "the address is gone");
	run_stream(&silent, &e);
	tap_str(e.why, "connect: timeout", "the peer does not answer");
}

static int connect_sink(void *ret_fd, struct err *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(TRAFFIC_SINK_PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, addresses[0][B], &to.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return err_set(err, errno, "cannot connect");
	*(int *)ret_fd = fd;
	return 0;
}

/* The sink against a client of the test's own, with a byte that is wrong, or not */
static void test_sink(bool damage, struct events *ret)
{
	AUTO_FREE char *path = io_printf("%s/events", folder);
	AUTO_CLOSE int events = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	struct payload_head head = { PAYLOAD_STREAM, 3, 99 };
	struct payload_pattern pattern;
	struct traffic_server server;
	struct err err = { 0 };
	uint8_t bytes[1000];
	int stop[2], fd = -1, status;
	pid_t pid;

	if (pipe2(stop, O_CLOEXEC) || netns_run(ns[B], open_server, &server, &err))
		printf("# %s\n", err.text);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		_exit(traffic_server_run(&server, stop[0], events, &err) ? 1 : 0);
	}
	traffic_server_release(&server);
	payload_pattern_init(&pattern, 99, 3);
	payload_put_head(bytes, &head);
	payload_pattern_fill(&pattern, bytes + PAYLOAD_HEAD_LEN, sizeof(bytes) - PAYLOAD_HEAD_LEN);
	bytes[777] ^= damage;
	if (netns_run(ns[A], connect_sink, &fd, &err))
		printf("# %s\n", err.text);
	/* in two pieces, the first of which ends within the head */
	if (write(fd, bytes, 5) != 5 ||
	    write(fd, bytes + 5, sizeof(bytes) - 5) != sizeof(bytes) - 5)
		printf("# cannot send\n");
	shutdown(fd, SHUT_WR);
	if (read(fd, bytes, 1) != 0)
		printf("# the server did not close\n");
	close(fd);
	close(stop[1]);
	close(stop[0]);
	waitpid(pid, &status, 0);
	read_events(path, ret);
}

/* Datagrams that nobody answers; returns how many were sent */
static int flood(void *ret_sent, struct err *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	static char data[1400];

	(void)err;
	inet_pton(AF_INET, "10.0.1.77", &to.sin_addr);
	for (int i = 0; i < 50000; i++)
		if (sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, sizeof(to)) > 0)
			++*(int *)ret_sent;
	return 0;
}

static void test_capture(void)
{
	const struct capture_end ends[] = { { ns[A], "link", "a-link" },
					    { ns[B], "link", "b-link" } };
	static const struct traffic echo = { .kind = TRAFFIC_ECHO,
					     .interval_ns = NS_PER_MS,
					     .duration_ns = PROBES * NS_PER_MS,
					     .size = 100,
					     .timeout_ns = NS_PER_S / 5 };
	struct run r = { .flows = &echo, .len = 1 };
	struct capture set;
	struct err err = { 0 };
	struct events e;
	json_t *report, *a, *b;
	int stop[2], reports[2], sent = 0;
	pid_t pid;

	tap_is(capture_open(&set, ends, 2, folder, &err), 0, "two captures %s", err.text);
	run_traffic(&r, &e); /* before anybody reads: the kernel keeps it */
	if (pipe2(stop, O_CLOEXEC) || pipe2(reports, O_CLOEXEC))
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		_exit(capture_run(&set, stop[0], reports[1], &err) ? 1 : 0);
	}
	close(stop[1]);
	close(stop[0]);
	close(reports[1]);
	capture_release(&set);
	report = json_loadfd(reports[0], 0, NULL);
	waitpid(pid, NULL, 0);
	close(reports[0]);
	a = json_array_get(report, A);
	b = json_array_get(report, B);
	tap_str(json_string_value(json_object_get(a, "file")), "a-link.pcapng", "the first file");
	tap_is(json_integer_value(json_object_get(a, "frames")), e.probes + e.replies,
	       "A: probes and answers");
	tap_is(json_integer_value(json_object_get(b, "frames")), 2 * e.replies,
	       "B: those that came, and answers");
	tap_is(json_integer_value(json_object_get(b, "bytes")), 2 * e.replies * (100 + 42),
	       "B: their bytes");
	tap_is(json_integer_value(json_object_get(a, "lost")), 0, "none was lost");
	tap_is(json_integer_value(json_object_get(a, "oversize")), 0, "none was too large");
	json_decref(report);

	/* More than the kernel keeps: what is lost is counted */
	if (capture_open(&set, ends, 1, folder, &err) || pipe2(stop, O_CLOEXEC) ||
	    pipe2(reports, O_CLOEXEC))
		return;
	netns_run(ns[A], flood, &sent, &err);
	close(stop[1]);
	tap_is(capture_run(&set, stop[0], reports[1], &err), 0, "a flood %s", err.text);
	close(reports[1]);
	report = json_loadfd(reports[0], 0, NULL);
	a = json_array_get(report, A);
	printf("# sent %d, lost %lld\n", sent, json_integer_value(json_object_get(a, "lost")));
	tap_ok(json_integer_value(json_object_get(a, "lost")) > 0, "is too much");
	tap_is(json_integer_value(json_object_get(a, "lost")) +
		       json_integer_value(json_object_get(a, "frames")),
	       sent, "but accounted for");
	json_decref(report);
	close(reports[0]);
	close(stop[0]);
	capture_release(&set);
}

static void remove_folder(void)
{
	static const char *const files[] = { "events", "a-link.pcapng", "b-link.pcapng" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_FREE char *path = io_printf("%s/%s", folder, files[i]);

		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	struct err err = { 0 };
	struct events e;
	pid_t forwarder;

	if (!root_become() || build_end(A, &err) || build_end(B, &err) || !mkdtemp(folder)) {
		printf("1..0 # SKIP not root, nor a user namespace: %s\n", err.text);
		return 0;
	}
	forwarder = fork();
	if (forwarder == 0)
		forward();
	test_traffic();
	test_failures();
	test_sink(false, &e);
	tap_ok(e.received == 1 && e.intact == 1 && e.bytes == 1000 - PAYLOAD_HEAD_LEN,
	       "a stream in pieces is intact");
	test_sink(true, &e);
	tap_ok(e.received == 1 && e.intact == 0, "a wrong byte is noticed");
	test_capture();
	kill(forwarder, SIGTERM);
	waitpid(forwarder, NULL, 0);
	remove_folder();
	for (int end = 0; end < ENDS; end++) {
		close(tap[end]);
		close(ns[end]);
	}
	return tap_done();
}
