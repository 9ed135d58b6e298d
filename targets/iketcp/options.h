/* SPDX-License-Identifier: Apache-2.0 */
/* The behaviours as options: "key=value,key=value". */
#ifndef IKETCP_OPTIONS_H
#define IKETCP_OPTIONS_H

#include <stdio.h>

struct err;
struct profile;

void options_default(struct profile *p);
int options_parse(const char *text, struct profile *p, struct err *err);
void options_help(FILE *out);

#endif
