/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections and peers.  A peer is an address of the local stack's world; it
 * outlives its connections: who opened one opens the next (RFC 9329 section 6).
 */
#ifndef IKETCP_CARRIER_H
#define IKETCP_CARRIER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "count.h"
#include "datagram.h"
#include "fault.h"
#include "stream.h"

struct err;

#define CARRIER_CONNS_MAX 32
#define CARRIER_PEERS_MAX 32
#define CARRIER_OUT_MAX	  (128 * 1024)

/** What is chosen by options. */
struct profile {
	uint16_t port; /* TCP, of the head-end */
	bool inner_esp; /* the stacks send ESP bare, not in UDP */
	uint64_t user_timeout_ns; /* how long sent bytes may stay without an answer; 0: the kernel's
				   */
	enum fault fault;
};

/** What the carrier does to the world. */
struct world {
	void *ctx;
	/* a whole IP packet to the local stack; false if that failed */
	bool (*stack)(void *ctx, const uint8_t *packet, size_t len);
	/* packets of the local stack for this address shall come to us from now on */
	void (*claim)(void *ctx, const struct address *peer);
};

struct conn {
	int fd; /* owned */
	bool connecting, heard; /* heard: a message came */
	struct address peer;
	uint64_t deadline_ns; /* for the prefix; UINT64_MAX: none */
	struct stream_reader in;
	uint8_t out[CARRIER_OUT_MAX];
	size_t out_begin, out_end;
};

struct peer {
	struct address address;
	struct conn *conn; /* in the table of connections, or NULL */
	enum esp_form form; /* as our stack sends to it */
	uint16_t ike_local, ike_remote; /* ports of the last IKE of our stack; 0: none yet */
	bool wanted; /* client: its connection is to be opened again */
	uint8_t ike[2048]; /* the last IKE message of our stack */
	size_t ike_len; /* 0: none, or too long */
	uint64_t opened_ns; /* when its last connection was begun */
	uint64_t backoff_ns, not_before_ns; /* of the next connection */
	uint64_t retry_ns; /* it is opened then; UINT64_MAX: by the next packet of our stack */
};

struct carrier {
	const struct profile *profile; /* borrowed */
	const struct world *world; /* borrowed */
	bool client;
	struct address local;
	int listener; /* owned; head-end only */
	struct conn *conns[CARRIER_CONNS_MAX]; /* owned; NULL: free */
	struct peer peers[CARRIER_PEERS_MAX];
	size_t peers_len;
	uint64_t counts[COUNT_MAX];
};

int carrier_open(struct carrier *c, const struct profile *profile, bool client,
		 const struct address *local, const struct address *remote,
		 const struct world *world, struct err *err);
void carrier_from_stack(struct carrier *c, const uint8_t *packet, size_t len, uint64_t now_ns);
size_t carrier_polls(const struct carrier *c, struct pollfd polls[CARRIER_CONNS_MAX + 1]);
void carrier_polled(struct carrier *c, const struct pollfd *polls, size_t len, uint64_t now_ns);
uint64_t carrier_deadline(const struct carrier *c);
void carrier_expire(struct carrier *c, uint64_t now_ns);
void carrier_down(struct carrier *c);
void carrier_print(const struct carrier *c, FILE *out);
void carrier_release(struct carrier *c);

#endif
