// SPDX-License-Identifier: Apache-2.0
/*
 * nat: the client's side is "outside", and what leaves by "inside" gets another source.
 *
 *   client 10.0.1.1:4500 ──▶ outside [nat] inside ──▶ 10.0.3.1:4500 head-end
 *
 * A remap does what a carrier-grade NAT that runs out of ports does, or a router that
 * starts anew: it changes the rule that gives bindings and forgets those that there are.
 * The next packet of a flow gets a new one, and what is sent to the old one reaches
 * nobody.  The addresses of a remap are not of the path: the head-end's default route
 * leads here, and the translation back comes before routing, so that they need nobody
 * who has them.
 */
#include "middlebox/middlebox.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "middlebox/tracking.h"
#include "net/nft.h"
#include "net/topology.h"

#define NEVER	    UINT64_MAX
#define PORTS_FIRST 20000 /* of the first remap; each has a thousand of its own */
#define PORTS_EACH  1000
#define PORTS_TURN  40
#define HOSTS	    250 /* addresses of remaps: 198.51.100.1 on (RFC 5737) */

static const struct counter_kind counters[] = {
	{ .name = "bindings", .what = "bindings that were made" },
	{ .name = "remaps", .what = "times that all bindings were forgotten and the rule changed" },
	{ .name = "bindings-changed", .what = "connections that had a binding then" },
	{ .name = "unmapped", .what = "packets from inside that no binding was there for" },
	{ .name = "unmapped-dropped", .drop = true, .what = "of these: dropped" },
	{ .name = "invalid", .what = "packets to be forwarded that belong to no connection" },
	{ .name = "invalid-dropped", .drop = true, .what = "of these: dropped" },
	{ .name = "forwarded", .what = "packets that were let through" },
	TRACKING_COUNTERS,
};

static const char rules[] =
	"table inet " TRACKING_TABLE " {\n"
	"	counter bindings {}\n"
	"	counter unmapped {}\n"
	"	counter unmapped-dropped {}\n"
	"	counter invalid {}\n"
	"	counter invalid-dropped {}\n"
	"	counter forwarded {}\n"
	"	chain mapping { type nat hook postrouting priority 100; }\n"
	"	chain cone { type nat hook prerouting priority -100; %s\n"
	"	}\n"
	"	chain unmapped {\n"
	"		type filter hook prerouting priority -50;\n"
	"		iifname \"inside\" ct state new,invalid ct status & dnat == 0 "
	"counter name \"unmapped\" jump unmapped-fate\n"
	"	}\n"
	"	chain unmapped-fate { %s\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority 0;\n"
	"		ct state invalid counter name \"invalid\"\n"
	"		%s\n"
	"		counter name \"forwarded\"\n"
	"	}\n"
	"}\n";

/* Who sends to an address of ours without a binding reaches the client, port for port */
static char *full_cone(void)
{
	char own[2][TOPOLOGY_ADDRESS_MAX], client[2][TOPOLOGY_ADDRESS_MAX];

	for (int v6 = 0; v6 < 2; v6++) {
		topology_address(LINK_INSIDE, SIDE_CLIENT, v6, own[v6]);
		topology_address(LINK_ACCESS, SIDE_CLIENT, v6, client[v6]);
	}
	return io_printf("iifname \"inside\" ip daddr { %s, 198.51.100.0/24 } dnat ip to %s\n"
			 "iifname \"inside\" ip6 daddr { %s, 2001:db8:ff::/64 } dnat ip6 to %s",
			 own[0], client[0], own[1], client[1]);
}

/* The rule that gives bindings: before the first remap @generation is 0 */
static char *mapping(const struct kernel_config *k, uint64_t generation)
{
	const char *random = k->filtering == NAT_SYMMETRIC ? " fully-random" : "";
	static const char common[] = "flush chain inet " TRACKING_TABLE " mapping\n"
				     "table inet " TRACKING_TABLE " { chain mapping {\n"
				     "	oifname != \"inside\" accept\n"
				     "	counter name \"bindings\"\n";

	if (k->remap == NAT_REMAP_ADDRESS && generation) {
		unsigned int host = (unsigned int)((generation - 1) % HOSTS) + 1;

		return io_printf("%s	snat ip to 198.51.100.%u%s\n"
				 "	snat ip6 to 2001:db8:ff::%x%s\n}\n}\n",
				 common, host, random, host, random);
	}
	if (k->remap == NAT_REMAP_PORT && generation && !*random) {
		unsigned int low =
			PORTS_FIRST + PORTS_EACH * (unsigned int)((generation - 1) % PORTS_TURN);

		return io_printf("%s	meta l4proto { 6, 17 } masquerade to :%u-%u\n"
				 "	masquerade\n}\n}\n",
				 common, low, low + PORTS_EACH - 1);
	}
	return io_printf("%s	masquerade%s\n}\n}\n", common, random);
}

static int open_nat(struct middlebox *m, struct err *err)
{
	const struct kernel_config *k = &m->config.kernel;
	AUTO_FREE char *cone = k->filtering == NAT_FULL_CONE ? full_cone() : io_printf("%s", "");
	AUTO_FREE char *first = mapping(k, 0);
	AUTO_FREE char *text = io_printf(
		rules, cone,
		k->reject_unmapped ? "return" : "counter name \"unmapped-dropped\" drop",
		k->drop_invalid ? "ct state invalid counter name \"invalid-dropped\" drop" : "");

	return nft_load(text, err) || nft_load(first, err) || tracking_pin(k, m->sysctls, err) ? -1
											       : 0;
}

struct remaps {
	const struct kernel_config *config;
	uint64_t due_ns, times, changed;
};

static int remap(struct remaps *r, struct err *err)
{
	AUTO_FREE char *next = mapping(r->config, r->times + 1);
	uint64_t forgotten;

	if (nft_load(next, err) || nft_forget_connections(&forgotten, err))
		return err_wrap(err, "cannot change the bindings");
	r->times++;
	r->changed += forgotten;
	r->due_ns = r->config->remap_every_ns ? r->due_ns + r->config->remap_every_ns : NEVER;
	return 0;
}

/* Until stopped; time counts from when the losses of the case are armed */
static int loop(struct remaps *r, const struct middlebox_fds *fds, struct err *err)
{
	struct pollfd polls[] = {
		{ .fd = fds->stop, .events = POLLIN },
		{ .fd = r->config->remap == NAT_REMAP_OFF ? -1 : fds->arm, .events = POLLIN },
	};

	for (;;) {
		uint64_t now = clock_ns(), left = r->due_ns > now ? r->due_ns - now : 0;
		const struct timespec ts = { .tv_sec = (time_t)(left / NS_PER_S),
					     .tv_nsec = (long)(left % NS_PER_S) };

		polls[0].revents = polls[1].revents = 0;
		if (ppoll(polls, ARRAY_SIZE(polls), r->due_ns == NEVER ? NULL : &ts, NULL) < 0 &&
		    errno != EINTR)
			return err_set(err, errno, "cannot wait for the next remap");
		if (polls[0].revents)
			return 0;
		if (polls[1].revents) {
			r->due_ns = clock_ns() + r->config->remap_at_ns;
			polls[1].fd = -1;
		}
		if (clock_ns() >= r->due_ns && remap(r, err))
			return -1;
	}
}

static int run_nat(struct middlebox *m, const struct middlebox_fds *fds, struct err *err)
{
	struct remaps r = { .config = &m->config.kernel, .due_ns = NEVER };
	json_t *counted = json_object();
	int failed = loop(&r, fds, err) || nft_counters(TRACKING_TABLE, counted, err) ||
		     tracking_read(counted, err);

	json_object_set_new(counted, "remaps", json_integer((json_int_t)r.times));
	json_object_set_new(counted, "bindings-changed", json_integer((json_int_t)r.changed));
	failed = failed || middlebox_write_counters(counted, fds->counters, err);
	json_decref(counted);
	return failed ? -1 : 0;
}

const struct device_ops device_ops_nat = {
	.open = open_nat,
	.run = run_nat,
	.counters = counters,
	.counters_len = ARRAY_SIZE(counters),
};
