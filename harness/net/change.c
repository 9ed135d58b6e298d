// SPDX-License-Identifier: Apache-2.0
/*
 * Each change opens its sockets anew: changes are rare, and a path that does not change
 * shall not carry what they need.
 *
 * A new address of the client is of the same network, as after a new lease: host 101,
 * 102, ...  Its neighbour on the access link is told before anybody can ask, so nothing
 * is sent that was not sent by the client itself.
 */
#include "net/change.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"

#define HOST_BASE 100

static int open_socket(void *ctx, struct err *err)
{
	return netlink_open(ctx, err);
}

/**
 * change_mtu() - Give both ends of a link another MTU
 * @netns_fds:	Of the nodes; borrowed
 * @link:	The link
 * @mtu:	In bytes
 * @err:	Set on failure
 *
 * Return: 0 when the kernel routes by it, or -1
 */
int change_mtu(const int netns_fds[NODE_COUNT], enum link_id link, uint64_t mtu, struct err *err)
{
	for (enum side s = 0; s < SIDE_COUNT; s++) {
		AUTO_NLSOCK struct nl_sock *sock = NULL;
		enum node_id node = topology_node(link, s);

		if (netns_run(netns_fds[node], open_socket, &sock, err) ||
		    link_mtu(sock, topology_ifindex(link), (uint32_t)mtu, err))
			return err_wrap(err, "node '%s'", node_names[node]);
	}
	return 0;
}

/**
 * change_client_host() - The outer address of the client after so many changes
 * @ipv6:	The IPv6 address, not the IPv4 one
 * @n:		How many; 0: that of the topology
 * @buf:	Filled in
 *
 * Return: @buf
 */
const char *change_client_host(bool ipv6, unsigned int n, char buf[TOPOLOGY_ADDRESS_MAX])
{
	if (!n)
		return topology_address(LINK_ACCESS, SIDE_CLIENT, ipv6, buf);
	snprintf(buf, TOPOLOGY_ADDRESS_MAX, ipv6 ? "2001:db8:%d::%u" : "10.0.%d.%u",
		 (int)LINK_ACCESS + 1, HOST_BASE + n);
	return buf;
}

/*
 * With its last IPv4 address an interface loses its IPv4 routes and neighbours; they stay if
 * a tunnel has put its inner address there.
 */
static int restore_ipv4(struct nl_sock *sock, struct err *err)
{
	char gateway[TOPOLOGY_ADDRESS_MAX];
	uint8_t mac[6];

	topology_mac(LINK_ACCESS, SIDE_SERVER, mac);
	topology_address(LINK_ACCESS, SIDE_SERVER, false, gateway);
	return link_neighbour(sock, topology_ifindex(LINK_ACCESS), gateway, mac, err) ||
			       link_route(sock, "0.0.0.0/0", gateway, err)
		       ? -1
		       : 0;
}

static int change_family(struct nl_sock *client, struct nl_sock *internet, bool v6, unsigned int n,
			 struct err *err)
{
	char host[TOPOLOGY_ADDRESS_MAX], before[TOPOLOGY_ADDRESS_MAX + 4];
	char after[TOPOLOGY_ADDRESS_MAX + 4];
	int ifindex = topology_ifindex(LINK_ACCESS);
	uint8_t mac[6];

	topology_mac(LINK_ACCESS, SIDE_CLIENT, mac);
	snprintf(before, sizeof(before), "%s/%d", change_client_host(v6, n - 1, host),
		 v6 ? 64 : 24);
	snprintf(after, sizeof(after), "%s/%d", change_client_host(v6, n, host), v6 ? 64 : 24);
	if (link_neighbour(internet, ifindex, host, mac, err) ||
	    link_address_remove(client, ifindex, before, err) ||
	    link_address(client, ifindex, after, err))
		return -1;
	return v6 ? 0 : restore_ipv4(client, err);
}

/**
 * change_client_address() - Give the client its next outer address, in place of the last
 * @netns_fds:	Of the nodes; borrowed
 * @ipv6:	The kernel has IPv6: change that address too
 * @n:		The how many-th change it is, from 1 to 100
 * @err:	Set on failure
 *
 * Its default route and neighbours are as before.  Other routes by the access link that
 * somebody added are gone with the address, as the kernel does it.
 *
 * Return: 0 or -1
 */
int change_client_address(const int netns_fds[NODE_COUNT], bool ipv6, unsigned int n,
			  struct err *err)
{
	AUTO_NLSOCK struct nl_sock *client = NULL, *internet = NULL;

	if (n < 1 || n > 100)
		return err_set(err, ERANGE, "the client has no more addresses: it had %u", n - 1);
	if (netns_run(netns_fds[NODE_CLIENT], open_socket, &client, err) ||
	    netns_run(netns_fds[NODE_INTERNET], open_socket, &internet, err) ||
	    change_family(client, internet, false, n, err) ||
	    (ipv6 && change_family(client, internet, true, n, err)))
		return err_wrap(err, "cannot renumber the client");
	return 0;
}
