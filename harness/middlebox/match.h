/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packets a policy is for, as a class-map says it: by address, port and
 * protocol.  Lists are written with '_' between their items, as ',' parts the
 * options of a choice: "10000-10010_4500", "10.0.0.0/8_2001:db8::/32".
 */
#ifndef DUPACK_MIDDLEBOX_MATCH_H
#define DUPACK_MIDDLEBOX_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/case.h"

struct err;
struct packet;

#define MATCH_ITEMS_MAX 8 /* of a list */

/** Numbers: ports, kinds of TCP options.  Empty: what that means is the user's. */
struct range_list {
	struct {
		uint16_t low, high; /* both are in it */
	} v[MATCH_ITEMS_MAX];
	size_t len;
};

/** Addresses. */
struct prefix_list {
	struct prefix {
		uint8_t addr[16]; /* IPv4: the first 4 */
		uint8_t version; /* 4 or 6 */
		uint8_t bits;
	} v[MATCH_ITEMS_MAX];
	size_t len;
};

enum match_protocol { MATCH_ANY, MATCH_TCP, MATCH_UDP };

/** All that is given must fit; an empty list fits everything. */
struct class_map {
	unsigned int protocol; /* enum match_protocol */
	struct prefix_list client, server; /* the ends on the outside and on the inside */
	struct range_list ports; /* of the server's end */
};

int range_list_parse(const char *text, uint64_t min, uint64_t max, struct range_list *ret,
		     struct err *err);
bool range_list_has(const struct range_list *list, uint32_t n);
int prefix_list_parse(const char *text, struct prefix_list *ret, struct err *err);
bool class_map_has(const struct class_map *map, enum direction dir, const struct packet *p);

#endif
