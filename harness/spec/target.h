/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target as its target.yaml says it: an implementation under test, or a
 * carrier that takes the packets of one (targets/README.md is the contract).
 */
#ifndef DUPACK_SPEC_TARGET_H
#define DUPACK_SPEC_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct pair;

struct strings {
	char **v; /* owned, each too */
	size_t len;
};

/** A known failure: it turns fail into xfail while it explains the failure. */
struct deviation {
	char *case_id; /* a case, or "*" */
	char *middlebox; /* only with this middlebox; NULL: any */
	char *finding; /* only if this rule is among the findings; NULL: any */
	char *unless; /* "KEY=VALUE": not if the carriage has this option; NULL */
	char *reason, *issue;
	char *expires; /* YYYY-MM-DD; after it the deviation no longer counts */
};

struct target {
	char *name, *vendor, *dir; /* dir: the folder, as a path that works from here */
	struct strings roles; /* client, headend, carrier */
	struct strings carriages;
	struct strings own_carriages; /* of these: for them it needs no carrier on its node */
	struct strings speaks; /* protocols, in both roles; its own name if it says none */
	struct strings answers; /* more of them, as head-end only */
	bool matrix; /* its pairs are part of a matrix without being named */
	struct strings packages; /* Debian packages for its root in the guest */
	bool own_root; /* they conflict with those of others */
	struct strings needs_bin; /* requires: binaries */
	struct strings needs_kernel; /* requires: kernel features, names known to doctor */
	struct strings caps;
	char *wire; /* how its packets are recognised: "tcp 10000", "udp 500 4500" */
	struct strings timers; /* retransmission schedule, durations as text */
	struct deviation *deviations;
	size_t deviations_len;
};

struct target *spec_target_load(const char *dir, struct err *err);
void spec_target_free(struct target *t);

bool strings_have(const struct strings *list, const char *word);

/** Who takes part in a pair. */
enum pair_role { PAIR_CLIENT, PAIR_HEADEND, PAIR_CARRIER, PAIR_TARGETS };
#define PAIR_ENDS PAIR_CARRIER

struct pair_targets {
	struct target *v[PAIR_TARGETS]; /* owned; the carrier may be NULL */
};

int spec_pair_members(const struct pair *p, const char *targets_dir, struct pair_targets *ret,
		      struct err *err);
int spec_pair_targets(const struct pair *p, const char *targets_dir, struct pair_targets *ret,
		      struct err *err);
void pair_targets_release(struct pair_targets *t);
#define AUTO_PAIR_TARGETS __attribute__((cleanup(pair_targets_release)))

bool pair_has_own_root(const struct pair_targets *t, enum pair_role role);

int spec_pair_check(const struct pair *p, const char *targets_dir, struct err *err);

static inline void cleanup_spec_target(struct target **t)
{
	spec_target_free(*t);
}
#define AUTO_TARGET __attribute__((cleanup(cleanup_spec_target)))

#endif
