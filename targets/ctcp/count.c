// SPDX-License-Identifier: Apache-2.0
/* The names of the counters, and the counters as JSON members. */
#include "count.h"

#include <assert.h>

#include "base/cleanup.h"
#include "carrier/program.h"

static const char *const names[] = {
	[COUNT_NONE] = "none",
	[COUNT_SEGMENTS_IN] = "segments-in",
	[COUNT_SEGMENTS_OUT] = "segments-out",
	[COUNT_DATAGRAMS_IN] = "datagrams-in",
	[COUNT_DATAGRAMS_OUT] = "datagrams-out",
	[COUNT_KEEPALIVES_IN] = "keepalives-in",
	[COUNT_RETRANSMITTED] = "retransmitted",
	[COUNT_OPENED] = "opened",
	[COUNT_CLOSED] = "closed",
	[COUNT_BAD_CHECKSUM] = "bad-checksum",
	[COUNT_MALFORMED] = "malformed",
	[COUNT_NO_COOKIE] = "no-cookie",
	[COUNT_TRUNCATED] = "truncated",
	[COUNT_BAD_PROTOCOL] = "bad-protocol",
	[COUNT_BAD_INNER] = "bad-inner",
	[COUNT_BAD_ACK] = "bad-ack",
	[COUNT_UNKNOWN_CONNECTION] = "unknown-connection",
	[COUNT_DUPLICATE] = "duplicate",
	[COUNT_OUT_OF_WINDOW] = "out-of-window",
	[COUNT_TABLE_FULL] = "table-full",
	[COUNT_NOT_IPSEC] = "not-ipsec",
	[COUNT_FRAGMENT] = "fragment",
	[COUNT_NAT_KEEPALIVE] = "nat-keepalive",
	[COUNT_TOO_BIG] = "too-big",
	[COUNT_NOT_ESTABLISHED] = "not-established",
	[COUNT_ESP_BEFORE_IKE] = "esp-before-ike",
	[COUNT_QUEUE_FULL] = "queue-full",
	[COUNT_SEND_BUFFER_FULL] = "send-buffer-full",
	[COUNT_SEND_ERROR] = "send-error",
	[COUNT_HANDSHAKE_TIMEOUT] = "handshake-timeout",
	[COUNT_IKE_TIMEOUT] = "ike-timeout",
	[COUNT_RESET] = "reset",
};
static_assert(ARRAY_SIZE(names) == COUNT_MAX, "every counter has a name");

/** count_name() - The name of a counter as it stands in the statistics */
const char *count_name(enum count c)
{
	return names[c];
}

/**
 * counts_print() - Write all counters as members of a JSON object
 * @counts:	The counters
 * @out:	Receives "name":N,...,"dropped":{...} without the outer braces
 */
void counts_print(const uint64_t counts[COUNT_MAX], FILE *out)
{
	program_print_counts(names, counts, COUNT_FIRST_DROP, COUNT_MAX, out);
}
