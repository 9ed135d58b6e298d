/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glibc's argp.  It brings getopt's struct option along, of which nothing here needs
 * the name; spec/name.h has a struct option of its own.
 */
#ifndef DUPACK_CMD_ARGS_H
#define DUPACK_CMD_ARGS_H

#define option getopt_option
#include <argp.h>
#undef option

#endif
