/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case as its file says it, validated, with units resolved.
 *
 * One file is one requirement.  It names the pairs and the middleboxes it is
 * run over, what the links do to packets, the traffic, and what is expected
 * of the measured metrics.  spec_case_load() is the only way to make one.
 */
#ifndef DUPACK_SPEC_CASE_H
#define DUPACK_SPEC_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/name.h"

struct err;

/** The links of the path, in the order of the way from client to server. */
enum link_id { LINK_ACCESS, LINK_OUTSIDE, LINK_INSIDE, LINK_LAN, LINK_COUNT };
extern const char *const link_names[LINK_COUNT]; /* "access", ... */

/** The nodes of the path: link n joins node n and node n+1. */
enum node_id { NODE_CLIENT, NODE_INTERNET, NODE_MIDDLEBOX, NODE_HEADEND, NODE_SERVER, NODE_COUNT };
extern const char *const node_names[NODE_COUNT]; /* "client", ... */

/** Directions of a link: up is client to server. */
enum direction { DIR_UP, DIR_DOWN, DIR_COUNT };
extern const char *const direction_names[DIR_COUNT]; /* "up", "down" */

enum impair_engine { ENGINE_NONE, ENGINE_NETEM, ENGINE_WIRE, ENGINE_COUNT };
extern const char *const impair_engine_names[ENGINE_COUNT]; /* "none", "netem", "wire" */

/**
 * When losses, lists, duplicates, corruption and reordering begin to act; delay, jitter, rate
 * and slots always act.
 */
enum impair_arm {
	ARM_START,
	ARM_UP
}; /* "start": from the first packet; "up": once the tunnel is up */

/** Which frames an exact drop list counts. */
enum impair_count {
	COUNT_FRAMES, /* every frame */
	COUNT_PAYLOAD, /* frames that carry something: TCP with payload, all else than TCP */
};

struct gemodel { /* Gilbert-Elliott as in tc-netem(8): all ratios 0 to 1 */
	double p, r; /* good to bad, bad to good */
	double loss_bad, loss_good; /* 1-h and 1-k: loss in the bad and in the good state */
};

/**
 * Loss by a chain of four states as in tc-netem(8): all ratios 0 to 1.  1: passed, in a gap;
 * 2: passed, within a burst; 3: lost, within a burst; 4: lost alone, in a gap.
 */
struct fourstate {
	double p13, p31, p32, p23, p14;
};

/** How jitter is distributed; jitter is its half width if uniform, else its unit (1 sigma). */
enum impair_distribution {
	DISTRIBUTION_UNIFORM,
	DISTRIBUTION_NORMAL,
	DISTRIBUTION_PARETO,
	DISTRIBUTION_PARETONORMAL,
	DISTRIBUTION_COUNT
};
extern const char *const distribution_names[DISTRIBUTION_COUNT]; /* "uniform", ... */

/** Something that happens to a frame with a probability, the last one remembered. */
struct chance {
	double ratio; /* 0 to 1; what comes out, whatever the correlation */
	double correlation; /* 0 to below 1 */
};

/** Frames leave in slots, as in tc-netem(8); max_ns 0: there are none. */
struct slots {
	uint64_t min_ns, max_ns; /* from the end of a slot to the next: uniform between */
	uint64_t packets, bytes; /* that a slot has room for; 0: no bound */
};

struct act;

/** Rules for messages (spec/act.h). */
struct acts {
	struct act *list; /* owned */
	size_t len;
};

/** One direction of one link. */
struct impairment {
	enum impair_engine engine; /* ENGINE_NONE: nothing happens here */
	uint64_t delay_ns, jitter_ns;
	enum impair_distribution distribution; /* of jitter */
	double delay_correlation; /* of jitter; 0 to below 1 */
	double loss; /* random, independent: 0 to 1 */
	bool has_gemodel;
	struct gemodel gemodel;
	bool has_state;
	struct fourstate state;
	struct chance duplicate, corrupt, reorder;
	uint64_t gap; /* reorder: only a frame with gap - 1 others behind the last may; 0 is 1 */
	uint64_t rate_bps; /* 0: unlimited */
	uint64_t overhead; /* bytes that the rate counts for each frame besides its own */
	uint64_t limit; /* queue limit in packets, 0: from rate and delay */
	struct slots slot;
	uint64_t *drop; /* wire: 1-based positions, ascending; owned */
	size_t drop_len;
	enum impair_count count;
	struct acts acts; /* wire: what happens to messages by their meaning */
	enum impair_arm arm;
};

enum traffic_kind { TRAFFIC_ECHO, TRAFFIC_TCP, TRAFFIC_SEGMENTS };

/** What the receiver of synthetic segments acknowledges. */
enum segments_ack {
	SEGMENTS_ACK_MAX, /* the end of the highest that came, whatever is missing before it */
	SEGMENTS_ACK_IN_ORDER, /* up to the first hole, as RFC 9293 says */
	SEGMENTS_ACK_NONE, /* nothing but the handshake */
};

struct traffic {
	enum traffic_kind kind;
	bool outer; /* true: from node to node without the tunnel (cases of the laboratory) */
	uint64_t start_ns; /* after the tunnel is up */
	uint64_t duration_ns; /* echo, segments: how long they are sent */
	uint64_t interval_ns; /* echo, segments: between two; tcp: between the starts of streams */
	uint64_t size; /* echo, segments: payload bytes */
	uint64_t count; /* segments: how many; tcp: streams of which this is one */
	int ack; /* segments: enum segments_ack */
	uint64_t bytes; /* tcp: how much to send, client to server */
	uint64_t timeout_ns; /* how long answers or the end are awaited after the last send */
};

/** One expectation: a metric within bounds. */
struct expectation {
	char *metric; /* for example "echo.delivery"; owned */
	bool has_min, has_max;
	double min, max; /* base units: ratio, seconds, bytes, a count */
	char *is; /* exact text, "yes", "no", or a name; NULL if none; owned */
	char *text; /* as written: ">= 99%"; owned */
	bool should; /* a SHOULD: its failure is warn, not fail */
	struct place at;
};

struct timeline_entry;

/** What changes while the case runs, in the order of time: see spec/timeline.h. */
struct timeline {
	struct timeline_entry *entries; /* owned */
	size_t len;
};

/** Probes that are not of the case's list; their flows are numbered behind it, in this order. */
enum probing { PROBING_IDLE, PROBING_BEFORE, PROBING_AFTER, PROBING_COUNT };

struct spec_case {
	char *file; /* as given */
	char *id; /* file name without folder and .yaml */
	char *series; /* name of its folder: "seed", "lab" */
	char *title, *requirement, *clause;
	char level; /* 'R', 'S' or 'M' */
	struct pair *pairs; /* at least one */
	size_t pairs_len;
	struct choice *middleboxes; /* at least one */
	size_t middleboxes_len;
	int *profiles; /* indices of profile_names: pairs it is for in a matrix; owned */
	size_t profiles_len; /* 0: those that it names, behind the devices that it names */
	struct impairment impair[LINK_COUNT][DIR_COUNT];
	struct timeline timeline;
	bool planned_loss; /* a loss, a model or a drop list is planned: needs a witness */
	struct traffic *traffic;
	size_t traffic_len;
	bool ipv6; /* outer family */
	bool inner_ipv6; /* family of what the tunnel carries */
	uint64_t idle_ns; /* after the traffic: wait this long, then probe once more */
	uint64_t before_ns; /* probe for this long before the tunnel is asked for; 0: do not */
	uint64_t after_ns; /* at the end take the tunnel down and probe for this long; 0: do not */
	uint64_t dpd_ns; /* DUPACK_DPD_S, 0: off */
	uint64_t rekey_ns; /* DUPACK_REKEY_S, 0: as the target does by default */
	char **needs; /* capabilities that both ends must declare; owned, each too */
	size_t needs_len;
	uint64_t up_timeout_ns; /* how long the tunnel may take to come up */
	uint64_t wall_limit_ns; /* wall clock, for what never sleeps */
	struct expectation *expect;
	size_t expect_len;
};

struct spec_case *spec_case_load(const char *path, struct err *err);
bool spec_case_has_tunnel(const struct spec_case *c);
void spec_case_free(struct spec_case *c);

int spec_case_check_metrics(const struct spec_case *c,
			    bool (*known)(const char *metric, struct err *err), struct err *err);
int spec_case_check_middleboxes(const struct spec_case *c,
				bool (*known)(const struct choice *middlebox, struct err *err),
				struct err *err);
int spec_case_check_targets(const struct spec_case *c, const char *targets_dir, struct err *err);

/** cleanup_spec_case() - for AUTO_CASE */
static inline void cleanup_spec_case(struct spec_case **c)
{
	spec_case_free(*c);
}
#define AUTO_CASE __attribute__((cleanup(cleanup_spec_case)))

#endif
