// SPDX-License-Identifier: Apache-2.0
/*
 * libnl 3.7 throws away the kernel's extended error text (NETLINK_EXT_ACK),
 * which is often the only hint: "Specified qdisc kind is unknown".  It is read
 * here, in the error callback: it lies behind the struct nlmsgerr as attributes
 * (Documentation/userspace-api/netlink/intro.rst, "Extended ACK").
 *
 * A socket belongs to the namespace where it was opened, for as long as it
 * lives: the caller may be elsewhere when it is used.
 */
#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"

/**
 * netlink_open() - Open a NETLINK_ROUTE socket in the current network namespace
 * @ret:	Set on success; the caller frees it (AUTO_NLSOCK)
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int netlink_open(struct nl_sock **ret, struct err *err)
{
	AUTO_NLSOCK struct nl_sock *sock = nl_socket_alloc();
	int on = 1;
	int rc;

	if (!sock)
		return err_set(err, ENOMEM, "cannot open a netlink socket");
	rc = nl_connect(sock, NETLINK_ROUTE);
	if (rc < 0)
		return err_set(err, 0, "cannot open a netlink socket: %s", nl_geterror(rc));
	if (setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)))
		return err_set(err, errno, "cannot ask netlink for error texts");
	*ret = steal_ptr(&sock);
	return 0;
}

struct answer {
	bool done;
	int errnum; /* 0: success */
	char text[256]; /* the kernel's words, or empty */
};

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct answer *a = arg;

	(void)msg;
	a->done = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	size_t skip = sizeof(*e);
	struct answer *a = arg;
	struct nlattr *text;

	(void)from;
	a->done = true;
	a->errnum = -e->error;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN; /* the request comes first */
	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS) || hdr->nlmsg_len < NLMSG_HDRLEN + skip)
		return NL_STOP;
	text = nla_find((struct nlattr *)((char *)e + skip),
			(int)(hdr->nlmsg_len - NLMSG_HDRLEN - skip), NLMSGERR_ATTR_MSG);
	if (text)
		nla_strlcpy(a->text, text, sizeof(a->text));
	return NL_STOP;
}

/* Send and await the end of the answer; messages before it go to the socket's own callbacks */
static int exchange(struct nl_sock *sock, struct nl_msg *msg, struct answer *a)
{
	struct nl_cb *own = nl_socket_get_cb(sock);
	struct nl_cb *cb = nl_cb_clone(own);
	int rc = cb ? nl_send_auto(sock, msg) : -NLE_NOMEM;

	nl_cb_put(own);
	if (cb) {
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, a);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_ack, a); /* a dump has no ACK */
		nl_cb_err(cb, NL_CB_CUSTOM, on_error, a);
	}
	while (rc >= 0 && !a->done)
		rc = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	return a->done ? 0 : rc;
}

/**
 * netlink_talk() - Send one request and await its acknowledgement
 * @sock:	From netlink_open()
 * @msg:	The request; freed here in every case.  NULL: memory is exhausted
 * @err:	Set on failure, with the kernel's own text if it has one
 * @fmt:	What cannot be done: "cannot add address 10.0.1.1 to 'access'"
 *
 * What the kernel answers before the acknowledgement goes to the socket's
 * NL_CB_VALID callback.
 *
 * Return: 0 or -1
 */
int netlink_talk(struct nl_sock *sock, struct nl_msg *msg, struct err *err, const char *fmt, ...)
{
	struct answer a = { 0 };
	char what[256];
	va_list ap;
	int rc = msg ? exchange(sock, msg, &a) : -NLE_NOMEM;

	nlmsg_free(msg);
	if (!rc && !a.errnum)
		return 0;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (rc)
		return err_set(err, 0, "%s: %s", what, nl_geterror(rc));
	if (a.text[0])
		return err_set(err, a.errnum, "%s (%s)", what, a.text);
	return err_set(err, a.errnum, "%s", what);
}
