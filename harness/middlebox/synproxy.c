// SPDX-License-Identifier: Apache-2.0
/*
 * synproxy: the kernel answers SYNs itself, with a cookie and a window of 0; only who
 * completes the handshake reaches the server, by a second handshake that the kernel does
 * in the client's name.  From then on it translates sequence numbers and time stamps.
 *
 * SYNs are kept from the tracking; what comes back untracked or invalid is for the
 * proxy, which drops it unless it has a cookie.  A client that gave no MSS is one of 536 to the
 * server (RFC 9293 section 3.7.1).
 */
#include "middlebox/middlebox.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "middlebox/tracking.h"
#include "net/nft.h"
#include "net/sysctl.h"

static const struct counter_kind counters[] = {
	{ .name = "syn-received", .what = "SYNs that the proxy answered" },
	{ .name = "cookie-valid", .what = "handshakes that clients completed" },
	{ .name = "cookie-invalid", .what = "ACKs that no cookie was sent for" },
	{ .name = "cookie-retrans", .what = "SYNs to servers that were sent again" },
	{ .name = "conn-reopened", .what = "connections that began again on the same ports" },
	{ .name = "forwarded", .what = "packets that were let through" },
	TRACKING_COUNTERS,
};

static const char rules[] = "table inet " TRACKING_TABLE " {\n"
			    "	counter forwarded {}\n"
			    "	chain prerouting {\n"
			    "		type filter hook prerouting priority -300;\n"
			    "		tcp flags & (fin|syn|rst|ack) == syn notrack\n"
			    "	}\n"
			    "	chain forward {\n"
			    "		type filter hook forward priority 0;\n"
			    "		meta l4proto 6 ct state invalid,untracked "
			    "synproxy mss %" PRIu64 " wscale %" PRIu64 "%s%s\n"
			    "		counter name \"forwarded\"\n"
			    "	}\n"
			    "}\n";

static int open_synproxy(struct middlebox *m, struct err *err)
{
	const struct kernel_config *k = &m->config.kernel;
	AUTO_FREE char *text = io_printf(rules, k->mss, k->wscale, k->timestamp ? " timestamp" : "",
					 k->sack ? " sack-perm" : "");

	return nft_load(text, err) || tracking_pin(k, m->sysctls, err) ||
			       sysctl_set("ipv4/tcp_syncookies", "1", m->sysctls, err)
		       ? -1
		       : 0;
}

static int run_synproxy(struct middlebox *m, const struct middlebox_fds *fds, struct err *err)
{
	static const char *const columns[] = { "syn_received",	 "cookie_valid",  "cookie_invalid",
					       "cookie_retrans", "conn_reopened", NULL };
	static const char *const names[] = { "syn-received", "cookie-valid", "cookie-invalid",
					     "cookie-retrans", "conn-reopened" };
	json_t *counted = json_object();
	int failed;

	(void)m;
	failed = middlebox_wait(fds, err) || nft_counters(TRACKING_TABLE, counted, err) ||
		 tracking_stat("synproxy", columns, names, counted, err) ||
		 tracking_read(counted, err) ||
		 middlebox_write_counters(counted, fds->counters, err);
	json_decref(counted);
	return failed ? -1 : 0;
}

const struct device_ops device_ops_synproxy = {
	.open = open_synproxy,
	.run = run_synproxy,
	.counters = counters,
	.counters_len = ARRAY_SIZE(counters),
};
