// SPDX-License-Identifier: Apache-2.0
/*
 * A new namespace inherits some of these from the machine (the congestion control,
 * which is bbr on some), derives some from the machine's memory, and has defaults
 * for the others that make the kernel send packets of its own, each of which would
 * take a draw of a seeded loss.
 *
 * /proc/sys/net shows the namespace of whoever opens a file there.  What comes with
 * "default" holds for interfaces made later: pin before the links are made.  A new
 * interface of a forwarding IPv6 node joins the group of all routers before anybody
 * can forbid it multicast, and reports that: so IPv6 forwards only after the links.
 */
#include "net/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/netns.h"

/* Said to the user when one of them cannot be set */
#define WHY_FORWARD  "internet, middlebox and headend are routers"
#define WHY_IPV6     "a machine's default may be off; the middle of a link says nothing itself"
#define WHY_RPF	     "the reverse path of a tunnel's packets is not their interface"
#define WHY_REDIRECT "routes are as they were set"
#define WHY_SOLICIT  "routers neither sought nor announced"
#define WHY_DAD	     "no duplicate address detection"
#define WHY_MEMORY   "derived from the machine's memory"
#define WHY_DEFAULT  "the kernel's default"

static const struct sysctl {
	const char *name; /* under /proc/sys/net */
	enum sysctl_phase phase;
	const char *value;
	const char *special[ROLE_COUNT]; /* instead of .value where not NULL */
	const char *fallback; /* good as well where the kernel has no .value */
	const char *why;
} sysctls[] = {
	/* First: it resets others */
	{ .name = "ipv4/ip_forward",
	  .value = "0",
	  .special[ROLE_ROUTER] = "1",
	  .why = WHY_FORWARD },
	{ .name = "ipv6/conf/default/forwarding", .value = "0", .why = WHY_SOLICIT },
	{ .name = "ipv6/conf/all/forwarding",
	  .phase = AFTER_LINKS,
	  .value = "0",
	  .special[ROLE_ROUTER] = "1",
	  .why = WHY_FORWARD },
	{ .name = "ipv6/conf/all/disable_ipv6",
	  .value = "0",
	  .special[ROLE_WAN] = "1",
	  .why = WHY_IPV6 },
	{ .name = "ipv6/conf/default/disable_ipv6",
	  .value = "0",
	  .special[ROLE_WAN] = "1",
	  .why = WHY_IPV6 },
	{ .name = "ipv4/conf/all/rp_filter", .value = "0", .why = WHY_RPF },
	{ .name = "ipv4/conf/default/rp_filter", .value = "0", .why = WHY_RPF },
	{ .name = "ipv4/conf/all/accept_redirects", .value = "0", .why = WHY_REDIRECT },
	{ .name = "ipv4/conf/default/accept_redirects", .value = "0", .why = WHY_REDIRECT },
	{ .name = "ipv4/conf/all/send_redirects", .value = "0", .why = WHY_REDIRECT },
	{ .name = "ipv4/conf/default/send_redirects", .value = "0", .why = WHY_REDIRECT },
	{ .name = "ipv6/conf/all/accept_redirects", .value = "0", .why = WHY_REDIRECT },
	{ .name = "ipv6/conf/default/accept_redirects", .value = "0", .why = WHY_REDIRECT },
	{ .name = "ipv6/conf/default/accept_ra", .value = "0", .why = WHY_SOLICIT },
	{ .name = "ipv6/conf/default/autoconf", .value = "0", .why = "addresses are given" },
	{ .name = "ipv6/conf/default/router_solicitations", .value = "0", .why = WHY_SOLICIT },
	{ .name = "ipv6/conf/default/addr_gen_mode",
	  .value = "1",
	  .why = "no link-local address, so no multicast reports for it" },
	{ .name = "ipv6/conf/default/accept_dad", .value = "0", .why = WHY_DAD },
	{ .name = "ipv6/conf/default/dad_transmits", .value = "0", .why = WHY_DAD },
	{ .name = "ipv6/conf/default/use_tempaddr", .value = "0", .why = "no random addresses" },
	{ .name = "ipv4/tcp_congestion_control",
	  .value = "cubic",
	  .fallback = "reno",
	  .why = "inherited; the kernel may keep cubic from namespaces" },
	{ .name = "ipv4/tcp_rmem", .value = "4096 131072 6291456", .why = WHY_MEMORY },
	{ .name = "ipv4/tcp_wmem", .value = "4096 16384 4194304", .why = WHY_MEMORY },
	{ .name = "ipv4/tcp_no_metrics_save",
	  .value = "1",
	  .why = "a connection must not depend on those before it" },
	{ .name = "ipv4/tcp_ecn", .value = "2", .why = "the kernel's default: if asked" },
	{ .name = "ipv4/tcp_sack", .value = "1", .why = WHY_DEFAULT },
	{ .name = "ipv4/tcp_timestamps", .value = "1", .why = WHY_DEFAULT },
	{ .name = "ipv4/tcp_window_scaling", .value = "1", .why = WHY_DEFAULT },
	{ .name = "ipv4/tcp_mtu_probing", .value = "0", .why = WHY_DEFAULT },
	{ .name = "ipv4/tcp_slow_start_after_idle", .value = "1", .why = WHY_DEFAULT },
	{ .name = "ipv4/tcp_fastopen", .value = "1", .why = WHY_DEFAULT },
	{ .name = "ipv4/ip_no_pmtu_disc", .value = "0", .why = WHY_DEFAULT },
	{ .name = "ipv4/ip_local_port_range",
	  .value = "32768 60999",
	  .why = "clear of the ports of services" },
};

/* Several numbers come back with tabs between them */
static void normalise(char *text, ssize_t len)
{
	while (len > 0 && strchr(" \t\n", text[len - 1]))
		len--;
	text[len] = '\0';
	for (; *text; text++)
		if (*text == '\t')
			*text = ' ';
}

static ssize_t read_value(int fd, char *buf, size_t size)
{
	ssize_t n = pread(fd, buf, size - 1, 0);

	if (n >= 0)
		normalise(buf, n);
	return n;
}

static bool write_value(int fd, const char *value)
{
	return pwrite(fd, value, strlen(value), 0) == (ssize_t)strlen(value);
}

static int pin_one(const struct sysctl *s, const char *wanted, json_t *record, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	char path[128], now[128] = "";
	int refused = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", s->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		json_object_set_new(record, s->name, json_string("absent"));
		return 0;
	}
	if (fd < 0 || read_value(fd, now, sizeof(now)) < 0)
		return err_set(err, errno, "cannot read sysctl '%s'", path);
	if (strcmp(now, wanted) != 0) { /* else a read-only /proc/sys does not matter */
		AUTO_CLOSE int out = open(path, O_WRONLY | O_CLOEXEC);

		if (out < 0 ||
		    (!write_value(out, wanted) && !(s->fallback && write_value(out, s->fallback))))
			refused = errno;
		if (read_value(fd, now, sizeof(now)) < 0)
			return err_set(err, errno, "cannot read sysctl '%s'", path);
	}
	json_object_set_new(record, s->name, json_string(now));
	if (!strcmp(now, wanted) || (s->fallback && !strcmp(now, s->fallback)))
		return 0;
	return err_set(err, refused, "sysctl '%s' is '%s' and cannot be set to '%s' (needed: %s)",
		       path, now, wanted, s->why);
}

struct pin {
	enum sysctl_role role;
	enum sysctl_phase phase;
	json_t *record;
};

static int pin_all(void *ctx, struct err *err)
{
	const struct pin *pin = ctx;

	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++) {
		const struct sysctl *s = &sysctls[i];
		const char *special = s->special[pin->role];

		if (s->phase != pin->phase)
			continue;
		if (pin_one(s, special ? special : s->value, pin->record, err))
			return -1;
	}
	return 0;
}

/**
 * sysctl_pin() - Set the sysctls that matter, and write down what is in force
 * @netns_fd:	The namespace; borrowed
 * @role:	What it is for
 * @phase:	BEFORE_LINKS, and again AFTER_LINKS
 * @record:	JSON object that gets {"ipv4/tcp_ecn": "2", ...}; what the kernel
 *		does not have is "absent"
 * @err:	Set on failure: one is in force with another value than it must have
 *
 * Return: 0 or -1
 */
int sysctl_pin(int netns_fd, enum sysctl_role role, enum sysctl_phase phase, json_t *record,
	       struct err *err)
{
	struct pin pin = { .role = role, .phase = phase, .record = record };

	return netns_run(netns_fd, pin_all, &pin, err);
}

/**
 * sysctl_set() - Set one in the namespace of the calling thread, and write it down
 * @name:	Under /proc/sys/net: "netfilter/nf_conntrack_tcp_loose"
 * @value:	As it reads back
 * @record:	As of sysctl_pin()
 * @err:	Set on failure: ERR_SKIP if the kernel does not have it
 *
 * Return: 0 or -1
 */
int sysctl_set(const char *name, const char *value, json_t *record, struct err *err)
{
	const struct sysctl s = { .name = name, .value = value, .why = "an option of the device" };
	const char *now;

	if (pin_one(&s, value, record, err))
		return -1;
	now = json_string_value(json_object_get(record, name));
	if (now && strcmp(now, "absent") == 0)
		return err_set_kind(err, ERR_SKIP, "this kernel has no sysctl '%s'", name);
	return 0;
}
