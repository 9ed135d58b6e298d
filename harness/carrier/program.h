/* SPDX-License-Identifier: Apache-2.0 */
/* What every carrier does as a program: signals, readiness, its statistics. */
#ifndef DUPACK_CARRIER_PROGRAM_H
#define DUPACK_CARRIER_PROGRAM_H

#include <stdbool.h>

struct err;

int program_open_signals(int *ret_fd, struct err *err);
bool program_shall_report(int fd, bool *ret_end);
int program_say_ready(struct err *err);
void program_write_statistics(const char *name, bool client, const char *line);
int program_fail(const char *name, const struct err *err);

#endif
