// SPDX-License-Identifier: Apache-2.0
/*
 * In: a packet socket, which sees a segment before routing decides on it; its
 * filter passes only TCP of our port to this node.  Out: a raw socket with
 * whole IPv4 headers and the mark that keeps our segments out of the TUN.
 */
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"

#define RECEIVE_BUFFER (4 << 20)

/* What a machine or a container may lack, against what should not happen */
static int refuse(struct err *err, int errnum, const char *what)
{
	if (errnum == EPERM || errnum == EACCES || errnum == ENOENT || errnum == ENODEV ||
	    errnum == ENXIO)
		return err_set_kind(err, ERR_SKIP, "%s: %s", what, strerror(errnum));
	return err_set(err, errnum, "%s", what);
}

static uint32_t address_u32(const uint8_t address[4])
{
	uint32_t a;

	memcpy(&a, address, sizeof(a));
	return ntohl(a);
}

/* Offsets are from the IP header: on SOCK_DGRAM the filter sees no link layer */
static int attach_filter(int fd, const struct socket_filter *f)
{
	struct sock_filter code[24];
	unsigned short n = 0;

#define LOAD(size, mode, k)                                                                        \
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | (size) | (mode), (uint32_t)(k))
#define NEED(k) code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, UINT8_MAX)
	LOAD(BPF_W, BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE);
	NEED(PACKET_HOST); /* not what we send, nor what others get */
	LOAD(BPF_B, BPF_ABS, 9);
	NEED(IPPROTO_TCP);
	LOAD(BPF_W, BPF_ABS, 16);
	NEED(address_u32(f->local));
	LOAD(BPF_H, BPF_ABS, 6);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x1fff);
	NEED(0); /* a later fragment has no ports */
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0);
	LOAD(BPF_H, BPF_IND, 2);
	NEED(f->local_port);
	if (f->remote_port) {
		LOAD(BPF_H, BPF_IND, 0);
		NEED(f->remote_port);
		LOAD(BPF_W, BPF_ABS, 12);
		NEED(address_u32(f->remote));
	}
#undef LOAD
#undef NEED
	code[n] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	code[n + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	for (unsigned short i = 0; i < n; i++) {
		if (code[i].jf == UINT8_MAX)
			code[i].jf = (uint8_t)(n - i);
	}

	struct sock_fprog program = { .len = (unsigned short)(n + 2), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/**
 * socket_wire_in() - A socket that receives our TCP
 * @f:		Which is ours
 * @ret_fd:	Non-blocking; read by socket_wire_read()
 * @err:	ERR_SKIP without the privilege
 *
 * Return: 0 or -1
 */
int socket_wire_in(const struct socket_filter *f, int *ret_fd, struct err *err)
{
	/* protocol 0: nothing is received before the filter stands */
	AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int room = RECEIVE_BUFFER, on = 1;

	if (fd < 0)
		return refuse(err, errno, "cannot open a packet socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (attach_filter(fd, f) || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)))
		return err_set(err, errno, "cannot set up the packet socket");
	*ret_fd = steal_fd(&fd);
	return 0;
}

/**
 * socket_wire_out() - A socket that sends whole IPv4 packets
 * @mark:	Firewall mark of all that it sends
 * @ret_fd:	Non-blocking; written by socket_wire_write()
 * @err:	ERR_SKIP without the privilege
 *
 * Return: 0 or -1
 */
int socket_wire_out(uint32_t mark, int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);

	if (fd < 0)
		return refuse(err, errno, "cannot open a raw socket");
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		return refuse(err, errno, "cannot mark what the raw socket sends");
	*ret_fd = steal_fd(&fd);
	return 0;
}

/**
 * socket_wire_read() - Read one packet
 * @fd:		Of socket_wire_in()
 * @buf:	Receives it, from the IP header on
 * @size:	Size of @buf in bytes
 * @ret_checked: The packet never left this machine and has no checksum yet
 *
 * Return: its length, or -1 with errno set
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes to it */
ssize_t socket_wire_read(int fd, uint8_t *buf, size_t size, bool *ret_checked)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &msg, 0);

	*ret_checked = false;
	if (len < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		*ret_checked = aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	return len;
}

/** socket_wire_write() - Send a whole IPv4 packet; false if the kernel refused it */
bool socket_wire_write(int fd, const uint8_t *packet, size_t len)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	memcpy(&to.sin_addr, packet + 16, sizeof(to.sin_addr));
	return sendto(fd, packet, len, 0, (struct sockaddr *)&to, sizeof(to)) == (ssize_t)len;
}
