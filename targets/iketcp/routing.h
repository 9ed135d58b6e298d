/* SPDX-License-Identifier: Apache-2.0 */
/* How packets of the local IPsec stack come to the carrier. */
#ifndef IKETCP_ROUTING_H
#define IKETCP_ROUTING_H

#include <stdbool.h>

#include "datagram.h"

struct err;
struct nl_sock;

struct routing {
	struct nl_sock *nl; /* owned */
	int ifindex; /* of the TUN */
	struct address local;
	bool in_force;
};

int routing_open(struct routing *r, struct err *err);
int routing_claim(struct routing *r, const struct address *peer, struct err *err);
void routing_close(struct routing *r);

#endif
