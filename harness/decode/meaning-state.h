/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside decode/meaning: what is remembered of a link, so that a message can be named by
 * its place in its protocol.  Nobody else includes this.
 *
 * Memory is bounded: FLOWS flows, RECORDS messages of each direction of a stream, and
 * tables of counts.  What is forgotten counts from 1 again.
 */
#ifndef DUPACK_DECODE_MEANING_STATE_H
#define DUPACK_DECODE_MEANING_STATE_H

#include "decode/counts.h"
#include "decode/meaning.h"
#include "decode/openvpn.h"
#include "decode/packet.h"

#define MEANING_PORT_NAT_T 4500 /* RFC 3948: IKE behind a marker, and ESP */

#define FLOWS	    64
#define RECORDS	    64
#define STREAM_PEEK 160 /* bytes of a message in a stream that may have to be collected */

/* The words of families that have no numbers of their own for them */
enum { TCP_DATA, TCP_ACK, TCP_SYN, TCP_SYNACK, TCP_FIN, TCP_RST };
enum { WG_INITIATION, WG_RESPONSE, WG_COOKIE, WG_DATA, WG_KEEPALIVE };

/* The numbers, by their place in meaning_grammars */
enum { N_TCP_POS, N_TCP_CONN, N_TCP_TX };
enum { N_IKE_MID, N_IKE_FRAG, N_IKE_SA, N_IKE_TX };
enum { N_V1_X, N_V1_MSG, N_V1_FRAG, N_V1_SA, N_V1_TX };
enum { N_ESP_SPI, N_ESP_SEQ, N_ESP_TX };
enum { N_TLS_REC, N_TLS_CONN, N_TLS_TX };
enum { N_DTLS_MSG, N_DTLS_EPOCH, N_DTLS_SEQ, N_DTLS_TX };
enum { N_WG_HS, N_WG_SESSION, N_WG_CTR, N_WG_TX };
enum { N_OVPN_SESSION, N_OVPN_KEY, N_OVPN_ID, N_OVPN_TX };
enum { N_UDP_SPORT, N_UDP_DPORT };
enum { N_ICMP_TYPE, N_ICMP_CODE };
enum { N_IP_PROTO };

enum stream_kind { STREAM_UNKNOWN, STREAM_TLS, STREAM_IKE, STREAM_OVPN, STREAM_OPAQUE };

/* A message of a stream that was read, to name it again if its bytes come again */
struct stream_record {
	uint32_t end; /* sequence number behind the part of it that names it */
	int tx; /* place of its transmission number; -1: it has none */
	struct meaning meaning;
};

/* What one end of a flow sends */
struct half {
	/* TCP */
	bool isn_known, isn_guessed;
	uint32_t isn;
	bool acked;
	uint32_t last_ack, acks; /* how often the last acknowledgement was sent */
	/* the stream: where the next message begins, and what came of it */
	bool framed, jumped;
	uint32_t frontier;
	uint8_t partial[STREAM_PEEK];
	size_t partial_len;
	uint32_t records; /* TLS: how many before; not after a jump */
	bool encrypted; /* TLS: behind its change of the cipher */
	size_t ring_len, ring_at;
	struct stream_record ring[RECORDS];
	/* OpenVPN: does the first number of the data channel look like one? */
	bool data_seen, data_clear;
};

struct flow {
	uint64_t end[2]; /* hashes of address and port; end 0 was seen first */
	uint8_t proto;
	uint64_t used;
	uint32_t conn; /* of TCP, from 1 */
	enum stream_kind kind;
	bool dtls, ovpn; /* UDP: known by an earlier datagram */
	enum openvpn_wrapping wrapping;
	struct half half[2];
};

struct meaning_state {
	struct counts names; /* places of SPIs, of SAs, of sessions */
	struct counts control; /* how often a message was seen */
	struct counts data; /* the same for packets that carry payload */
	uint32_t spis[2], sas, sessions, wg_sessions[2], conns;
	struct {
		uint32_t handshakes, tries; /* of the initiations that go this way */
		bool answered;
	} wg[2];
	uint64_t clock;
	struct flow *flows; /* FLOWS of them; owned */
};

/* Where the messages of a frame are added */
struct meaning_frame {
	struct meaning_state *s;
	int direction;
	const uint8_t *bytes; /* the frame */
	struct meanings *ret;
};

struct meaning *meaning_add(const struct meaning_frame *f, enum meaning_family family,
			    const uint8_t *at, size_t len);
void meaning_number(struct meaning *m, int place, uint64_t value);
uint64_t meaning_key(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

struct flow *meaning_flow(struct meaning_state *s, const struct packet *p, int *ret_end);
void meaning_forget(struct flow *f);

void meaning_tcp(const struct meaning_frame *f, const struct packet *p);
void meaning_stream(const struct meaning_frame *f, struct flow *flow, struct half *half,
		    const struct packet *p, uint32_t seq);
bool meaning_ike(const struct meaning_frame *f, const uint8_t *at, size_t len, size_t whole);
bool meaning_natt(const struct meaning_frame *f, const uint8_t *at, size_t len);
bool meaning_esp(const struct meaning_frame *f, const uint8_t *at, size_t len);
bool meaning_ovpn(const struct meaning_frame *f, struct flow *flow, struct half *half,
		  const uint8_t *at, size_t len, size_t whole);

#endif
