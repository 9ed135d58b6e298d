/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One tunnel, either end, without its descriptors: packets of the inside in, datagrams out,
 * and the reverse.  Pure: time, randomness and output are arguments.
 */
#ifndef MUTANTS_TUNNEL_H
#define MUTANTS_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "message.h"
#include "window.h"

#define TUNNEL_SESSIONS 4

/** What a tunnel does to the world. */
struct world {
	void *ctx;
	/* a datagram to the peer, or to who sent the one that is being read */
	void (*send)(void *ctx, bool to_sender, const uint8_t *bytes, size_t len);
	/* who sent the datagram that is being read is the peer, and lives there */
	void (*follow)(void *ctx);
	void (*inside)(void *ctx, const uint8_t *packet, size_t len);
	void (*state)(void *ctx, bool up);
	void (*random)(void *ctx, uint8_t *bytes, size_t len);
};

struct session {
	bool valid, clear;
	uint32_t local, remote; /* its index at both ends */
	struct message_key out, in;
	uint64_t next; /* the next counter to send */
	struct window window;
	uint64_t born_ns;
};

struct tunnel {
	const struct world *world; /* borrowed */
	enum fault fault;
	bool client;
	struct psk psk;
	uint64_t dpd_ns, rekey_ns; /* dpd_ns 0: no liveness checks */
	bool wanted, up;
	struct session sessions[TUNNEL_SESSIONS];
	int current; /* what is sent belongs to it; -1: none */
	uint64_t made; /* sessions so far */
	/* the request: the client's that waits for an answer, the head-end's last one */
	uint8_t request[MESSAGE_REQUEST_LEN];
	uint8_t response[MESSAGE_RESPONSE_LEN]; /* the head-end's to it */
	uint32_t index;
	unsigned int tries;
	uint64_t asked_ns, gap_ns, request_due_ns; /* UINT64_MAX: none is to be sent */
	bool asking; /* it waits for an answer */
	uint64_t heard_ns, check_due_ns;
	unsigned int checks; /* without an answer */
	uint64_t replays, damaged;
	/* what only a fault counts: TCP connections, and when a packet was let in last */
	unsigned int connections;
	uint64_t used_ns;
};

void tunnel_init(struct tunnel *t, bool client, const struct psk *psk, enum fault fault,
		 uint64_t dpd_ns, uint64_t rekey_ns, const struct world *world);
void tunnel_up(struct tunnel *t, uint64_t now_ns);
bool tunnel_rekey(struct tunnel *t, uint64_t now_ns);
void tunnel_down(struct tunnel *t, uint64_t now_ns);
void tunnel_from_inside(struct tunnel *t, const uint8_t *packet, size_t len, uint64_t now_ns);
void tunnel_from_wire(struct tunnel *t, const uint8_t *bytes, size_t len, uint64_t now_ns);
uint64_t tunnel_deadline(const struct tunnel *t);
void tunnel_expire(struct tunnel *t, uint64_t now_ns);
void tunnel_print(const struct tunnel *t, const char *inner, FILE *out);

#endif
