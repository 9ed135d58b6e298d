// SPDX-License-Identifier: Apache-2.0
/*
 * carrier: a small UDP tunnel of our own, honest unless an option says otherwise.
 *
 *   inside --route--> TUN --> tunnel --> UDP, DF set --> wire
 *
 * The route into the TUN stays while the tunnel is down, and with it nothing of the inside
 * leaves in the clear.  One thread, one ppoll() with the next deadline.  SIGTERM closes in order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "carrier/command.h"
#include "carrier/control.h"
#include "carrier/program.h"
#include "carrier/tun.h"
#include "fault.h"
#include "network.h"
#include "socket.h"
#include "tunnel.h"

#define NAME	   "mutants"
#define PORT	   51820
#define BATCH	   64 /* packets from one descriptor before the others have their turn */
#define REKEY_NS   (120 * NS_PER_S)
#define OWN_DPD_NS (5 * NS_PER_S) /* of a fault that has to see that the tunnel is down */
#define LINK_MTU   1500
#define UDP_LEN	   8
#define ASK_MS	   5000
#define UP_MS	   (24 * 3600 * 1000) /* who asks has a deadline of its own */

static const char usage[] =
	"usage: carrier --role client|headend --local ADDRESS --remote ADDRESS --inner NET\n"
	"               --psk FILE [--name NAME] [--dpd S] [--rekey S] [--option fault=NAME]\n"
	"       carrier --ask status|up|down|rekey\n";

struct config {
	const char *local, *remote, *inner, *psk, *name, *dpd, *rekey;
	bool client;
	uint64_t dpd_ns, rekey_ns;
	enum fault fault;
};

struct program {
	const struct config *config;
	struct tunnel tunnel;
	struct world world;
	struct network network;
	union address local, peer, sender;
	struct prefix address, inner;
	char address_text[INET6_ADDRSTRLEN];
	unsigned int path_mtu;
	bool client, has_peer, configured;
	int tun, udp, signals, control, waiting; /* waiting: who asked for `up` */
};

/* What a packet may have so that its message fits; the message is padded */
static unsigned int tun_mtu(const struct program *p)
{
	unsigned int ip = p->local.any.sa_family == AF_INET6 ? 40 : 20;

	return (p->path_mtu - ip - UDP_LEN - MESSAGE_OVERHEAD) / MESSAGE_PAD * MESSAGE_PAD;
}

static void complain(const struct err *err)
{
	fprintf(stderr, NAME ": %s\n", err->text);
}

/* --- what the tunnel does to the world ----------------------------------------------------- */

/* The packet is lost; from the next one on the kernel tells its sender */
static void adapt(struct program *p, const union address *to)
{
	unsigned int mtu = socket_path_mtu(&p->local, to);
	struct err err = { 0 };

	if (!mtu || mtu >= p->path_mtu)
		return;
	p->path_mtu = mtu;
	if (network_link(&p->network, true, tun_mtu(p), &err))
		complain(&err);
}

static void to_wire(void *ctx, bool to_sender, const uint8_t *bytes, size_t len)
{
	struct program *p = ctx;
	const union address *to = to_sender ? &p->sender : &p->peer;

	if (!to_sender && !p->has_peer)
		return;
	if (sendto(p->udp, bytes, len, 0, &to->any, socket_address_len(to)) < 0 &&
	    errno == EMSGSIZE)
		adapt(p, to);
}

static void follow(void *ctx)
{
	struct program *p = ctx;

	if (p->has_peer && p->config->fault == FAULT_NO_ROAMING)
		return;
	p->peer = p->sender;
	p->has_peer = true;
}

static void to_inside(void *ctx, const uint8_t *packet, size_t len)
{
	const struct program *p = ctx;

	if (write(p->tun, packet, len) < 0)
		fprintf(stderr, NAME ": cannot write to the TUN: %s\n", strerror(errno));
}

static void random_bytes(void *ctx, uint8_t *bytes, size_t len)
{
	(void)ctx;
	if (getrandom(bytes, len, 0) != (ssize_t)len)
		abort(); /* cannot fail for so few bytes once seeded (getrandom(2)) */
}

/* Owned by the caller */
static char *status_line(const struct program *p)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	tunnel_print(&p->tunnel, p->address_text, out);
	fclose(out);
	return text;
}

static void tell(int fd, const struct program *p)
{
	AUTO_FREE char *line = status_line(p);

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		fprintf(stderr, NAME ": cannot answer: %s\n", strerror(errno));
}

static void on_state(void *ctx, bool up)
{
	struct program *p = ctx;
	struct err err = { 0 };

	bool leaks = p->config->fault == FAULT_LEAKS_WHEN_DOWN ||
		     p->config->fault == FAULT_LEAKS_WHEN_UP;
	bool shut = up == (p->config->fault == FAULT_LEAKS_WHEN_DOWN);

	if (p->client && p->configured && leaks &&
	    network_route(&p->network, &p->inner, shut, &err))
		complain(&err);
	if (up && p->waiting >= 0) {
		tell(p->waiting, p);
		cleanup_close(&p->waiting);
		p->waiting = -1;
	}
}

/* --- requests ------------------------------------------------------------------------------ */

static int configure(struct program *p, struct err *err)
{
	if (network_link(&p->network, true, tun_mtu(p), err) ||
	    network_address(&p->network, &p->address, true, err) ||
	    (p->client && network_route(&p->network, &p->inner, true, err)))
		return -1;
	p->configured = true;
	return 0;
}

/* All that configure() did */
static int unconfigure(struct program *p, struct err *err)
{
	p->configured = false;
	if (p->config->fault == FAULT_LEAVES_ADDRESS)
		return 0;
	return network_link(&p->network, false, LINK_MTU, err) ||
			       network_address(&p->network, &p->address, false, err)
		       ? -1
		       : 0;
}

static int answer(struct program *p, struct err *err)
{
	char word[32];
	AUTO_CLOSE int fd = control_accept(p->control, word, sizeof(word));

	if (fd < 0)
		return 0;
	if (strcmp(word, "up") == 0) {
		if (configure(p, err))
			return -1;
		tunnel_up(&p->tunnel, clock_ns());
		if (!p->tunnel.up && p->waiting < 0) {
			p->waiting = steal_fd(&fd);
			return 0;
		}
	} else if (strcmp(word, "rekey") == 0) {
		if (!tunnel_rekey(&p->tunnel, clock_ns()))
			return 0; /* no answer is no */
	} else if (strcmp(word, "down") == 0 && p->config->fault != FAULT_IGNORES_DOWN) {
		tunnel_down(&p->tunnel, clock_ns());
		if (unconfigure(p, err))
			return -1;
	}
	tell(fd, p);
	return 0;
}

static void read_tun(struct program *p)
{
	uint8_t packet[MESSAGE_MAX];

	for (int i = 0; i < BATCH; i++) {
		ssize_t len = read(p->tun, packet, sizeof(packet));

		if (len <= 0)
			return;
		tunnel_from_inside(&p->tunnel, packet, (size_t)len, clock_ns());
	}
}

static void read_udp(struct program *p)
{
	uint8_t bytes[MESSAGE_MAX];

	for (int i = 0; i < BATCH; i++) {
		socklen_t size = sizeof(p->sender);
		ssize_t len = recvfrom(p->udp, bytes, sizeof(bytes), 0, &p->sender.any, &size);

		if (len < 0)
			return;
		if (len > 0)
			tunnel_from_wire(&p->tunnel, bytes, (size_t)len, clock_ns());
	}
}

static int loop(struct program *p, struct err *err)
{
	enum { SIGNALS, TUN, UDP, CONTROL };
	struct pollfd fds[] = {
		[SIGNALS] = { .fd = p->signals, .events = POLLIN },
		[TUN] = { .fd = p->tun, .events = POLLIN },
		[UDP] = { .fd = p->udp, .events = POLLIN },
		[CONTROL] = { .fd = p->control, .events = POLLIN },
	};
	bool end = false;

	while (!end) {
		uint64_t now = clock_ns(), deadline = tunnel_deadline(&p->tunnel);
		uint64_t wait = deadline > now ? deadline - now : 0;
		struct timespec ts = { (time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S) };

		if (ppoll(fds, ARRAY_SIZE(fds), deadline == UINT64_MAX ? NULL : &ts, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot wait for packets");
		}
		if (fds[UDP].revents)
			read_udp(p);
		if (fds[TUN].revents)
			read_tun(p);
		if (fds[CONTROL].revents && answer(p, err))
			return -1;
		if (fds[SIGNALS].revents)
			(void)program_shall_report(p->signals, &end);
		tunnel_expire(&p->tunnel, clock_ns());
	}
	return 0;
}

/* --- start ---------------------------------------------------------------------------------- */

static int parse_prefix(const char *text, struct prefix *ret, struct err *err)
{
	const char *slash = text ? strchr(text, '/') : NULL;
	AUTO_FREE char *address = slash ? strndup(text, (size_t)(slash - text)) : NULL;
	uint64_t bits;

	ret->len = address && strchr(address, ':') ? 16 : 4;
	if (!address || units_count(slash + 1, &bits) || bits > 8 * ret->len ||
	    inet_pton(ret->len == 16 ? AF_INET6 : AF_INET, address, ret->bytes) != 1)
		return err_set_kind(err, ERR_USAGE, "--inner '%s' is not a network",
				    text ? text : "");
	ret->bits = (uint8_t)bits;
	return 0;
}

/* The inner addresses are of the family of what is behind the head-end: 10.7.0.2, 2001:db8:7::1 */
static int choose_address(struct program *p, struct err *err)
{
	bool ipv6 = p->inner.len == 16;

	p->address = (struct prefix){ .len = p->inner.len, .bits = ipv6 ? 64 : 24 };
	snprintf(p->address_text, sizeof(p->address_text), "%s%d",
		 ipv6 ? "2001:db8:7::" : "10.7.0.", p->client ? 2 : 1);
	if (inet_pton(ipv6 ? AF_INET6 : AF_INET, p->address_text, p->address.bytes) != 1)
		return err_set(err, 0, "cannot read '%s'", p->address_text);
	return 0;
}

static int read_psk(const char *path, struct psk *ret, struct err *err)
{
	size_t len = 0;
	AUTO_FREE char *text = path ? io_read_file(path, &len, err) : NULL;

	if (!path)
		return err_set_kind(err, ERR_USAGE, "--psk is missing (see --help)");
	if (!text)
		return -1;
	if (!len || len > sizeof(ret->bytes))
		return err_set_kind(err, ERR_USAGE, "the key in '%s' has 1 to %d bytes", path,
				    MESSAGE_PSK_MAX);
	memcpy(ret->bytes, text, len);
	ret->len = len;
	return 0;
}

static int parse_ends(struct program *p, struct psk *ret_psk, struct err *err)
{
	const struct config *c = p->config;

	p->client = p->has_peer = c->client;
	if (socket_address("--local", c->local, p->client ? 0 : PORT, &p->local, err) ||
	    (p->client && socket_address("--remote", c->remote, PORT, &p->peer, err)) ||
	    parse_prefix(c->inner, &p->inner, err) || choose_address(p, err))
		return -1;
	return read_psk(c->psk, ret_psk, err);
}

static int start(struct program *p, struct err *err)
{
	const struct config *c = p->config;
	/* who roams must not be bound to the address that it had */
	union address any = { .any.sa_family = p->local.any.sa_family };
	int ifindex;

	if (program_open_signals(&p->signals, err) || tun_open(c->name, &p->tun, &ifindex, err) ||
	    network_open(&p->network, ifindex, err) || control_listen(NAME, &p->control, err) ||
	    socket_open(p->client ? &any : &p->local, c->fault == FAULT_IGNORES_TOO_BIG, &p->udp,
			err) ||
	    (!p->client && configure(p, err)))
		return -1;
	if (p->client)
		p->local = any;
	if (p->client && c->fault == FAULT_UP_UNASKED) {
		if (configure(p, err))
			return -1;
		tunnel_up(&p->tunnel, clock_ns());
	}
	return program_say_ready(err);
}

/* Seconds, NULL or "" as not said */
static int seconds(const char *text, uint64_t *ret_ns, struct err *err)
{
	uint64_t n;

	if (!text || !*text)
		return 0;
	if (units_count(text, &n) || n > 86400)
		return err_set_kind(err, ERR_USAGE, "'%s' is not a number of seconds", text);
	*ret_ns = n * NS_PER_S;
	return 0;
}

static int run(void *ctx, const struct command_ends *ends, struct err *err)
{
	struct config *c = ctx;
	AUTO_FREE struct program *p = calloc(1, sizeof(*p));
	struct psk psk = { .len = 0 };
	int rc;

	if (!p)
		return err_set(err, ENOMEM, "cannot start");
	*p = (struct program){ .config = c,
			       .path_mtu = LINK_MTU,
			       .tun = -1,
			       .udp = -1,
			       .signals = -1,
			       .control = -1,
			       .waiting = -1 };
	p->world = (struct world){ .ctx = p,
				   .send = to_wire,
				   .follow = follow,
				   .inside = to_inside,
				   .state = on_state,
				   .random = random_bytes };
	c->client = ends->client;
	c->local = ends->local;
	c->remote = ends->remote;
	if (seconds(c->dpd, &c->dpd_ns, err) || seconds(c->rekey, &c->rekey_ns, err) ||
	    parse_ends(p, &psk, err))
		return -1;
	if (c->fault == FAULT_LEAKS_WHEN_DOWN && !c->dpd_ns)
		c->dpd_ns = OWN_DPD_NS;
	tunnel_init(&p->tunnel, p->client, &psk, c->fault, c->dpd_ns, c->rekey_ns, &p->world);
	rc = start(p, err);
	if (rc == 0) {
		AUTO_FREE char *line = NULL;

		rc = loop(p, err);
		line = status_line(p);
		tunnel_down(&p->tunnel, clock_ns());
		program_write_statistics(NAME, p->client, line);
	}
	network_close(&p->network);
	cleanup_close(&p->waiting);
	cleanup_close(&p->udp);
	cleanup_close(&p->tun);
	cleanup_close(&p->control);
	cleanup_close(&p->signals);
	return rc;
}

static int option(void *ctx, const char *text, struct err *err)
{
	struct config *c = ctx;

	return fault_parse(text, &c->fault, err);
}

int main(int argc, char **argv)
{
	/* `up` is answered when it is up; a carrier that ends before answers nothing */
	static const struct command_question questions[] = {
		{ "status", ASK_MS }, { "up", UP_MS }, { "down", ASK_MS },
		{ "rekey", ASK_MS },  { 0 },
	};
	struct config cfg = { .name = "vpn0", .rekey_ns = REKEY_NS };
	const struct command_flag flags[] = {
		{ "inner", &cfg.inner }, { "psk", &cfg.psk },	  { "name", &cfg.name },
		{ "dpd", &cfg.dpd },	 { "rekey", &cfg.rekey }, { 0 },
	};
	const struct command command = {
		.name = NAME,
		.usage = usage,
		.purpose = "A UDP tunnel with a pre-shared key, for tests.",
		.questions = questions,
		.flags = flags,
		.option = option,
		.options_help = fault_help,
		.run = run,
	};

	return command_main(&command, &cfg, argc, argv);
}
