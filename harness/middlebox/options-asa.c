// SPDX-License-Identifier: Apache-2.0
/* The options of the devices that are modelled on an ASA. */
#include "middlebox/config.h"

#include "base/cleanup.h"
#include "base/units.h"

#define ASA	     (1U << DEVICE_ASA)
#define PROXY	     (1U << DEVICE_PROXY)
#define BYPASS	     (1U << DEVICE_BYPASS)
#define CHECKED	     (ASA | PROXY)
#define ALL	     (CHECKED | BYPASS)
#define FIELD(field) .offset = offsetof(struct device_config, engine.field)
#define ANY_DURATION .kind = OPTION_DURATION, .min = NS_PER_MS, .max = 864000 * NS_PER_S
#define KINDS	     .kind = OPTION_RANGES, .min = 6, .max = 255
#define SWITCH	     .kind = OPTION_WORD, .words = { "off", "on" }
#define MAY_DROP     .kind = OPTION_WORD, .words = { "allow", "drop" }
#define MAY_CLEAR    .kind = OPTION_WORD, .words = { "allow", "clear" }
#define ANY_ACTION   .kind = OPTION_WORD, .words = { "allow", "clear", "drop" }

static const char tcp_map[] = "ASA command reference, tcp-map";
static const char connection[] = "ASA command reference, set connection";
static const char asa_timeouts[] = "ASA command reference, timeout";
static const char bypass[] = "ASA configuration guide, TCP state bypass";
static const char class_map[] = "ASA command reference, class-map";
static const char model[] = "assumption of this model";

/* clang-format off */
static const struct device_option rows[] = {
	/* the queue */
	{ .name = "inspect", .preset = "off", .devices = ASA, SWITCH, FIELD(inspect),
	  .source = "ASA configuration guide, application inspection",
	  .what = "TCP is under inspection and therefore put in order: asa-proxy" },
	{ .name = "inspect", .preset = "on", .devices = PROXY, SWITCH, FIELD(inspect),
	  .source = "ASA configuration guide, application inspection",
	  .what = "TCP is under inspection and therefore put in order; off: asa" },
	{ .name = "queue-limit", .preset = "0", .devices = CHECKED, .kind = OPTION_COUNT,
	  FIELD(queue_limit), .min = 0, .max = ENGINE_SYSTEM_QUEUE_MAX, .source = tcp_map,
	  .what = "segments held behind a hole, for each direction of a flow; 0: 3 with inspect or "
		  "check-retransmission, else TCP passes out of order" },
	{ .name = "queue-window", .preset = "on", .devices = CHECKED, SWITCH, FIELD(queue_window),
	  .source = tcp_map,
	  .what = "queue-limit=0: a changed window makes the limit the full segments that it has room for, "
		  "1 to 250" },
	{ .name = "queue-timeout", .preset = "4s", .devices = CHECKED, .kind = OPTION_DURATION,
	  FIELD(queue_timeout_ns), .min = NS_PER_S, .max = 20 * NS_PER_S, .source = tcp_map,
	  .what = "how long they wait for the hole to be filled" },
	{ .name = "queue-memory", .preset = "64MiB", .devices = CHECKED, .kind = OPTION_SIZE,
	  FIELD(queue_memory), .min = 0, .max = UINT32_MAX, .source = model,
	  .what = "bytes held by all flows together" },
	{ .name = "ack-mode", .preset = "gap", .devices = CHECKED, .kind = OPTION_WORD,
	  FIELD(ack_mode), .words = { [ACK_GAP] = "gap", [ACK_EVERY] = "every" }, .source = model,
	  .what = "when a device that puts TCP in order acknowledges: behind a hole, or always" },
	{ .name = "ack-point", .preset = "peer", .devices = CHECKED, .kind = OPTION_WORD,
	  FIELD(ack_point), .words = { [ACK_POINT_PEER] = "peer", [ACK_POINT_NEXT] = "next" },
	  .source = model,
	  .what = "what it acknowledges: as the receiver did last, or all that was sent on" },
	{ .name = "ack-sack", .preset = "on", .devices = CHECKED, SWITCH, FIELD(ack_sack),
	  .source = "RFC 2018 section 4",
	  .what = "its ACKs report the queue to a sender that knows SACK" },
	{ .name = "queue-timestamp", .preset = "raise", .devices = CHECKED, .kind = OPTION_WORD,
	  FIELD(raise_timestamps), .words = { "keep", "raise" }, .source = model,
	  .what = "of a segment that was held, if it is older than that of the retransmission "
		  "sent on before it; keep: PAWS of the receiver drops it (RFC 7323)" },
	/* tcp-map */
	{ .name = "check-retransmission", .preset = "off", .devices = CHECKED, SWITCH,
	  FIELD(check_retransmission), .source = tcp_map,
	  .what = "drop a retransmission whose bytes are not those that were sent before" },
	{ .name = "history-memory", .preset = "64MiB", .devices = CHECKED, .kind = OPTION_SIZE,
	  FIELD(history_memory), .min = 0, .max = UINT32_MAX, .source = model,
	  .what = "bytes that check-retransmission remembers of all flows together" },
	{ .name = "checksum-verification", .preset = "off", .devices = CHECKED, SWITCH,
	  FIELD(verify_checksum), .source = tcp_map,
	  .what = "drop what has a wrong TCP checksum; off: it passes, and teaches the device "
		  "nothing" },
	{ .name = "exceed-mss", .preset = "allow", .devices = CHECKED, MAY_DROP,
	  FIELD(drop_exceed_mss), .source = tcp_map,
	  .what = "what is longer than the MSS that the receiver gave" },
	{ .name = "invalid-ack", .preset = "drop", .devices = CHECKED, MAY_DROP,
	  FIELD(drop_invalid_ack), .source = tcp_map,
	  .what = "what acknowledges data that was not sent" },
	{ .name = "reserved-bits", .preset = "allow", .devices = CHECKED, ANY_ACTION,
	  FIELD(reserved_bits), .source = tcp_map,
	  .what = "what has one of the 4 reserved bits of the header set" },
	{ .name = "seq-past-window", .preset = "drop", .devices = CHECKED, MAY_DROP,
	  FIELD(drop_seq_past_window), .source = tcp_map,
	  .what = "what ends past the receiver's window, which begins at what is expected next" },
	{ .name = "syn-data", .preset = "allow", .devices = CHECKED, MAY_DROP,
	  FIELD(drop_syn_data), .source = tcp_map, .what = "SYN with payload" },
	{ .name = "synack-data", .preset = "drop", .devices = CHECKED, MAY_DROP,
	  FIELD(drop_synack_data), .source = tcp_map, .what = "SYN-ACK with payload" },
	{ .name = "tcp-options", .preset = "clear", .devices = CHECKED, ANY_ACTION,
	  FIELD(tcp_options), .source = tcp_map,
	  .what = "options of kind 6, 7 and 9-255; clear: they become NOPs" },
	{ .name = "tcp-options-allow", .preset = "none", .devices = CHECKED, KINDS,
	  FIELD(options_allow), .source = tcp_map,
	  .what = "kinds that stay whatever tcp-options says, as 19_253-254" },
	{ .name = "tcp-options-clear", .preset = "none", .devices = CHECKED, KINDS,
	  FIELD(options_clear), .source = tcp_map, .what = "kinds that are cleared, likewise" },
	{ .name = "tcp-options-drop", .preset = "none", .devices = CHECKED, KINDS,
	  FIELD(options_drop), .source = tcp_map, .what = "kinds whose segments are dropped" },
	{ .name = "selective-ack", .preset = "allow", .devices = CHECKED, MAY_CLEAR,
	  FIELD(selective_ack), .source = tcp_map, .what = "SACK and its permission" },
	{ .name = "timestamp", .preset = "allow", .devices = CHECKED, MAY_CLEAR,
	  FIELD(timestamp), .source = tcp_map,
	  .what = "timestamps; clear: PAWS is off, too" },
	{ .name = "window-scale", .preset = "allow", .devices = CHECKED, MAY_CLEAR,
	  FIELD(window_scale), .source = tcp_map, .what = "the scale of the window" },
	{ .name = "mss-maximum", .preset = "0", .devices = CHECKED, .kind = OPTION_COUNT,
	  FIELD(mss_maximum), .min = 0, .max = UINT16_MAX,
	  .source = "ASA command reference, sysopt connection tcpmss; its own default is 1380",
	  .what = "an MSS in a SYN is lowered to it; 0: it is not" },
	{ .name = "ttl-evasion-protection", .preset = "on", .devices = CHECKED, SWITCH,
	  FIELD(ttl_protection),
	  .source = "ASA command reference, tcp-map; what it does is an assumption of this model",
	  .what = "a TTL that grew is put back to the smallest one that its sender had in this flow" },
	{ .name = "urgent-flag", .preset = "clear", .devices = CHECKED, MAY_CLEAR,
	  FIELD(urgent_flag), .source = tcp_map, .what = "URG and the urgent pointer" },
	{ .name = "window-variation", .preset = "allow", .devices = CHECKED, MAY_DROP,
	  FIELD(drop_window_variation), .source = tcp_map,
	  .what = "what takes back a part of the window that its sender gave before" },
	/* connections */
	{ .name = "isn-randomise", .preset = "on", .devices = CHECKED, SWITCH,
	  FIELD(isn_randomise), .source = "ASA configuration guide, TCP sequence randomization",
	  .what = "other initial sequence numbers in both directions" },
	{ .name = "embryonic-limit", .preset = "0", .devices = CHECKED, .kind = OPTION_COUNT,
	  FIELD(embryonic_limit), .min = 0, .max = 1 << 20, .source = connection,
	  .what = "handshakes at a time, above which the device answers SYNs itself, by SYN "
		  "cookies (TCP intercept); 0: no limit" },
	{ .name = "embryonic-timeout", .preset = "30s", .devices = CHECKED, ANY_DURATION,
	  FIELD(embryonic_timeout_ns), .source = asa_timeouts,
	  .what = "how long a handshake may take" },
	{ .name = "half-closed-timeout", .preset = "10min", .devices = CHECKED, ANY_DURATION,
	  FIELD(half_closed_timeout_ns), .source = asa_timeouts,
	  .what = "idle time after the first FIN" },
	{ .name = "closed-timeout", .preset = "30s", .devices = CHECKED, ANY_DURATION,
	  FIELD(closed_timeout_ns), .source = model,
	  .what = "idle time after both FINs, in which the last of them may be repeated" },
	{ .name = "idle-timeout", .preset = "1h", .devices = CHECKED, ANY_DURATION,
	  FIELD(idle_timeout_ns), .source = asa_timeouts,
	  .what = "how long an idle connection is kept" },
	{ .name = "timeout-reset", .preset = "off", .devices = CHECKED, .kind = OPTION_WORD,
	  FIELD(timeout_reset),
	  .words = { [RESET_OFF] = "off", [RESET_IDLE] = "idle", [RESET_ALL] = "all" },
	  .source = "ASA command reference, set connection timeout; all: none of the device's",
	  .what = "both ends get a RST when their connection is removed: an idle one, or an "
		  "embryonic and a half-closed one too" },
	{ .name = "max-flows", .preset = "65536", .devices = ALL, .kind = OPTION_COUNT,
	  FIELD(max_flows), .min = 1, .max = 1 << 20, .source = model,
	  .what = "connections at a time" },
	/* tcp-state-bypass */
	{ .name = "bypass-after", .preset = "0s", .devices = CHECKED, .kind = OPTION_DURATION,
	  FIELD(bypass_after_ns), .min = 0, .max = 864000 * NS_PER_S, .source = bypass,
	  .what = "the policy becomes tcp-state-bypass so long after the first packet, for new "
		  "connections only; 0s: never" },
	{ .name = "bypass-timeout", .preset = "2min", .devices = CHECKED, ANY_DURATION,
	  FIELD(bypass_timeout_ns), .source = bypass,
	  .what = "how long an idle entry of theirs is kept" },
	{ .name = "idle-timeout", .preset = "2min", .devices = BYPASS, ANY_DURATION,
	  FIELD(bypass_timeout_ns), .source = bypass, .what = "how long an idle entry is kept" },
	/* class-map */
	{ .name = "match-protocol", .preset = "any", .devices = ALL, .kind = OPTION_WORD,
	  FIELD(match.protocol),
	  .words = { [MATCH_ANY] = "any", [MATCH_TCP] = "tcp", [MATCH_UDP] = "udp" },
	  .source = class_map,
	  .what = "whom the policy is for: what does not match passes untouched" },
	{ .name = "match-client", .preset = "any", .devices = ALL, .kind = OPTION_PREFIXES,
	  FIELD(match.client), .source = class_map,
	  .what = "the end on the outside, as 10.0.0.0/8_2001:db8::/32" },
	{ .name = "match-server", .preset = "any", .devices = ALL, .kind = OPTION_PREFIXES,
	  FIELD(match.server), .source = class_map, .what = "the end on the inside" },
	{ .name = "match-port", .preset = "any", .devices = ALL, .kind = OPTION_RANGES,
	  .min = 1, .max = UINT16_MAX, FIELD(match.ports), .source = class_map,
	  .what = "port of the end on the inside, as 500_10000-10010" },
};
/* clang-format on */
const struct device_option_table device_options_asa = { rows, ARRAY_SIZE(rows) };
