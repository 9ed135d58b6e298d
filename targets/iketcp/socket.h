/* SPDX-License-Identifier: Apache-2.0 */
/* TCP of the kernel, all non-blocking. */
#ifndef IKETCP_SOCKET_H
#define IKETCP_SOCKET_H

#include <stdint.h>

struct address;
struct err;

int socket_connect(const struct address *local, const struct address *peer, uint16_t port,
		   uint64_t user_timeout_ns);
int socket_listen(const struct address *local, uint16_t port, int *ret_fd, struct err *err);
int socket_accept(int listener, struct address *ret_peer, uint64_t user_timeout_ns);

#endif
