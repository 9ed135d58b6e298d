/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an execution left behind, in memory: the only thing that metrics and rules
 * look at.
 */
#ifndef DUPACK_GRADE_EVIDENCE_H
#define DUPACK_GRADE_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode/match.h"
#include "decode/tcp.h"
#include "decode/trace.h"
#include "spec/case.h"

struct err;

/** The two ends of a link. */
enum link_end { END_CLIENT, END_SERVER, END_COUNT };

/** One capture. */
struct evidence_trace {
	char name[48]; /* "client-access.pcapng" */
	enum node_id node;
	char *bytes; /* owned */
	size_t len;
	struct trace trace;
	struct tcp_trace tcp;
};

struct probe {
	uint64_t t_ns; /* when it was sent */
	uint64_t rtt_ns; /* 0: no answer */
};

/** What sender and receiver of synthetic segments said at the end. */
struct segment_events {
	bool sent_known, received_known;
	uint64_t sent, acks, duplicate_acks, resets, first_window, client_mss; /* the sender */
	uint64_t received, bytes, server_mss; /* the receiver */
};

/** What happened to one flow of the case. */
struct flow_events {
	struct probe *probes; /* number 1 is the first; owned */
	size_t probes_len;
	bool tcp_received, tcp_intact;
	uint64_t tcp_bytes, tcp_t_ns; /* when the server had all */
	struct segment_events segments;
};

/** Something of the timeline began or ended. */
struct timeline_event {
	uint64_t t_ns;
	size_t entry; /* of the case's timeline */
	bool ends;
};

struct evidence {
	const struct spec_case *c; /* borrowed */
	json_t *execution; /* owned */
	uint64_t until_ns; /* what was sent later may be on its way when captures stopped */
	bool captured; /* all captures are there and complete */
	struct evidence_trace traces[LINK_COUNT][END_COUNT];
	struct match matches[LINK_COUNT][DIR_COUNT];
	struct flow_events *flows; /* of the case, and behind them those of enum probing; owned */
	size_t flows_len;
	struct timeline_event *changes; /* in the order of time; owned */
	size_t changes_len;
};

int evidence_load(const char *folder, const struct spec_case *c, struct evidence *ret,
		  struct err *err);
void evidence_release(struct evidence *e);

uint64_t evidence_time(const struct evidence *e, const char *what);
enum link_end evidence_sender(enum direction d);
const struct evidence_trace *evidence_end(const struct evidence *e, enum link_id l,
					  enum link_end end);

#define AUTO_EVIDENCE __attribute__((cleanup(evidence_release)))

#endif
