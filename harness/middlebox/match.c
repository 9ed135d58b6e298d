// SPDX-License-Identifier: Apache-2.0
#include "middlebox/match.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "decode/packet.h"

#define PROTO_TCP 6
#define PROTO_UDP 17

/* Cut at the first @mark: what is behind it, or NULL */
static char *cut(char *text, char mark)
{
	char *at = strchr(text, mark);

	if (at)
		*at++ = '\0';
	return at;
}

static bool number(const char *text, uint64_t min, uint64_t max, uint16_t *ret)
{
	uint64_t n;

	if (units_count(text, &n) || n < min || n > max)
		return false;
	*ret = (uint16_t)n;
	return true;
}

/**
 * range_list_parse() - Parse "6-7_30": numbers and ranges with '_' between them
 * @text:	At most MATCH_ITEMS_MAX of them
 * @min:	The smallest number that may be in it
 * @max:	The largest, at most 65535
 * @ret:	Set on success
 * @err:	Set on failure, ERR_USAGE
 *
 * Return: 0 or -1
 */
int range_list_parse(const char *text, uint64_t min, uint64_t max, struct range_list *ret,
		     struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s", text);
	struct range_list list = { .len = 0 };
	char *rest = copy;

	while (rest) {
		char *low = rest, *high;

		rest = cut(low, '_');
		high = cut(low, '-');
		if (list.len == MATCH_ITEMS_MAX || !number(low, min, max, &list.v[list.len].low) ||
		    !number(high ? high : low, list.v[list.len].low, max, &list.v[list.len].high))
			return err_set_kind(err, ERR_USAGE,
					    "give numbers or ranges from %" PRIu64 " to %" PRIu64
					    " with '_' between them, at most %d, as '%" PRIu64
					    "_%" PRIu64 "-%" PRIu64 "'",
					    min, max, MATCH_ITEMS_MAX, min, min + 1, max);
		list.len++;
	}
	*ret = list;
	return 0;
}

/** range_list_has() - Is a number in one of the ranges? */
bool range_list_has(const struct range_list *list, uint32_t n)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->v[i].low <= n && n <= list->v[i].high)
			return true;
	return false;
}

static bool prefix_parse(char *text, struct prefix *ret)
{
	char *bits = cut(text, '/');
	uint16_t n = 0;

	if (inet_pton(AF_INET, text, ret->addr) == 1)
		ret->version = 4;
	else if (inet_pton(AF_INET6, text, ret->addr) == 1)
		ret->version = 6;
	else
		return false;
	n = ret->version == 4 ? 32 : 128;
	if (bits && !number(bits, 0, n, &n))
		return false;
	ret->bits = (uint8_t)n;
	return true;
}

/**
 * prefix_list_parse() - Parse "10.0.0.0/8_2001:db8::1": prefixes with '_' between them
 * @text:	At most MATCH_ITEMS_MAX of them; without '/' it is one address
 * @ret:	Set on success
 * @err:	Set on failure, ERR_USAGE
 *
 * Return: 0 or -1
 */
int prefix_list_parse(const char *text, struct prefix_list *ret, struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s", text);
	struct prefix_list list = { .len = 0 };
	char *rest = copy;

	while (rest) {
		char *one = rest;

		rest = cut(one, '_');
		if (list.len == MATCH_ITEMS_MAX || !prefix_parse(one, &list.v[list.len++]))
			return err_set_kind(err, ERR_USAGE,
					    "give addresses or prefixes with '_' between them, at "
					    "most %d, as '10.0.0.0/8_2001:db8::1'",
					    MATCH_ITEMS_MAX);
	}
	*ret = list;
	return 0;
}

static bool prefix_has(const struct prefix *prefix, const uint8_t *addr)
{
	size_t whole = prefix->bits / 8;
	unsigned int rest = prefix->bits % 8;

	if (memcmp(prefix->addr, addr, whole) != 0)
		return false;
	return !rest || (prefix->addr[whole] ^ addr[whole]) >> (8 - rest) == 0;
}

static bool prefix_list_fits(const struct prefix_list *list, int version, const uint8_t *addr)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->v[i].version == version && prefix_has(&list->v[i], addr))
			return true;
	return list->len == 0;
}

/**
 * class_map_has() - Is a packet of the class?
 * @map:	The class
 * @dir:	The way the packet travels
 * @p:		The packet
 *
 * Both directions of a flow are, or none.  A fragment without ports is in no
 * class that names ports.
 *
 * Return: true if all that the map says fits
 */
bool class_map_has(const struct class_map *map, enum direction dir, const struct packet *p)
{
	bool up = dir == DIR_UP;
	uint8_t wanted = map->protocol == MATCH_UDP ? PROTO_UDP : PROTO_TCP;

	if (map->protocol != MATCH_ANY && p->proto != wanted)
		return false;
	if (map->client.len &&
	    (!p->version || !prefix_list_fits(&map->client, p->version, up ? p->src : p->dst)))
		return false;
	if (map->server.len &&
	    (!p->version || !prefix_list_fits(&map->server, p->version, up ? p->dst : p->src)))
		return false;
	if (!map->ports.len)
		return true;
	if (!p->l4 || (p->proto != PROTO_TCP && p->proto != PROTO_UDP))
		return false;
	return range_list_has(&map->ports, up ? p->dport : p->sport);
}
