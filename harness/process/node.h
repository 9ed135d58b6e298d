/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node of the path: a machine made of namespaces (network, mount, pid, uts,
 * ipc), with nothing in the file system to name it.  It lives as long as its
 * init process; when that goes, the kernel ends every process of the node.
 */
#ifndef DUPACK_PROCESS_NODE_H
#define DUPACK_PROCESS_NODE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct strings;

struct node {
	const char *name; /* borrowed; also the host name inside */
	pid_t init; /* 0: not there */
	int init_pidfd, net_fd, mnt_fd, pid_fd, uts_fd, ipc_fd; /* owned */
	int root_fd; /* the root of its init, which may be another than ours; owned */
};

#define NODE_NONE                                                                                  \
	{                                                                                          \
		NULL, 0, -1, -1, -1, -1, -1, -1, -1                                                \
	}

/** How many folders a node may keep visible. */
#define NODE_KEEP_MAX 8

int node_create(const char *name, const char *root, const char *const *private_dirs,
		const char *const *keep, struct node *ret, struct err *err);
pid_t node_fork(const struct node *node, struct err *err);
int node_await_empty(const struct node *node, uint64_t timeout_ns, char *ret_who, size_t size,
		     struct err *err);
void node_destroy(struct node *node);

#endif
