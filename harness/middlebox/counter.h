/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stateful device counts.  The tcp-* names are the device's own
 * (`show asp drop` of an ASA), so that a result can be held against the
 * device's manual; the others are ours.
 */
#ifndef DUPACK_MIDDLEBOX_COUNTER_H
#define DUPACK_MIDDLEBOX_COUNTER_H

#include <stdbool.h>

enum counter {
	/* what went on */
	COUNTER_FORWARDED,
	COUNTER_RETRANSMISSION_PASSED,
	COUNTER_QUEUED,
	COUNTER_RELEASED,
	COUNTER_PASSED_OTHER,
	COUNTER_DUP_ACK_SENT,
	COUNTER_ACK_SENT,
	COUNTER_OPTIONS_CLEARED,
	COUNTER_FLOW_CREATED,
	COUNTER_FLOW_REPLACED,
	COUNTER_FLOW_EVICTED,
	COUNTER_FLOW_TIMEOUT,
	/* what was dropped, and why */
	COUNTER_FLOW_TABLE_FULL,
	COUNTER_QUEUE_DISCARDED,
	COUNTER_TCP_BAD_HEADER,
	COUNTER_TCP_BAD_CHECKSUM,
	COUNTER_TCP_BAD_FLAGS,
	COUNTER_TCP_BAD_OPTION_LIST,
	COUNTER_TCP_NOT_SYN,
	COUNTER_TCP_SYN_OOO,
	COUNTER_TCP_SYNACK_OOO,
	COUNTER_TCP_SYNACK_DATA,
	COUNTER_TCP_3WHS_FAILED,
	COUNTER_TCP_DISCARDED_OOO,
	COUNTER_TCP_INVALID_ACK,
	COUNTER_TCP_SEQ_PAST_WIN,
	COUNTER_TCP_MSS_EXCEEDED,
	COUNTER_TCP_ACKED,
	COUNTER_TCP_DUP_IN_QUEUE,
	COUNTER_TCP_BUFFER_FULL,
	COUNTER_TCP_BUFFER_TIMEOUT,
	COUNTER_TCP_RSTFIN_OOO,
	COUNTER_TCP_DATA_PAST_FIN,
	/* of the loop around the engine */
	COUNTER_TUN_WRITE_ERROR,
	COUNTER_TUN_NOT_IP,
	COUNTER_COUNT
};

struct counter_kind {
	const char *name;
	bool drop; /* each one is a packet that did not get through */
	const char *what;
};

extern const struct counter_kind counter_kinds[COUNTER_COUNT];

#endif
