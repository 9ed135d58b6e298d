/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traffic of a case and what answers it.  Both run as processes of their own
 * that are in the right namespace already, and log what happened as events:
 *
 *   probe        flow, n [, error]            an echo probe was sent, n from 1
 *   reply        flow, n, rtt_ns              its first answer came
 *   tcp-sent     flow, bytes                  all was taken by the kernel
 *   tcp-received flow, bytes, intact [, error]  by the server, at the end of a stream
 *   tcp-stray    bytes                        by the server: a stream without our head
 *   tcp-failed   flow, why
 *
 * Synthetic segments have a receiver, and events, of their own: segments.h.
 *
 * A flow is named by its place in the list of the case, from 0.
 */
#ifndef DUPACK_OBSERVE_TRAFFIC_H
#define DUPACK_OBSERVE_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/case.h"

struct err;

#define TRAFFIC_ECHO_PORT 7007 /* UDP */
#define TRAFFIC_SINK_PORT 7008 /* TCP */

/** From where to where, as addresses. */
struct traffic_path {
	const char *local, *remote; /* NULL: flows of this path are not run */
};

struct traffic_client {
	const struct traffic *flows; /* the list of the case; borrowed */
	size_t len;
	struct traffic_path inner, outer; /* which one a flow takes is its .outer */
	bool roams; /* an outer probe has the address that the node has then, not outer.local */
	uint64_t seed; /* of the case: what TCP sends */
	int stop_fd; /* readable or closed at the other side: stop */
	int events_fd;
};

int traffic_client_run(const struct traffic_client *config, struct err *err);

/** Sockets that are open before the server's process is forked: nothing comes too early. */
struct traffic_server {
	int echo_fd, sink_fd; /* owned, -1: none */
};

#define TRAFFIC_SERVER_NONE                                                                        \
	{                                                                                          \
		-1, -1                                                                             \
	}

int traffic_server_open(struct traffic_server *server, struct err *err);
int traffic_server_run(struct traffic_server *server, int stop_fd, int events_fd, struct err *err);
void traffic_server_release(struct traffic_server *server);

#endif
