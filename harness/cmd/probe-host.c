// SPDX-License-Identifier: Apache-2.0
/*
 * Probes of the runtime host: each becomes root, if only of a user namespace, makes a
 * network namespace and tries in it what a run would do.  Each is called in a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/xfrm.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "cmd/probe.h"
#include "impair/netem.h"
#include "net/netlink.h"
#include "net/userns.h"

static int enter_fresh(struct err *err)
{
	if (userns_become_root(err))
		return -1;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID))
		return err_set(err, errno, "cannot make namespaces");
	return 0;
}

/** probe_namespaces() - Network, mount and pid namespaces */
int probe_namespaces(char **ret_found, struct err *err)
{
	bool root = geteuid() == 0;

	if (enter_fresh(err))
		return -1;
	*ret_found = io_printf("%s", root ? "as root" : "in a user namespace");
	return 0;
}

/** probe_tun() - A TAP and a TUN in a namespace of ours */
int probe_tun(char **ret_found, struct err *err)
{
	static const short kinds[] = { IFF_TAP | IFF_NO_PI, IFF_TUN | IFF_NO_PI };

	if (enter_fresh(err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		AUTO_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
		struct ifreq request = { .ifr_flags = kinds[i] };

		if (fd < 0)
			return err_set(err, errno, "cannot open /dev/net/tun");
		if (ioctl(fd, TUNSETIFF, &request))
			return err_set(err, errno, "cannot make a device");
	}
	*ret_found = io_printf("/dev/net/tun");
	return 0;
}

/** probe_netem() - netem with all that a link needs */
int probe_netem(char **ret_found, struct err *err)
{
	AUTO_NLSOCK struct nl_sock *sock = NULL;

	if (enter_fresh(err) || netlink_open(&sock, err) || netem_supported(sock, err))
		return -1;
	*ret_found = io_printf("works");
	return 0;
}

/* An SA as IKE would install it: ESP in tunnel mode, AES-GCM (RFC 4106) */
static struct nl_msg *sa_message(void)
{
	enum { KEY_BYTES = 16 + 4 }; /* the key and its salt */
	struct xfrm_usersa_info sa = {
		.id = { .spi = htonl(0x1000), .proto = IPPROTO_ESP },
		.family = AF_INET,
		.mode = XFRM_MODE_TUNNEL,
		.replay_window = 32,
	};
	struct {
		struct xfrm_algo_aead head;
		unsigned char key[KEY_BYTES];
	} algorithm = { .head = { .alg_name = "rfc4106(gcm(aes))",
				  .alg_key_len = KEY_BYTES * 8,
				  .alg_icv_len = 128 } };
	struct nl_msg *msg = nlmsg_alloc_simple(XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL);

	sa.id.daddr.a4 = htonl(0x0a000001);
	sa.saddr.a4 = htonl(0x0a000002);
	sa.lft.soft_byte_limit = sa.lft.hard_byte_limit = XFRM_INF;
	sa.lft.soft_packet_limit = sa.lft.hard_packet_limit = XFRM_INF;
	if (!msg || nlmsg_append(msg, &sa, sizeof(sa), NLMSG_ALIGNTO) ||
	    nla_put(msg, XFRMA_ALG_AEAD, sizeof(algorithm), &algorithm))
		abort();
	return msg;
}

/** probe_esp() - A security association of the kernel's IPsec; gone with its namespace */
int probe_esp(char **ret_found, struct err *err)
{
	AUTO_NLSOCK struct nl_sock *sock = nl_socket_alloc();

	if (enter_fresh(err))
		return -1;
	if (!sock || nl_connect(sock, NETLINK_XFRM) < 0)
		return err_set(err, 0, "this kernel has no XFRM netlink");
	if (netlink_talk(sock, sa_message(), err, "cannot install an ESP SA with AES-GCM"))
		return -1;
	*ret_found = io_printf("ESP with AES-GCM");
	return 0;
}
