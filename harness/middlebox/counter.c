// SPDX-License-Identifier: Apache-2.0
/* The names of the counters, in the order of their enum. */
#include "middlebox/counter.h"

#include <assert.h>

#include "base/cleanup.h"

#define EVENT(counter_name, text)                                                                  \
	{                                                                                          \
		.name = (counter_name), .what = (text)                                             \
	}
#define DROP(counter_name, text)                                                                   \
	{                                                                                          \
		.name = (counter_name), .drop = true, .what = (text)                               \
	}

/* clang-format off */
const struct counter_kind counter_kinds[] = {
	[COUNTER_FORWARDED] = EVENT("forwarded", "TCP segments that left as they came in"),
	[COUNTER_RETRANSMISSION_PASSED] = EVENT("retransmission-passed",
		"of these: seen before, but not known to have arrived"),
	[COUNTER_OUT_OF_ORDER_PASSED] = EVENT("out-of-order-passed", "of these: behind a hole"),
	[COUNTER_BAD_CHECKSUM_PASSED] = EVENT("tcp-bad-checksum-passed",
		"of these: with a wrong checksum, which its receiver will find"),
	[COUNTER_BYPASSED] = EVENT("bypassed", "of these: by tcp-state-bypass, unchecked"),
	[COUNTER_QUEUED] = EVENT("queued", "segments behind a hole, put into the queue"),
	[COUNTER_RELEASED] = EVENT("released", "segments from the queue, sent on once in order"),
	[COUNTER_PASSED_OTHER] = EVENT("passed-other", "packets that are not TCP, and fragments"),
	[COUNTER_PASSED_UNSELECTED] = EVENT("passed-unselected",
		"packets that no match-... option selects"),
	[COUNTER_INTERCEPTED] = EVENT("tcp-intercepted",
		"TCP segments that the device took for itself: handshakes by SYN cookies"),
	[COUNTER_DUP_ACK_SENT] = EVENT("dup-ack-sent",
		"duplicate ACKs sent in the name of the receiver"),
	[COUNTER_ACK_SENT] = EVENT("ack-sent", "other ACKs sent in the name of the receiver"),
	[COUNTER_SYN_COOKIE_SENT] = EVENT("syn-cookie-sent",
		"SYN-ACKs with a cookie, sent above the embryonic limit"),
	[COUNTER_SYN_SENT] = EVENT("syn-sent",
		"SYNs sent to the server for a client whose cookie was right"),
	[COUNTER_RESET_SENT] = EVENT("reset-sent", "RSTs sent to the ends of a connection"),
	[COUNTER_OPTIONS_CLEARED] = EVENT("tcp-options-cleared",
		"segments with an option overwritten by NOPs"),
	[COUNTER_URGENT_CLEARED] = EVENT("tcp-urgent-cleared",
		"segments that lost URG and the urgent pointer"),
	[COUNTER_RESERVED_CLEARED] = EVENT("tcp-reserved-cleared",
		"segments whose reserved bits were set and are not any more"),
	[COUNTER_MSS_LOWERED] = EVENT("tcp-mss-lowered", "SYNs with a smaller MSS than they had"),
	[COUNTER_TTL_LOWERED] = EVENT("ttl-lowered",
		"segments whose TTL was larger than one before in their flow"),
	[COUNTER_RETRANSMISSION_UNCHECKED] = EVENT("retransmission-unchecked",
		"retransmissions, or parts of them, that the history does not reach back to"),
	[COUNTER_FLOW_CREATED] = EVENT("flow-created", "connections seen"),
	[COUNTER_FLOW_REPLACED] = EVENT("flow-replaced",
		"of these: in the place of one that was embryonic or closed"),
	[COUNTER_FLOW_EVICTED] = EVENT("flow-evicted",
		"connections removed to make room: the oldest embryonic, in bypass the longest idle"),
	[COUNTER_FLOW_TIMEOUT] = EVENT("flow-timeout", "connections removed by a timeout"),
	[COUNTER_FLOW_TABLE_FULL] = DROP("flow-table-full", "SYN, and no room for its connection"),
	[COUNTER_QUEUE_DISCARDED] = DROP("queue-discarded",
		"segments in the queue of a connection that ended"),
	[COUNTER_TCP_BAD_HEADER] = DROP("invalid-tcp-hdr-length", "TCP header cut short"),
	[COUNTER_TCP_BAD_CHECKSUM] = DROP("tcp-bad-checksum", "TCP checksum wrong"),
	[COUNTER_TCP_BAD_FLAGS] = DROP("bad-tcp-flags",
		"SYN with FIN or RST, or neither SYN, ACK nor RST"),
	[COUNTER_TCP_BAD_OPTION_LIST] = DROP("tcp-bad-option-list", 
		"option of a wrong length, or of a kind that is to be dropped"),
	[COUNTER_TCP_RESERVED_SET] = DROP("tcp-reserved-set", "a reserved bit is set"),
	[COUNTER_TCP_SYN_DATA] = DROP("tcp-syn-data", "SYN with payload"),
	[COUNTER_TCP_NOT_SYN] = DROP("tcp-not-syn", "not a SYN, and no connection"),
	[COUNTER_TCP_SYN_OOO] = DROP("tcp-syn-ooo", "SYN on an established connection"),
	[COUNTER_TCP_SYNACK_OOO] = DROP("tcp-synack-ooo",
		"another SYN-ACK on an established connection"),
	[COUNTER_TCP_SYNACK_DATA] = DROP("tcp-synack-data", "SYN-ACK with payload"),
	[COUNTER_TCP_3WHS_FAILED] = DROP("tcp-3whs-failed",
		"does not belong into the three-way handshake"),
	[COUNTER_TCP_DISCARDED_OOO] = DROP("tcp-discarded-ooo",
		"third segment of the handshake with a wrong sequence number"),
	[COUNTER_TCP_INVALID_ACK] = DROP("tcp-invalid-ack", "acknowledges what was not sent"),
	[COUNTER_TCP_SEQ_PAST_WIN] = DROP("tcp-seq-past-win", "past the receiver's window"),
	[COUNTER_TCP_WINDOW_VARIATION] = DROP("tcpnorm-win-variation",
		"takes back a part of the window"),
	[COUNTER_TCP_PAWS_FAIL] = DROP("tcp-paws-fail",
		"a timestamp older than one that was acknowledged (PAWS)"),
	[COUNTER_TCP_BAD_RETRANSMISSION] = DROP("tcpnorm-rexmit-bad",
		"sent again with other bytes than before"),
	[COUNTER_TCP_MSS_EXCEEDED] = DROP("tcp-mss-exceeded", "longer than the receiver's MSS"),
	[COUNTER_TCP_ACKED] = DROP("tcp-acked", "seen before, and acknowledged by the receiver"),
	[COUNTER_TCP_DUP_IN_QUEUE] = DROP("tcp-dup-in-queue", "in the queue already"),
	[COUNTER_TCP_BUFFER_FULL] = DROP("tcp-buffer-full", "behind a hole, and the queue is full"),
	[COUNTER_TCP_BUFFER_TIMEOUT] = DROP("tcp-buffer-timeout",
		"in a queue whose hole was not filled in time"),
	[COUNTER_TCP_RSTFIN_OOO] = DROP("tcp-rstfin-ooo", "RST or FIN outside the window"),
	[COUNTER_TCP_DATA_PAST_FIN] = DROP("tcp-data-past-fin", "past its sender's FIN"),
	[COUNTER_TUN_WRITE_ERROR] = DROP("tun-write-error", "the kernel did not take the packet"),
	[COUNTER_TUN_NOT_IP] = EVENT("tun-not-forwarded",
		"the node's own multicast, or not IP at all"),
};
/* clang-format on */

static_assert(ARRAY_SIZE(counter_kinds) == COUNTER_COUNT, "a name for each counter");
