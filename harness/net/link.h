/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces and what hangs on them: addresses, routes, neighbours, offloads.
 *
 * An interface is made with MTU 1500 and down; link_up() makes it silent as well.
 * A socket given here belongs to the namespace that is meant; the caller may be
 * elsewhere.
 */
#ifndef DUPACK_NET_LINK_H
#define DUPACK_NET_LINK_H

#include <stdint.h>

struct err;
struct nl_sock;

#define LINK_MTU      1500
#define LINK_LOOPBACK 1 /* ifindex of "lo" in every namespace */

/** An interface to be made. */
struct link_end {
	int netns_fd; /* where; borrowed */
	const char *name;
	int ifindex; /* above 0: chosen by the caller, so that nobody has to ask */
	uint8_t mac[6];
};

int link_veth(struct nl_sock *sock, const struct link_end *a, const struct link_end *b,
	      struct err *err);
int link_tap(struct nl_sock *sock, const struct link_end *end, int *ret_fd, struct err *err);
int link_up(struct nl_sock *sock, int ifindex, struct err *err);
int link_down(struct nl_sock *sock, int ifindex, struct err *err);
int link_mtu(struct nl_sock *sock, int ifindex, uint32_t mtu, struct err *err);

int link_ready(int control_fd, const char *name, struct err *err);
int link_offloads_off(int control_fd, const char *name, struct err *err);
int link_offloads_check(int control_fd, const char *name, struct err *err);

int link_address(struct nl_sock *sock, int ifindex, const char *address, struct err *err);
int link_address_remove(struct nl_sock *sock, int ifindex, const char *address, struct err *err);
int link_route(struct nl_sock *sock, const char *to, const char *gateway, struct err *err);
int link_neighbour(struct nl_sock *sock, int ifindex, const char *address, const uint8_t mac[6],
		   struct err *err);

#endif
