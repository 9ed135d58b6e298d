/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP that only passes through a node, given to a program in it: the kernel hands what is
 * for somebody else to a listening socket of ours (TPROXY), for IPv4 and IPv6.
 */
#ifndef DUPACK_MIDDLEBOX_TRANSPARENT_H
#define DUPACK_MIDDLEBOX_TRANSPARENT_H

#include <stdint.h>

struct err;

/** Listening sockets, non-blocking, that may take and use the addresses of others. */
struct transparent {
	int listen4, listen6; /* owned, -1: none */
};

#define TRANSPARENT_NONE                                                                           \
	{                                                                                          \
		-1, -1                                                                             \
	}

int transparent_open(struct transparent *t, uint64_t mss, struct err *err);
void transparent_close(struct transparent *t);
int transparent_socket(int family, uint64_t mss, struct err *err);

#endif
