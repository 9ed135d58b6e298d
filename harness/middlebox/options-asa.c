// SPDX-License-Identifier: Apache-2.0
/* The options of the devices that are modelled on an ASA. */
#include "middlebox/config.h"

#include "base/cleanup.h"
#include "base/units.h"

#define PROXY	     (1U << DEVICE_PROXY)
#define BYPASS	     (1U << DEVICE_BYPASS)
#define FIELD(field) .offset = offsetof(struct device_config, engine.field)
#define ANY_DURATION .kind = OPTION_DURATION, .min = NS_PER_MS, .max = 864000 * NS_PER_S

static const char tcp_map[] = "ASA command reference, tcp-map";
static const char asa_timeouts[] = "ASA command reference, timeout";
static const char model[] = "assumption of this model";

/* clang-format off */
static const struct device_option rows[] = {
	{ .name = "queue-limit", .preset = "3", .devices = PROXY, .kind = OPTION_COUNT,
	  FIELD(queue_limit), .min = 1, .max = 250, .source = tcp_map,
	  .what = "segments held behind a hole, for each direction of a flow" },
	{ .name = "queue-timeout", .preset = "4s", .devices = PROXY, .kind = OPTION_DURATION,
	  FIELD(queue_timeout_ns), .min = NS_PER_S, .max = 20 * NS_PER_S, .source = tcp_map,
	  .what = "how long they wait for the hole to be filled" },
	{ .name = "queue-memory", .preset = "64MiB", .devices = PROXY, .kind = OPTION_SIZE,
	  FIELD(queue_memory), .min = 0, .max = UINT32_MAX, .source = model,
	  .what = "bytes held by all flows together" },
	{ .name = "ack-mode", .preset = "gap", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(ack_mode), .words = { [ACK_GAP] = "gap", [ACK_EVERY] = "every" }, .source = model,
	  .what = "when the device acknowledges: behind a hole only, or every segment" },
	{ .name = "ack-point", .preset = "peer", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(ack_point), .words = { [ACK_POINT_PEER] = "peer", [ACK_POINT_NEXT] = "next" },
	  .source = model,
	  .what = "what it acknowledges: as the receiver did last, or all that was sent on" },
	{ .name = "ack-sack", .preset = "on", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(ack_sack), .words = { "off", "on" }, .source = "RFC 2018 section 4",
	  .what = "its ACKs report the queue to a sender that knows SACK" },
	{ .name = "isn-randomise", .preset = "on", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(isn_randomise), .words = { "off", "on" },
	  .source = "ASA configuration guide, TCP sequence randomization",
	  .what = "other initial sequence numbers in both directions" },
	{ .name = "tcp-options", .preset = "clear", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(clear_options), .words = { "allow", "clear" }, .source = tcp_map,
	  .what = "options of kind 6, 7 and 9-255" },
	{ .name = "checksum-verification", .preset = "off", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(verify_checksum), .words = { "off", "on" }, .source = tcp_map,
	  .what = "drop what has a wrong TCP checksum" },
	{ .name = "invalid-ack", .preset = "drop", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_invalid_ack), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "what acknowledges data that was not sent" },
	{ .name = "seq-past-window", .preset = "drop", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_seq_past_window), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "what ends past the receiver's window, which begins at what is expected next" },
	{ .name = "exceed-mss", .preset = "allow", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_exceed_mss), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "what is longer than the MSS that the receiver gave" },
	{ .name = "synack-data", .preset = "drop", .devices = PROXY, .kind = OPTION_WORD,
	  FIELD(drop_synack_data), .words = { "allow", "drop" }, .source = tcp_map,
	  .what = "SYN-ACK with payload" },
	{ .name = "embryonic-timeout", .preset = "30s", .devices = PROXY, ANY_DURATION,
	  FIELD(embryonic_timeout_ns), .source = asa_timeouts,
	  .what = "how long a handshake may take" },
	{ .name = "half-closed-timeout", .preset = "10min", .devices = PROXY, ANY_DURATION,
	  FIELD(half_closed_timeout_ns), .source = asa_timeouts,
	  .what = "idle time after the first FIN" },
	{ .name = "closed-timeout", .preset = "30s", .devices = PROXY, ANY_DURATION,
	  FIELD(closed_timeout_ns), .source = model,
	  .what = "idle time after both FINs, in which the last of them may be repeated" },
	{ .name = "idle-timeout", .preset = "1h", .devices = PROXY, ANY_DURATION,
	  FIELD(idle_timeout_ns), .source = asa_timeouts,
	  .what = "how long an idle connection is kept" },
	{ .name = "idle-timeout", .preset = "2min", .devices = BYPASS, ANY_DURATION,
	  FIELD(idle_timeout_ns), .source = "ASA configuration guide, TCP state bypass",
	  .what = "how long an idle entry is kept" },
	{ .name = "max-flows", .preset = "65536", .devices = PROXY | BYPASS, .kind = OPTION_COUNT,
	  FIELD(max_flows), .min = 1, .max = 1 << 20, .source = model,
	  .what = "connections at a time" },
};
/* clang-format on */
const struct device_option_table device_options_asa = { rows, ARRAY_SIZE(rows) };
