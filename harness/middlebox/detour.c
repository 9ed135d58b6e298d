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
#include <netinet/in.h>
#include <netlink/cache.h>
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
#define OWN_PREFERENCE	51
#define OWN_TABLE	103 /* of the node's own ICMP */
#define TUN_MTU		1500
#define TUN_QUEUE	8192 /* packets: the device must not lose what no link lost */

#define AUTO_SOCK  __attribute__((cleanup(cleanup_sock)))
#define AUTO_LINK  __attribute__((cleanup(cleanup_link)))
#define AUTO_RULE  __attribute__((cleanup(cleanup_rule)))
#define AUTO_ROUTE __attribute__((cleanup(cleanup_route)))
#define AUTO_CACHE __attribute__((cleanup(cleanup_cache)))
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

static void cleanup_cache(struct nl_cache **cache)
{
	nl_cache_free(*cache);
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

/* What comes out of a TUN has a source whose route is elsewhere, or the node's own */
static int allow_any_source(struct err *err)
{
	static const char folder[] = "/proc/sys/net/ipv4/conf";
	AUTO_CLOSEDIR DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return err_set(err, errno, "cannot open '%s'", folder);
	while ((entry = readdir(dir))) {
		AUTO_FREE char *filter = io_printf("%s/%s/rp_filter", folder, entry->d_name);
		AUTO_FREE char *local = io_printf("%s/%s/accept_local", folder, entry->d_name);

		if (entry->d_name[0] != '.' &&
		    (write_sysctl(filter, "0", err) || write_sysctl(local, "1", err)))
			return -1;
	}
	return 0;
}

static bool have_ipv6(void)
{
	return access("/proc/sys/net/ipv6", F_OK) == 0;
}

static const int families[] = { AF_INET, AF_INET6 };

static int families_len(void)
{
	return have_ipv6() ? 2 : 1;
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

/* @proto: only of this protocol of IP, 0: all */
static int add_rule(struct nl_sock *sk, int family, const char *iif, uint8_t proto, uint32_t table,
		    struct err *err)
{
	AUTO_RULE struct rtnl_rule *rule = rtnl_rule_alloc();
	int code;

	rtnl_rule_set_family(rule, family);
	rtnl_rule_set_prio(rule, proto ? OWN_PREFERENCE : RULE_PREFERENCE);
	rtnl_rule_set_iif(rule, iif);
	if (proto)
		rtnl_rule_set_ipproto(rule, proto);
	rtnl_rule_set_table(rule, table);
	rtnl_rule_set_action(rule, FR_ACT_TO_TBL);
	code = rtnl_rule_add(sk, rule, NLM_F_CREATE | NLM_F_EXCL);
	return code < 0 ? nl_failed(err, code, "add a rule for", iif) : 0;
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

static int ifindex_of(struct rtnl_route *route)
{
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);

	return hop ? rtnl_route_nh_get_ifindex(hop) : 0;
}

/* The node's address on a link, which the kernel notes in the route to that network */
static struct nl_addr *address_on(struct nl_cache *routes, int ifindex)
{
	for (struct nl_object *o = nl_cache_get_first(routes); o; o = nl_cache_get_next(o)) {
		struct rtnl_route *route = (struct rtnl_route *)o;

		if (rtnl_route_get_table(route) == RT_TABLE_MAIN && ifindex_of(route) == ifindex &&
		    rtnl_route_get_pref_src(route))
			return rtnl_route_get_pref_src(route);
	}
	return NULL;
}

/* The same destination by a TUN, from the address that the node has on its way there */
static int add_own_route(struct nl_sock *sk, struct rtnl_route *main, struct nl_addr *src, int tun,
			 struct err *err)
{
	AUTO_ROUTE struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	uint8_t family = rtnl_route_get_family(main);
	int code;

	rtnl_route_set_family(route, family);
	rtnl_route_set_table(route, OWN_TABLE);
	rtnl_route_set_scope(route, family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
	rtnl_route_set_protocol(route, RTPROT_STATIC);
	rtnl_route_set_type(route, RTN_UNICAST);
	rtnl_route_set_dst(route, rtnl_route_get_dst(main));
	rtnl_route_set_priority(route, rtnl_route_get_priority(main));
	if (src)
		rtnl_route_set_pref_src(route, src);
	rtnl_route_nh_set_ifindex(hop, tun);
	rtnl_route_add_nexthop(route, hop); /* owns it */
	code = rtnl_route_add(sk, route, NLM_F_CREATE);
	return code < 0 ? nl_failed(err, code, "add a route for what is sent by", "the node") : 0;
}

/*
 * What the node itself says by ICMP, too big above all, is about packets that the engine
 * changed, so it goes through the engine as if it had come from behind.
 */
static int lead_own(struct nl_sock *sk, int family, const int tun[ARRAY_SIZE(detours)],
		    struct err *err)
{
	AUTO_CACHE struct nl_cache *routes = NULL;
	int code = rtnl_route_alloc_cache(sk, family, 0, &routes);

	if (code < 0)
		return nl_failed(err, code, "list the routes of", "the node");
	for (struct nl_object *o = nl_cache_get_first(routes); o; o = nl_cache_get_next(o)) {
		struct rtnl_route *route = (struct rtnl_route *)o;

		for (size_t i = 0; i < ARRAY_SIZE(detours); i++) {
			const struct detour *here = &detours[i];
			int ifindex = (int)if_nametoindex(link_names[here->link]);
			struct nl_addr *src = address_on(routes, ifindex);

			if (rtnl_route_get_table(route) == RT_TABLE_MAIN &&
			    rtnl_route_get_type(route) == RTN_UNICAST &&
			    ifindex_of(route) == ifindex &&
			    add_own_route(sk, route, src, tun[ARRAY_SIZE(detours) - 1 - i], err))
				return -1;
		}
	}
	return add_rule(sk, family, "lo", family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6,
			OWN_TABLE, err);
}

static int set_up(struct nl_sock *sk, const struct detour *d, int *ret_fd, int *ret_ifindex,
		  struct err *err)
{
	AUTO_CLOSE int fd = -1;

	if (open_tun(d->tun, &fd, err) || set_up_link(sk, d->tun, ret_ifindex, err))
		return -1;
	for (int i = 0; i < families_len(); i++)
		if (add_route(sk, families[i], d, *ret_ifindex, err) ||
		    add_rule(sk, families[i], link_names[d->link], 0, d->table, err))
			return -1;
	*ret_fd = steal_fd(&fd);
	return 0;
}

/**
 * device_setup_routes() - Lead what this node forwards through two TUNs
 * @ret_tun_outside: TUN for what arrives on "outside", non-blocking; set on success
 * @ret_tun_inside: TUN for what arrives on "inside", likewise
 * @err:	Set on failure
 *
 * The calling thread is in the node's network namespace, whose links have their addresses
 * and routes: what the node itself says by ICMP goes through the TUNs too.  Closing the
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
	int ifindex[ARRAY_SIZE(detours)] = { 0 };

	if (netlink_open(&sk, err))
		return -1;
	if (set_up(sk, &detours[0], &outside, &ifindex[0], err) ||
	    set_up(sk, &detours[1], &inside, &ifindex[1], err) || allow_any_source(err))
		return err_wrap(err, "cannot lead packets through the middlebox");
	for (int i = 0; i < families_len(); i++)
		if (lead_own(sk, families[i], ifindex, err))
			return err_wrap(err, "cannot lead packets through the middlebox");
	*ret_tun_outside = steal_fd(&outside);
	*ret_tun_inside = steal_fd(&inside);
	return 0;
}
