// SPDX-License-Identifier: Apache-2.0
/*
 * conntrack: a firewall that knows connections and drops what belongs to none, as the
 * kernel's connection tracking decides.  It never holds, acknowledges or changes a
 * packet, except that it puts fragments together and takes them apart again.
 */
#include "middlebox/middlebox.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "middlebox/tracking.h"
#include "net/nft.h"

static const char rules[] = /* %s: what becomes of the invalid */
	"table inet " TRACKING_TABLE " {\n"
	"	counter forwarded {}\n"
	"	counter new {}\n"
	"	counter invalid {}\n"
	"	counter invalid-dropped {}\n"
	"	chain forward {\n"
	"		type filter hook forward priority 0; policy accept;\n"
	"		ct state new counter name \"new\"\n"
	"		ct state invalid counter name \"invalid\"\n"
	"		%s\n"
	"		counter name \"forwarded\"\n"
	"	}\n"
	"}\n";

static const struct counter_kind counters[] = {
	{ .name = "forwarded", .what = "packets that were let through" },
	{ .name = "new", .what = "packets that began a connection, until it is answered" },
	{ .name = "invalid", .what = "packets to be forwarded that belong to no connection" },
	{ .name = "invalid-dropped", .drop = true, .what = "of these: dropped" },
	TRACKING_COUNTERS,
};

static int open_conntrack(struct middlebox *m, struct err *err)
{
	const struct kernel_config *k = &m->config.kernel;
	AUTO_FREE char *text = io_printf(
		rules,
		k->drop_invalid ? "ct state invalid counter name \"invalid-dropped\" drop" : "");

	/* The rules begin the tracking; before them its sysctls may not be there */
	return nft_load(text, err) || tracking_pin(k, m->sysctls, err) ? -1 : 0;
}

static int run_conntrack(struct middlebox *m, const struct middlebox_fds *fds, struct err *err)
{
	json_t *counted = json_object();
	int failed;

	(void)m;
	failed = middlebox_wait(fds, err) || nft_counters(TRACKING_TABLE, counted, err) ||
		 tracking_read(counted, err) ||
		 middlebox_write_counters(counted, fds->counters, err);
	json_decref(counted);
	return failed ? -1 : 0;
}

const struct device_ops device_ops_conntrack = {
	.open = open_conntrack,
	.run = run_conntrack,
	.counters = counters,
	.counters_len = ARRAY_SIZE(counters),
};
