// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

/** socket_address_len() - Of its family */
socklen_t socket_address_len(const union address *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

/**
 * socket_address() - Parse
 * @what:	For the error
 * @text:	"10.0.1.1" or "2001:db8:1::1"; may be NULL
 * @port:	Of it
 * @ret:	Set on success
 * @err:	ERR_USAGE
 *
 * Return: 0 or -1
 */
int socket_address(const char *what, const char *text, uint16_t port, union address *ret,
		   struct err *err)
{
	bool ipv6 = text && strchr(text, ':');

	*ret = (union address){ .any.sa_family = ipv6 ? AF_INET6 : AF_INET };
	if (ipv6)
		ret->v6.sin6_port = htons(port);
	else
		ret->v4.sin_port = htons(port);
	if (text && inet_pton(ret->any.sa_family, text,
			      ipv6 ? (void *)&ret->v6.sin6_addr : (void *)&ret->v4.sin_addr) == 1)
		return 0;
	return err_set_kind(err, ERR_USAGE, "%s '%s' is not an address", what, text ? text : "");
}

static int discover(int fd, bool ipv6, int how)
{
	return ipv6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &how, sizeof(how))
		    : setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof(how));
}

static int udp_socket(const union address *local)
{
	return socket(local->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/**
 * socket_open() - Datagrams at an address
 * @local:	Where; port 0: any
 * @ignore_too_big: Send what the kernel knows to be too big for the path
 * @ret_fd:	Owned by the caller
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int socket_open(const union address *local, bool ignore_too_big, int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = udp_socket(local);
	bool ipv6 = local->any.sa_family == AF_INET6;

	/* ip(7): both set DF; PROBE leaves the path MTU aside */
	if (fd < 0 || discover(fd, ipv6, ignore_too_big ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DO) ||
	    bind(fd, &local->any, socket_address_len(local)))
		return err_set(err, errno, "cannot open a UDP socket");
	*ret_fd = steal_fd(&fd);
	return 0;
}

/** socket_path_mtu() - What the kernel knows of the path, in bytes; 0: nothing */
unsigned int socket_path_mtu(const union address *local, const union address *remote)
{
	union address from = *local;
	AUTO_CLOSE int fd = udp_socket(local);
	bool ipv6 = local->any.sa_family == AF_INET6;
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (ipv6)
		from.v6.sin6_port = 0;
	else
		from.v4.sin_port = 0;
	if (fd < 0 || bind(fd, &from.any, socket_address_len(&from)) ||
	    connect(fd, &remote->any, socket_address_len(remote)) ||
	    getsockopt(fd, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_MTU : IP_MTU, &mtu, &len))
		return 0;
	return (unsigned int)mtu;
}
