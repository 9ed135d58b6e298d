// SPDX-License-Identifier: Apache-2.0
#include "count.h"

#include <assert.h>

#include "base/cleanup.h"
#include "carrier/program.h"

static const char *const names[] = {
	[COUNT_NONE] = "none",
	[COUNT_IKE_IN] = "ike-in",
	[COUNT_IKE_OUT] = "ike-out",
	[COUNT_ESP_IN] = "esp-in",
	[COUNT_ESP_OUT] = "esp-out",
	[COUNT_OPENED] = "opened",
	[COUNT_CLOSED] = "closed",
	[COUNT_KEEPALIVE] = "keepalive",
	[COUNT_RUNT] = "runt",
	[COUNT_STACK_ERROR] = "stack-error",
	[COUNT_NOT_IPSEC] = "not-ipsec",
	[COUNT_FRAGMENT] = "fragment",
	[COUNT_NAT_KEEPALIVE] = "nat-keepalive",
	[COUNT_NO_CONNECTION] = "no-connection",
	[COUNT_QUEUE_FULL] = "queue-full",
	[COUNT_REFUSED] = "refused",
	[COUNT_BAD_PREFIX] = "bad-prefix",
	[COUNT_BAD_LENGTH] = "bad-length",
	[COUNT_NO_PREFIX] = "no-prefix",
	[COUNT_REPLACED] = "replaced",
	[COUNT_TABLE_FULL] = "table-full",
};
static_assert(ARRAY_SIZE(names) == COUNT_MAX, "every counter has a name");

/**
 * counts_print() - Write all counters as members of a JSON object
 * @counts:	The counters
 * @out:	Receives "name":N,...,"dropped":{...} without the outer braces
 */
void counts_print(const uint64_t counts[COUNT_MAX], FILE *out)
{
	program_print_counts(names, counts, COUNT_FIRST_DROP, COUNT_MAX, out);
}
