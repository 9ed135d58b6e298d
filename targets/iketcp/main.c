// SPDX-License-Identifier: Apache-2.0
/*
 * carrier: takes the IKE and ESP packets of the IPsec stack on this node and
 * carries them over TCP (RFC 9329).
 *
 *   IPsec stack --rule 50, table 77--> TUN iketcp0 --> carrier --TCP of the kernel--> wire
 *   IPsec stack <--- input ----------- TUN iketcp0 <-- carrier <--TCP of the kernel-- wire
 *
 * One thread, one ppoll() with the next deadline.  SIGTERM closes in order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/units.h"
#include "carrier.h"
#include "carrier/command.h"
#include "carrier/control.h"
#include "carrier/program.h"
#include "carrier/tun.h"
#include "options.h"
#include "routing.h"

#define NAME	 "iketcp"
#define TUN_NAME "iketcp0"
#define BATCH	 64 /* packets of the stack before the others have their turn */
#define ASK_MS	 5000

static const char usage[] =
	"usage: carrier --role client|headend --local ADDRESS --remote ADDRESS [--option K=V,...]...\n"
	"       carrier --ask status|down\n";

struct program {
	struct carrier carrier;
	struct world world;
	struct routing routing;
	struct address remote;
	bool client;
	int tun, signals, control;
};

static bool to_stack(void *ctx, const uint8_t *packet, size_t len)
{
	const struct program *p = ctx;

	return write(p->tun, packet, len) == (ssize_t)len;
}

static void claim(void *ctx, const struct address *peer)
{
	struct program *p = ctx;
	struct err err = { 0 };

	if (routing_claim(&p->routing, peer, &err))
		fprintf(stderr, NAME ": %s\n", err.text);
}

static void read_tun(struct program *p)
{
	uint8_t packet[DATAGRAM_MAX];

	for (int i = 0; i < BATCH; i++) {
		ssize_t len = read(p->tun, packet, sizeof(packet));

		if (len <= 0)
			return;
		carrier_from_stack(&p->carrier, packet, (size_t)len, clock_ns());
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
		carrier_down(&p->carrier);
	line = status_line(p);
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		fprintf(stderr, NAME ": cannot answer '%s': %s\n", word, strerror(errno));
}

static int loop(struct program *p, struct err *err)
{
	enum { SIGNALS, TUN, CONTROL, OURS };
	struct pollfd fds[OURS + CARRIER_CONNS_MAX + 1] = {
		[SIGNALS] = { .fd = p->signals, .events = POLLIN },
		[TUN] = { .fd = p->tun, .events = POLLIN },
		[CONTROL] = { .fd = p->control, .events = POLLIN },
	};
	bool end = false;

	while (!end) {
		size_t conns = carrier_polls(&p->carrier, fds + OURS);
		uint64_t now = clock_ns(), deadline = carrier_deadline(&p->carrier);
		uint64_t wait = deadline > now ? deadline - now : 0;
		struct timespec ts = { (time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S) };

		if (ppoll(fds, OURS + conns, deadline == UINT64_MAX ? NULL : &ts, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot wait for packets");
		}
		if (fds[TUN].revents & (POLLERR | POLLNVAL))
			return err_set(err, 0, "the TUN '" TUN_NAME "' is gone");
		carrier_polled(&p->carrier, fds + OURS, conns, clock_ns());
		if (fds[TUN].revents)
			read_tun(p);
		if (fds[CONTROL].revents)
			answer(p);
		if (fds[SIGNALS].revents && program_shall_report(p->signals, &end))
			write_statistics(p);
		carrier_expire(&p->carrier, clock_ns());
	}
	return 0;
}

static int parse_address(const char *what, const char *text, struct address *ret, struct err *err)
{
	if (!text)
		return err_set_kind(err, ERR_USAGE, "%s is missing (see --help)", what);
	ret->ipv6 = strchr(text, ':');
	if (inet_pton(ret->ipv6 ? AF_INET6 : AF_INET, text, ret->bytes) != 1)
		return err_set_kind(err, ERR_USAGE, "%s '%s' is not an address", what, text);
	return 0;
}

static int parse_ends(struct program *p, const struct command_ends *ends, struct err *err)
{
	p->client = ends->client;
	if (parse_address("--local", ends->local, &p->routing.local, err) ||
	    (p->client && parse_address("--remote", ends->remote, &p->remote, err)))
		return -1;
	if (p->client && p->remote.ipv6 != p->routing.local.ipv6)
		return err_set_kind(err, ERR_USAGE, "--local and --remote are of two families");
	return 0;
}

static int start(struct program *p, const struct profile *profile, struct err *err)
{
	struct routing *r = &p->routing;

	p->world = (struct world){ .ctx = p, .stack = to_stack, .claim = claim };
	if (program_open_signals(&p->signals, err) ||
	    tun_open(TUN_NAME, &p->tun, &r->ifindex, err) ||
	    control_listen(NAME, &p->control, err) || routing_open(r, err) ||
	    carrier_open(&p->carrier, profile, p->client, &r->local, &p->remote, &p->world, err))
		return -1;
	return program_say_ready(err);
}

static int run(void *ctx, const struct command_ends *ends, struct err *err)
{
	struct program p = { .carrier.listener = -1, .tun = -1, .signals = -1, .control = -1 };
	int rc;

	if (parse_ends(&p, ends, err))
		return -1;
	rc = start(&p, ctx, err);
	if (rc == 0) {
		rc = loop(&p, err);
		write_statistics(&p);
	}
	carrier_release(&p.carrier);
	routing_close(&p.routing);
	cleanup_close(&p.tun);
	cleanup_close(&p.control);
	cleanup_close(&p.signals);
	return rc;
}

static int option(void *ctx, const char *text, struct err *err)
{
	return options_parse(text, ctx, err);
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
			"Carries the IKE and ESP packets of the IPsec stack on this node over TCP.",
		.questions = questions,
		.option = option,
		.options_help = options_help,
		.run = run,
	};
	struct profile profile;

	options_default(&profile);
	return command_main(&command, &profile, argc, argv);
}
