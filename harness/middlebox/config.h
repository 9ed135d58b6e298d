/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices that can stand in the path, their options, and what a choice
 * like "asa-proxy,queue-limit=5" means.
 *
 * The tables are what `dupack list middleboxes` prints: adding a device or an
 * option is a row.  The options of a family of devices are in options-*.c.
 */
#ifndef DUPACK_MIDDLEBOX_CONFIG_H
#define DUPACK_MIDDLEBOX_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "middlebox/match.h"
#include "middlebox/meddle-config.h"

struct choice;
struct counter_kind;
struct device_ops;
struct err;

enum device_mode {
	DEVICE_ROUTER, /* nothing but the node's own routing; no engine */
	DEVICE_ASA, /* the normaliser: TCP is checked, and passes out of order */
	DEVICE_PROXY, /* with inspection: it is put in order too */
	DEVICE_BYPASS, /* tcp-state-bypass: everything passes */
	DEVICE_MEDDLEBOX, /* only what meddle.c does to packets; the others have it in front */
	DEVICE_CONNTRACK, /* from here on: the kernel's, or somebody else's program */
	DEVICE_NAT,
	DEVICE_SYNPROXY,
	DEVICE_RELAY,
	DEVICE_HAPROXY,
	DEVICE_COUNT
};

enum ack_mode {
	ACK_GAP, /* only for what arrives behind a hole */
	ACK_EVERY, /* for every segment with payload, before the receiver has it */
};

enum ack_point {
	ACK_POINT_PEER, /* what the receiver itself acknowledged last: safe */
	ACK_POINT_NEXT, /* what the device expects next, though it may be lost behind it */
};

/** What is done with a part of a segment; in the order of the words of an option. */
enum action { ACTION_ALLOW, ACTION_CLEAR, ACTION_DROP };

enum timeout_reset {
	RESET_OFF, /* a connection ends without a word */
	RESET_IDLE, /* both ends of an idle one get a RST */
	RESET_ALL, /* of an embryonic and of a half-closed one too */
};

/** What the engine does with TCP. */
struct engine_config {
	unsigned int inspect; /* its kind of connections is inspected: the system's queue limit */
	uint64_t queue_limit; /* packets of one direction of one flow; 0: the system's */
	unsigned int queue_window; /* the system's limit follows the window */
	uint64_t queue_timeout_ns;
	uint64_t queue_memory; /* bytes of all queues together */
	uint64_t history_memory; /* bytes of all histories together */
	uint64_t max_flows, embryonic_limit; /* the latter 0: none */
	uint64_t embryonic_timeout_ns, idle_timeout_ns, half_closed_timeout_ns, closed_timeout_ns;
	uint64_t bypass_timeout_ns, bypass_after_ns; /* the latter 0: never */
	unsigned int timeout_reset; /* enum timeout_reset */
	unsigned int ack_mode, ack_point; /* enum ack_mode, enum ack_point */
	unsigned int ack_sack; /* report the queue as SACK blocks to senders that know SACK */
	unsigned int raise_timestamps; /* of what was held, over that of what filled the hole */
	unsigned int isn_randomise;
	unsigned int tcp_options; /* enum action: of kinds 6-7 and 9-255 that no list names */
	struct range_list options_allow, options_clear, options_drop;
	unsigned int selective_ack, timestamp, window_scale; /* enum action */
	unsigned int reserved_bits, urgent_flag; /* enum action */
	uint64_t mss_maximum; /* 0: none */
	unsigned int verify_checksum, check_retransmission, ttl_protection;
	unsigned int drop_invalid_ack, drop_seq_past_window, drop_exceed_mss;
	unsigned int drop_syn_data, drop_synack_data, drop_window_variation;
	struct class_map match; /* other packets pass untouched */
};

#define ENGINE_SYSTEM_QUEUE	3 /* packets, until an end changes its window */
#define ENGINE_SYSTEM_QUEUE_MAX 250

/** engine_keeps_order() - Are segments behind a hole held until it is filled? */
static inline bool engine_keeps_order(const struct engine_config *c)
{
	return c->inspect || c->queue_limit || c->check_retransmission;
}

enum nat_filtering {
	NAT_PORT_RESTRICTED, /* the port is kept if it can be; only the peer may answer */
	NAT_SYMMETRIC, /* a port of its own for each peer */
	NAT_FULL_CONE, /* who knows the mapping may send to it */
};

enum nat_remap {
	NAT_REMAP_OFF,
	NAT_REMAP_PORT,
	NAT_REMAP_ADDRESS,
};

/** What the devices made of the kernel and of other programs do. */
struct kernel_config {
	/* connection tracking: conntrack, nat, synproxy; time-outs are of whole seconds */
	unsigned int be_liberal, loose, drop_invalid;
	uint64_t syn_sent_ns, established_ns, unacknowledged_ns, max_retrans_ns;
	uint64_t udp_ns, udp_stream_ns;
	/* nat */
	unsigned int filtering, remap; /* enum nat_filtering, enum nat_remap */
	unsigned int reject_unmapped;
	uint64_t remap_at_ns, remap_every_ns; /* from when losses are armed; 0: not */
	/* synproxy */
	uint64_t mss, wscale;
	unsigned int timestamp, sack;
	/* relay, haproxy */
	uint64_t relay_mss;
	uint64_t idle_ns;
	unsigned int keep_port;
};

/** A device as it was chosen; made by device_config_from_choice(). */
struct device_config {
	enum device_mode mode;
	struct engine_config engine;
	struct meddle_config meddle;
	struct kernel_config kernel;
};

#define DEVICE_WORDS_MAX 6

enum device_option_kind {
	OPTION_COUNT,
	OPTION_DURATION,
	OPTION_SIZE,
	OPTION_WORD,
	OPTION_RANGES, /* the default stands for the empty list */
	OPTION_PREFIXES, /* likewise */
	OPTION_RATE,
	OPTION_BYTES,
};

struct device_option {
	const char *name;
	const char *preset; /* the default, as it would be written */
	unsigned int devices; /* bit 1 << enum device_mode: who has it */
	enum device_option_kind kind;
	/* in struct device_config: uint64_t, unsigned int for a word, a list, a pattern */
	size_t offset;
	uint64_t min, max; /* a count, a duration in ns, a size in bytes, bit/s, a range, bytes */
	const char *words[DEVICE_WORDS_MAX + 1]; /* of OPTION_WORD; the index is the value */
	const char *what;
	const char *source; /* where the default comes from */
	/* It does nothing unless this option has another value than its default; NULL: it does */
	const char *needs;
	/* A fault when it is given: this counter must not stay 0.  NULL: no fault */
	const char *witness;
};

/** Rows of one family of devices: options-*.c. */
struct device_option_table {
	const struct device_option *rows;
	size_t len;
};

struct device_kind {
	const char *name;
	const char *what;
	const char *source;
	const struct device_ops *ops; /* how it is run (middlebox.h); NULL: the node only routes */
};

extern const struct device_kind device_kinds[DEVICE_COUNT];
extern const struct device_option_table device_options_asa;
extern const struct device_option_table device_options_kernel;
extern const struct device_option_table device_options_meddle;

const struct device_option *device_option(size_t index);
int device_config_from_choice(const struct choice *choice, struct device_config *ret,
			      struct err *err);
bool device_choice_ok(const struct choice *choice, struct err *err);

/** device_has_option() - Does a device have an option of the table? */
static inline bool device_has_option(enum device_mode mode, const struct device_option *o)
{
	return (o->devices >> mode & 1) != 0;
}

#endif
