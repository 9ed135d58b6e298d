/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink messages about routes, rules and links, for carriers. */
#ifndef DUPACK_CARRIER_ROUTE_H
#define DUPACK_CARRIER_ROUTE_H

struct err;
struct nl_msg;
struct nl_sock;

int route_open(struct nl_sock **ret, struct err *err);
int route_send(struct nl_sock *nl, struct nl_msg *msg, int tolerated, const char *what,
	       struct err *err);

#endif
