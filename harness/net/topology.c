// SPDX-License-Identifier: Apache-2.0
/*
 * The path, built over netlink in one process.
 *
 * A link with netem is two veth pairs that meet in the wan namespace:
 *
 *   client "access" -- "access.1" wan "access.2" -- "access" internet
 *
 * so that captures at both ends see what was sent and what came.  What joins the
 * two interfaces in the middle, and impairs, belongs to impair/.
 *
 * Nobody has to ask for anything: neighbours are permanent, multicast is off,
 * interface numbers are chosen here.  A path that was just built is silent.
 */
#include "net/topology.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "net/sysctl.h"

/* Above what a kernel gives by itself (lo, sit0, tunnels): the same on every machine */
#define IFINDEX_BASE 100
#define WAN	     NODE_COUNT /* its place behind the nodes */

static const enum sysctl_role roles[NODE_COUNT + 1] = {
	[NODE_CLIENT] = ROLE_HOST,    [NODE_INTERNET] = ROLE_ROUTER, [NODE_MIDDLEBOX] = ROLE_ROUTER,
	[NODE_HEADEND] = ROLE_ROUTER, [NODE_SERVER] = ROLE_HOST,     [WAN] = ROLE_WAN,
};

#define TO_ALL (-1) /* the default route */

/* internet and middlebox know neither lan nor the pool of inner addresses */
static const struct route {
	enum node_id node;
	int to; /* enum link_id or TO_ALL */
	enum link_id gateway_link;
	enum side gateway_side;
} routes[] = {
	{ NODE_CLIENT, TO_ALL, LINK_ACCESS, SIDE_SERVER },
	{ NODE_INTERNET, LINK_INSIDE, LINK_OUTSIDE, SIDE_SERVER },
	{ NODE_MIDDLEBOX, LINK_ACCESS, LINK_OUTSIDE, SIDE_CLIENT },
	{ NODE_HEADEND, TO_ALL, LINK_INSIDE, SIDE_CLIENT },
	{ NODE_SERVER, TO_ALL, LINK_LAN, SIDE_CLIENT },
};

/* A namespace while the path is built in it: sockets that were opened inside */
struct room {
	int netns_fd; /* borrowed */
	struct nl_sock *nl;
	int control;
};

struct build {
	struct topology *t;
	struct room rooms[NODE_COUNT + 1];
};

static int open_sockets(void *ctx, struct err *err)
{
	struct room *p = ctx;

	if (netlink_open(&p->nl, err))
		return -1;
	p->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return p->control < 0 ? err_set(err, errno, "cannot open a socket") : 0;
}

static int open_room(struct build *b, int node, int netns_fd, struct err *err)
{
	const char *name = node == WAN ? "wan" : node_names[node];
	json_t *record = json_object();
	struct room *p = &b->rooms[node];

	p->netns_fd = netns_fd;
	json_object_set_new(b->t->sysctls, name, record);
	if (sysctl_pin(netns_fd, roles[node], BEFORE_LINKS, record, err) ||
	    netns_run(netns_fd, open_sockets, p, err) || link_up(p->nl, LINK_LOOPBACK, err))
		return err_wrap(err, "node '%s'", name);
	return 0;
}

static int finish_room(struct build *b, int node, struct err *err)
{
	json_t *record = json_object_get(b->t->sysctls, node_names[node]);

	if (sysctl_pin(b->rooms[node].netns_fd, roles[node], AFTER_LINKS, record, err))
		return err_wrap(err, "node '%s'", node_names[node]);
	return 0;
}

static void close_room(struct room *p)
{
	nl_socket_free(p->nl);
	if (p->control >= 0)
		close(p->control);
}

/** topology_node() - Which node has an end of a link */
enum node_id topology_node(enum link_id link, enum side side)
{
	return (enum node_id)((int)link + (int)side);
}

/** topology_ifindex() - The number of a link's interface in both of its nodes */
int topology_ifindex(enum link_id link)
{
	return IFINDEX_BASE + (int)link + 1;
}

/**
 * topology_address() - The address of an end of a link
 * @link:	The link
 * @side:	Which end
 * @ipv6:	The IPv6 address, not the IPv4 one
 * @buf:	Filled in
 *
 * Return: @buf
 */
const char *topology_address(enum link_id link, enum side side, bool ipv6,
			     char buf[TOPOLOGY_ADDRESS_MAX])
{
	snprintf(buf, TOPOLOGY_ADDRESS_MAX, ipv6 ? "2001:db8:%d::%d" : "10.0.%d.%d", (int)link + 1,
		 (int)side + 1);
	return buf;
}

/** topology_mac() - The MAC address of an end of a link */
void topology_mac(enum link_id link, enum side side, uint8_t ret_mac[6])
{
	const uint8_t mac[6] = { 2, 0, 0, 0, (uint8_t)(link + 1), (uint8_t)(side + 1) };

	memcpy(ret_mac, mac, sizeof(mac));
}

static struct link_end node_end(const struct build *b, enum link_id link, enum side side)
{
	struct link_end end = {
		.netns_fd = b->rooms[topology_node(link, side)].netns_fd,
		.name = link_names[link],
		.ifindex = topology_ifindex(link),
	};

	topology_mac(link, side, end.mac);
	return end;
}

static int build_veth(struct build *b, enum link_id link, struct err *err)
{
	struct link_end ends[SIDE_COUNT] = { node_end(b, link, SIDE_CLIENT),
					     node_end(b, link, SIDE_SERVER) };

	return link_veth(b->rooms[topology_node(link, SIDE_CLIENT)].nl, &ends[SIDE_CLIENT],
			 &ends[SIDE_SERVER], err);
}

static int build_wire(struct build *b, enum link_id link, struct err *err)
{
	for (enum side s = 0; s < SIDE_COUNT; s++) {
		struct link_end end = node_end(b, link, s);

		if (link_tap(b->rooms[topology_node(link, s)].nl, &end,
			     &b->t->links[link].tap_fd[s], err))
			return -1;
	}
	return 0;
}

static int build_netem(struct build *b, enum link_id link, struct err *err)
{
	struct room *wan = &b->rooms[WAN];

	for (enum side s = 0; s < SIDE_COUNT; s++) {
		struct link_end end = node_end(b, link, s), middle = end;
		char name[16];

		snprintf(name, sizeof(name), "%s.%d", link_names[link], (int)s + 1);
		middle.netns_fd = wan->netns_fd;
		middle.name = name;
		middle.ifindex = IFINDEX_BASE + 10 * ((int)link + 1) + (int)s + 1;
		middle.mac[5] |= 0x10;
		if (link_veth(b->rooms[topology_node(link, s)].nl, &end, &middle, err) ||
		    link_offloads_off(wan->control, name, err) ||
		    link_up(wan->nl, middle.ifindex, err))
			return -1;
		b->t->links[link].ifindex[s] = middle.ifindex;
	}
	return 0;
}

static int (*const builders[ENGINE_COUNT])(struct build *b, enum link_id link, struct err *err) = {
	[ENGINE_NONE] = build_veth,
	[ENGINE_NETEM] = build_netem,
	[ENGINE_WIRE] = build_wire,
};

/* One end, once its interface is there */
static int furnish(struct build *b, enum link_id link, enum side side, struct err *err)
{
	enum side other = side == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
	struct room *p = &b->rooms[topology_node(link, side)];
	int ifindex = topology_ifindex(link);
	uint8_t mac[6];

	topology_mac(link, other, mac);
	if (link_offloads_off(p->control, link_names[link], err))
		return -1;
	if (link_up(p->nl, ifindex, err))
		return -1;
	for (int v6 = 0; v6 < (b->t->ipv6 ? 2 : 1); v6++) {
		char address[TOPOLOGY_ADDRESS_MAX], with_prefix[TOPOLOGY_ADDRESS_MAX + 4];

		snprintf(with_prefix, sizeof(with_prefix), "%s/%d",
			 topology_address(link, side, v6, address), v6 ? 64 : 24);
		if (link_address(p->nl, ifindex, with_prefix, err) ||
		    link_neighbour(p->nl, ifindex, topology_address(link, other, v6, address), mac,
				   err))
			return -1;
	}
	return 0;
}

static int build_link(struct build *b, enum link_id link, struct err *err)
{
	if (builders[b->t->links[link].engine](b, link, err))
		return -1;
	for (enum side s = 0; s < SIDE_COUNT; s++)
		if (furnish(b, link, s, err))
			return err_wrap(err, "node '%s'", node_names[topology_node(link, s)]);
	return 0;
}

/* It carries frames, and nothing that came later has switched an offload on again */
static int check_end(int control, const char *name, struct err *err)
{
	return link_ready(control, name, err) || link_offloads_check(control, name, err) ? -1 : 0;
}

static int check_ends(const struct build *b, enum link_id link, struct err *err)
{
	for (enum side s = 0; s < SIDE_COUNT; s++) {
		enum node_id node = topology_node(link, s);
		char name[16];

		if (check_end(b->rooms[node].control, link_names[link], err))
			return err_wrap(err, "node '%s'", node_names[node]);
		snprintf(name, sizeof(name), "%s.%d", link_names[link], (int)s + 1);
		if (b->t->links[link].ifindex[s] && check_end(b->rooms[WAN].control, name, err))
			return err_wrap(err, "node 'wan'");
	}
	return 0;
}

static int build_route(struct build *b, const struct route *r, bool v6, struct err *err)
{
	char gateway[TOPOLOGY_ADDRESS_MAX], to[TOPOLOGY_ADDRESS_MAX];

	topology_address(r->gateway_link, r->gateway_side, v6, gateway);
	if (r->to == TO_ALL)
		snprintf(to, sizeof(to), v6 ? "::/0" : "0.0.0.0/0");
	else
		snprintf(to, sizeof(to), v6 ? "2001:db8:%d::/64" : "10.0.%d.0/24", r->to + 1);
	if (link_route(b->rooms[r->node].nl, to, gateway, err))
		return err_wrap(err, "node '%s'", node_names[r->node]);
	return 0;
}

static enum impair_engine engine_of(const struct spec_case *c, enum link_id link)
{
	enum impair_engine up = c->impair[link][DIR_UP].engine;
	enum impair_engine down = c->impair[link][DIR_DOWN].engine;

	return up != ENGINE_NONE ? up : down; /* a case that mixes them is invalid */
}

/** topology_needs_wan() - Does a case need the namespace in the middle of links? */
bool topology_needs_wan(const struct spec_case *c)
{
	for (enum link_id link = 0; link < LINK_COUNT; link++)
		if (engine_of(c, link) == ENGINE_NETEM)
			return true;
	return false;
}

static int build(struct build *b, const int netns_fds[NODE_COUNT], int wan_netns_fd, bool wan,
		 struct err *err)
{
	for (int node = 0; node < NODE_COUNT; node++)
		if (open_room(b, node, netns_fds[node], err))
			return -1;
	if (wan && open_room(b, WAN, wan_netns_fd, err))
		return -1;
	for (enum link_id link = 0; link < LINK_COUNT; link++)
		if (build_link(b, link, err))
			return err_wrap(err, "link '%s'", link_names[link]);
	for (int node = 0; node < NODE_COUNT; node++)
		if (finish_room(b, node, err))
			return -1;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
		for (int v6 = 0; v6 < (b->t->ipv6 ? 2 : 1); v6++)
			if (build_route(b, &routes[i], v6, err))
				return -1;
	for (enum link_id link = 0; link < LINK_COUNT; link++)
		if (check_ends(b, link, err))
			return err_wrap(err, "link '%s'", link_names[link]);
	return 0;
}

/**
 * topology_build() - Build the path in namespaces that are there
 * @t:		Filled in; release it with topology_close() whatever is returned
 * @c:		The case, for the engine of each link
 * @netns_fds:	Fresh network namespaces of the nodes; borrowed
 * @wan_netns_fd: A fresh one for the middle of links, or -1 if
 *		topology_needs_wan() says no; borrowed
 * @err:	Set on failure; the kind is ERR_SKIP if the machine lacks something
 *
 * Return: 0 or -1
 */
int topology_build(struct topology *t, const struct spec_case *c, const int netns_fds[NODE_COUNT],
		   int wan_netns_fd, struct err *err)
{
	struct build b = { .t = t };
	int rc;

	*t = (struct topology){ .sysctls = json_object() };
	t->ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
	for (enum link_id link = 0; link < LINK_COUNT; link++) {
		t->links[link].engine = engine_of(c, link);
		t->links[link].tap_fd[SIDE_CLIENT] = t->links[link].tap_fd[SIDE_SERVER] = -1;
	}
	if ((c->ipv6 || c->inner_ipv6) && !t->ipv6)
		return err_set_kind(err, ERR_SKIP, "this kernel has no IPv6");
	for (int node = 0; node <= WAN; node++)
		b.rooms[node].control = -1;
	rc = build(&b, netns_fds, wan_netns_fd, topology_needs_wan(c), err);
	if (!rc)
		t->wan = steal_ptr(&b.rooms[WAN].nl);
	for (int node = 0; node <= WAN; node++)
		close_room(&b.rooms[node]);
	return rc;
}

/** topology_close() - Release what a topology holds; the links go with their namespaces */
void topology_close(struct topology *t)
{
	for (enum link_id link = 0; link < LINK_COUNT; link++)
		for (enum side s = 0; s < SIDE_COUNT; s++)
			cleanup_close(&t->links[link].tap_fd[s]);
	nl_socket_free(t->wan);
	json_decref(t->sysctls);
	*t = (struct topology){ 0 };
	for (enum link_id link = 0; link < LINK_COUNT; link++)
		t->links[link].tap_fd[SIDE_CLIENT] = t->links[link].tap_fd[SIDE_SERVER] = -1;
}
