/* SPDX-License-Identifier: Apache-2.0 */
/* UDP as it is: datagrams that are never fragmented, and what the path lets through. */
#ifndef MUTANTS_SOCKET_H
#define MUTANTS_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

int socket_address(const char *what, const char *text, uint16_t port, union address *ret,
		   struct err *err);
socklen_t socket_address_len(const union address *a);
int socket_open(const union address *local, bool ignore_too_big, int *ret_fd, struct err *err);
unsigned int socket_path_mtu(const union address *local, const union address *remote);

#endif
