// SPDX-License-Identifier: Apache-2.0
/* The options of the devices that are made of the kernel and of other programs. */
#include "middlebox/config.h"

#include "base/cleanup.h"
#include "base/units.h"

#define CONNTRACK    (1U << DEVICE_CONNTRACK)
#define NAT	     (1U << DEVICE_NAT)
#define SYNPROXY     (1U << DEVICE_SYNPROXY)
#define RELAY	     (1U << DEVICE_RELAY)
#define HAPROXY	     (1U << DEVICE_HAPROXY)
#define TRACKING     (CONNTRACK | NAT | SYNPROXY)
#define FIELD(field) .offset = offsetof(struct device_config, kernel.field)
#define SECONDS	     .kind = OPTION_DURATION, .min = NS_PER_S, .max = 864000 * NS_PER_S
#define SWITCH	     .kind = OPTION_WORD, .words = { "off", "on" }
#define DIGIT	     .kind = OPTION_WORD, .words = { "0", "1" }

static const char sysctls[] = "Linux Documentation/networking/nf_conntrack-sysctl.rst";
static const char model[] = "assumption of this model";
static const char nft[] = "nft(8), synproxy statement";

/* clang-format off */
static const struct device_option rows[] = {
	{ .name = "mode", .preset = "strict", .devices = CONNTRACK, .kind = OPTION_WORD,
	  FIELD(be_liberal), .words = { "strict", "liberal" }, .source = sysctls,
	  .what = "liberal: only a RST outside the window is invalid (tcp_be_liberal)" },
	{ .name = "loose", .preset = "1", .devices = CONNTRACK | NAT, DIGIT,
	  FIELD(loose), .source = sysctls,
	  .what = "1: take up connections whose beginning was not seen (tcp_loose)" },
	{ .name = "loose", .preset = "0", .devices = SYNPROXY, DIGIT,
	  FIELD(loose), .source = "without it the first ACK would be taken up past the proxy",
	  .what = "1: take up connections whose beginning was not seen (tcp_loose)" },
	{ .name = "invalid", .preset = "drop", .devices = CONNTRACK | NAT, .kind = OPTION_WORD,
	  FIELD(drop_invalid), .words = { "pass", "drop" }, .source = "common rule sets",
	  .what = "packets that belong to no connection" },
	{ .name = "syn-sent-timeout", .preset = "2min", .devices = TRACKING, SECONDS,
	  FIELD(syn_sent_ns), .source = sysctls,
	  .what = "how long a SYN may stay unanswered" },
	{ .name = "tcp-timeout", .preset = "120h", .devices = CONNTRACK | SYNPROXY, SECONDS,
	  FIELD(established_ns), .source = sysctls,
	  .what = "how long an idle connection is kept (tcp_timeout_established)" },
	{ .name = "tcp-timeout", .preset = "124min", .devices = NAT, SECONDS,
	  FIELD(established_ns), .source = "RFC 5382 REQ-5: at least 2 h 4 min",
	  .what = "how long the binding of an idle connection is kept" },
	{ .name = "unacknowledged-timeout", .preset = "5min", .devices = TRACKING, SECONDS,
	  FIELD(unacknowledged_ns), .source = sysctls,
	  .what = "the same while data is not acknowledged" },
	{ .name = "max-retrans-timeout", .preset = "5min", .devices = TRACKING, SECONDS,
	  FIELD(max_retrans_ns), .source = sysctls,
	  .what = "the same after three retransmissions without an answer" },
	{ .name = "udp-timeout", .preset = "30s", .devices = CONNTRACK | NAT | SYNPROXY, SECONDS,
	  FIELD(udp_ns), .source = sysctls,
	  .what = "idle time of UDP that was not answered, or only just" },
	{ .name = "udp-stream-timeout", .preset = "2min", .devices = CONNTRACK | SYNPROXY, SECONDS,
	  FIELD(udp_stream_ns), .source = sysctls,
	  .what = "idle time of UDP in both directions, after 2 s of it" },
	{ .name = "udp-stream-timeout", .preset = "2min", .devices = NAT, SECONDS,
	  FIELD(udp_stream_ns), .source = "Linux default, and the least of RFC 4787 REQ-5",
	  .what = "idle time of a UDP binding in both directions, after 2 s of it" },

	{ .name = "filtering", .preset = "port-restricted", .devices = NAT, .kind = OPTION_WORD,
	  FIELD(filtering), .words = { [NAT_PORT_RESTRICTED] = "port-restricted",
				       [NAT_SYMMETRIC] = "symmetric",
				       [NAT_FULL_CONE] = "full-cone" },
	  .source = "Linux masquerade; names of RFC 3489",
	  .what = "port-restricted keeps the port and lets the peer answer; symmetric gives each "
		  "connection a random port; full-cone also lets others send to the port" },
	{ .name = "unmapped", .preset = "drop", .devices = NAT, .kind = OPTION_WORD,
	  FIELD(reject_unmapped), .words = { "drop", "reject" }, .source = model,
	  .what = "what comes for no binding: dropped, or answered by RST or ICMP" },
	{ .name = "remap", .preset = "off", .devices = NAT, .kind = OPTION_WORD,
	  FIELD(remap), .words = { [NAT_REMAP_OFF] = "off", [NAT_REMAP_PORT] = "port",
				   [NAT_REMAP_ADDRESS] = "address" },
	  .source = model, .witness = "bindings-changed",
	  .what = "forget all bindings and give new ones: another port, or another address" },
	{ .name = "remap-at", .preset = "20s", .devices = NAT, .kind = OPTION_DURATION,
	  FIELD(remap_at_ns), .needs = "remap", .min = 0, .max = 864000 * NS_PER_S, .source = model,
	  .what = "when, counted from when the tunnel is up and the traffic begins" },
	{ .name = "remap-every", .preset = "0s", .devices = NAT, .kind = OPTION_DURATION,
	  FIELD(remap_every_ns), .needs = "remap", .min = 0, .max = 864000 * NS_PER_S, .source = model,
	  .what = "and again after each such time; 0s: once only" },

	{ .name = "mss", .preset = "1460", .devices = SYNPROXY, .kind = OPTION_COUNT,
	  FIELD(mss), .min = 88, .max = 65535, .source = nft,
	  .what = "the MSS that it answers SYNs with, in the name of the server" },
	{ .name = "wscale", .preset = "7", .devices = SYNPROXY, .kind = OPTION_COUNT,
	  FIELD(wscale), .min = 0, .max = 14, .source = nft,
	  .what = "the window scale that it answers with" },
	{ .name = "timestamp", .preset = "on", .devices = SYNPROXY, SWITCH,
	  FIELD(timestamp), .source = nft, .what = "it offers timestamps" },
	{ .name = "sack", .preset = "on", .devices = SYNPROXY, SWITCH,
	  FIELD(sack), .source = nft, .what = "it offers SACK" },

	{ .name = "mss", .preset = "1460", .devices = RELAY, .kind = OPTION_COUNT,
	  FIELD(relay_mss), .min = 88, .max = 32767, .source = "tcp(7), TCP_MAXSEG",
	  .what = "the largest MSS of both its halves" },
	{ .name = "idle-timeout", .preset = "1h", .devices = RELAY | HAPROXY, SECONDS,
	  FIELD(idle_ns), .source = model,
	  .what = "how long an idle connection is kept, before it is reset" },
	{ .name = "port", .preset = "keep", .devices = RELAY, .kind = OPTION_WORD,
	  FIELD(keep_port), .words = { "free", "keep" }, .source = model,
	  .what = "the server sees the client's port, or any free one" },
	{ .name = "port", .preset = "free", .devices = HAPROXY, .kind = OPTION_WORD,
	  FIELD(keep_port), .words = { "free", "keep" },
	  .source = "HAProxy configuration manual, usesrc clientip and client",
	  .what = "the server sees the client's port, or any free one" },
};
/* clang-format on */
const struct device_option_table device_options_kernel = { rows, ARRAY_SIZE(rows) };
