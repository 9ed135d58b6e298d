// SPDX-License-Identifier: Apache-2.0
/*
 * carrier: takes the IKE and ESP packets of the IPsec stack on this node and
 * carries them over cTCP.
 *
 *   IPsec stack --rule 50, table 77--> TUN ctcp0 --> carrier --raw socket, mark--> wire
 *   IPsec stack <----- IPv4 input ---- TUN ctcp0 <-- carrier <-- packet socket --- wire
 *
 * One thread, one ppoll() with the next deadline.  SIGTERM closes in order:
 * a RST for each connection, then the routing rules.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "carrier.h"
#include "carrier/command.h"
#include "carrier/control.h"
#include "carrier/program.h"
#include "carrier/tun.h"
#include "options.h"
#include "routing.h"
#include "socket.h"

#define NAME	 "ctcp"
#define TUN_NAME "ctcp0"
#define BATCH	 64 /* packets from one descriptor before the others have their turn */
#define ASK_MS	 5000

static const char usage[] =
	"usage: carrier --role client|headend --local ADDRESS --remote ADDRESS [--option K=V,...]...\n"
	"       carrier --ask status|down\n";

struct config {
	struct peer_profile profile;
	struct options_said said;
};

struct program {
	struct carrier carrier;
	struct carrier_world world;
	struct routing routing;
	bool client;
	int tun, in, out, signals, control;
};

static bool to_wire(void *ctx, const uint8_t *packet, size_t len)
{
	const struct program *p = ctx;

	return socket_wire_write(p->out, packet, len);
}

static bool to_stack(void *ctx, const uint8_t *packet, size_t len)
{
	const struct program *p = ctx;

	return write(p->tun, packet, len) == (ssize_t)len;
}

static void claim(void *ctx, const uint8_t address[4], bool on)
{
	struct program *p = ctx;
	struct err err = { 0 };

	if (routing_claim(&p->routing, address, on, &err))
		fprintf(stderr, "ctcp: %s\n", err.text);
}

static uint32_t random32(void *ctx)
{
	uint32_t n;

	(void)ctx;
	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		abort(); /* cannot fail for so few bytes once seeded (getrandom(2)) */
	return n;
}

static void read_tun(struct program *p)
{
	uint8_t packet[CTCP_SEGMENT_MAX];

	for (int i = 0; i < BATCH; i++) {
		ssize_t len = read(p->tun, packet, sizeof(packet));

		if (len <= 0)
			return;
		carrier_from_stack(&p->carrier, packet, (size_t)len, clock_ns());
	}
}

static void read_wire(struct program *p)
{
	uint8_t packet[CTCP_SEGMENT_MAX];
	bool checked;

	for (int i = 0; i < BATCH; i++) {
		ssize_t len = socket_wire_read(p->in, packet, sizeof(packet), &checked);

		if (len < 0)
			return;
		carrier_from_wire(&p->carrier, packet, (size_t)len, checked, clock_ns());
	}
}

/* Owned by the caller */
static char *status_line(const struct program *p)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	carrier_print(&p->carrier, out);
	fclose(out);
	return text;
}

static void write_statistics(const struct program *p)
{
	AUTO_FREE char *line = status_line(p);

	program_write_statistics(NAME, p->client, line);
}

static void answer(struct program *p)
{
	char word[32];
	AUTO_CLOSE int fd = control_accept(p->control, word, sizeof(word));
	AUTO_FREE char *line = NULL;

	if (fd < 0)
		return;
	if (strcmp(word, "down") == 0)
		carrier_close(&p->carrier, clock_ns());
	line = status_line(p);
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		fprintf(stderr, "ctcp: cannot answer '%s': %s\n", word, strerror(errno));
}

static int loop(struct program *p, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = p->signals, .events = POLLIN },
		{ .fd = p->tun, .events = POLLIN },
		{ .fd = p->in, .events = POLLIN },
		{ .fd = p->control, .events = POLLIN },
	};
	bool end = false;

	for (;;) {
		uint64_t now = clock_ns(), deadline = p->carrier.deadline_ns;
		uint64_t wait = deadline > now ? deadline - now : 0;
		struct timespec ts = { (time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S) };

		if (ppoll(fds, ARRAY_SIZE(fds), deadline == UINT64_MAX ? NULL : &ts, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot wait for packets");
		}
		if (fds[0].revents && program_shall_report(p->signals, &end))
			write_statistics(p);
		if (end)
			return 0;
		if (fds[1].revents & (POLLERR | POLLNVAL))
			return err_set(err, 0, "the TUN '" TUN_NAME "' is gone");
		if (fds[1].revents)
			read_tun(p);
		if (fds[2].revents)
			read_wire(p);
		if (fds[3].revents)
			answer(p);
		carrier_expire(&p->carrier, clock_ns());
	}
}

static int parse_address(const char *what, const char *text, uint8_t ret[4], struct err *err)
{
	if (!text)
		return err_set_kind(err, ERR_USAGE, "%s is missing (see --help)", what);
	if (inet_pton(AF_INET, text, ret) != 1)
		return err_set_kind(err, ERR_USAGE, "%s '%s' is not an IPv4 address", what, text);
	return 0;
}

static int start(struct program *p, const struct config *cfg, struct err *err)
{
	struct routing *r = &p->routing;
	struct socket_filter filter = { .remote_port = p->client ? cfg->profile.port : 0 };

	r->client = p->client;
	r->port = cfg->profile.port;
	p->world = (struct carrier_world){
		.ctx = p,
		.wire = to_wire,
		.stack = to_stack,
		.claim = claim,
		.random32 = random32,
	};
	if (program_open_signals(&p->signals, err) ||
	    tun_open(TUN_NAME, &p->tun, &r->ifindex, err) ||
	    control_listen(NAME, &p->control, err) || socket_wire_out(ROUTING_MARK, &p->out, err) ||
	    routing_open(r, err) || routing_link_up(r, CTCP_TUN_MTU, err))
		return -1;
	if (!carrier_init(&p->carrier, &cfg->profile, p->client, r->local, r->remote, &p->world))
		return err_set(err, ENOMEM, "cannot start");
	memcpy(filter.local, r->local, sizeof(filter.local));
	memcpy(filter.remote, r->remote, sizeof(filter.remote));
	filter.local_port = p->carrier.local_port;
	return socket_wire_in(&filter, &p->in, err) || program_say_ready(err) ? -1 : 0;
}

static int run(void *ctx, const struct command_ends *ends, struct err *err)
{
	struct config *cfg = ctx;
	AUTO_FREE struct program *p = calloc(1, sizeof(*p)); /* large, and must not move */
	int rc;

	if (!p)
		return err_set(err, ENOMEM, "cannot start");
	p->tun = p->in = p->out = p->signals = p->control = -1;
	p->client = ends->client;
	if (parse_address("--local", ends->local, p->routing.local, err) ||
	    (p->client && parse_address("--remote", ends->remote, p->routing.remote, err)))
		return -1;
	options_settle(&cfg->profile, &cfg->said);
	rc = start(p, cfg, err);
	if (rc == 0) {
		rc = loop(p, err);
		carrier_close(&p->carrier, clock_ns());
		write_statistics(p);
	}
	carrier_release(&p->carrier);
	routing_close(&p->routing);
	cleanup_close(&p->in);
	cleanup_close(&p->out);
	cleanup_close(&p->tun);
	cleanup_close(&p->control);
	cleanup_close(&p->signals);
	return rc;
}

static int option(void *ctx, const char *text, struct err *err)
{
	struct config *cfg = ctx;

	return options_parse(text, &cfg->profile, &cfg->said, err);
}

int main(int argc, char **argv)
{
	static const struct command_question questions[] = {
		{ "status", ASK_MS },
		{ "down", ASK_MS },
		{ 0 },
	};
	static const struct command command = {
		.name = NAME,
		.usage = usage,
		.purpose =
			"Carries the IKE and ESP packets of the IPsec stack on this node over cTCP.",
		.questions = questions,
		.option = option,
		.options_help = options_help,
		.run = run,
	};
	struct config cfg = { .said = { 0 } };

	peer_profile_default(&cfg.profile);
	return command_main(&command, &cfg, argc, argv);
}
