// SPDX-License-Identifier: Apache-2.0
/*
 * The way of forwarded packets through the device: two TUNs, and rules and
 * routes that lead to them.  Works on the network namespace of the calling
 * thread, by netlink; all of it goes when the TUNs' descriptors and the
 * namespace do.
 */
#include "middlebox/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "net/netlink.h"
#include "spec/case.h"

#define RULE_PREFERENCE 50 /* behind the local table's 0, before the main table's */
#define TUN_MTU		1500
#define TUN_QUEUE	8192 /* packets: the device must not lose what no link lost */

#define AUTO_SOCK  __attribute__((cleanup(cleanup_sock)))
#define AUTO_LINK  __attribute__((cleanup(cleanup_link)))
#define AUTO_RULE  __attribute__((cleanup(cleanup_rule)))
#define AUTO_ROUTE __attribute__((cleanup(cleanup_route)))
#define AUTO_ADDR  __attribute__((cleanup(cleanup_addr)))

static void cleanup_link(struct rtnl_link **link)
{
	rtnl_link_put(*link);
}

static void cleanup_rule(struct rtnl_rule **rule)
{
	rtnl_rule_put(*rule);
}

static void cleanup_route(struct rtnl_route **route)
{
	rtnl_route_put(*route);
}

static void cleanup_addr(struct nl_addr **addr)
{
	nl_addr_put(*addr);
}

/* What arrives on this link goes into this TUN, by this table */
struct detour {
	enum link_id link;
	const char *tun;
	uint32_t table;
};

static const struct detour detours[] = {
	{ LINK_OUTSIDE, "fw-out", 101 },
	{ LINK_INSIDE, "fw-in", 102 },
};

static int nl_failed(struct err *err, int code, const char *what, const char *name)
{
	return err_set_kind(err, ERR_HARNESS, "cannot %s '%s': %s", what, name, nl_geterror(code));
}

static int open_tun(const char *name, int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	if (fd < 0)
		return err_set(err, errno, "cannot open '/dev/net/tun'");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return err_set(err, errno, "cannot create the TUN '%s'", name);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int write_sysctl(const char *path, const char *value, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "cannot open '%s'", path);
	return io_write_all(fd, value, strlen(value), err);
}

/* What comes out of a TUN has a source whose route is elsewhere */
static int allow_any_source(struct err *err)
{
	static const char folder[] = "/proc/sys/net/ipv4/conf";
	AUTO_CLOSEDIR DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return err_set(err, errno, "cannot open '%s'", folder);
	while ((entry = readdir(dir))) {
		AUTO_FREE char *path = io_printf("%s/%s/rp_filter", folder, entry->d_name);

		if (entry->d_name[0] != '.' && write_sysctl(path, "0", err))
			return -1;
	}
	return 0;
}

static bool have_ipv6(void)
{
	return access("/proc/sys/net/ipv6", F_OK) == 0;
}

static int set_up_link(struct nl_sock *sk, const char *name, int *ret_ifindex, struct err *err)
{
	AUTO_LINK struct rtnl_link *link = NULL, *change = rtnl_link_alloc();
	AUTO_FREE char *addr_gen = io_printf("/proc/sys/net/ipv6/conf/%s/addr_gen_mode", name);
	int code;

	/* no link-local address: it would make the kernel send there by itself */
	if (have_ipv6() && write_sysctl(addr_gen, "1", err))
		return -1;
	code = rtnl_link_get_kernel(sk, 0, name, &link);
	if (code < 0)
		return nl_failed(err, code, "find", name);
	rtnl_link_set_mtu(change, TUN_MTU);
	rtnl_link_set_txqlen(change, TUN_QUEUE);
	rtnl_link_set_flags(change, IFF_UP);
	rtnl_link_unset_flags(change, IFF_MULTICAST);
	code = rtnl_link_change(sk, link, change, 0);
	if (code < 0)
		return nl_failed(err, code, "set up", name);
	*ret_ifindex = rtnl_link_get_ifindex(link);
	return 0;
}

static int add_rule(struct nl_sock *sk, int family, const struct detour *d, struct err *err)
{
	AUTO_RULE struct rtnl_rule *rule = rtnl_rule_alloc();
	int code;

	rtnl_rule_set_family(rule, family);
	rtnl_rule_set_prio(rule, RULE_PREFERENCE);
	rtnl_rule_set_iif(rule, link_names[d->link]);
	rtnl_rule_set_table(rule, d->table);
	rtnl_rule_set_action(rule, FR_ACT_TO_TBL);
	code = rtnl_rule_add(sk, rule, NLM_F_CREATE | NLM_F_EXCL);
	return code < 0 ? nl_failed(err, code, "add a rule for", link_names[d->link]) : 0;
}

static int add_route(struct nl_sock *sk, int family, const struct detour *d, int ifindex,
		     struct err *err)
{
	AUTO_ROUTE struct rtnl_route *route = rtnl_route_alloc();
	AUTO_ADDR struct nl_addr *any = nl_addr_build(family, NULL, 0);
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	int code;

	nl_addr_set_prefixlen(any, 0);
	rtnl_route_set_family(route, (uint8_t)family);
	rtnl_route_set_table(route, d->table);
	rtnl_route_set_scope(route, family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
	rtnl_route_set_protocol(route, RTPROT_STATIC);
	rtnl_route_set_type(route, RTN_UNICAST);
	rtnl_route_set_dst(route, any);
	rtnl_route_nh_set_ifindex(hop, ifindex);
	rtnl_route_add_nexthop(route, hop); /* owns it */
	code = rtnl_route_add(sk, route, NLM_F_CREATE | NLM_F_EXCL);
	return code < 0 ? nl_failed(err, code, "add a default route to", d->tun) : 0;
}

static int set_up(struct nl_sock *sk, const struct detour *d, int *ret_fd, struct err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	AUTO_CLOSE int fd = -1;
	int ifindex = 0;

	if (open_tun(d->tun, &fd, err) || set_up_link(sk, d->tun, &ifindex, err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (families[i] == AF_INET6 && !have_ipv6())
			continue;
		if (add_route(sk, families[i], d, ifindex, err) ||
		    add_rule(sk, families[i], d, err))
			return -1;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

/**
 * device_setup_routes() - Lead what this node forwards through two TUNs
 * @ret_tun_outside: TUN for what arrives on "outside", non-blocking; set on success
 * @ret_tun_inside: TUN for what arrives on "inside", likewise
 * @err:	Set on failure
 *
 * The calling thread is in the node's network namespace.  Closing the
 * descriptors removes the TUNs and their routes; the rules stay, and without
 * a route the main table counts again.
 *
 * Return: 0 or -1
 */
int device_setup_routes(int *ret_tun_outside, int *ret_tun_inside, struct err *err)
{
	AUTO_NLSOCK struct nl_sock *sk = NULL;
	AUTO_CLOSE int outside = -1;
	AUTO_CLOSE int inside = -1;

	if (netlink_open(&sk, err))
		return -1;
	if (set_up(sk, &detours[0], &outside, err) || set_up(sk, &detours[1], &inside, err) ||
	    allow_any_source(err))
		return err_wrap(err, "cannot lead packets through the middlebox");
	*ret_tun_outside = steal_fd(&outside);
	*ret_tun_inside = steal_fd(&inside);
	return 0;
}
