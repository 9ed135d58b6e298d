/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switches of what meddles with packets: see meddle.c for what each does.
 * 0 is "off" for all of them; a device without these options has all zero.
 */
#ifndef DUPACK_MIDDLEBOX_MEDDLE_CONFIG_H
#define DUPACK_MIDDLEBOX_MEDDLE_CONFIG_H

#include <stdint.h>

enum meddle_direction { MEDDLE_BOTH, MEDDLE_UP, MEDDLE_DOWN };
enum meddle_isn { ISN_KEEP, ISN_REWRITE, ISN_REWRITE_NOT_SACK };
enum meddle_strip { STRIP_NOTHING, STRIP_UNKNOWN, STRIP_ALL };
enum meddle_bad_option { BAD_OPTION_NONE, BAD_OPTION_ZERO, BAD_OPTION_ONE, BAD_OPTION_PAST };
enum meddle_segments { SEGMENTS_ALL, SEGMENTS_SYN, SEGMENTS_DATA };
enum meddle_syn_data { SYN_DATA_ALLOW, SYN_DATA_DROP, SYN_DATA_STRIP };
enum meddle_ecn {
	ECN_PASS,
	ECN_BLEACH, /* ECT and CE become not-ECT */
	ECN_MARK, /* ECT becomes CE */
	ECN_BLACKHOLE, /* what is ECT or CE is dropped */
	ECN_REFUSE_SETUP, /* a SYN that asks for ECN is dropped */
	ECN_STRIP_SETUP, /* it asks no more */
};
enum meddle_dpi { DPI_OFF, DPI_TLS, DPI_HTTP, DPI_IKE, DPI_BYTES };
enum meddle_dpi_block { DPI_BLOCK_MATCH, DPI_BLOCK_OTHERS };
enum meddle_action { MEDDLE_DROP, MEDDLE_RESET };
enum meddle_ptb { PTB_SEND, PTB_LOST, PTB_FORGED };
enum meddle_pick_up { PICK_UP_ALLOW, PICK_UP_REFUSE, PICK_UP_RESET };
enum meddle_inject { INJECT_NOTHING, INJECT_RST, INJECT_SYN };
enum meddle_inject_seq { INJECT_EXACT, INJECT_IN_WINDOW, INJECT_OUTSIDE };
enum meddle_inject_to { INJECT_TO_CLIENT, INJECT_TO_SERVER, INJECT_TO_BOTH };

#define MEDDLE_PATTERN_MAX 15

/** Bytes as they are written: "160301". */
struct meddle_pattern {
	uint8_t len, bytes[MEDDLE_PATTERN_MAX];
};

struct meddle_config {
	unsigned int direction;
	/* numbers and segments */
	unsigned int contiguous, proxy_ack, isn;
	uint64_t coalesce_bytes, coalesce_hold_ns, resegment_bytes;
	/* headers */
	unsigned int strip_options, bad_option, options_in, syn_data, ecn;
	uint64_t add_option, mss_clamp;
	uint64_t window_bytes, window_from_ns, zero_window_ns, zero_window_at_ns;
	/* flows and time */
	unsigned int idle_end, pick_up;
	uint64_t max_flows, idle_timeout_ns, restart_at_ns, restart_outage_ns;
	/* what passes */
	unsigned int dpi, dpi_block, dpi_action;
	struct meddle_pattern dpi_bytes;
	uint64_t police_bps, police_burst_bytes;
	unsigned int ptb;
	uint64_t mtu, ptb_mtu;
	/* what nobody sent */
	unsigned int inject, inject_seq, inject_to;
	uint64_t inject_at_ns, inject_times, inject_every_ns;
};

#endif
