/* SPDX-License-Identifier: Apache-2.0 */
/* Anonymous network namespaces: held by a descriptor, gone with the last one. */
#ifndef DUPACK_NET_NETNS_H
#define DUPACK_NET_NETNS_H

struct err;

int netns_create(int *ret_fd, struct err *err);
int netns_enter(int fd, struct err *err);
int netns_run(int fd, int (*run)(void *ctx, struct err *err), void *ctx, struct err *err);

#endif
