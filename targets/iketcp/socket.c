// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/units.h"
#include "datagram.h"

#define UNSENT_MAX                                                                                 \
	(64 * 1024) /* in the kernel: what waits longer shall wait, or be dropped, here */

union name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t to_name(const struct address *a, uint16_t port, union name *ret)
{
	*ret = (union name){ .any.sa_family = a->ipv6 ? AF_INET6 : AF_INET };
	if (a->ipv6) {
		ret->v6.sin6_port = htons(port);
		memcpy(&ret->v6.sin6_addr, a->bytes, 16);
		return sizeof(ret->v6);
	}
	ret->v4.sin_port = htons(port);
	memcpy(&ret->v4.sin_addr, a->bytes, 4);
	return sizeof(ret->v4);
}

static int set(int fd, int option, int value)
{
	return setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

static int set_up(int fd, uint64_t user_timeout_ns)
{
	return set(fd, TCP_NODELAY, 1) || set(fd, TCP_NOTSENT_LOWAT, UNSENT_MAX) ||
	       set(fd, TCP_USER_TIMEOUT, (int)(user_timeout_ns / NS_PER_MS));
}

static int tcp_socket(const struct address *a)
{
	return socket(a->ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/**
 * socket_connect() - Begin to connect
 * @local:	Our address
 * @peer:	Its address
 * @port:	Its port
 * @user_timeout_ns: TCP_USER_TIMEOUT; 0: the kernel's
 *
 * Return: the descriptor, writable when it is connected or has failed; or -1
 */
int socket_connect(const struct address *local, const struct address *peer, uint16_t port,
		   uint64_t user_timeout_ns)
{
	AUTO_CLOSE int fd = tcp_socket(peer);
	union name from, to;
	socklen_t len = to_name(local, 0, &from);

	to_name(peer, port, &to);
	if (fd < 0 || set_up(fd, user_timeout_ns) || bind(fd, &from.any, len) ||
	    (connect(fd, &to.any, len) && errno != EINPROGRESS))
		return -1;
	return steal_fd(&fd);
}

/**
 * socket_listen() - Take connections
 * @local:	Where
 * @port:	At which port
 * @ret_fd:	For socket_accept()
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int socket_listen(const struct address *local, uint16_t port, int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = tcp_socket(local);
	union name name;
	socklen_t len = to_name(local, port, &name);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, &name.any, len) || listen(fd, 16))
		return err_set(err, errno, "cannot listen at TCP port %u", port);
	*ret_fd = steal_fd(&fd);
	return 0;
}

/**
 * socket_accept() - Take one connection
 * @listener:	Of socket_listen()
 * @ret_peer:	From where
 * @user_timeout_ns: as for socket_connect()
 *
 * Return: the descriptor, or -1
 */
int socket_accept(int listener, struct address *ret_peer, uint64_t user_timeout_ns)
{
	union name name = { 0 };
	socklen_t len = sizeof(name);
	AUTO_CLOSE int fd = accept4(listener, &name.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 || set_up(fd, user_timeout_ns))
		return -1;
	*ret_peer = (struct address){ .ipv6 = name.any.sa_family == AF_INET6 };
	memcpy(ret_peer->bytes,
	       ret_peer->ipv6 ? (const void *)&name.v6.sin6_addr : (const void *)&name.v4.sin_addr,
	       address_len(ret_peer));
	return steal_fd(&fd);
}
