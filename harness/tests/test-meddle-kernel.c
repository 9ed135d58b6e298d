// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's TCP through a meddlebox: two namespaces, two TAPs, and the engine
 * between them.  What is only unusual must leave a transfer intact, what is fatal
 * must end it; captures at both ends show to tshark what the switch did, and that
 * no checksum is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/prng.h"
#include "base/units.h"
#include "middlebox/engine.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "observe/capture.h"
#include "observe/traffic.h"
#include "spec/name.h"
#include "tests/root.h"
#include "tests/spec-files.h"

#define ETHERNET 14

enum { A, B, ENDS };

static const char *const addresses[2][ENDS] = { { "10.0.1.1", "10.0.1.2" },
						{ "2001:db8::1", "2001:db8::2" } };
static int ns[ENDS], tap[ENDS], version;

/* Of a capture: at least, at most so many frames for which this is true */
struct claim {
	const char *end, *filter;
	unsigned long min, max;
};

/* clang-format off */
#define NEVER(at, what) { at, what, 0, 0 }
#define EVER(at, what)	{ at, what, 1, 1000000 }
#define IPV4	4
#define BOTH	6 /* the last one */
#define REAL	0
#define TICK	(NS_PER_MS / 10)
#define SLOW	(NS_PER_S / 10)
#define UP	"tcp.dstport == 7008 && "
#define DOWN	"tcp.srcport == 7008 && "
#define ECN(is) "(ip.dsfield.ecn " is " || ipv6.tclass.ecn " is ")"

/* A transfer of @bytes, its data lost in front of the device with a chance of @loss */
static const struct row {
	const char *device;
	uint64_t bytes;
	uint64_t tick_ns; /* the device's clock: so long for each packet, or REAL */
	double loss;
	bool intact;
	int families; /* BOTH where the bytes of IP matter, or IPV4 */
	enum counter witness;
	struct claim claims[3];
} rows[] = {
	{ "meddlebox", 1000000, REAL, 0.02, true, BOTH, COUNTER_FORWARDED,
	  { EVER("a", "tcp.len > 0") } },
	{ "meddlebox,contiguous=on", 300000, REAL, 0.02, true, IPV4, COUNTER_MEDDLE_NOT_CONTIGUOUS,
	  { NEVER("b", UP "tcp.analysis.lost_segment") } },
	{ "meddlebox,proxy-ack=on", 300000, REAL, 0.02, true, IPV4, COUNTER_MEDDLE_PROXY_ACK,
	  { EVER("a", DOWN "tcp.ack > 100000") } },
	{ "meddlebox,isn-rewrite=on", 300000, REAL, 0.02, true, BOTH, COUNTER_MEDDLE_ISN,
	  { EVER("a", DOWN "tcp.options.sack_le > 0 && tcp.options.sack_le < 300100") } },
	{ "meddlebox,isn-rewrite=not-sack", 300000, REAL, 0.02, true, IPV4, COUNTER_MEDDLE_ISN,
	  { EVER("a", DOWN "tcp.options.sack_le > 1000000") } },
	{ "meddlebox,strip-options=all", 300000, REAL, 0.01, true, BOTH, COUNTER_MEDDLE_OPTIONS_STRIPPED,
	  { EVER("a", UP "tcp.options"), NEVER("b", UP "tcp.options") } },
	{ "meddlebox,strip-options=unknown,add-option=77",
	  300000, REAL, 0, true, IPV4, COUNTER_MEDDLE_OPTION_ADDED,
	  { EVER("b", UP "tcp.option_kind == 77"),
	    EVER("b", UP "tcp.options.timestamp.tsval") } },
	{ "meddlebox,bad-option=zero,options-in=syn",
	  300000, REAL, 0, true, IPV4, COUNTER_MEDDLE_BAD_OPTION,
	  { EVER("b", UP "tcp.options contains fd:00:00:00") } },
	{ "meddlebox,bad-option=past", 300000, REAL, 0, true, BOTH, COUNTER_MEDDLE_BAD_OPTION,
	  { EVER("b", UP "tcp.options contains fd:28:00:00") } },
	{ "meddlebox,mss-clamp=700", 300000, REAL, 0, true, IPV4, COUNTER_MEDDLE_MSS,
	  { EVER("b", "tcp.options.mss_val == 700"), NEVER("b", UP "tcp.options.mss_val > 700"),
	    NEVER("a", UP "tcp.len > 700") } },
	{ "meddlebox,coalesce=4kB,coalesce-hold=2ms,mss-clamp=500",
	  300000, REAL, 0.01, true, BOTH, COUNTER_MEDDLE_COALESCED,
	  { NEVER("a", UP "tcp.len > 500"), EVER("b", UP "tcp.len > 1300") } },
	{ "meddlebox,resegment=1B", 20000, REAL, 0.01, true, BOTH, COUNTER_MEDDLE_RESEGMENTED,
	  { NEVER("b", UP "tcp.len > 1"), { "b", UP "tcp.len == 1", 20000, 1000000 } } },
	{ "meddlebox,window-squeeze=3kB,direction=down",
	  100000, REAL, 0, true, IPV4, COUNTER_MEDDLE_WINDOW_SQUEEZED,
	  { EVER("b", DOWN "tcp.window_size > 3000 && tcp.flags.syn == 0"),
	    NEVER("a", DOWN "tcp.window_size > 3000 && tcp.flags.syn == 0") } },
	{ "meddlebox,window-squeeze=20kB,window-from=2ms,direction=down",
	  300000, TICK, 0, true, IPV4, COUNTER_MEDDLE_WINDOW_SHRUNK,
	  { EVER("a", DOWN "tcp.window_size > 20000 && tcp.flags.syn == 0"),
	    EVER("a", DOWN "tcp.window_size <= 20000 && tcp.flags.syn == 0") } },
	{ "meddlebox,zero-window=1500ms,zero-window-at=500ms,direction=down",
	  1000000, SLOW, 0, true, IPV4, COUNTER_MEDDLE_WINDOW_ZEROED,
	  { NEVER("b", DOWN "tcp.window_size == 0"), EVER("a", DOWN "tcp.window_size == 0") } },
	{ "meddlebox,ecn=bleach", 300000, REAL, 0, true, BOTH, COUNTER_MEDDLE_ECN,
	  { EVER("a", UP ECN("!= 0")), NEVER("b", UP ECN("!= 0")) } },
	{ "meddlebox,ecn=mark", 100000, REAL, 0, true, BOTH, COUNTER_MEDDLE_ECN,
	  { EVER("b", UP ECN("== 3")),
	    EVER("a", DOWN "tcp.flags.ece == 1 && tcp.flags.syn == 0"),
	    EVER("b", UP "tcp.flags.cwr == 1 && tcp.flags.syn == 0") } },
	{ "meddlebox,ecn=blackhole", 3000, REAL, 0, true, BOTH, COUNTER_MEDDLE_ECN_DROPPED,
	  { EVER("a", UP "tcp.len > 0 && " ECN("!= 0")),
	    EVER("a", UP "tcp.len > 0 && tcp.analysis.retransmission && " ECN("== 0")),
	    NEVER("b", UP ECN("!= 0")) } },
	{ "meddlebox,ecn=strip-setup", 20000, REAL, 0, true, BOTH, COUNTER_MEDDLE_ECN,
	  { NEVER("b", UP "tcp.flags.ece == 1"), NEVER("a", UP ECN("!= 0")) } },
	{ "meddlebox,dpi=tls,dpi-block=others", 20000, REAL, 0, false, IPV4, COUNTER_MEDDLE_DPI,
	  { EVER("b", UP "tcp.flags.syn == 1"), NEVER("b", UP "tcp.len > 0") } },
	{ "meddlebox,dpi=tls,dpi-block=others,dpi-action=rst",
	  20000, REAL, 0, false, IPV4, COUNTER_MEDDLE_DPI,
	  { EVER("a", DOWN "tcp.flags.reset == 1"), EVER("b", UP "tcp.flags.reset == 1") } },
	{ "meddlebox,dpi=tls", 20000, REAL, 0, true, IPV4, COUNTER_FORWARDED,
	  { EVER("b", UP "tcp.len > 0") } },
	{ "meddlebox,mtu=1300", 300000, REAL, 0, true, BOTH, COUNTER_MEDDLE_PTB_SENT,
	  { EVER("a", "icmp.type == 3 || icmpv6.type == 2"), NEVER("b", UP "tcp.len > 1260") } },
	{ "meddlebox,mtu=1300,ptb=lost", 20000, REAL, 0, false, BOTH, COUNTER_MEDDLE_MTU_DROPPED,
	  { NEVER("a", "icmp.type == 3 || icmpv6.type == 2"), NEVER("b", UP "tcp.len > 1260") } },
	{ "meddlebox,ptb=forged,ptb-mtu=1280", 300000, REAL, 0, true, BOTH, COUNTER_MEDDLE_PTB,
	  { EVER("a", UP "tcp.len > 1240"), EVER("a", UP "tcp.len > 1100 && tcp.len <= 1240") } },
	{ "meddlebox,inject=rst,inject-seq=outside,inject-at=1ms,inject-every=1ms,"
	  "inject-times=1000",
	  300000, TICK, 0, true, BOTH, COUNTER_MEDDLE_INJECTED,
	  { EVER("a", DOWN "tcp.flags.reset == 1"), EVER("b", UP "tcp.flags.reset == 1") } },
	{ "meddlebox,inject=syn,inject-seq=window,inject-at=1ms,inject-every=1ms,"
	  "inject-times=1000,inject-to=server",
	  300000, TICK, 0, true, IPV4, COUNTER_MEDDLE_INJECTED,
	  { { "b", UP "tcp.flags.syn == 1", 2, 1000 } } },
	{ "meddlebox,inject=rst,inject-at=1ms,inject-every=1ms,inject-times=1000,inject-to=client",
	  300000, TICK, 0, false, IPV4, COUNTER_MEDDLE_INJECTED,
	  { EVER("a", DOWN "tcp.flags.reset == 1") } },
	{ "meddlebox,police=2mbit,police-burst=3kB", 60000, REAL, 0, true, IPV4, COUNTER_MEDDLE_POLICED,
	  { EVER("a", UP "tcp.analysis.retransmission") } },
	{ "meddlebox,restart-at=2ms", 300000, TICK, 0, true, IPV4, COUNTER_MEDDLE_RESTARTED,
	  { EVER("b", UP "tcp.len > 0") } },
	{ "meddlebox,restart-at=2ms,pick-up=refuse",
	  300000, TICK, 0, false, IPV4, COUNTER_MEDDLE_PICK_UP_REFUSED,
	  { EVER("b", UP "tcp.len > 0") } },
	{ "asa-proxy,coalesce=4kB,coalesce-hold=2ms",
	  300000, REAL, 0, true, IPV4, COUNTER_MEDDLE_COALESCED,
	  { EVER("b", UP "tcp.len > 0") } },
	{ "asa-proxy,restart-at=2ms", 300000, TICK, 0, false, IPV4, COUNTER_TCP_NOT_SYN,
	  { EVER("b", UP "tcp.len > 0") } },
};

/* clang-format on */
/* --- the path ------------------------------------------------------------------------------ */

static int open_netlink(void *ret, struct err *err)
{
	return netlink_open(ret, err);
}

static int open_server(void *ret, struct err *err)
{
	return traffic_server_open(ret, err);
}

static int ask_for_ecn(void *ctx, struct err *err)
{
	AUTO_CLOSE int fd = open("/proc/sys/net/ipv4/tcp_ecn", O_WRONLY | O_CLOEXEC);

	(void)ctx;
	return fd >= 0 && write(fd, "1", 1) == 1 ? 0 : err_set(err, errno, "cannot set tcp_ecn");
}

static int build_end(int end, struct err *err)
{
	struct link_end e = { .name = "link", .ifindex = 101, .mac = { 2, 0, 0, 0, 1 } };
	uint8_t peer_mac[6] = { 2, 0, 0, 0, 1, (uint8_t)(2 - end) };
	AUTO_NLSOCK struct nl_sock *nl = NULL;

	ns[end] = tap[end] = -1;
	if (netns_create(&ns[end], err) || netns_run(ns[end], open_netlink, &nl, err) ||
	    netns_run(ns[end], ask_for_ecn, NULL, err))
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

struct link {
	uint8_t head[ENDS][ETHERNET]; /* of what an end sends */
	int counters_fd;
	struct engine *engine;
	uint64_t tick_ns, packets;
};

static uint64_t link_clock(const struct link *l)
{
	return l->tick_ns ? NS_PER_S + l->packets * l->tick_ns : clock_ns();
}

static const uint64_t *reported; /* counters of the engine that runs */
static int reported_fd;

static void emit(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	uint8_t frame[2048 + ETHERNET];
	struct link *l = ctx;
	int from = dir == DIR_UP ? A : B;

	memcpy(frame, l->head[from], ETHERNET);
	memcpy(frame + ETHERNET, ip, len);
	if (write(tap[!from], frame, len + ETHERNET) < 0 && errno != EIO)
		_exit(1);
}

static void report(int signo)
{
	(void)signo;
	_exit(write(reported_fd, reported, COUNTER_COUNT * sizeof(*reported)) < 0);
}

static struct link make_link(const struct row *row, int counters_fd)
{
	struct link l = { .counters_fd = counters_fd, .tick_ns = row->tick_ns };
	struct device_config config;
	struct choice choice;
	struct err err = { 0 };

	if (choice_parse(row->device, &choice, &err) ||
	    device_config_from_choice(&choice, &config, &err)) {
		fprintf(stderr, "# %s\n", err.text);
		_exit(1);
	}
	choice_release(&choice);
	l.engine = engine_new(&config, 1);
	for (int end = 0; end < ENDS; end++) {
		const uint8_t head[] = { 2, 0, 0, 0, 1, (uint8_t)(2 - end),
					 2, 0, 0, 0, 1, (uint8_t)(end + 1),
					 8, 0 };

		memcpy(l.head[end], head, ETHERNET);
		if (version == 6)
			memcpy(l.head[end] + 12, "\x86\xdd", 2);
	}
	return l;
}

static void carry(struct link *l, int end, struct prng *prng, double loss)
{
	const struct engine_out out = { .emit = emit, .ctx = l };
	uint8_t frame[2048];
	ssize_t n;

	while ((n = read(tap[end], frame, sizeof(frame))) > ETHERNET) {
		size_t len = (size_t)n - ETHERNET;

		if (memcmp(frame + 12, l->head[end] + 12, 2) != 0)
			continue; /* the kernel's own of the other family */
		if (end == A && len > 300 && prng_unit(prng) < loss)
			continue;
		l->packets++;
		engine_packet(l->engine, link_clock(l), end == A ? DIR_UP : DIR_DOWN,
			      frame + ETHERNET, len, &out);
	}
}

/* Ends with SIGTERM, by which it reports the counters */
static void forward(const struct row *row, int counters_fd)
{
	struct link l = make_link(row, counters_fd);
	const struct engine_out out = { .emit = emit, .ctx = &l };
	struct pollfd polls[ENDS] = { { .fd = tap[A], .events = POLLIN },
				      { .fd = tap[B], .events = POLLIN } };
	sigset_t term, none;
	struct prng prng;

	prng_init(&prng, 1, row->device);
	reported = engine_counters(l.engine);
	reported_fd = l.counters_fd;
	sigemptyset(&none);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	signal(SIGTERM, report);
	for (;;) {
		uint64_t deadline = l.tick_ns ? UINT64_MAX : engine_deadline(l.engine);
		uint64_t now = clock_ns();
		uint64_t left = deadline > now ? deadline - now : 0;
		const struct timespec ts = { .tv_sec = (time_t)(left / NS_PER_S),
					     .tv_nsec = (long)(left % NS_PER_S) };

		/* SIGTERM comes in here only */
		ppoll(polls, ENDS, deadline == UINT64_MAX ? NULL : &ts, &none);
		engine_timer(l.engine, link_clock(&l), &out);
		for (int end = 0; end < ENDS; end++)
			carry(&l, end, &prng, row->loss);
	}
}

/* --- a transfer ----------------------------------------------------------------------------- */

static pid_t start_capture(int stop[2], struct err *err)
{
	const struct capture_end ends[] = { { ns[A], "link", "a" }, { ns[B], "link", "b" } };
	AUTO_CLOSE int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct capture set;
	pid_t pid;

	if (pipe2(stop, O_CLOEXEC) || capture_open(&set, ends, ENDS, ".", err))
		return -1;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(stop[1]);
		_exit(capture_run(&set, stop[0], null, err) ? 1 : 0);
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

static int send_all(const struct row *row, int events, struct err *err)
{
	const struct traffic tcp = {
		.kind = TRAFFIC_TCP,
		.bytes = row->bytes,
		.timeout_ns = row->intact ? 20 * NS_PER_S : NS_PER_S,
	};
	const char *const *ends = addresses[version == 6];
	struct traffic_client client = { .flows = &tcp,
					 .len = 1,
					 .inner = { ends[A], ends[B] },
					 .seed = 7,
					 .stop_fd = -1,
					 .events_fd = events };

	return netns_enter(ns[A], err) || traffic_client_run(&client, err);
}

/* Leaves a.pcapng, b.pcapng and events; what the engine counted */
static void transfer(const struct row *row, uint64_t counters[COUNTER_COUNT])
{
	AUTO_CLOSE int events =
		open("events", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_APPEND, 0644);
	int stop_capture[2], stop_server[2], report_fds[2];
	pid_t capture, server, link, client;
	struct err err = { 0 };

	if (pipe2(report_fds, O_CLOEXEC))
		abort();
	capture = start_capture(stop_capture, &err);
	server = start_server(stop_server, events, stop_capture[1], &err);
	fflush(stdout);
	link = fork();
	if (link == 0) {
		close(stop_server[1]);
		close(stop_capture[1]);
		forward(row, report_fds[1]);
	}
	client = fork();
	if (client == 0) {
		close(stop_server[1]);
		close(stop_capture[1]);
		_exit(send_all(row, events, &err));
	}
	if (capture < 0 || server < 0 || link < 0 || client < 0) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	waitpid(client, NULL, 0);
	close(stop_server[1]);
	waitpid(server, NULL, 0);
	kill(link, SIGTERM);
	if (read(report_fds[0], counters, COUNTER_COUNT * sizeof(*counters)) < 0)
		abort();
	waitpid(link, NULL, 0);
	close(stop_capture[1]);
	waitpid(capture, NULL, 0);
	close(report_fds[0]);
	close(report_fds[1]);
}

static bool arrived_intact(uint64_t bytes)
{
	AUTO_FREE char *wanted =
		io_printf("\"bytes\":%llu,\"intact\":true", (unsigned long long)bytes);
	struct err err = { 0 };
	AUTO_FREE char *text = io_read_file("events", NULL, &err);
	char *to = text, *from = text;

	for (; from && *from; from++) /* without spaces, however it was printed */
		if (*from != ' ')
			*to++ = *from;
	if (to)
		*to = '\0';
	return text && strstr(text, wanted);
}

/* --- another's opinion ---------------------------------------------------------------------- */

#define FILTERS_MAX 4

/* How many frames of a capture each filter takes, by tshark; false: there is no tshark */
static bool ask_tshark(const char *end, const char *const *filters, size_t len, long *ret)
{
	AUTO_FREE char *file = io_printf("%s.pcapng", end), *stat = io_printf("io,stat,0");
	const char *argv[] = { "tshark", "-n", "-r", file, "-o", "tcp.check_checksum:TRUE",
			       "-q",	 "-z", NULL, NULL };
	posix_spawn_file_actions_t actions;
	struct err err = { 0 };
	AUTO_FREE char *text = NULL;
	int status = -1;
	char *at;
	pid_t pid;

	for (size_t i = 0; i < len; i++) {
		char *longer = io_printf("%s,%s", stat, filters[i]);

		free(stat);
		stat = longer;
	}
	argv[ARRAY_SIZE(argv) - 2] = stat;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "shown", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	posix_spawn_file_actions_addopen(&actions, 2, "said", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	if (status != 0)
		return false;
	/* | from <> to | frames | bytes | frames | bytes |: one pair for each filter */
	text = io_read_file("shown", NULL, &err);
	at = text ? strstr(text, "<>") : NULL;
	at = at ? strchr(at, '|') : NULL;
	for (size_t i = 0; i < len; i++) {
		ret[i] = at ? strtol(at + 1, NULL, 10) : -1;
		at = at ? strchr(at + 1, '|') : NULL;
		at = at ? strchr(at + 1, '|') : NULL;
	}
	return true;
}

/* The claims about one end, and that the kernel there gets no wrong checksum */
static void check_end(const struct row *row, const char *end)
{
	const struct claim bad = NEVER(end, "tcp.checksum.status == 0");
	const struct claim *claims[FILTERS_MAX] = { &bad };
	const char *filters[FILTERS_MAX] = {
		*end == 'a' ? DOWN "tcp.checksum.status == 0" : UP "tcp.checksum.status == 0",
	};
	long frames[FILTERS_MAX] = { 0 };
	size_t len = 1;

	for (size_t i = 0; i < ARRAY_SIZE(row->claims); i++) {
		if (!row->claims[i].end || strcmp(row->claims[i].end, end) != 0)
			continue;
		claims[len] = &row->claims[i];
		filters[len++] = row->claims[i].filter;
	}
	tap_ok(ask_tshark(end, filters, len, frames), "tshark reads it");
	for (size_t i = 0; i < len; i++)
		if (!tap_ok(frames[i] >= (long)claims[i]->min && frames[i] <= (long)claims[i]->max,
			    "at %s: %s %s", end, claims[i]->max ? "ever" : "never", filters[i]))
			printf("# %ld frames\n", frames[i]);
}

static void check_row(const struct row *row)
{
	uint64_t counters[COUNTER_COUNT] = { 0 };
	struct err err = { 0 };

	if (build_end(A, &err) || build_end(B, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	transfer(row, counters);
	for (int end = 0; end < ENDS; end++) { /* what the kernel learned of the path goes too */
		close(tap[end]);
		close(ns[end]);
	}
	tap_is(arrived_intact(row->bytes), row->intact, "IPv%d, %s: %s", version, row->device,
	       row->intact ? "arrives" : "does not arrive");
	tap_ok(counters[row->witness] > 0, "%s", counter_kinds[row->witness].name);
	check_end(row, "a");
	check_end(row, "b");
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	int fd;

	files_begin();
	if (!root_become() || netns_create(&fd, &err)) {
		printf("1..0 # SKIP not root, nor a user namespace: %s\n", err.text);
		return 0;
	}
	close(fd);
	if (!ask_tshark("none", NULL, 0, NULL) && access("said", F_OK) != 0) {
		printf("1..0 # SKIP tshark is not there\n");
		return 0;
	}
	for (version = 4; version <= 6; version += 2)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			if (version <= rows[i].families &&
			    (argc < 2 || strstr(rows[i].device, argv[1])))
				check_row(&rows[i]);
	return tap_done();
}
