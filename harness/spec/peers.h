/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who speaks with whom: the pairs that a folder of targets can form, and what kind of
 * pair one is.
 *
 * A client and a head-end are a pair if they have a carriage and a protocol in common.
 * A profile is what a case is for: a set of protocols over a set of carriages.
 */
#ifndef DUPACK_SPEC_PEERS_H
#define DUPACK_SPEC_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct pair;
struct pair_targets;
struct target;

/** All targets of a folder, by name. */
struct target_list {
	struct target **v; /* owned, each too */
	size_t len;
};

int target_list_load(const char *targets_dir, struct target_list *ret, struct err *err);
void target_list_release(struct target_list *list);
#define AUTO_TARGET_LIST __attribute__((cleanup(target_list_release)))

struct pair_list {
	struct pair *v; /* owned, each too */
	size_t len;
};

void pair_list_form(const struct target_list *targets, bool all, struct pair_list *ret);
void pair_list_release(struct pair_list *list);
#define AUTO_PAIR_LIST __attribute__((cleanup(pair_list_release)))

bool protocol_ok(const char *protocol, const struct target *t, struct err *err);
bool peers_speak(const struct target *client, const struct target *headend, const char *protocol);
int peers_check(const struct target *client, const struct target *headend, struct err *err);

#define PROFILES 10
extern const char *const profile_names[PROFILES]; /* "any", "ctcp", ...: catalogue's words */

uint32_t peers_profiles(const struct pair_targets *targets, const char *carriage);

#endif
