// SPDX-License-Identifier: Apache-2.0
/*
 * Policy routing (ip-rule(8)):
 *
 *    50  all but TCP    table 77: a host route into the TUN for each peer
 *
 * TCP is ours, or what a tunnel of the implementation carries: it has to find the rules
 * that an implementation has (220 of strongSwan with ESP in user space).
 * What a killed carrier leaves behind the next one takes over.
 */
#include "routing.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "carrier/route.h"

#define TABLE_IKETCP 77

enum { RULE_CLAIM = 50 };

static uint8_t family_of(const struct routing *r)
{
	return r->local.ipv6 ? AF_INET6 : AF_INET;
}

static int rule_set(struct routing *r, bool on, struct err *err)
{
	struct fib_rule_hdr h = {
		.family = family_of(r),
		.action = FR_ACT_TO_TBL,
		.table = TABLE_IKETCP,
		.flags = FIB_RULE_INVERT,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(on ? RTM_NEWRULE : RTM_DELRULE,
						on ? NLM_F_CREATE | NLM_F_EXCL : 0);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put_u32(msg, FRA_PRIORITY, RULE_CLAIM);
	nla_put_u8(msg, FRA_IP_PROTO, IPPROTO_TCP);
	return route_send(r->nl, msg, on ? NLE_EXIST : NLE_OBJ_NOTFOUND,
			  on ? "add a routing rule" : "remove a routing rule", err);
}

static int link_up(struct routing *r, struct err *err)
{
	struct ifinfomsg h = { .ifi_index = r->ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put_u32(msg, IFLA_MTU, DATAGRAM_MTU);
	return route_send(r->nl, msg, 0, "bring the TUN up", err);
}

/**
 * routing_open() - Bring the TUN up and put the rule in force
 * @r:		.ifindex and .local are filled in; routing_close() takes all back
 * @err:	ERR_SKIP without the privilege
 *
 * Return: 0 or -1
 */
int routing_open(struct routing *r, struct err *err)
{
	if (route_open(&r->nl, err))
		return -1;
	r->in_force = true;
	return rule_set(r, true, err) || link_up(r, err) ? -1 : 0;
}

/**
 * routing_claim() - From now on packets of the local stack for a peer come to the TUN
 * @r:		Open
 * @peer:	Its address
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int routing_claim(struct routing *r, const struct address *peer, struct err *err)
{
	int len = (int)address_len(peer);
	struct rtmsg h = {
		.rtm_family = family_of(r),
		.rtm_dst_len = (uint8_t)(8 * len),
		.rtm_table = TABLE_IKETCP,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put(msg, RTA_DST, len, peer->bytes);
	nla_put_u32(msg, RTA_OIF, (uint32_t)r->ifindex);
	nla_put(msg, RTA_PREFSRC, len, r->local.bytes);
	return route_send(r->nl, msg, 0, "route a peer into the TUN", err);
}

/** routing_close() - Take the rule back; routes go with the TUN */
void routing_close(struct routing *r)
{
	struct err err = { 0 };

	if (r->in_force)
		(void)rule_set(r, false, &err);
	r->in_force = false;
	nl_socket_free(r->nl);
	r->nl = NULL;
}
