/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to the kernel over rtnetlink: one request, one acknowledgement, and
 * the kernel's own words when it refuses.
 */
#ifndef DUPACK_NET_NETLINK_H
#define DUPACK_NET_NETLINK_H

#include <netlink/netlink.h>
#include <netlink/socket.h>

struct err;

int netlink_open(struct nl_sock **ret, struct err *err);
int netlink_talk(struct nl_sock *sock, struct nl_msg *msg, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** cleanup_nl_sock() - for AUTO_NLSOCK */
static inline void cleanup_nl_sock(struct nl_sock **sock)
{
	nl_socket_free(*sock);
}
#define AUTO_NLSOCK __attribute__((cleanup(cleanup_nl_sock)))

#endif
