/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptors of the carrier: the wire in each direction. */
#ifndef CTCP_SOCKET_H
#define CTCP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/** Which TCP is ours. */
struct socket_filter {
	uint8_t local[4], remote[4]; /* remote: only if remote_port is not 0 */
	uint16_t local_port, remote_port;
};

int socket_wire_in(const struct socket_filter *f, int *ret_fd, struct err *err);
int socket_wire_out(uint32_t mark, int *ret_fd, struct err *err);
ssize_t socket_wire_read(int fd, uint8_t *buf, size_t size, bool *ret_checked);
bool socket_wire_write(int fd, const uint8_t *packet, size_t len);

#endif
