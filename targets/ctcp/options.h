/* SPDX-License-Identifier: Apache-2.0 */
/* The behaviours as options: "key=value,key=value". */
#ifndef CTCP_OPTIONS_H
#define CTCP_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

struct err;
struct peer_profile;

/** What was said outright: it is stronger than what another option implies. */
struct options_said {
	bool ack, pure_acks;
};

int options_parse(const char *text, struct peer_profile *profile, struct options_said *said,
		  struct err *err);
void options_settle(struct peer_profile *profile, const struct options_said *said);
void options_help(FILE *out);

#endif
