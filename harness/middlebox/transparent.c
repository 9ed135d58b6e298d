// SPDX-License-Identifier: Apache-2.0
/*
 *   outside ──▶ prerouting: tproxy to :50080, mark 1 ──▶ rule: mark 1 ──▶ table 110: local
 *
 * A packet is for the listening socket if it begins a connection, else for the socket of
 * its connection, by the addresses that it has; without the route it would be forwarded
 * all the same (Documentation/networking/tproxy.rst).  What the program sends has the
 * addresses of others and leaves by the main table.
 */
#include "middlebox/transparent.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/nft.h"

#define PORT	50080
#define TABLE	110
#define MARK	1
#define BACKLOG 1024
#define STR2(x) #x
#define STR(x)	STR2(x)

static const char rules[] = "table inet dupack {\n"
			    "	chain prerouting {\n"
			    "		type filter hook prerouting priority -150;\n"
			    "		iifname { \"outside\", \"inside\" } meta l4proto 6 "
			    "tproxy to :" STR(PORT) " meta mark set " STR(MARK) " accept\n"
										"	}\n"
										"}\n";

static bool have_ipv6(void)
{
	return access("/proc/sys/net/ipv6", F_OK) == 0;
}

static int add_rule(struct nl_sock *sk, int family, struct err *err)
{
	struct rtnl_rule *rule = rtnl_rule_alloc();
	int code;

	rtnl_rule_set_family(rule, family);
	rtnl_rule_set_prio(rule, MARK);
	rtnl_rule_set_mark(rule, MARK);
	rtnl_rule_set_table(rule, TABLE);
	rtnl_rule_set_action(rule, FR_ACT_TO_TBL);
	code = rtnl_rule_add(sk, rule, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_rule_put(rule);
	return code < 0 ? err_set(err, 0, "cannot add a rule for what was marked: %s",
				  nl_geterror(code))
			: 0;
}

/* Everything is local */
static int add_route(struct nl_sock *sk, int family, struct err *err)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct nl_addr *any = nl_addr_build(family, NULL, 0);
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	int code;

	nl_addr_set_prefixlen(any, 0);
	rtnl_route_set_family(route, (uint8_t)family);
	rtnl_route_set_table(route, TABLE);
	rtnl_route_set_scope(route, RT_SCOPE_HOST);
	rtnl_route_set_protocol(route, RTPROT_STATIC);
	rtnl_route_set_type(route, RTN_LOCAL);
	rtnl_route_set_dst(route, any);
	rtnl_route_nh_set_ifindex(hop, LINK_LOOPBACK);
	rtnl_route_add_nexthop(route, hop); /* owns it */
	code = rtnl_route_add(sk, route, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_route_put(route);
	nl_addr_put(any);
	return code < 0 ? err_set(err, 0, "cannot make all addresses local: %s", nl_geterror(code))
			: 0;
}

/**
 * transparent_socket() - A TCP socket that may have any address
 * @family:	AF_INET or AF_INET6
 * @mss:	The largest segment; 0: no bound
 * @err:	Set on failure: ERR_SKIP if the kernel does not allow it
 *
 * Return: the descriptor, non-blocking, or -1
 */
int transparent_socket(int family, uint64_t mss, struct err *err)
{
	AUTO_CLOSE int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool v6 = family == AF_INET6;
	int on = 1, size = (int)mss;

	if (fd < 0)
		return err_set(err, errno, "cannot open a socket");
	if (setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT,
		       &on, sizeof(on)))
		return err_set_kind(err, ERR_SKIP, "this kernel gives no transparent sockets");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    (mss && setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof(size))))
		return err_set(err, errno, "cannot set up a socket");
	return steal_fd(&fd);
}

static int listen_any(int family, uint64_t mss, int *ret_fd, struct err *err)
{
	const struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	const struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	AUTO_CLOSE int fd = transparent_socket(family, mss, err);
	int rc;

	if (fd < 0)
		return -1;
	rc = family == AF_INET6 ? bind(fd, (const struct sockaddr *)&any6, sizeof(any6))
				: bind(fd, (const struct sockaddr *)&any4, sizeof(any4));
	if (rc || listen(fd, BACKLOG))
		return err_set(err, errno, "cannot listen on port %d", PORT);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int set_up(struct nl_sock *sk, int family, uint64_t mss, int *ret_fd, struct err *err)
{
	return listen_any(family, mss, ret_fd, err) || add_route(sk, family, err) ||
			       add_rule(sk, family, err)
		       ? -1
		       : 0;
}

/**
 * transparent_open() - Take all TCP that passes the node of the calling thread
 * @t:		Filled in; give it to transparent_close() whatever is returned
 * @mss:	The largest segment on the side of the clients; 0: no bound
 * @err:	Set on failure: ERR_SKIP if this kernel cannot
 *
 * Connections are taken from now on, though they wait for accept(2): whoever serves
 * them may come later.
 *
 * Return: 0 or -1
 */
int transparent_open(struct transparent *t, uint64_t mss, struct err *err)
{
	AUTO_NLSOCK struct nl_sock *sk = NULL;

	*t = (struct transparent)TRANSPARENT_NONE;
	if (netlink_open(&sk, err) || set_up(sk, AF_INET, mss, &t->listen4, err) ||
	    (have_ipv6() && set_up(sk, AF_INET6, mss, &t->listen6, err)))
		return -1;
	return nft_load(rules, err);
}

/** transparent_close() - Close the sockets; idempotent */
void transparent_close(struct transparent *t)
{
	cleanup_close(&t->listen4);
	cleanup_close(&t->listen6);
	*t = (struct transparent)TRANSPARENT_NONE;
}
