/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's packet filter in the current network namespace, by libnftables: text in
 * the language of nft(8) in, counters out.
 */
#ifndef DUPACK_NET_NFT_H
#define DUPACK_NET_NFT_H

#include <jansson.h>
#include <stdint.h>

struct err;

int nft_load(const char *commands, struct err *err);
int nft_counters(const char *table, json_t *ret_counters, struct err *err);
int nft_forget_connections(uint64_t *ret_forgotten, struct err *err);

#endif
