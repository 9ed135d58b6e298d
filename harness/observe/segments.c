// SPDX-License-Identifier: Apache-2.0
/* Packets of synthetic TCP: made, sent, received. */
#include "observe/segments.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "net/nft.h"

#define TCP_HEADER 20
#define HOPS	   64
#define ROOM	   (4 << 20) /* bytes of the receiving socket */

/**
 * segments_quiet() - Keep the kernel's TCP of this network namespace from the port
 * @err:	Set on failure: ERR_SKIP if this kernel has no packet filter
 *
 * A packet socket has its copy before the filter.
 *
 * Return: 0 or -1
 */
int segments_quiet(struct err *err)
{
	AUTO_FREE char *rules = io_printf("table inet dupack-segments {\n"
					  "	chain input {\n"
					  "		type filter hook input priority 0;\n"
					  "		tcp dport %d drop\n"
					  "		tcp sport %d drop\n"
					  "	}\n"
					  "}\n",
					  SEGMENTS_PORT, SEGMENTS_PORT);

	return nft_load(rules, err);
}

/**
 * segments_open() - Open the sockets in the network namespace of the calling thread
 * @s:		Filled in; give it to segments_close() whatever is returned
 * @v6:		IPv6
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int segments_open(struct segments_socket *s, bool v6, struct err *err)
{
	int on = 1, room = ROOM;

	*s = (struct segments_socket)SEGMENTS_SOCKET_NONE;
	s->v6 = v6;
	s->out_fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			   IPPROTO_RAW);
	s->in_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  htons(v6 ? ETH_P_IPV6 : ETH_P_IP));
	if (s->out_fd < 0 || s->in_fd < 0 ||
	    setsockopt(s->in_fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)))
		return err_set(err, errno, "cannot open a socket for synthetic segments");
	setsockopt(s->in_fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return 0;
}

/** segments_close() - Close the sockets; idempotent */
void segments_close(struct segments_socket *s)
{
	cleanup_close(&s->out_fd);
	cleanup_close(&s->in_fd);
	*s = (struct segments_socket)SEGMENTS_SOCKET_NONE;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* The checksum of IPv4's header is the kernel's to fill in (raw(7)) */
static size_t put_ip(struct segments_socket *s, uint8_t *ip, const struct segments_way *way,
		     size_t l4_len)
{
	if (s->v6) {
		put32(ip, 0x60000000);
		put16(ip + 4, (uint32_t)l4_len);
		ip[6] = IPPROTO_TCP;
		ip[7] = HOPS;
		memcpy(ip + 8, way->src, 16);
		memcpy(ip + 24, way->dst, 16);
		return 40;
	}
	put16(ip, 0x4500);
	put16(ip + 2, (uint32_t)l4_len + 20);
	put16(ip + 4, ++s->ip_id ? s->ip_id : ++s->ip_id); /* for 0 the kernel would choose */
	put16(ip + 6, 0x4000); /* do not fragment */
	ip[8] = HOPS;
	ip[9] = IPPROTO_TCP;
	memcpy(ip + 12, way->src, 4);
	memcpy(ip + 16, way->dst, 4);
	return 20;
}

/**
 * segments_send() - Send one segment
 * @s:		Open
 * @way:	From where to where
 * @segment:	What
 *
 * Return: was it sent?
 */
bool segments_send(struct segments_socket *s, const struct segments_way *way,
		   const struct segment *segment)
{
	const struct sockaddr_in to4 = { .sin_family = AF_INET,
					 .sin_addr.s_addr = *(const in_addr_t *)way->dst };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	uint8_t ip[SEGMENTS_MAX] = { 0 };
	size_t len = TCP_HEADER + segment->payload_len;
	size_t at = put_ip(s, ip, way, len);
	uint8_t *tcp = ip + at;
	struct packet p;

	if (at + len > sizeof(ip))
		return false;
	put16(tcp, way->sport);
	put16(tcp + 2, way->dport);
	put32(tcp + 4, segment->seq);
	put32(tcp + 8, segment->ack);
	tcp[12] = TCP_HEADER / 4 << 4;
	tcp[13] = segment->flags;
	put16(tcp + 14, SEGMENTS_WINDOW);
	if (segment->payload_len)
		memcpy(tcp + TCP_HEADER, segment->payload, segment->payload_len);
	if (packet_parse_ip(ip, at + len, &p))
		put16(tcp + 16, packet_l4_checksum(&p));
	memcpy(&to6.sin6_addr, way->dst, 16);
	len = at + len;
	return s->v6 ? sendto(s->out_fd, ip, len, 0, (const struct sockaddr *)&to6, sizeof(to6)) ==
			       (ssize_t)len
		     : sendto(s->out_fd, ip, len, 0, (const struct sockaddr *)&to4, sizeof(to4)) ==
			       (ssize_t)len;
}

/**
 * segments_receive() - The next TCP segment that came to this node
 * @s:		Open
 * @bytes:	Where it is put
 * @ret:	Set to it
 *
 * What is damaged is passed over, as TCP does.
 *
 * Return: is there one?
 */
bool segments_receive(struct segments_socket *s, uint8_t bytes[SEGMENTS_MAX], struct packet *ret)
{
	ssize_t n;

	while ((n = recv(s->in_fd, bytes, SEGMENTS_MAX, 0)) >= 0)
		if (packet_parse_ip(bytes, (size_t)n, ret) && ret->tcp &&
		    packet_l4_checksum_ok(ret))
			return true;
	return false;
}

/** segments_mss() - The MSS option of a segment; 0: none */
uint16_t segments_mss(const struct packet *p)
{
	const uint8_t *o = p->options;

	for (size_t i = 0; o && i < p->options_len && o[i] != 0;) {
		if (o[i] == 1) {
			i++;
			continue;
		}
		if (i + 2 > p->options_len || o[i + 1] < 2 || i + o[i + 1] > p->options_len)
			break;
		if (o[i] == 2 && o[i + 1] == 4)
			return (uint16_t)(o[i + 2] << 8 | o[i + 3]);
		i += o[i + 1];
	}
	return 0;
}
