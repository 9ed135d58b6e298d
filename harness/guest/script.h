/* SPDX-License-Identifier: Apache-2.0 */
/* A script of ours and all that it starts, as one thing that can be ended. */
#ifndef DUPACK_GUEST_SCRIPT_H
#define DUPACK_GUEST_SCRIPT_H

struct err;

char *script_run(char *const *argv, int interrupt_fd, struct err *err);

#endif
