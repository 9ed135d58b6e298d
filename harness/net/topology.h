/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path under test:
 *
 *   client --access-- internet --outside-- middlebox --inside-- headend --lan-- server
 *
 * Link L (from 1) joins node L and node L+1: 10.0.L.0/24 and 2001:db8:L::/64,
 * host numbers 1 at the client's side and 2 at the server's; both interfaces are
 * named after the link.  MAC addresses are 02:00:00:00:0L:01 and :02.
 */
#ifndef DUPACK_NET_TOPOLOGY_H
#define DUPACK_NET_TOPOLOGY_H

#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "spec/case.h"

struct err;
struct nl_sock;

/** The two ends of a link. */
enum side { SIDE_CLIENT, SIDE_SERVER, SIDE_COUNT };

struct topology_link {
	enum impair_engine engine; /* ENGINE_NONE: a plain veth pair */
	int tap_fd[SIDE_COUNT]; /* wire: the frames of each end; owned, else -1 */
	int ifindex[SIDE_COUNT]; /* netem: in the wan namespace, the interface towards each
				  * end; what goes up leaves by [SIDE_SERVER].  Else 0 */
};

struct topology {
	struct topology_link links[LINK_COUNT];
	bool ipv6; /* the kernel has it */
	struct nl_sock *wan; /* in the wan namespace, NULL if no link needs it; owned */
	json_t *sysctls; /* {"client": {"ipv4/tcp_ecn": "2", ...}, ...}; owned */
};

/** Long enough for any address of the path. */
#define TOPOLOGY_ADDRESS_MAX INET6_ADDRSTRLEN

int topology_build(struct topology *t, const struct spec_case *c, const int netns_fds[NODE_COUNT],
		   int wan_netns_fd, struct err *err);
void topology_close(struct topology *t);

bool topology_needs_wan(const struct spec_case *c);
enum node_id topology_node(enum link_id link, enum side side);
int topology_ifindex(enum link_id link);
const char *topology_address(enum link_id link, enum side side, bool ipv6,
			     char buf[TOPOLOGY_ADDRESS_MAX]);
void topology_mac(enum link_id link, enum side side, uint8_t ret_mac[6]);

#endif
