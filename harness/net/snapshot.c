// SPDX-License-Identifier: Apache-2.0
#include "net/snapshot.h"

#include <netlink/cache.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "net/netlink.h"
#include "net/netns.h"

#define LINE_MAX_BYTES 512

static int list_links(struct nl_sock *sock, struct nl_cache **ret)
{
	return rtnl_link_alloc_cache(sock, AF_UNSPEC, ret);
}

static int list_routes(struct nl_sock *sock, struct nl_cache **ret)
{
	return rtnl_route_alloc_cache(sock, AF_UNSPEC, 0, ret);
}

static int list_rules(struct nl_sock *sock, struct nl_cache **ret)
{
	return rtnl_rule_alloc_cache(sock, AF_UNSPEC, ret);
}

static const struct {
	const char *what;
	int (*list)(struct nl_sock *sock, struct nl_cache **ret);
} kinds[] = {
	{ "links", list_links },
	{ "addresses", rtnl_addr_alloc_cache },
	{ "routes", list_routes },
	{ "rules", list_rules },
};

static int open_socket(void *ctx, struct err *err)
{
	return netlink_open(ctx, err);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A line of each object, sorted: the kernel's order tells when they were made */
static int add_kind(struct nl_cache *cache, const char *what, char **text)
{
	size_t len = 0, max = (size_t)nl_cache_nitems(cache);
	char **lines = calloc(max + 1, sizeof(*lines));

	if (!lines)
		return -1;
	for (struct nl_object *o = nl_cache_get_first(cache); o && len < max;
	     o = nl_cache_get_next(o)) {
		char line[LINE_MAX_BYTES] = "";

		nl_object_dump_buf(o, line, sizeof(line));
		lines[len++] = io_printf("%s: %s", what, line);
	}
	qsort(lines, len, sizeof(*lines), by_text);
	for (size_t i = 0; i < len; i++) {
		char *longer = io_printf("%s%s", *text, lines[i]);

		free(*text);
		*text = longer;
		free(lines[i]);
	}
	free(lines);
	return 0;
}

/**
 * snapshot_take() - Describe the links, addresses, routes and rules of a namespace
 * @netns_fd:	Of the namespace
 * @err:	Set on failure
 *
 * Neighbours and counters are not in it: they change with traffic.
 *
 * Return: lines, the same for the same set-up; owned by the caller; NULL on failure
 */
char *snapshot_take(int netns_fd, struct err *err)
{
	AUTO_NLSOCK struct nl_sock *sock = NULL;
	AUTO_FREE char *text = io_printf("%s", "");

	if (netns_run(netns_fd, open_socket, &sock, err))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct nl_cache *cache = NULL;
		int code = kinds[i].list(sock, &cache), rc;

		if (code < 0) {
			err_set_kind(err, ERR_HARNESS, "cannot list the %s of a node: %s",
				     kinds[i].what, nl_geterror(code));
			return NULL;
		}
		rc = add_kind(cache, kinds[i].what, &text);
		nl_cache_free(cache);
		if (rc) {
			err_set(err, 0, "cannot describe a node");
			return NULL;
		}
	}
	return steal_ptr(&text);
}
