/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with this tunnel, one at a time: the option `fault=NAME` of the
 * carriage.  Each is asked for where the honest tunnel decides otherwise.
 */
#ifndef MUTANTS_FAULT_H
#define MUTANTS_FAULT_H

#include <stdio.h>

struct err;

enum fault {
	FAULT_NONE,
	/* the handshake */
	FAULT_NEVER_RETRANSMITS,
	FAULT_GIVES_UP,
	FAULT_NO_BACKOFF,
	FAULT_CHANGES_REQUEST,
	FAULT_ANSWERS_UNASKED,
	FAULT_SECOND_SA,
	FAULT_IMPATIENT,
	/* data */
	FAULT_ACCEPTS_REPLAY,
	FAULT_WINDOW_OF_ONE,
	FAULT_ACCEPTS_DAMAGE,
	FAULT_SENDS_TWICE,
	FAULT_CLEAR_AFTER_REKEY,
	FAULT_ONE_WAY,
	FAULT_FEW_FLOWS,
	FAULT_COUNTER_ENDS,
	FAULT_FORGETS_IDLE,
	/* the life of the tunnel */
	FAULT_NO_REKEY,
	FAULT_FORGETS_OLD_KEY,
	FAULT_HAIR_TRIGGER,
	FAULT_DEAF_TO_LIVENESS,
	FAULT_NO_RECOVERY,
	FAULT_LEAKS_WHEN_DOWN,
	FAULT_LEAKS_WHEN_UP,
	FAULT_UP_UNASKED,
	FAULT_IGNORES_TOO_BIG,
	FAULT_NO_ROAMING,
	FAULT_LEAVES_ADDRESS,
	FAULT_IGNORES_DOWN,
	FAULTS
};

int fault_parse(const char *options, enum fault *ret, struct err *err);
void fault_help(FILE *out);

#endif
