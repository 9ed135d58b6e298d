/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How packets of the local IPsec stack come to the carrier, and how the
 * kernel's own TCP is kept from answering for our port.
 */
#ifndef CTCP_ROUTING_H
#define CTCP_ROUTING_H

#include <stdbool.h>
#include <stdint.h>

#define ROUTING_MARK 0xc7c9 /* of our own segments: they go by the main table */

struct err;
struct nl_sock;

struct routing {
	struct nl_sock *nl; /* owned */
	int ifindex; /* of the TUN */
	bool client, in_force;
	uint8_t local[4], remote[4]; /* remote: client only */
	uint16_t port;
};

int routing_open(struct routing *r, struct err *err);
int routing_link_up(struct routing *r, unsigned int mtu, struct err *err);
int routing_claim(struct routing *r, const uint8_t address[4], bool on, struct err *err);
void routing_close(struct routing *r);

#endif
