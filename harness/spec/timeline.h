/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key `timeline` of a case: what changes on the path, and when.  Times count from
 * when the tunnel is up, the moment that losses with `arm: up` wait for.
 */
#ifndef DUPACK_SPEC_TIMELINE_H
#define DUPACK_SPEC_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/case.h"
#include "spec/document.h"
#include "spec/impairment.h"
#include "spec/when.h"

enum timeline_what {
	TIMELINE_IMPAIR, /* other values of an impairment */
	TIMELINE_BLOCK, /* every frame of a direction is lost, the carrier stays */
	TIMELINE_DOWN, /* no carrier at both ends, and every frame is lost */
	TIMELINE_MTU, /* of the interfaces at both ends */
	TIMELINE_RENUMBER, /* the client's outer address is another one from now on */
	TIMELINE_CRASH, /* the target of a node is killed, and started again at the end */
	TIMELINE_ASK, /* the target of a node is asked to do something */
	TIMELINE_WHATS
};
extern const char *const timeline_what_names[TIMELINE_WHATS]; /* "impair", "block", ... */

struct capability;

struct timeline_entry {
	enum timeline_what what;
	struct when when;
	enum link_id link; /* of what is done to a link */
	enum node_id node; /* of what is done to a node: timeline_is_of_node() */
	const struct capability *ask; /* TIMELINE_ASK: what; both ends of a pair must have it */
	bool on[DIR_COUNT]; /* which directions: TIMELINE_IMPAIR and _BLOCK */
	struct impairment_change change;
	uint64_t mtu; /* bytes */
	char *what_text, *when_text; /* "loss 10%", "from 10s to 40s"; owned */
	size_t item; /* its place in the list of the case, from 0 */
	unsigned line;
};

/** The MTU of a link of which no timeline says another; net/link.h makes them so. */
#define TIMELINE_MTU_MAX 1500

bool timeline_is_of_node(enum timeline_what what);
bool timeline_read(struct document *doc, yaml_node_t *node, void *ret_timeline);
void timeline_check(struct document *doc, struct spec_case *c);
void timeline_release(struct timeline *t);

#endif
