// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"

static size_t bucket(const struct table *t, const uint8_t address[4], uint16_t port)
{
	uint32_t a;

	memcpy(&a, address, sizeof(a));
	return prng_mix(t->key ^ ((uint64_t)a << 16 | port)) % TABLE_BUCKETS;
}

static struct table_entry **port_chain(struct table *t, const struct peer *p)
{
	return &t->by_port[bucket(t, p->at.remote, p->at.remote_port)];
}

static struct table_entry **address_chain(struct table *t, const struct peer *p)
{
	return &t->by_address[bucket(t, p->at.remote, 0)];
}

/** table_new() - An empty table, or NULL without memory; table_free() frees it */
struct table *table_new(uint64_t key)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t)
		t->key = key;
	return t;
}

/** table_free() - Free a table and its connections, silently */
void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->len; i++) {
		peer_release(&t->v[i]->peer);
		free(t->v[i]);
	}
	free(t);
}

/** table_find() - The connection with this far end, or NULL */
struct peer *table_find(const struct table *t, const uint8_t address[4], uint16_t port)
{
	struct table_entry *e = t->by_port[bucket(t, address, port)];

	while (e && (e->peer.at.remote_port != port || memcmp(e->peer.at.remote, address, 4) != 0))
		e = e->next_by_port;
	return e ? &e->peer : NULL;
}

/**
 * table_find_address() - The connection to send to this address by
 *
 * Two clients behind one NAT have one address: the one that was established
 * last gets all.
 *
 * Return: the latest established one; else one that was; else NULL
 */
struct peer *table_find_address(const struct table *t, const uint8_t address[4])
{
	struct peer *second = NULL;

	for (struct table_entry *e = t->by_address[bucket(t, address, 0)]; e;
	     e = e->next_by_address) {
		if (memcmp(e->peer.at.remote, address, 4) != 0)
			continue;
		if (e->peer.state == PEER_ESTABLISHED)
			return &e->peer;
		if (!second)
			second = &e->peer;
	}
	return second;
}

/**
 * table_add() - A new, closed connection
 *
 * Return: it, owned by the table; NULL if the table is full or memory is short
 */
struct peer *table_add(struct table *t, const struct peer_profile *profile, bool client,
		       const struct peer_addresses *at)
{
	struct table_entry *e = t->len < TABLE_MAX ? calloc(1, sizeof(*e)) : NULL;
	struct table_entry **chain;

	if (!e)
		return NULL;
	peer_init(&e->peer, profile, client, at);
	e->index = t->len;
	t->v[t->len++] = e;
	chain = port_chain(t, &e->peer);
	e->next_by_port = *chain;
	*chain = e;
	return &e->peer;
}

/** table_oldest_idle() - What to give up in a full table: linear, only then; or NULL */
struct peer *table_oldest_idle(const struct table *t)
{
	struct peer *best = NULL;

	for (size_t i = 0; i < t->len; i++) {
		struct peer *p = &t->v[i]->peer;

		if (p->state == PEER_ESTABLISHED)
			continue;
		if (!best || p->state < best->state ||
		    (p->state == best->state && p->since_ns < best->since_ns))
			best = p;
	}
	return best;
}

static void unchain_address(struct table *t, struct table_entry *e)
{
	struct table_entry **at = address_chain(t, &e->peer);

	while (*at && *at != e)
		at = &(*at)->next_by_address;
	if (*at)
		*at = e->next_by_address;
}

/**
 * table_know() - A connection has been established: make it the first for its address
 *
 * Return: true if the address was not known before
 */
bool table_know(struct table *t, struct peer *p)
{
	struct table_entry *e = table_entry_of(p), **chain = address_chain(t, p);
	bool fresh = !table_find_address(t, p->at.remote);

	if (e->known)
		unchain_address(t, e);
	e->known = true;
	e->next_by_address = *chain;
	*chain = e;
	return fresh;
}

/**
 * table_remove() - Forget a connection; @p is freed
 *
 * Return: true if with it its address is no longer known
 */
bool table_remove(struct table *t, struct peer *p)
{
	struct table_entry *e = table_entry_of(p), **at = port_chain(t, p);
	bool gone = e->known;

	while (*at != e)
		at = &(*at)->next_by_port;
	*at = e->next_by_port;
	if (e->known) {
		unchain_address(t, e);
		gone = !table_find_address(t, p->at.remote);
	}
	t->v[e->index] = t->v[--t->len];
	t->v[e->index]->index = e->index;
	peer_release(p);
	free(e);
	return gone;
}
