/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link that is running with one of the two engines: arm it, change it, stop it, get
 * its counters, without asking which engine it is.
 */
#ifndef DUPACK_IMPAIR_IMPAIR_H
#define DUPACK_IMPAIR_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "impair/counters.h"
#include "spec/case.h"

struct err;
struct nl_sock;

struct impair_link {
	enum impair_engine engine; /* ENGINE_NETEM or ENGINE_WIRE */
	const char *name; /* "outside" */
	const struct impairment *impair[DIR_COUNT]; /* NULL: nothing in that direction; borrowed */
	uint64_t seed; /* of the case */
	/* wire: our end of the control socket of its process, started by the caller; borrowed */
	int control_fd;
	/* netem: in the node in the middle; index 0 at the client's side, 1 at the server's */
	struct nl_sock *sock; /* borrowed */
	int ifindex[2];
	struct { /* netem cannot tell: what it dropped while it was blocked */
		unsigned int changes; /* so far: each begins a random sequence of its own */
		bool blocked;
		uint64_t before; /* dropped when the block began */
		uint64_t sum; /* of the blocks that have ended */
	} lane[DIR_COUNT];
};

int impair_start(const struct impair_link *link, struct err *err);
int impair_arm(const struct impair_link *link, struct err *err);
int impair_change(struct impair_link *link, enum direction d, const struct impairment *plan,
		  bool blocked, struct err *err);
int impair_cut(const struct impair_link *link, bool down, struct err *err);
int impair_read(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
		struct err *err);
int impair_stop(const struct impair_link *link, struct impair_counters ret[DIR_COUNT],
		json_t **ret_acts, struct err *err);

#endif
