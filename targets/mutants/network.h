/* SPDX-License-Identifier: Apache-2.0 */
/* The tunnel's interface: its address, its MTU, and the route into it. */
#ifndef MUTANTS_NETWORK_H
#define MUTANTS_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct nl_sock;

/** An address or a network. */
struct prefix {
	uint8_t bytes[16];
	size_t len; /* of them: 4 or 16 */
	uint8_t bits;
};

struct network {
	struct nl_sock *nl; /* owned */
	int ifindex;
};

int network_open(struct network *n, int ifindex, struct err *err);
int network_link(struct network *n, bool up, unsigned int mtu, struct err *err);
int network_address(struct network *n, const struct prefix *address, bool on, struct err *err);
int network_route(struct network *n, const struct prefix *to, bool on, struct err *err);
void network_close(struct network *n);

#endif
