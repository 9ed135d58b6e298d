/* SPDX-License-Identifier: Apache-2.0 */
/* Being root where namespaces are made, if only of a user namespace. */
#ifndef DUPACK_NET_USERNS_H
#define DUPACK_NET_USERNS_H

struct err;

int userns_become_root(struct err *err);
int userns_run(int (*run)(void *ctx, struct err *err), void *ctx, struct err *err);

#endif
