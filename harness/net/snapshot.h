/* SPDX-License-Identifier: Apache-2.0 */
/* How a node's network is set up, as text that can be compared. */
#ifndef DUPACK_NET_SNAPSHOT_H
#define DUPACK_NET_SNAPSHOT_H

struct err;

char *snapshot_take(int netns_fd, struct err *err);

#endif
