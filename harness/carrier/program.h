/* SPDX-License-Identifier: Apache-2.0 */
/* What every carrier does as a program: signals, readiness, its statistics. */
#ifndef DUPACK_CARRIER_PROGRAM_H
#define DUPACK_CARRIER_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct err;

int program_open_signals(int *ret_fd, struct err *err);
bool program_shall_report(int fd, bool *ret_end);
int program_say_ready(struct err *err);
void program_write_statistics(const char *name, bool client, const char *line);
void program_print_counts(const char *const *names, const uint64_t *counts, int first_drop, int len,
			  FILE *out);
int program_fail(const char *name, const struct err *err);

#endif
