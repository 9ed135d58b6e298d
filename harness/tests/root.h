/* SPDX-License-Identifier: Apache-2.0 */
/* Tests that need to be root become it in a user namespace, if the machine allows. */
#ifndef DUPACK_TESTS_ROOT_H
#define DUPACK_TESTS_ROOT_H

#include <stdbool.h>

#include "base/err.h"
#include "net/userns.h"

/** root_become() - Be root, if only of a user namespace; false: this machine has no way */
static inline bool root_become(void)
{
	struct err err = { 0 };

	return userns_become_root(&err) == 0;
}

#endif
