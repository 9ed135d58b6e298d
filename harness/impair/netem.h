/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's netem, set up over netlink in process.
 *
 * netem acts on the egress of an interface, so a link with it has a node in its
 * middle: what comes in by one interface there is redirected to the egress of the
 * other.  Captures at both ends of the link then see what was sent and what came.
 */
#ifndef DUPACK_IMPAIR_NETEM_H
#define DUPACK_IMPAIR_NETEM_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/case.h"

struct err;
struct nl_sock;

struct netem_stats {
	uint64_t sent; /* frames that left the queue */
	uint64_t dropped; /* lost by plan and for want of room, together */
	uint64_t queued; /* in the queue now */
	uint64_t reordered; /* frames that went without their delay */
	uint64_t seed; /* of its generator; 0: the kernel has no such attribute (before 6.6) */
};

struct netem_redirect_stats {
	uint64_t seen; /* frames that came in */
	uint64_t refused; /* of them, those that the far egress did not take: full, or down */
};

int netem_set(struct nl_sock *sock, int ifindex, const struct impairment *plan, bool armed,
	      uint64_t seed, struct err *err);
int netem_stats(struct nl_sock *sock, int ifindex, struct netem_stats *ret, struct err *err);
int netem_redirect(struct nl_sock *sock, int from_ifindex, int to_ifindex, struct err *err);
int netem_redirect_stats(struct nl_sock *sock, int from_ifindex, struct netem_redirect_stats *ret,
			 struct err *err);
int netem_supported(struct nl_sock *sock, struct err *err);

#endif
