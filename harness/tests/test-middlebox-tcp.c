// SPDX-License-Identifier: Apache-2.0
/*
 * The engine does not lie about TCP.  Two kernels' TCPs move 100 MB through each asa*
 * mode, over two links that lose 0.5 %, reorder 0.5 % and corrupt 0.05 % each, or one
 * that does twice as much:
 *
 *   client ── TAP ── link ──▶ outside │ engine │ inside ── link ── TAP ── server
 *
 * The server holds every byte against the same generator that the client sends from.
 * What the engine counts is held against what tshark finds in captures of its two sides
 * (headers only, and without the corrupted segments, as tshark would believe those), and
 * against the kernels' own counter of wrong checksums.
 *
 * No counter may move that a healthy TCP has no reason to touch.  It has one for
 *
 *   tcp-acked, tcp-dup-in-queue   retransmissions of what had arrived
 *   tcp-bad-checksum              with checksum-verification: what was corrupted
 *   tcp-not-syn                   a corrupted port: no connection has it
 *   invalid-tcp-hdr-length        a corrupted length of the header
 *   tcp-paws-fail                 a segment that was overtaken by a retransmission sent
 *                                 later, and then acknowledged: the receiver drops it, too
 *
 * What is lost behind a device that keeps the order was reported as SACK before: it is
 * repeated after a timeout of the sender, so those runs are short, and the long one of
 * asa-proxy has its losses in front of it.
 *
 * ACKs are reordered in the runs without tshark only: for tshark an ACK is a duplicate
 * if it repeats the last one that it saw, for TCP if it repeats the highest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/prng.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "tests/middlebox-sim.h"
#include "tests/root.h"
#include "tests/spec-files.h"

#define MB	   1000000ULL
#define PORT	   10000 /* of the first run; the others have those behind it */
#define ETHERNET   14
#define SNAP	   120
#define CAPTURED   60000 /* packets on both sides together: what tshark reads in seconds */
#define WINDOW	   250000 /* that the server gives at most: under 250 segments */
#define CHUNK	   65536
#define HELD_MS	   2 /* how long a frame that is overtaken waits at most */
#define PATIENCE   (120 * NS_PER_S) /* for a transfer: beyond it something is stuck */
#define LOSS	   0.005
#define OVERTAKEN  0.005
#define CORRUPTION 0.0005

enum { A, B, ENDS }; /* the client's kernel, the server's */

static const char *const addresses[ENDS][2] = { { "10.0.1.1", "10.0.1.2" },
						{ "fd00::1", "fd00::2" } };
static int ns[ENDS], tap[ENDS];

static const struct run {
	const char *device;
	int version;
	uint64_t bytes;
	enum { BOTH, OUTSIDE } where; /* the links that do harm: one of them does twice as much */
	bool acks_too; /* are reordered; then tshark is not asked */
} runs[] = {
	{ "asa", 4, 100 * MB, BOTH, false },
	{ "asa-proxy", 4, 100 * MB, OUTSIDE, false },
	{ "asa-bypass", 4, 100 * MB, BOTH, false },
	{ "asa,checksum-verification=on", 6, 10 * MB, BOTH, false },
	{ "asa-proxy,check-retransmission=on,window-variation=drop", 6, 5 * MB, BOTH, false },
	{ "asa,queue-limit=250", 4, 5 * MB, BOTH, true },
	{ "asa-proxy", 6, 5 * MB, BOTH, true },
	{ "asa", 6, 10 * MB, BOTH, true },
	{ "asa-proxy,queue-timestamp=keep", 4, 5 * MB, OUTSIDE, true },
};

/* --- a link ------------------------------------------------------------------------------- */

struct lane {
	struct prng prng;
	double loss, overtaken, corruption;
	uint8_t held[2048];
	size_t held_len;
};

struct path {
	struct engine *engine;
	struct lane lane[2][DIR_COUNT]; /* the links on the outside and on the inside */
	uint8_t macs[2][ETHERNET]; /* Ethernet header of a frame to A, to B */
	FILE *outside, *inside; /* captures; NULL: none */
	uint64_t corrupted[ENDS]; /* packets with a wrong checksum that an end received */
	uint64_t wrong; /* that the engine received */
	uint16_t port; /* of the server */
	unsigned int captured; /* packets */
	uint64_t counters[COUNTER_COUNT]; /* when the captures ended */
};

static void capture(struct path *path, FILE *f, const uint8_t *ip, size_t len)
{
	uint64_t now = clock_ns();
	uint32_t head[4] = { (uint32_t)(now / NS_PER_S), (uint32_t)(now % NS_PER_S), (uint32_t)len,
			     (uint32_t)len };
	struct packet p;

	if (!f || !packet_parse_ip(ip, len, &p) || !p.tcp || !packet_l4_checksum_ok(&p))
		return;
	head[2] = len < SNAP ? (uint32_t)len : SNAP;
	fwrite(head, sizeof(head), 1, f);
	fwrite(ip, head[2], 1, f);
	path->captured++;
}

static FILE *open_capture(const char *name)
{
	/* nanoseconds, raw IP */
	static const uint32_t head[6] = { 0xa1b23c4d, 2 | 4 << 16, 0, 0, SNAP, 101 };
	FILE *f = fopen(name, "we");

	if (!f)
		abort();
	fwrite(head, sizeof(head), 1, f);
	return f;
}

/* Out of the second link, into a kernel */
static void deliver(struct path *path, enum direction dir, const uint8_t *ip, size_t len)
{
	int end = dir == DIR_UP ? B : A;
	uint8_t frame[2048];
	struct packet p;

	if (packet_parse_ip(ip, len, &p) && p.tcp && !packet_l4_checksum_ok(&p))
		path->corrupted[end]++;
	memcpy(frame, path->macs[end], ETHERNET);
	memcpy(frame + ETHERNET, ip, len);
	if (write(tap[end], frame, len + ETHERNET) < 0)
		printf("# cannot deliver: %s\n", strerror(errno));
}

static void arrive(struct path *path, int link, enum direction dir, uint8_t *ip, size_t len);

/* What leaves the engine goes onto the link on that side */
static void leave(void *ctx, enum direction dir, const uint8_t *ip, size_t len)
{
	struct path *path = ctx;
	uint8_t copy[2048];

	capture(path, dir == DIR_UP ? path->inside : path->outside, ip, len);
	memcpy(copy, ip, len);
	arrive(path, dir == DIR_UP, dir, copy, len);
}

/* At the end of a link: the engine, or a kernel */
static void reach(struct path *path, int link, enum direction dir, const uint8_t *ip, size_t len)
{
	const struct engine_out out = { .emit = leave, .ctx = path };
	struct packet p;

	if ((link == 0) != (dir == DIR_UP)) {
		deliver(path, dir, ip, len);
		return;
	}
	path->wrong += packet_parse_ip(ip, len, &p) && p.tcp && !packet_l4_checksum_ok(&p);
	capture(path, dir == DIR_UP ? path->outside : path->inside, ip, len);
	engine_packet(path->engine, clock_ns(), dir, ip, len, &out);
}

static void release(struct path *path, int link, enum direction dir)
{
	struct lane *l = &path->lane[link][dir];
	uint8_t frame[sizeof(l->held)];
	size_t len = l->held_len;

	l->held_len = 0;
	memcpy(frame, l->held, len);
	if (len)
		reach(path, link, dir, frame, len);
}

/*
 * A packet enters a link: it is lost, damaged, overtaken by the next one, or not.  A bit
 * of the TCP segment is damaged, not of the IP header: that a router would drop.
 */
static void arrive(struct path *path, int link, enum direction dir, uint8_t *ip, size_t len)
{
	struct lane *l = &path->lane[link][dir];
	size_t head = ip[0] >> 4 == 4 ? 20 : 40;

	if (prng_unit(&l->prng) < l->loss)
		return;
	if (prng_unit(&l->prng) < l->corruption) {
		uint64_t bit = prng_u64(&l->prng) % ((len - head) * 8);

		ip[head + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	if (!l->held_len && prng_unit(&l->prng) < l->overtaken) {
		memcpy(l->held, ip, len);
		l->held_len = len;
		return;
	}
	reach(path, link, dir, ip, len);
	release(path, link, dir);
}

static bool held(const struct path *path)
{
	return path->lane[0][DIR_UP].held_len || path->lane[0][DIR_DOWN].held_len ||
	       path->lane[1][DIR_UP].held_len || path->lane[1][DIR_DOWN].held_len;
}

/* Both captures end between two packets, and the counters are those of that moment */
static void end_captures(struct path *path)
{
	if (!path->outside)
		return;
	fclose(path->outside);
	fclose(path->inside);
	path->outside = path->inside = NULL;
	memcpy(path->counters, engine_counters(path->engine), sizeof(path->counters));
}

static void carry(struct path *path, int end)
{
	enum direction dir = end == A ? DIR_UP : DIR_DOWN;
	uint8_t frame[2048];
	struct packet p;
	ssize_t n;

	for (int i = 0; i < 64 && (n = read(tap[end], frame, sizeof(frame))) > ETHERNET; i++) {
		if (!packet_parse_frame(frame, (size_t)n, &p) || !p.tcp ||
		    (end == A ? p.dport : p.sport) != path->port)
			continue; /* what is left of the run before */
		memcpy(path->macs[!end], frame, ETHERNET);
		arrive(path, end == B, dir, frame + ETHERNET, (size_t)n - ETHERNET);
		if (path->captured >= CAPTURED)
			end_captures(path);
	}
}

/* Until both processes have ended; false: they do not */
static bool forward(struct path *path, const pid_t pids[ENDS])
{
	const struct engine_out out = { .emit = leave, .ctx = path };
	struct pollfd polls[] = { { .fd = tap[A], .events = POLLIN },
				  { .fd = tap[B], .events = POLLIN },
				  { .fd = pidfd_open(pids[A], 0), .events = POLLIN },
				  { .fd = pidfd_open(pids[B], 0), .events = POLLIN } };
	uint64_t deadline = clock_ns() + PATIENCE;

	while ((polls[2].fd >= 0 || polls[3].fd >= 0) && clock_ns() < deadline) {
		int ready = poll(polls, ARRAY_SIZE(polls), held(path) ? HELD_MS : 100);

		if (ready == 0)
			for (int link = 0; link < 2; link++)
				for (enum direction dir = 0; dir < DIR_COUNT; dir++)
					release(path, link, dir);
		engine_timer(path->engine, clock_ns(), &out);
		for (int end = 0; ready > 0 && end < ENDS; end++) {
			if (polls[end].revents)
				carry(path, end);
			if (polls[2 + end].fd >= 0 && polls[2 + end].revents) {
				close(polls[2 + end].fd);
				polls[2 + end].fd = -1;
			}
		}
	}
	return polls[2].fd < 0 && polls[3].fd < 0;
}

/* --- two kernels ---------------------------------------------------------------------------- */

static int open_netlink(void *ret, struct err *err)
{
	return netlink_open(ret, err);
}

static int build_end(int end, struct err *err)
{
	struct link_end e = { .name = "link", .ifindex = 101, .mac = { 2, 0, 0, 0, 1 } };
	uint8_t peer_mac[6] = { 2, 0, 0, 0, 1, (uint8_t)(2 - end) };
	AUTO_NLSOCK struct nl_sock *nl = NULL;

	ns[end] = tap[end] = -1;
	if (netns_create(&ns[end], err) || netns_run(ns[end], open_netlink, &nl, err))
		return -1;
	e.netns_fd = ns[end];
	e.mac[5] = (uint8_t)(end + 1);
	if (link_tap(nl, &e, &tap[end], err) || link_up(nl, 101, err))
		return -1;
	for (size_t f = 0; f < 2; f++) {
		AUTO_FREE char *own = io_printf("%s/%d", addresses[f][end], f ? 64 : 24);

		if (link_address(nl, 101, own, err) ||
		    link_neighbour(nl, 101, addresses[f][!end], peer_mac, err))
			return -1;
	}
	return 0;
}

static uint16_t port_of(const struct run *r)
{
	return (uint16_t)(PORT + (r - runs));
}

static socklen_t address(const struct run *r, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (r->version == 4) {
		*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port_of(r)) };
		inet_pton(AF_INET, addresses[0][B], &v4->sin_addr);
		return sizeof(*v4);
	}
	*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port_of(r)) };
	inet_pton(AF_INET6, addresses[1][B], &v6->sin6_addr);
	return sizeof(*v6);
}

static int send_all(const struct run *r)
{
	static uint8_t buf[CHUNK];
	struct sockaddr_storage to;
	socklen_t len = address(r, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct prng prng;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, len))
		return 1;
	prng_init(&prng, 1, "data");
	for (uint64_t sent = 0; sent < r->bytes; sent += CHUNK) {
		size_t part = r->bytes - sent < CHUNK ? r->bytes - sent : CHUNK;
		struct err err = { 0 };

		prng_bytes(&prng, buf, CHUNK);
		if (io_write_all(fd, buf, part, &err))
			return 2;
	}
	shutdown(fd, SHUT_WR);
	return read(fd, buf, 1) == 0 ? 0 : 3;
}

static int receive_all(const struct run *r, int listener)
{
	static uint8_t buf[CHUNK], want[CHUNK];
	int fd = accept(listener, NULL, NULL);
	uint64_t got = 0;
	struct prng prng;
	ssize_t n;

	prng_init(&prng, 1, "data");
	while ((n = read(fd, buf, CHUNK - got % CHUNK)) > 0) {
		if (got % CHUNK == 0)
			prng_bytes(&prng, want, CHUNK);
		if (memcmp(buf, want + got % CHUNK, (size_t)n) != 0)
			return 1;
		got += (uint64_t)n;
	}
	return n == 0 && got == r->bytes ? 0 : 2;
}

struct listener {
	const struct run *run;
	int fd;
};

static int open_listener(void *arg, struct err *err)
{
	struct listener *what = arg;
	struct sockaddr_storage at;
	socklen_t len = address(what->run, &at);
	int yes = 1, window = WINDOW;

	what->fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(what->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(what->fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &window, sizeof(window));
	if (bind(what->fd, (struct sockaddr *)&at, len) || listen(what->fd, 1))
		return err_set(err, errno, "cannot listen");
	return 0;
}

struct statistic {
	const char *file, *group, *name;
	uint64_t value;
};

/* Two lines for a group: the names, then the values in the same order */
static int read_statistic(void *arg, struct err *err)
{
	struct statistic *what = arg;
	AUTO_FREE char *text = io_read_file(what->file, NULL, err);
	AUTO_FREE char *group = io_printf("%s: ", what->group);
	char *names = text ? strstr(text, group) : NULL;
	char *values = names ? strstr(names + 1, group) : NULL;
	char *name, *value;

	if (!values)
		return err_set(err, 0, "no '%s' in '%s'", what->group, what->file);
	values[-1] = '\0';
	strchrnul(values, '\n')[0] = '\0';
	while ((name = strsep(&names, " ")) && (value = strsep(&values, " ")))
		if (strcmp(name, what->name) == 0)
			what->value = strtoull(value, NULL, 10);
	return 0;
}

/* Segments with a wrong checksum that a kernel saw so far */
static uint64_t checksum_errors(int end)
{
	struct statistic s = { "/proc/thread-self/net/snmp", "Tcp", "InCsumErrors", 0 };
	struct err err = { 0 };

	netns_run(ns[end], read_statistic, &s, &err);
	return s.value;
}

/* Segments that PAWS dropped at the server */
static uint64_t paws_drops(void)
{
	struct statistic s = { "/proc/thread-self/net/netstat", "TcpExt", "PAWSEstab", 0 };
	struct err err = { 0 };

	netns_run(ns[B], read_statistic, &s, &err);
	return s.value;
}

/* --- what tshark says --------------------------------------------------------------------- */

struct opinion {
	uint64_t again, duplicates;
};

enum { TO, ACKED, UPDATE, DUPLICATE, AGAIN, FIELDS = AGAIN + 4 };

static char *run_tshark(const char *name, uint16_t port)
{
	static const char *const fields[FIELDS] = {
		[TO] = "tcp.dstport",
		[ACKED] = "tcp.ack",
		[UPDATE] = "tcp.analysis.window_update",
		[DUPLICATE] = "tcp.analysis.duplicate_ack",
		[AGAIN] = "tcp.analysis.retransmission",
		"tcp.analysis.fast_retransmission",
		"tcp.analysis.spurious_retransmission",
		"tcp.analysis.out_of_order",
	};
	AUTO_FREE char *as_data = io_printf("tcp.port==%u,data", port);
	const char *argv[8 + 2 * FIELDS + 1] = { "tshark", "-r",    name, "-n",
						 "-d",	   as_data, "-T", "fields" };
	posix_spawn_file_actions_t actions;
	struct err err = { 0 };
	int status = -1;
	pid_t pid;

	for (size_t i = 0; i < FIELDS; i++) {
		argv[8 + 2 * i] = "-e";
		argv[9 + 2 * i] = fields[i];
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "shown", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return status == 0 ? io_read_file("shown", NULL, &err) : NULL;
}

static bool ask_tshark(const char *name, uint16_t port, struct opinion *ret)
{
	AUTO_FREE char *text = run_tshark(name, port);
	char *lines = text, *line;

	*ret = (struct opinion){ 0 };
	while (lines && *lines && (line = strsep(&lines, "\n"))) {
		const char *f[FIELDS];
		bool again = false;

		for (size_t i = 0; i < FIELDS; i++)
			f[i] = line ? strsep(&line, "\t") : "";
		for (size_t i = AGAIN; i < FIELDS; i++)
			again = again || *f[i];
		ret->again += again;
		/* what repeats the SYN-ACK's number has another scale: tshark's "update" */
		ret->duplicates += strtoul(f[TO], NULL, 10) != port &&
				   (*f[DUPLICATE] || (*f[UPDATE] && strcmp(f[ACKED], "1") == 0));
	}
	return text != NULL;
}

/* --- a transfer ------------------------------------------------------------------------------- */

static struct engine *make_engine(const char *device, struct engine_config *ret)
{
	struct device_config config;
	struct choice choice;
	struct err err = { 0 };

	if (choice_parse(device, &choice, &err) ||
	    device_config_from_choice(&choice, &config, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	choice_release(&choice);
	*ret = config.engine;
	return engine_new(&config, 1);
}

static void check_counters(const struct run *r, const uint64_t *c)
{
	static const enum counter healthy[] = { COUNTER_TCP_ACKED,	  COUNTER_TCP_DUP_IN_QUEUE,
						COUNTER_TCP_BAD_CHECKSUM, COUNTER_TCP_PAWS_FAIL,
						COUNTER_TCP_NOT_SYN,	  COUNTER_TCP_BAD_HEADER };

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		bool fine = !counter_kinds[i].drop || c[i] == 0;

		for (size_t n = 0; n < ARRAY_SIZE(healthy); n++)
			fine = fine || healthy[n] == i;
		if (c[i])
			printf("# %s: %s %" PRIu64 "\n", r->device, counter_kinds[i].name, c[i]);
		if (!fine)
			tap_ok(false, "%s: %s", r->device, counter_kinds[i].name);
	}
}

static void check_opinions(const struct run *r, const uint64_t *c)
{
	struct opinion outside = { 0 }, inside = { 0 };
	bool bypass = strncmp(r->device, "asa-bypass", 10) == 0;
	uint64_t own = c[COUNTER_DUP_ACK_SENT] + c[COUNTER_ACK_SENT];

	if (!tap_ok(ask_tshark("outside.pcap", port_of(r), &outside) &&
			    ask_tshark("inside.pcap", port_of(r), &inside),
		    "%s: tshark reads both sides", r->device))
		return;
	tap_ok(outside.again > 30, "%s: %llu segments were sent again or late", r->device,
	       (unsigned long long)outside.again);
	if (!bypass) {
		tap_is(c[COUNTER_RETRANSMISSION_SEEN], outside.again,
		       "before the device: tshark's and its own retransmissions");
		tap_is(c[COUNTER_RETRANSMISSION_PASSED], inside.again, "the same behind it");
		tap_is(c[COUNTER_DUP_ACK_SEEN], inside.duplicates,
		       "duplicate ACKs that came to the device");
	} else {
		tap_is(inside.again, outside.again, "the same retransmissions on both sides");
	}
	tap_is(inside.duplicates + own, outside.duplicates,
	       "duplicate ACKs on the outside: these and %llu of its own", (unsigned long long)own);
}

static void check_transfer(const struct run *r)
{
	struct listener listener = { .run = r, .fd = -1 };
	uint64_t begun = clock_ns(), paws = paws_drops();
	const uint64_t errors[ENDS] = { checksum_errors(A), checksum_errors(B) };
	struct engine_config config;
	struct path *path = calloc(1, sizeof(*path));
	int status[ENDS] = { -1, -1 };
	struct err err = { 0 };
	const uint64_t *c;
	pid_t pids[ENDS];

	path->port = port_of(r);
	path->engine = make_engine(r->device, &config);
	for (int link = 0; link < 2; link++)
		for (enum direction dir = 0; dir < DIR_COUNT; dir++) {
			AUTO_FREE char *stream = io_printf("%s:%d:%d", r->device, link, dir);

			struct lane *l = &path->lane[link][dir];
			int times = r->where == BOTH ? 1 : link == 0 ? 2 : 0;

			prng_init(&l->prng, 1, stream);
			l->loss = LOSS * times;
			l->corruption = CORRUPTION * times;
			l->overtaken = dir == DIR_UP || r->acks_too ? OVERTAKEN * times : 0;
		}
	for (int end = 0; end < ENDS; end++) {
		uint8_t mac[ETHERNET] = { 2, 0, 0, 0, 1, (uint8_t)(end + 1),
					  2, 0, 0, 0, 1, (uint8_t)(2 - end) };

		be16(mac + 12, r->version == 4 ? 0x0800 : 0x86dd);
		memcpy(path->macs[end], mac, ETHERNET);
	}
	if (!r->acks_too) {
		path->outside = open_capture("outside.pcap");
		path->inside = open_capture("inside.pcap");
	}
	if (netns_run(ns[B], open_listener, &listener, &err)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	fflush(NULL);
	pids[A] = fork();
	if (pids[A] == 0)
		_exit(netns_enter(ns[A], &err) ? 9 : send_all(r));
	pids[B] = fork();
	if (pids[B] == 0)
		_exit(receive_all(r, listener.fd));
	close(listener.fd);
	if (!tap_ok(forward(path, pids), "%s, IPv%d: the transfer ends", r->device, r->version))
		for (int end = 0; end < ENDS; end++)
			kill(pids[end], SIGKILL);
	for (int end = 0; end < ENDS; end++)
		waitpid(pids[end], &status[end], 0);
	tap_ok(status[A] == 0 && status[B] == 0, "all %llu MB are as they were sent, in %.1f s",
	       (unsigned long long)(r->bytes / MB), (double)(clock_ns() - begun) / 1e9);
	end_captures(path);
	c = engine_counters(path->engine);
	check_counters(r, c);
	paws = paws_drops() - paws;
	if (strstr(r->device, "queue-timestamp=keep"))
		tap_ok(paws > 100, "%s: the server's PAWS drops what was held (%llu)", r->device,
		       (unsigned long long)paws);
	else
		tap_ok(paws < 20, "the server's PAWS has no reason to drop (%llu)",
		       (unsigned long long)paws);
	tap_is(checksum_errors(A) + checksum_errors(B) - errors[A] - errors[B],
	       path->corrupted[A] + path->corrupted[B], "the kernels found what was corrupted");
	if (strncmp(r->device, "asa-bypass", 10) != 0)
		tap_is(c[COUNTER_TCP_BAD_CHECKSUM] + c[COUNTER_BAD_CHECKSUM_PASSED] +
			       c[COUNTER_TCP_NOT_SYN],
		       path->wrong, "so did the device");
	if (!r->acks_too)
		check_opinions(r, path->counters);
	engine_free(path->engine);
	free(path);
}

static bool have_tshark(void)
{
	struct opinion o;
	FILE *f = open_capture("none.pcap");

	fclose(f);
	return ask_tshark("none.pcap", PORT, &o);
}

int main(void)
{
	struct err err = { 0 };

	files_begin();
	if (!root_become() || build_end(A, &err) || build_end(B, &err)) {
		printf("1..0 # SKIP not root, nor a user namespace: %s\n", err.text);
		return 0;
	}
	if (!have_tshark()) {
		printf("1..0 # SKIP tshark is not there\n");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		check_transfer(&runs[i]);
	for (int end = 0; end < ENDS; end++) {
		close(tap[end]);
		close(ns[end]);
	}
	return tap_done();
}
