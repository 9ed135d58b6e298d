/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of a carrier, which is that of all of them:
 *
 *   carrier --role client|headend --local ADDRESS --remote ADDRESS [--option K=V,...]...
 *   carrier --ask WORD
 */
#ifndef DUPACK_CARRIER_COMMAND_H
#define DUPACK_CARRIER_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

struct err;

#define COMMAND_FLAGS_MAX 8

/** The two ends, as they were said; NULL: not said. */
struct command_ends {
	bool client;
	const char *local, *remote;
};

/** What a carrier answers; the last of a list has no word. */
struct command_question {
	const char *word;
	int timeout_ms;
};

/** A flag of one carrier alone; the last of a list has no name. */
struct command_flag {
	const char *name;
	const char **value; /* set if it is said */
};

struct command {
	const char *name; /* of the carrier, by which it is asked */
	const char *usage, *purpose;
	const struct command_question *questions;
	const struct command_flag *flags; /* at most COMMAND_FLAGS_MAX; NULL: none */
	int (*option)(void *ctx, const char *text, struct err *err); /* K=V,... */
	void (*options_help)(FILE *out);
	int (*run)(void *ctx, const struct command_ends *ends, struct err *err);
};

int command_main(const struct command *c, void *ctx, int argc, char **argv);

#endif
