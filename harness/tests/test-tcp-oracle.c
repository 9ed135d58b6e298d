// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's TCP over a link that the test forwards and damages, captured at the
 * sender: what the tracker counts, and what tshark counts.
 *
 * tshark sorts segments that it saw before into retransmissions, fast and spurious
 * ones, and takes for reordering what comes sooner than a round trip after the highest;
 * at the sender all four are the same thing, so that their sum is compared.  What it
 * calls keep-alive is a segment of one old byte or none, which a transfer has not.
 *
 * It counts duplicate ACKs of all that was sent too, as Linux sends them to say that a
 * segment came twice (RFC 2883).  RFC 5681 section 2 wants outstanding data; such an
 * ACK asks for nothing, and is left out of tshark's number here.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/prng.h"
#include "decode/tcp.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "observe/capture.h"
#include "observe/traffic.h"
#include "tests/root.h"
#include "tests/spec-files.h"

#define BYTES	4000001ULL /* long enough that some loss is followed by data, whatever the timing */
#define HELD_MS 5 /* how long a frame that is overtaken waits at most */

enum { A, B, ENDS };

static const char *const addresses[ENDS] = { "10.0.1.1", "10.0.1.2" };
static int ns[ENDS], tap[ENDS];

static const struct damage {
	const char *what;
	double data_loss, ack_loss, overtaken;
} damages[] = {
	{ "no loss", 0, 0, 0 },
	{ "loss of data", 0.02, 0, 0 },
	{ "loss in both directions", 0.03, 0.03, 0 },
	{ "reordering", 0, 0, 0.02 },
	{ "loss and reordering", 0.02, 0.02, 0.02 },
};

/* --- the link ----------------------------------------------------------------------------- */

static int open_netlink(void *ret, struct err *err)
{
	return netlink_open(ret, err);
}

static int open_server(void *ret, struct err *err)
{
	return traffic_server_open(ret, err);
}

static int build_end(int end, struct err *err)
{
	struct link_end e = { .name = "link", .ifindex = 101, .mac = { 2, 0, 0, 0, 1 } };
	uint8_t peer_mac[6] = { 2, 0, 0, 0, 1, (uint8_t)(2 - end) };
	AUTO_FREE char *own = io_printf("%s/24", addresses[end]);
	AUTO_NLSOCK struct nl_sock *nl = NULL;

	ns[end] = tap[end] = -1;
	if (netns_create(&ns[end], err) || netns_run(ns[end], open_netlink, &nl, err))
		return -1;
	e.netns_fd = ns[end];
	e.mac[5] = (uint8_t)(end + 1);
	return link_tap(nl, &e, &tap[end], err) || link_up(nl, 101, err) ||
			       link_address(nl, 101, own, err) ||
			       link_neighbour(nl, 101, addresses[!end], peer_mac, err)
		       ? -1
		       : 0;
}

static void pass(int end, const uint8_t *frame, size_t len)
{
	if (write(tap[!end], frame, len) < 0)
		_exit(1);
}

/* Ends with SIGTERM */
static void forward(const struct damage *d)
{
	struct pollfd polls[ENDS] = { { .fd = tap[A], .events = POLLIN },
				      { .fd = tap[B], .events = POLLIN } };
	uint8_t frame[2048], held[2048];
	size_t held_len = 0;
	struct prng prng;
	int ready;

	prng_init(&prng, 1, d->what);
	while ((ready = poll(polls, ENDS, held_len ? HELD_MS : -1)) >= 0) {
		for (int end = 0; end < ENDS; end++) {
			ssize_t n;

			while ((n = read(tap[end], frame, sizeof(frame))) > 0) {
				double chance = prng_unit(&prng);

				if (chance < (end == A ? d->data_loss : d->ack_loss))
					continue;
				if (end == A && !held_len && prng_unit(&prng) < d->overtaken) {
					memcpy(held, frame, (size_t)n);
					held_len = (size_t)n;
					continue;
				}
				pass(end, frame, (size_t)n);
			}
		}
		if (held_len)
			pass(A, held, held_len);
		held_len = 0;
	}
	_exit(1);
}

/* --- a transfer ----------------------------------------------------------------------------- */

static int enter_and_send(int stop_fd, int events_fd, struct err *err)
{
	static const struct traffic tcp = { .kind = TRAFFIC_TCP,
					    .bytes = BYTES,
					    .timeout_ns = 20000000000 };
	struct traffic_client client = { .flows = &tcp,
					 .len = 1,
					 .inner = { addresses[A], addresses[B] },
					 .seed = 7,
					 .stop_fd = stop_fd,
					 .events_fd = events_fd };

	return netns_enter(ns[A], err) || traffic_client_run(&client, err) ? 1 : 0;
}

static pid_t start_capture(int stop[2], struct err *err)
{
	const struct capture_end end = { ns[A], "link", "a-link" };
	AUTO_CLOSE int report = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct capture set;
	pid_t pid;

	if (pipe2(stop, O_CLOEXEC) || capture_open(&set, &end, 1, ".", err))
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		_exit(capture_run(&set, stop[0], report, err) ? 1 : 0);
	}
	capture_release(&set);
	close(stop[0]);
	return pid;
}

static pid_t start_server(int stop[2], int events, int capture_stop, struct err *err)
{
	struct traffic_server server;
	pid_t pid;

	if (pipe2(stop, O_CLOEXEC) || netns_run(ns[B], open_server, &server, err))
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		close(capture_stop); /* a copy here would hide the parent's close */
		_exit(traffic_server_run(&server, stop[0], events, err) ? 1 : 0);
	}
	traffic_server_release(&server);
	close(stop[0]);
	return pid;
}

static pid_t start_link(const struct damage *d, int stop_server, int stop_capture)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(stop_server);
		close(stop_capture);
		forward(d);
	}
	return pid;
}

/* Leaves a-link.pcapng */
static bool transfer(const struct damage *d)
{
	AUTO_CLOSE int events = open("events", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	int stop_capture[2], stop_server[2], status = -1;
	pid_t capture, server, link, client;
	struct err err = { 0 };

	capture = start_capture(stop_capture, &err);
	server = start_server(stop_server, events, stop_capture[1], &err);
	link = start_link(d, stop_server[1], stop_capture[1]);
	client = fork();
	if (client == 0) {
		close(stop_server[1]);
		close(stop_capture[1]);
		_exit(enter_and_send(-1, events, &err));
	}
	if (capture < 0 || server < 0 || link < 0 || client < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	waitpid(client, &status, 0);
	close(stop_server[1]);
	waitpid(server, NULL, 0);
	close(stop_capture[1]);
	waitpid(capture, NULL, 0);
	kill(link, SIGTERM);
	waitpid(link, NULL, 0);
	return status == 0;
}

/* --- two opinions ---------------------------------------------------------------------------- */

struct opinion {
	unsigned long long again, duplicates;
};

static struct opinion ours(void)
{
	struct opinion o = { 0 };
	struct tcp_trace tcp;
	struct err err = { 0 };
	struct trace trace;
	size_t len = 0;
	AUTO_FREE char *bytes = io_read_file("a-link.pcapng", &len, &err);

	if (!bytes || trace_read((const uint8_t *)bytes, len, &trace, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	tcp_track(&trace, &tcp);
	for (size_t i = 0; i < tcp.len; i++)
		for (int half = 0; half < 2; half++) {
			o.again += tcp.connections[i].half[half].retransmissions;
			o.duplicates += tcp.connections[i].half[half].duplicate_acks;
		}
	tcp_trace_release(&tcp);
	trace_release(&trace);
	return o;
}

/* A line for each segment, tab between: NULL: there is no tshark */
static char *ask_tshark(void)
{
	const char *const argv[] = { "tshark",
				     "-r",
				     "a-link.pcapng",
				     "-Y",
				     "tcp",
				     "-T",
				     "fields",
				     "-e",
				     "tcp.srcport",
				     "-e",
				     "tcp.len",
				     "-e",
				     "tcp.nxtseq",
				     "-e",
				     "tcp.ack",
				     "-e",
				     "tcp.analysis.duplicate_ack",
				     "-e",
				     "tcp.analysis.retransmission",
				     "-e",
				     "tcp.analysis.fast_retransmission",
				     "-e",
				     "tcp.analysis.spurious_retransmission",
				     "-e",
				     "tcp.analysis.out_of_order",
				     NULL };
	posix_spawn_file_actions_t actions;
	struct err err = { 0 };
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "shown", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return status == 0 ? io_read_file("shown", NULL, &err) : NULL;
}

static bool tsharks(struct opinion *ret)
{
	enum { PORT, LEN, NEXT, ACKED, DUPLICATE, AGAIN, FIELDS = AGAIN + 4 };
	AUTO_FREE char *text = ask_tshark();
	unsigned long sent = 0; /* relative numbers: from 0 on */
	char *lines = text, *line;

	*ret = (struct opinion){ 0 };
	while (lines && *lines && (line = strsep(&lines, "\n"))) {
		const char *f[FIELDS] = { "", "", "", "", "", "", "", "", "" };
		bool again = false;

		for (int i = 0; i < FIELDS && line; i++)
			f[i] = strsep(&line, "\t");
		for (int i = AGAIN; i < FIELDS; i++)
			again = again || *f[i];
		ret->again += again && strtoul(f[LEN], NULL, 10);
		if (strtoul(f[PORT], NULL, 10) != TRAFFIC_SINK_PORT &&
		    strtoul(f[NEXT], NULL, 10) > sent)
			sent = strtoul(f[NEXT], NULL, 10);
		ret->duplicates += *f[DUPLICATE] && strtoul(f[ACKED], NULL, 10) < sent;
	}
	return text != NULL;
}

static void compare(const struct damage *d, const struct opinion *o)
{
	struct opinion other;

	tap_ok(tsharks(&other), "%s: tshark reads it", d->what);
	tap_is(o->again, other.again, "%s: %llu segments sent again", d->what, o->again);
	tap_is(o->duplicates, other.duplicates, "%s: %llu duplicate ACKs", d->what, o->duplicates);
	tap_ok((d->data_loss > 0) <= (o->again > 0 && o->duplicates > 0), "%s: something happened",
	       d->what);
}

int main(void)
{
	struct err err = { 0 };

	files_begin();
	if (!root_become() || build_end(A, &err) || build_end(B, &err)) {
		printf("1..0 # SKIP not root, nor a user namespace: %s\n", err.text);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		bool sent = transfer(&damages[i]);
		struct opinion o = ours(), other;

		if (i == 0 && !tsharks(&other)) {
			printf("1..0 # SKIP tshark is not there\n");
			return 0;
		}
		tap_ok(sent, "%s: a transfer", damages[i].what);
		compare(&damages[i], &o);
	}
	for (int end = 0; end < ENDS; end++) {
		close(tap[end]);
		close(ns[end]);
	}
	return tap_done();
}
