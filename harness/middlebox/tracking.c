// SPDX-License-Identifier: Apache-2.0
/*
 * All sysctls of the connection tracking that decide about a packet are set, those
 * without an option too: a machine may have its own defaults.
 */
#include "middlebox/tracking.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "middlebox/config.h"
#include "net/sysctl.h"

#define OPTION(member)                                                                             \
	.offset = offsetof(struct kernel_config, member),                                          \
	.size = sizeof(((struct kernel_config *)NULL)->member)

static const struct {
	const char *name; /* under netfilter/nf_conntrack_ */
	const char *value; /* or, if NULL, an option: */
	size_t offset, size; /* a time in ns has 8 bytes, a switch fewer */
} sysctls[] = {
	{ "tcp_be_liberal", NULL, OPTION(be_liberal) },
	{ "tcp_loose", NULL, OPTION(loose) },
	{ "tcp_timeout_syn_sent", NULL, OPTION(syn_sent_ns) },
	{ "tcp_timeout_established", NULL, OPTION(established_ns) },
	{ "tcp_timeout_unacknowledged", NULL, OPTION(unacknowledged_ns) },
	{ "tcp_timeout_max_retrans", NULL, OPTION(max_retrans_ns) },
	{ "udp_timeout", NULL, OPTION(udp_ns) },
	{ "udp_timeout_stream", NULL, OPTION(udp_stream_ns) },
	{ .name = "tcp_ignore_invalid_rst", .value = "0" },
	{ .name = "tcp_max_retrans", .value = "3" },
	{ .name = "tcp_timeout_syn_recv", .value = "60" },
	{ .name = "tcp_timeout_fin_wait", .value = "120" },
	{ .name = "tcp_timeout_close_wait", .value = "60" },
	{ .name = "tcp_timeout_last_ack", .value = "30" },
	{ .name = "tcp_timeout_time_wait", .value = "120" },
	{ .name = "tcp_timeout_close", .value = "10" },
	{ .name = "icmp_timeout", .value = "30" },
	{ .name = "icmpv6_timeout", .value = "30" },
	{ .name = "generic_timeout", .value = "600" },
	{ .name = "frag6_timeout", .value = "60" },
	{ .name = "checksum", .value = "1" },
	{ .name = "acct", .value = "0" },
	{ .name = "log_invalid", .value = "0" },
};

static uint64_t value_of(const struct kernel_config *config, size_t offset, size_t size)
{
	uint64_t ns = 0;
	unsigned int word = 0;

	if (size == sizeof(word)) {
		memcpy(&word, (const char *)config + offset, size);
		return word;
	}
	memcpy(&ns, (const char *)config + offset, size);
	return ns / NS_PER_S;
}

/**
 * tracking_pin() - Set the sysctls in the namespace of the calling thread
 * @config:	The options
 * @record:	Gets what was set
 * @err:	Set on failure: ERR_SKIP if the kernel does not track connections
 *
 * Return: 0 or -1
 */
int tracking_pin(const struct kernel_config *config, json_t *record, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		char name[96], value[32];

		snprintf(name, sizeof(name), "netfilter/nf_conntrack_%s", sysctls[i].name);
		snprintf(value, sizeof(value), "%" PRIu64,
			 value_of(config, sysctls[i].offset, sysctls[i].size));
		if (sysctl_set(name, sysctls[i].value ? sysctls[i].value : value, record, err))
			return -1;
	}
	return 0;
}

/* Which column of the first line has this name; -1: none */
static int find_column(const char *line, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; *line; i++) {
		line += strspn(line, " \t");
		if (strcspn(line, " \t\n") == len && strncmp(line, name, len) == 0)
			return i;
		line += strcspn(line, " \t\n");
		if (*line == '\n')
			break;
	}
	return -1;
}

/* Sum of a column over the lines behind the first: one a processor, in hexadecimal */
static json_int_t sum_column(const char *text, int column)
{
	json_int_t sum = 0;

	while ((text = strchr(text, '\n')) && *++text) {
		const char *field = text;

		for (int i = 0; i < column; i++) {
			field += strspn(field, " \t");
			field += strcspn(field, " \t\n");
		}
		sum += (json_int_t)strtoull(field, NULL, 16);
	}
	return sum;
}

/**
 * tracking_stat() - Read columns of a table of the kernel's, of all processors together
 * @file:	Under /proc/net/stat
 * @columns:	Their names there; NULL behind the last
 * @names:	What they are called in @counters
 * @counters:	Gets them
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int tracking_stat(const char *file, const char *const *columns, const char *const *names,
		  json_t *counters, struct err *err)
{
	AUTO_FREE char *path = io_printf("/proc/net/stat/%s", file);
	size_t len;
	AUTO_FREE char *text = io_read_file(path, &len, err);

	if (!text)
		return -1;
	for (size_t i = 0; columns[i]; i++) {
		int column = find_column(text, columns[i]);

		if (column < 0)
			return err_set(err, 0, "'%s' has no column '%s'", path, columns[i]);
		json_object_set_new(counters, names[i], json_integer(sum_column(text, column)));
	}
	return 0;
}

/**
 * tracking_read() - Read what the tracking counted: the rows of TRACKING_COUNTERS
 * @counters:	Object that gets them
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int tracking_read(json_t *counters, struct err *err)
{
	static const char *const columns[] = { "found", "invalid",    "insert_failed",
					       "drop",	"early_drop", NULL };
	static const char *const names[] = { "ct-found", "ct-invalid", "ct-insert-failed",
					     "ct-drop", "ct-early-drop" };
	AUTO_FREE char *text = NULL;
	size_t len;

	if (tracking_stat("nf_conntrack", columns, names, counters, err))
		return -1;
	text = io_read_file("/proc/sys/net/netfilter/nf_conntrack_count", &len, err);
	if (!text)
		return -1;
	json_object_set_new(counters, "ct-connections", json_integer(strtoll(text, NULL, 10)));
	return 0;
}
