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
#include <getopt.h>
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

struct config {
	const char *role, *local, *remote, *ask;
	struct profile profile;
};

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

static int parse_ends(struct program *p, const struct config *cfg, struct err *err)
{
	if (!cfg->role || (strcmp(cfg->role, "client") != 0 && strcmp(cfg->role, "headend") != 0))
		return err_set_kind(err, ERR_USAGE, "--role is 'client' or 'headend', not '%s'",
				    cfg->role ? cfg->role : "");
	p->client = strcmp(cfg->role, "client") == 0;
	if (parse_address("--local", cfg->local, &p->routing.local, err) ||
	    (p->client && parse_address("--remote", cfg->remote, &p->remote, err)))
		return -1;
	if (p->client && p->remote.ipv6 != p->routing.local.ipv6)
		return err_set_kind(err, ERR_USAGE, "--local and --remote are of two families");
	return 0;
}

static int start(struct program *p, const struct config *cfg, struct err *err)
{
	struct routing *r = &p->routing;

	p->world = (struct world){ .ctx = p, .stack = to_stack, .claim = claim };
	if (program_open_signals(&p->signals, err) ||
	    tun_open(TUN_NAME, &p->tun, &r->ifindex, err) ||
	    control_listen(NAME, &p->control, err) || routing_open(r, err) ||
	    carrier_open(&p->carrier, &cfg->profile, p->client, &r->local, &p->remote, &p->world,
			 err))
		return -1;
	return program_say_ready(err);
}

static int run(const struct config *cfg, struct err *err)
{
	struct program p = { .carrier.listener = -1, .tun = -1, .signals = -1, .control = -1 };
	int rc;

	if (parse_ends(&p, cfg, err))
		return -1;
	rc = start(&p, cfg, err);
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

static int ask(const char *word, struct err *err)
{
	AUTO_FREE char *text = NULL;

	if (strcmp(word, "status") != 0 && strcmp(word, "down") != 0)
		return err_set_kind(err, ERR_USAGE, "--ask 'status' or 'down', not '%s'", word);
	if (control_ask(NAME, word, ASK_MS, &text, err))
		return -1;
	fputs(text, stdout);
	return 0;
}

static void help(void)
{
	fputs(usage, stdout);
	puts("Carries the IKE and ESP packets of the IPsec stack on this node over TCP.\nOptions:");
	options_help(stdout);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "role", required_argument, NULL, 'R' },
		{ "local", required_argument, NULL, 'l' },
		{ "remote", required_argument, NULL, 'r' },
		{ "option", required_argument, NULL, 'o' },
		{ "ask", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct config cfg = { 0 };
	struct err err = { 0 };
	int c;

	options_default(&cfg.profile);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'R':
			cfg.role = optarg;
			break;
		case 'l':
			cfg.local = optarg;
			break;
		case 'r':
			cfg.remote = optarg;
			break;
		case 'a':
			cfg.ask = optarg;
			break;
		case 'o':
			if (options_parse(optarg, &cfg.profile, &err))
				return program_fail(NAME, &err);
			break;
		case 'h':
			help();
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (cfg.ask ? ask(cfg.ask, &err) : run(&cfg, &err))
		return program_fail(NAME, &err);
	return 0;
}
