/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands, and what they share.  Each takes its own arguments, argv[0]
 * being "dupack NAME", and returns the exit status of the program.
 */
#ifndef DUPACK_CMD_CMD_H
#define DUPACK_CMD_CMD_H

#include <jansson.h>

#include "report/terminal.h"

struct err;

#define EXIT_FAILED	 1 /* a requirement failed */
#define EXIT_USAGE	 2 /* bad arguments or an invalid file */
#define EXIT_HARNESS	 99 /* the harness failed, or the machine */
#define EXIT_INTERRUPTED 130

int cmd_run(int argc, char **argv);
int cmd_case(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

void cmd_print_error(const struct err *err);
int cmd_error(const struct err *err);
int cmd_finish(int status);
void cmd_print_json(const json_t *json);
struct terminal_style cmd_style(int fd);

#endif
