/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of a carrier, found by the address and port of the other end
 * (what arrives) or by its address alone (what the local stack sends).  Bounded:
 * a full table gives up connections that are closed, then half-open ones, the
 * oldest first, and never an established one (CVE-2009-0635 is a cTCP server
 * without such a bound).
 */
#ifndef CTCP_TABLE_H
#define CTCP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer.h"

#define TABLE_MAX     4096
#define TABLE_BUCKETS 4096

struct table_entry {
	struct peer peer; /* first: table_entry_of() relies on it */
	bool known; /* has been established: found by its address */
	size_t index; /* in .v */
	struct table_entry *next_by_port, *next_by_address;
};

struct table {
	struct table_entry *v[TABLE_MAX]; /* owned */
	size_t len;
	uint64_t key; /* of the hash, random: nobody can aim at one bucket */
	struct table_entry *by_port[TABLE_BUCKETS], *by_address[TABLE_BUCKETS];
};

struct table *table_new(uint64_t key);
void table_free(struct table *t);
struct peer *table_find(const struct table *t, const uint8_t address[4], uint16_t port);
struct peer *table_find_address(const struct table *t, const uint8_t address[4]);
struct peer *table_add(struct table *t, const struct peer_profile *profile, bool client,
		       const struct peer_addresses *at);
struct peer *table_oldest_idle(const struct table *t);
bool table_know(struct table *t, struct peer *p);
bool table_remove(struct table *t, struct peer *p);

static inline struct table_entry *table_entry_of(struct peer *p)
{
	return (struct table_entry *)p;
}

#endif
