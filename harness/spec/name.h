/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names with options, as they are written in cases and on the command line:
 *
 *   pair        CLIENT[:HEADEND][@CARRIAGE][,KEY=VALUE]...   strongswan@ctcp,retransmit=on
 *   middlebox   NAME[,KEY=VALUE]...                          asa-proxy,queue-limit=5
 */
#ifndef DUPACK_SPEC_NAME_H
#define DUPACK_SPEC_NAME_H

#include <stddef.h>

struct err;

/** Where in its file something is written, from 1; 0: not in a file (the command line). */
struct place {
	unsigned line, column;
};

struct option {
	char *key, *value; /* owned */
};

/** A name and its options. */
struct choice {
	char *text; /* as written; owned */
	char *name; /* owned */
	struct option *options; /* owned */
	size_t options_len;
	struct place at;
};

/** Who is tested against whom, over what. */
struct pair {
	char *text; /* as written; owned */
	char *client, *headend; /* names of targets; the same if one is given; owned */
	struct choice carriage; /* its name is never empty: "plain" if none is given */
	struct place at;
};

int choice_parse(const char *text, struct choice *ret, struct err *err);
void choice_release(struct choice *c);
const char *choice_option(const struct choice *c, const char *key);

int pair_parse(const char *text, struct pair *ret, struct err *err);
void pair_release(struct pair *p);

const char *name_near(const char *word, const char *const *names, size_t len);
char *name_list(const char *const *names, size_t len);

#endif
