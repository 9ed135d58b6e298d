// SPDX-License-Identifier: Apache-2.0
/*
 * Interfaces by rtnetlink and, for TAPs and offloads, by ioctl.
 *
 * Offloads are off because they falsify what is observed: a GSO packet is one
 * frame to netem and to a capture but many segments on a wire, and with transmit
 * checksums offloaded captures and TAPs see unfinished ones.  With scatter-gather a frame
 * has pages that are its sender's still; who decrypts in place, as espintcp does, would
 * change what captures show and what the sender sends again.
 */
#include "net/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/netlink.h"
#include "net/netns.h"

#define TAP_QUEUE 10000 /* frames that may wait for the process behind a TAP */

/* A message that begins with @header.  A page is allocated; ours are below 300 bytes */
static struct nl_msg *message(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, (void *)header, len, NLMSG_ALIGNTO))
		abort();
	return msg;
}

#define CREATE			     (NLM_F_CREATE | NLM_F_EXCL)
#define MESSAGE(type, flags, header) message(type, flags, &(header), sizeof(header))

static void put_end(struct nl_msg *msg, const struct link_end *end)
{
	nla_put_string(msg, IFLA_IFNAME, end->name);
	nla_put(msg, IFLA_ADDRESS, sizeof(end->mac), end->mac);
	nla_put_u32(msg, IFLA_MTU, LINK_MTU);
}

/**
 * link_veth() - Make a veth pair
 * @sock:	Opened in the namespace of @a
 * @a:		The end in the namespace of @sock (its netns_fd is not used)
 * @b:		The other end, in any namespace
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int link_veth(struct nl_sock *sock, const struct link_end *a, const struct link_end *b,
	      struct err *err)
{
	struct ifinfomsg ifi_a = { .ifi_index = a->ifindex }, ifi_b = { .ifi_index = b->ifindex };
	struct nl_msg *msg = MESSAGE(RTM_NEWLINK, CREATE, ifi_a);
	struct nlattr *info, *data, *peer;

	put_end(msg, a);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	peer = nla_nest_start(msg, VETH_INFO_PEER);
	nlmsg_append(msg, &ifi_b, sizeof(ifi_b), NLMSG_ALIGNTO);
	put_end(msg, b);
	nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)b->netns_fd);
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return netlink_talk(sock, msg, err, "cannot add veth pair '%s' and '%s'", a->name, b->name);
}

static int open_tun(void *ret_fd, struct err *err)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return err_set_kind(err, ERR_SKIP,
				    "this machine has no TAP devices "
				    "(/dev/net/tun): see 'dupack doctor'");
	if (fd < 0)
		return err_set(err, errno, "cannot open '/dev/net/tun'");
	*(int *)ret_fd = fd;
	return 0;
}

/**
 * link_tap() - Make a TAP: an Ethernet interface whose wire is a descriptor
 * @sock:	Opened in the namespace of @end
 * @end:	The interface
 * @ret_fd:	Set on success: a read or write is one frame, nothing before it;
 *		non-blocking.  Closing it removes the interface
 * @err:	Set on failure; ERR_SKIP if the machine has no TAPs
 *
 * Return: 0 or -1
 */
int link_tap(struct nl_sock *sock, const struct link_end *end, int *ret_fd, struct err *err)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct ifinfomsg ifi = { .ifi_index = end->ifindex };
	unsigned int ifindex = (unsigned int)end->ifindex;
	AUTO_CLOSE int fd = -1;
	struct nl_msg *msg;

	/* The namespace is that of the open(); the ioctls may come from anywhere */
	if (netns_run(end->netns_fd, open_tun, &fd, err))
		return -1;
	strncpy(req.ifr_name, end->name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFINDEX, &ifindex) || ioctl(fd, TUNSETIFF, &req))
		return err_set(err, errno, "cannot add TAP '%s'", end->name);
	msg = MESSAGE(RTM_NEWLINK, 0, ifi);
	nla_put(msg, IFLA_ADDRESS, sizeof(end->mac), end->mac);
	nla_put_u32(msg, IFLA_MTU, LINK_MTU);
	nla_put_u32(msg, IFLA_TXQLEN, TAP_QUEUE);
	if (netlink_talk(sock, msg, err, "cannot set up TAP '%s'", end->name))
		return -1;
	*ret_fd = steal_fd(&fd);
	return 0;
}

/**
 * link_up() - Bring an interface up, and have the kernel send nothing by it unasked
 * @sock:	Opened in the namespace
 * @ifindex:	The interface, before it gets addresses
 * @err:	Set on failure
 *
 * Without IFF_MULTICAST nothing is asked for or reported; with IFF_NOARP addresses are
 * not resolved (neighbours are permanent here), and an IPv6 address does not join its
 * solicited-node group, whose membership reports IFF_MULTICAST alone does not stop.
 *
 * Return: 0 or -1
 */
int link_up(struct nl_sock *sock, int ifindex, struct err *err)
{
	/* a loopback has neither */
	unsigned int noarp = ifindex == LINK_LOOPBACK ? 0 : IFF_NOARP;
	struct ifinfomsg ifi = {
		.ifi_index = ifindex,
		.ifi_flags = IFF_UP | noarp,
		.ifi_change = IFF_UP | IFF_MULTICAST | noarp,
	};

	return netlink_talk(sock, MESSAGE(RTM_NEWLINK, 0, ifi), err, "cannot bring up interface %d",
			    ifindex);
}

/**
 * link_down() - Take an interface down: the other end of its pair loses the carrier
 * @sock:	Opened in the namespace
 * @ifindex:	The interface; link_up() undoes it, but for addresses and routes
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int link_down(struct nl_sock *sock, int ifindex, struct err *err)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex, .ifi_change = IFF_UP };

	return netlink_talk(sock, MESSAGE(RTM_NEWLINK, 0, ifi), err,
			    "cannot take down interface %d", ifindex);
}

/**
 * link_mtu() - Give an interface another MTU
 * @sock:	Opened in the namespace
 * @ifindex:	The interface
 * @mtu:	In bytes; below 1280 the kernel takes IPv6 from it for good
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int link_mtu(struct nl_sock *sock, int ifindex, uint32_t mtu, struct err *err)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex };
	struct nl_msg *msg = MESSAGE(RTM_NEWLINK, 0, ifi);

	nla_put_u32(msg, IFLA_MTU, mtu);
	return netlink_talk(sock, msg, err, "cannot set the MTU of interface %d to %u", ifindex,
			    mtu);
}

static const struct offload {
	const char *name;
	uint32_t get, set;
	uint32_t mask; /* of what the get command returns: 1, or the flag */
} offloads[] = {
	{ "receive checksums", ETHTOOL_GRXCSUM, ETHTOOL_SRXCSUM, 1 },
	{ "transmit checksums", ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM, 1 },
	{ "scatter-gather", ETHTOOL_GSG, ETHTOOL_SSG, 1 },
	{ "TSO", ETHTOOL_GTSO, ETHTOOL_STSO, 1 },
	{ "GSO", ETHTOOL_GGSO, ETHTOOL_SGSO, 1 },
	{ "GRO", ETHTOOL_GGRO, ETHTOOL_SGRO, 1 },
	{ "LRO", ETHTOOL_GFLAGS, ETHTOOL_SFLAGS, ETH_FLAG_LRO },
};

static int ethtool(int fd, const char *name, uint32_t cmd, uint32_t *data)
{
	struct ethtool_value value = { .cmd = cmd, .data = *data };
	struct ifreq req = { .ifr_data = (void *)&value };
	int rc;

	strncpy(req.ifr_name, name, IFNAMSIZ - 1);
	rc = ioctl(fd, SIOCETHTOOL, &req);
	*data = value.data;
	return rc;
}

/**
 * link_ready() - Have the kernel finish bringing up an interface whose peer is up
 * @control_fd:	Any socket opened in the namespace
 * @name:	The interface
 * @err:	Set on failure
 *
 * The end of a pair that was set up first gets its queue later than its carrier, from a
 * work queue of the kernel (linkwatch); what is sent before that is lost without a
 * trace.  To be asked for the link makes the kernel do it now (ethtool_op_get_link()).
 *
 * Return: 0 or -1
 */
int link_ready(int control_fd, const char *name, struct err *err)
{
	uint32_t up = 0;

	if (ethtool(control_fd, name, ETHTOOL_GLINK, &up))
		return err_set(err, errno, "cannot ask for the carrier of '%s'", name);
	return up ? 0 : err_set(err, 0, "'%s' has no carrier", name);
}

/**
 * link_offloads_off() - Let frames be what is on the wire: no larger, checksums done
 * @control_fd:	Any socket opened in the namespace
 * @name:	The interface
 * @err:	Set on failure, also if one is still on afterwards
 *
 * Return: 0 or -1
 */
int link_offloads_off(int control_fd, const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(offloads); i++) {
		const struct offload *o = &offloads[i];
		uint32_t value = 0;

		if (ethtool(control_fd, name, o->get, &value))
			return err_set(err, errno, "cannot read offload '%s' of '%s'", o->name,
				       name);
		if (!(value & o->mask))
			continue;
		value &= ~o->mask;
		/* that it was refused, with or without an error, shows in what is in force */
		ethtool(control_fd, name, o->set, &value);
	}
	/* Only now: some offloads go or come with others */
	return link_offloads_check(control_fd, name, err);
}

/**
 * link_offloads_check() - Refuse an interface whose frames are not what is on the wire
 * @control_fd:	Any socket opened in the namespace
 * @name:	The interface
 * @err:	Set if an offload is on, and what it would falsify
 *
 * Return: 0 or -1
 */
int link_offloads_check(int control_fd, const char *name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(offloads); i++) {
		uint32_t value = 0;

		if (ethtool(control_fd, name, offloads[i].get, &value))
			return err_set(err, errno, "cannot read offload '%s' of '%s'",
				       offloads[i].name, name);
		if (value & offloads[i].mask)
			return err_set(
				err, 0,
				"offload '%s' of '%s' is on: a loss would take many segments "
				"at once, and captures would not show what is on the wire",
				offloads[i].name, name);
	}
	return 0;
}

static void put_nl_addr(struct nl_addr **a)
{
	nl_addr_put(*a);
}
#define AUTO_ADDR __attribute__((cleanup(put_nl_addr)))

static int parse(const char *text, struct nl_addr **ret, struct err *err)
{
	int rc = nl_addr_parse(text, AF_UNSPEC, ret);

	return rc < 0 ? err_set(err, 0, "bad address '%s': %s", text, nl_geterror(rc)) : 0;
}

static int talk_address(struct nl_sock *sock, int type, int flags, int ifindex, const char *address,
			const char *what, struct err *err)
{
	AUTO_ADDR struct nl_addr *a = NULL;
	struct ifaddrmsg ifa = { .ifa_index = (uint32_t)ifindex };
	struct nl_msg *msg;

	if (parse(address, &a, err))
		return -1;
	ifa.ifa_family = (uint8_t)nl_addr_get_family(a);
	ifa.ifa_prefixlen = (uint8_t)nl_addr_get_prefixlen(a);
	if (ifa.ifa_family == AF_INET6)
		ifa.ifa_flags = IFA_F_NODAD; /* else it cannot be used for a second */
	msg = MESSAGE(type, flags, ifa);
	nla_put_addr(msg, IFA_LOCAL, a);
	nla_put_addr(msg, IFA_ADDRESS, a);
	return netlink_talk(sock, msg, err, "cannot %s address '%s'", what, address);
}

/**
 * link_address() - Give an interface an address
 * @sock:	Opened in the namespace
 * @ifindex:	The interface
 * @address:	"10.0.1.1/24" or "2001:db8:1::1/64"
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int link_address(struct nl_sock *sock, int ifindex, const char *address, struct err *err)
{
	return talk_address(sock, RTM_NEWADDR, CREATE, ifindex, address, "add", err);
}

/**
 * link_address_remove() - Take an address from an interface
 * @sock:	Opened in the namespace
 * @ifindex:	The interface; with its last IPv4 address go its IPv4 routes and neighbours
 * @address:	As it was given
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int link_address_remove(struct nl_sock *sock, int ifindex, const char *address, struct err *err)
{
	return talk_address(sock, RTM_DELADDR, 0, ifindex, address, "remove", err);
}

/**
 * link_route() - Add a route, or put it in place of the one to the same network
 * @sock:	Opened in the namespace
 * @to:		"10.0.3.0/24"; all zeros is the default route: "0.0.0.0/0", "::/0"
 * @gateway:	Address of the next hop; its interface follows from it
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int link_route(struct nl_sock *sock, const char *to, const char *gateway, struct err *err)
{
	AUTO_ADDR struct nl_addr *dst = NULL, *via = NULL;
	struct rtmsg rt = {
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg;

	if (parse(to, &dst, err) || parse(gateway, &via, err))
		return -1;
	rt.rtm_family = (uint8_t)nl_addr_get_family(via);
	rt.rtm_dst_len = (uint8_t)nl_addr_get_prefixlen(dst);
	msg = MESSAGE(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, rt);
	if (rt.rtm_dst_len)
		nla_put_addr(msg, RTA_DST, dst);
	nla_put_addr(msg, RTA_GATEWAY, via);
	return netlink_talk(sock, msg, err, "cannot add a route to '%s' by '%s'", to, gateway);
}

/**
 * link_neighbour() - Say for good who has an address, so that nobody asks
 * @sock:	Opened in the namespace
 * @ifindex:	The interface by which the neighbour is reached
 * @address:	Of the neighbour: "10.0.1.2"
 * @mac:	Of the neighbour
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int link_neighbour(struct nl_sock *sock, int ifindex, const char *address, const uint8_t mac[6],
		   struct err *err)
{
	struct ndmsg nd = { .ndm_ifindex = ifindex, .ndm_state = NUD_PERMANENT };
	AUTO_ADDR struct nl_addr *a = NULL;
	struct nl_msg *msg;

	if (parse(address, &a, err))
		return -1;
	nd.ndm_family = (uint8_t)nl_addr_get_family(a);
	msg = MESSAGE(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, nd);
	nla_put_addr(msg, NDA_DST, a);
	nla_put(msg, NDA_LLADDR, 6, mac);
	return netlink_talk(sock, msg, err, "cannot add neighbour '%s'", address);
}
