/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a running carrier, from the same network namespace: one word in,
 * one answer out, over an abstract Unix socket (which is the namespace's own).
 */
#ifndef DUPACK_CARRIER_CONTROL_H
#define DUPACK_CARRIER_CONTROL_H

#include <stddef.h>

struct err;

int control_listen(const char *name, int *ret_fd, struct err *err);
int control_accept(int listener, char *ret_word, size_t size);
int control_ask(const char *name, const char *word, int timeout_ms, char **ret_answer,
		struct err *err);

#endif
