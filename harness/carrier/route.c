// SPDX-License-Identifier: Apache-2.0
#include "carrier/route.h"

#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/err.h"

/**
 * route_open() - A socket for route_send(), of this network namespace
 * @ret:	To be freed by nl_socket_free(), after an error too
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int route_open(struct nl_sock **ret, struct err *err)
{
	int rc;

	*ret = nl_socket_alloc();
	if (!*ret)
		return err_set(err, 0, "no memory for a netlink socket");
	rc = nl_connect(*ret, NETLINK_ROUTE);
	return rc < 0 ? err_set(err, 0, "cannot open a netlink socket: %s", nl_geterror(rc)) : 0;
}

/**
 * route_send() - Send a message and wait for its acknowledgement
 * @nl:		From route_open()
 * @msg:	Is freed
 * @tolerated:	An error (NLE_...) that is none here, or 0
 * @what:	What it does, for the error: "cannot ..."
 * @err:	ERR_SKIP without the privilege
 *
 * Return: 0 or -1
 */
int route_send(struct nl_sock *nl, struct nl_msg *msg, int tolerated, const char *what,
	       struct err *err)
{
	int rc = nl_send_sync(nl, msg);

	if (rc >= 0 || rc == -tolerated)
		return 0;
	if (rc == -NLE_PERM)
		return err_set_kind(err, ERR_SKIP, "no right to %s: run as root of the namespace",
				    what);
	return err_set(err, 0, "cannot %s: %s", what, nl_geterror(rc));
}
