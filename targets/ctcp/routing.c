// SPDX-License-Identifier: Apache-2.0
/*
 * Policy routing instead of packet filters (ip-rule(8)):
 *
 *    10  TCP of our port, to us      blackhole: the kernel's TCP never sees it (no RST); our packet
 *                                    socket has its copy before routing
 *    50  not fwmark 0xc7c9           table 77: a host route into the TUN for each peer
 *   100  all                         table local, moved here from 0 so that 10 comes first
 *
 * The rule at 10 names our address as the destination: it does not touch what
 * this node sends.  At no moment is there no rule for the local table; what a
 * killed carrier leaves behind the next one takes over.
 */
#include "routing.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "carrier/route.h"

#define TABLE_CTCP 77

enum { RULE_QUIET = 10, RULE_CLAIM = 50, RULE_LOCAL = 100, RULE_LOCAL_KERNEL = 0 };

static struct nl_msg *rule_message(const struct routing *r, uint32_t pref, bool add)
{
	bool lookup = pref != RULE_QUIET;
	struct fib_rule_hdr h = {
		.family = AF_INET,
		.action = lookup ? FR_ACT_TO_TBL : FR_ACT_BLACKHOLE,
		.table = pref == RULE_CLAIM ? TABLE_CTCP
			 : lookup	    ? RT_TABLE_LOCAL
					    : 0,
		.flags = pref == RULE_CLAIM ? FIB_RULE_INVERT : 0,
	};
	struct fib_rule_port_range ports = { r->port, r->port };
	struct nl_msg *msg = nlmsg_alloc_simple(add ? RTM_NEWRULE : RTM_DELRULE,
						add ? NLM_F_CREATE | NLM_F_EXCL : 0);

	if (pref == RULE_QUIET) {
		h.dst_len = 32;
		h.src_len = r->client ? 32 : 0;
	}
	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put_u32(msg, FRA_PRIORITY, pref);
	if (pref == RULE_CLAIM)
		nla_put_u32(msg, FRA_FWMARK, ROUTING_MARK);
	if (pref == RULE_QUIET) {
		nla_put(msg, FRA_DST, sizeof(r->local), r->local);
		if (r->client)
			nla_put(msg, FRA_SRC, sizeof(r->remote), r->remote);
		nla_put_u8(msg, FRA_IP_PROTO, IPPROTO_TCP);
		nla_put(msg, r->client ? FRA_SPORT_RANGE : FRA_DPORT_RANGE, sizeof(ports), &ports);
	}
	return msg;
}

static int rule_set(struct routing *r, uint32_t pref, bool on, struct err *err)
{
	return route_send(r->nl, rule_message(r, pref, on), on ? NLE_EXIST : NLE_OBJ_NOTFOUND,
			  on ? "add a routing rule" : "remove a routing rule", err);
}

/**
 * routing_open() - Put the rules in force
 * @r:		Filled in but for .nl and .in_force; routing_close() takes all back
 * @err:	ERR_SKIP without the privilege
 *
 * Return: 0 or -1
 */
int routing_open(struct routing *r, struct err *err)
{
	if (route_open(&r->nl, err))
		return -1;
	r->in_force = true;
	if (rule_set(r, RULE_LOCAL, true, err) || rule_set(r, RULE_QUIET, true, err) ||
	    rule_set(r, RULE_CLAIM, true, err) || rule_set(r, RULE_LOCAL_KERNEL, false, err))
		return -1;
	return 0;
}

/**
 * routing_link_up() - Set the TUN's MTU and bring it up
 * @r:		Open
 * @mtu:	Bytes
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int routing_link_up(struct routing *r, unsigned int mtu, struct err *err)
{
	struct ifinfomsg h = { .ifi_index = r->ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put_u32(msg, IFLA_MTU, mtu);
	return route_send(r->nl, msg, 0, "bring the TUN up", err);
}

/**
 * routing_claim() - Packets of the local stack for an address come to the TUN
 * @r:		Open
 * @address:	The peer's
 * @on:		true: from now on; false: no longer
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int routing_claim(struct routing *r, const uint8_t address[4], bool on, struct err *err)
{
	struct rtmsg h = {
		.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = TABLE_CTCP,
		.rtm_protocol = on ? RTPROT_STATIC : 0,
		.rtm_scope = on ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE,
		.rtm_type = on ? RTN_UNICAST : 0,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(on ? RTM_NEWROUTE : RTM_DELROUTE,
						on ? NLM_F_CREATE | NLM_F_REPLACE : 0);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put(msg, RTA_DST, 4, address);
	if (on) {
		nla_put_u32(msg, RTA_OIF, (uint32_t)r->ifindex);
		nla_put(msg, RTA_PREFSRC, sizeof(r->local), r->local);
	}
	return route_send(r->nl, msg, on ? 0 : NLE_OBJ_NOTFOUND,
			  on ? "route a peer into the TUN" : "remove the route of a peer", err);
}

/** routing_close() - Take the rules back, the local table's first; routes go with the TUN */
void routing_close(struct routing *r)
{
	static const uint32_t ours[] = { RULE_QUIET, RULE_CLAIM, RULE_LOCAL };
	struct err err = { 0 };

	if (r->in_force && rule_set(r, RULE_LOCAL_KERNEL, true, &err) == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
			(void)rule_set(r, ours[i], false, &err);
	}
	r->in_force = false;
	nl_socket_free(r->nl);
	r->nl = NULL;
}
