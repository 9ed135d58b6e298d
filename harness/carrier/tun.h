/* SPDX-License-Identifier: Apache-2.0 */
/* The TUN by which the packets of the local IPsec stack come to a carrier, and go to it. */
#ifndef DUPACK_CARRIER_TUN_H
#define DUPACK_CARRIER_TUN_H

#include <stdbool.h>

struct err;

int tun_open(const char *name, int *ret_fd, int *ret_ifindex, struct err *err);

#endif
