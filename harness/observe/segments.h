/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Synthetic TCP: what says that it is TCP and does not behave like it, for measuring
 * devices in the path.  A sender does a handshake without options, then sends
 * segments at an even pace, whatever is acknowledged and without ever repeating one; a
 * receiver acknowledges as it is told.  Its window is 65535 and never moves.
 *
 *   segments-sent      flow, connected, sent, acks, duplicate_acks, first_window, mss, resets
 *   segments-received  flow, segments, bytes, mss, acks
 *
 * The kernel's TCP must not know of them, or it would send RSTs: segments_quiet().
 */
#ifndef DUPACK_OBSERVE_SEGMENTS_H
#define DUPACK_OBSERVE_SEGMENTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/packet.h"
#include "observe/traffic.h"

struct err;
struct event_log;

#define SEGMENTS_PORT	7009 /* of receivers */
#define SEGMENTS_SOURCE 7100 /* of the sender of flow 0; of flow n: n more */
#define SEGMENTS_WINDOW 65535
#define SEGMENTS_MAX	1500 /* bytes of an IP packet */

/* segments.c: packets */

/** A pair of sockets for one family: packets out, copies of packets in. */
struct segments_socket {
	bool v6;
	int out_fd, in_fd; /* owned, -1: none */
	uint16_t ip_id;
};

#define SEGMENTS_SOCKET_NONE                                                                       \
	{                                                                                          \
		false, -1, -1, 0                                                                   \
	}

/** Who sends to whom; addresses as in packets, 4 or 16 bytes. */
struct segments_way {
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
};

struct segment {
	uint32_t seq, ack;
	uint8_t flags;
	const uint8_t *payload;
	size_t payload_len;
};

int segments_quiet(struct err *err);
int segments_open(struct segments_socket *s, bool v6, struct err *err);
void segments_close(struct segments_socket *s);
bool segments_send(struct segments_socket *s, const struct segments_way *way,
		   const struct segment *segment);
bool segments_receive(struct segments_socket *s, uint8_t bytes[SEGMENTS_MAX], struct packet *ret);
uint16_t segments_mss(const struct packet *p);

/* segments-client.c: one flow */
struct segments_sender;

struct segments_sender *segments_sender_new(const struct traffic *plan,
					    const struct traffic_path *path, unsigned int flow,
					    uint64_t now_ns, struct err *err);
void segments_sender_free(struct segments_sender *s);
int segments_sender_fd(const struct segments_sender *s);
uint64_t segments_sender_step(struct segments_sender *s, uint64_t now_ns, struct event_log *log);

/* segments-server.c: the receiver of all flows */
struct segments_server {
	const struct traffic *flows; /* the list of the case; borrowed */
	size_t len;
	struct segments_socket sockets[2]; /* IPv4, IPv6 */
};

int segments_server_open(struct segments_server *server, struct err *err);
int segments_server_run(struct segments_server *server, int stop_fd, int events_fd,
			struct err *err);
void segments_server_close(struct segments_server *server);

#endif
