/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands, and what they share.  Each takes its own arguments, argv[0]
 * being "dupack NAME", and returns the exit status of the program.
 */
#ifndef DUPACK_CMD_CMD_H
#define DUPACK_CMD_CMD_H

#include <jansson.h>
#include <stdbool.h>

#include "report/terminal.h"
#include "report/verdict.h"

struct err;

#define EXIT_USAGE 2 /* bad arguments or an invalid file; the others: report/verdict.h */

int cmd_run(int argc, char **argv);
int cmd_case(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

bool cmd_metric_ok(const char *metric, struct err *err);
void cmd_print_error(const struct err *err);
int cmd_error(const struct err *err);
int cmd_finish(int status);
void cmd_print_json(const json_t *json);
struct terminal_style cmd_style(int fd);

#endif
