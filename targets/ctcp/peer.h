/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cTCP connection, either role.  Pure: time, randomness and output are
 * arguments, so tests drive two of them against each other in memory.
 */
#ifndef CTCP_PEER_H
#define CTCP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec.h"
#include "count.h"
#include "receiver.h"
#include "sender.h"

struct packet;

#define PEER_QUEUE 8 /* IKE messages that wait for the handshake */

/** What can be wrong with the sender of retransmit=on, one at a time. */
enum peer_fault {
	PEER_HONEST,
	PEER_OTHER_BYTES,
	PEER_BAD_CHECKSUM,
	PEER_NO_BACKOFF,
	PEER_IGNORES_WINDOW,
	PEER_STOPS_AT_WRAP,
	PEER_BELIEVES_RESETS,
	PEER_FAULTS
};

/** The behaviours; all but the defaults of peer_profile_default() are options. */
struct peer_profile {
	enum ack_rule ack;
	bool pure_acks; /* acknowledge each segment at once, not only on the next data */
	bool retransmit; /* be a TCP sender, drop duplicates, and check resets */
	enum peer_fault fault;
	bool psh;
	bool check_cookie;
	uint16_t port; /* of the head-end */
	uint32_t iss; /* the initial sequence number; 0: random */
	uint16_t syn_mss; /* 0: no options on SYN and SYN|ACK */
	uint16_t window;
	enum esp_form inner; /* how the local stack sends its ESP, until it is seen */
	uint64_t keepalive_ns; /* a pure ACK after so long without sending; 0: never */
	uint64_t handshake_ns; /* for the three-way handshake */
	uint64_t ike_ns; /* for IKE to be done, that is for the first ESP to pass */
};

/** Where a peer's output goes. */
struct peer_out {
	void *ctx;
	void (*segment)(void *ctx, const struct ctcp_segment *s); /* to the wire */
	void (*datagram)(void *ctx, const struct ctcp_datagram *d); /* to the local stack */
	uint32_t (*random32)(void *ctx); /* initial sequence numbers */
	uint64_t *counts; /* COUNT_MAX of them */
};

enum peer_state { PEER_CLOSED, PEER_SYN_SENT, PEER_SYN_RECEIVED, PEER_ESTABLISHED };

struct peer_addresses {
	uint8_t local[4], remote[4];
	uint16_t local_port, remote_port;
};

struct peer {
	const struct peer_profile *profile; /* borrowed */
	struct peer_addresses at;
	bool client;
	enum peer_state state;
	uint64_t since_ns; /* of the state */
	uint32_t iss, irs;
	uint32_t next; /* the next sequence number to send */
	bool esp_seen;
	uint64_t sent_ns; /* the last segment */
	struct receiver in;
	struct sender out; /* empty unless the profile says retransmit */
	/* how the local stack sends its ESP, and so wants it */
	enum esp_form form;
	uint16_t form_local_port, form_remote_port;
	/* payloads that wait for the handshake; owned */
	struct {
		uint8_t *bytes;
		size_t len;
	} queue[PEER_QUEUE];
	unsigned int queue_len;
};

void peer_profile_default(struct peer_profile *ret);

void peer_init(struct peer *p, const struct peer_profile *profile, bool client,
	       const struct peer_addresses *at);
void peer_release(struct peer *p);
void peer_send(struct peer *p, const struct ctcp_datagram *d, uint64_t now_ns,
	       const struct peer_out *out);
void peer_receive(struct peer *p, const struct packet *seg, uint64_t now_ns,
		  const struct peer_out *out);
void peer_reject(const struct packet *seg, const struct peer_out *out);
uint64_t peer_deadline(const struct peer *p);
void peer_expire(struct peer *p, uint64_t now_ns, const struct peer_out *out);
void peer_close(struct peer *p, uint64_t now_ns, const struct peer_out *out);
const char *peer_state_name(enum peer_state s);

#endif
