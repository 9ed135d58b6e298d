// SPDX-License-Identifier: Apache-2.0
#include "fault.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

#define KEY "fault="

static const struct {
	const char *name, *help;
} faults[] = {
	[FAULT_NONE] = { "none", "an honest tunnel (the default)" },
	[FAULT_NEVER_RETRANSMITS] = { "never-retransmits", "a request is sent once" },
	[FAULT_GIVES_UP] = { "gives-up", "a request is sent again once, and never more" },
	[FAULT_NO_BACKOFF] = { "no-backoff", "a request is sent again every second" },
	[FAULT_CHANGES_REQUEST] = { "changes-request",
				    "a request that is sent again has other bytes" },
	[FAULT_ANSWERS_UNASKED] = { "answers-unasked", "every response is sent twice" },
	[FAULT_SECOND_SA] = { "second-sa", "a request that comes again makes another session" },
	[FAULT_IMPATIENT] = { "impatient", "a response that took more than a second is refused" },
	[FAULT_ACCEPTS_REPLAY] = { "accepts-replay", "a packet that came before is taken again" },
	[FAULT_WINDOW_OF_ONE] = { "window-of-one", "a packet that was overtaken is dropped" },
	[FAULT_ACCEPTS_DAMAGE] = { "accepts-damage", "a packet with a wrong tag is taken" },
	[FAULT_SENDS_TWICE] = { "sends-twice", "every data packet is sent twice" },
	[FAULT_CLEAR_AFTER_REKEY] = { "clear-after-rekey",
				      "sessions behind the first only authenticate" },
	[FAULT_ONE_WAY] = { "one-way", "the head-end sends nothing of the inside" },
	[FAULT_FEW_FLOWS] = { "few-flows", "behind a hundred TCP connections none is let in" },
	[FAULT_COUNTER_ENDS] = { "counter-ends", "behind 4095 packets of a session none is sent" },
	[FAULT_FORGETS_IDLE] = { "forgets-idle",
				 "behind ten minutes without a packet none is let in" },
	[FAULT_NO_REKEY] = { "no-rekey", "a session lives for ever" },
	[FAULT_FORGETS_OLD_KEY] = { "forgets-old-key",
				    "nothing is sent while a new session is asked for" },
	[FAULT_HAIR_TRIGGER] = { "hair-trigger", "a peer that is silent is dead, without a check" },
	[FAULT_DEAF_TO_LIVENESS] = { "deaf-to-liveness", "no liveness check is answered" },
	[FAULT_NO_RECOVERY] = { "no-recovery", "behind a dead peer no new session is asked for" },
	[FAULT_LEAKS_WHEN_DOWN] = { "leaks-when-down",
				    "the route into the tunnel goes while it is down; by itself it "
				    "checks every 5 s whether the peer lives" },
	[FAULT_LEAKS_WHEN_UP] = { "leaks-when-up",
				  "the route into the tunnel goes while it is up" },
	[FAULT_UP_UNASKED] = { "up-unasked", "it is up before it is asked" },
	[FAULT_IGNORES_TOO_BIG] = { "ignores-too-big", "the path is taken to have the link's MTU" },
	[FAULT_LEAVES_ADDRESS] = { "leaves-address", "the inner address stays when it is down" },
	[FAULT_IGNORES_DOWN] = { "ignores-down", "it says that it is down, and stays up" },
	[FAULT_NO_ROAMING] = { "no-roaming", "the peer stays at the address where it was first" },
};
static_assert(ARRAY_SIZE(faults) == FAULTS, "every fault has a name");

/**
 * fault_parse() - What the options of the carriage ask for
 * @options:	"fault=NAME", or empty
 * @ret:	Set on success
 * @err:	ERR_USAGE for anything else
 *
 * Return: 0 or -1
 */
int fault_parse(const char *options, enum fault *ret, struct err *err)
{
	*ret = FAULT_NONE;
	if (!*options)
		return 0;
	for (int i = 0; strncmp(options, KEY, strlen(KEY)) == 0 && i < FAULTS; i++)
		if (strcmp(options + strlen(KEY), faults[i].name) == 0) {
			*ret = (enum fault)i;
			return 0;
		}
	return err_set_kind(err, ERR_USAGE, "unknown option '%s' (see --help)", options);
}

/** fault_help() - One line for each */
void fault_help(FILE *out)
{
	for (int i = 0; i < FAULTS; i++)
		fprintf(out, "  fault=%s: %s\n", faults[i].name, faults[i].help);
}
