// SPDX-License-Identifier: Apache-2.0
#include "network.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/err.h"
#include "carrier/route.h"

static uint8_t family_of(const struct prefix *p)
{
	return p->len == 4 ? AF_INET : AF_INET6;
}

/**
 * network_open() - Configure an interface of this namespace
 * @n:		Filled in; network_close() releases it
 * @ifindex:	Which
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int network_open(struct network *n, int ifindex, struct err *err)
{
	*n = (struct network){ .ifindex = ifindex };
	return route_open(&n->nl, err);
}

/** network_link() - Bring it up or down, with an MTU in bytes; 0 or -1 with @err set */
int network_link(struct network *n, bool up, unsigned int mtu, struct err *err)
{
	struct ifinfomsg h = { .ifi_index = n->ifindex,
			       .ifi_flags = up ? IFF_UP : 0,
			       .ifi_change = IFF_UP };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put_u32(msg, IFLA_MTU, mtu);
	return route_send(n->nl, msg, 0, "set the tunnel's interface up", err);
}

/** network_address() - Its address, at once usable, or no longer; 0 or -1 with @err set */
int network_address(struct network *n, const struct prefix *address, bool on, struct err *err)
{
	struct ifaddrmsg h = { .ifa_family = family_of(address),
			       .ifa_prefixlen = address->bits,
			       .ifa_flags = IFA_F_NODAD,
			       .ifa_index = (unsigned int)n->ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(on ? RTM_NEWADDR : RTM_DELADDR,
						on ? NLM_F_CREATE | NLM_F_REPLACE : 0);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put(msg, IFA_LOCAL, (int)address->len, address->bytes);
	nla_put(msg, IFA_ADDRESS, (int)address->len, address->bytes);
	return route_send(n->nl, msg, on ? NLE_EXIST : NLE_NOADDR,
			  on ? "give the tunnel its address" : "take the tunnel's address back",
			  err);
}

/** network_route() - Lead a network into the tunnel, or no longer; 0 or -1 with @err set */
int network_route(struct network *n, const struct prefix *to, bool on, struct err *err)
{
	struct rtmsg h = {
		.rtm_family = family_of(to),
		.rtm_dst_len = to->bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = on ? RTPROT_STATIC : 0,
		.rtm_scope = on ? RT_SCOPE_LINK : RT_SCOPE_NOWHERE,
		.rtm_type = on ? RTN_UNICAST : 0,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(on ? RTM_NEWROUTE : RTM_DELROUTE,
						on ? NLM_F_CREATE | NLM_F_REPLACE : 0);

	nlmsg_append(msg, &h, sizeof(h), NLMSG_ALIGNTO);
	nla_put(msg, RTA_DST, (int)to->len, to->bytes);
	nla_put_u32(msg, RTA_OIF, (uint32_t)n->ifindex);
	return route_send(n->nl, msg, on ? 0 : NLE_OBJ_NOTFOUND, "change the route into the tunnel",
			  err);
}

/** network_close() - Release it; what was configured goes with the interface */
void network_close(struct network *n)
{
	nl_socket_free(n->nl);
	n->nl = NULL;
}
