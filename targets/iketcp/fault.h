/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with this carrier, one at a time: the option fault=NAME (options.c). */
#ifndef IKETCP_FAULT_H
#define IKETCP_FAULT_H

enum fault {
	FAULT_NONE,
	FAULT_NO_RECONNECT,
	FAULT_PREFIX_ONCE,
	FAULT_FORGETS_PARTIAL,
	FAULT_ONE_A_READ,
	FAULTS
};

#endif
