/* SPDX-License-Identifier: Apache-2.0 */
/* What changes on a path that is built, while traffic goes over it. */
#ifndef DUPACK_NET_CHANGE_H
#define DUPACK_NET_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/topology.h"

struct err;

int change_mtu(const int netns_fds[NODE_COUNT], enum link_id link, uint64_t mtu, struct err *err);
int change_client_address(const int netns_fds[NODE_COUNT], bool ipv6, unsigned int n,
			  struct err *err);
const char *change_client_host(bool ipv6, unsigned int n, char buf[TOPOLOGY_ADDRESS_MAX]);

#endif
