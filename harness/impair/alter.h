/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to one message of a frame, and making the headers in front of it right again. */
#ifndef DUPACK_IMPAIR_ALTER_H
#define DUPACK_IMPAIR_ALTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct meaning;

bool alter_bit(uint8_t *frame, size_t len, const struct meaning *m, uint64_t offset, uint64_t bit,
	       bool mend);
size_t alter_truncate(uint8_t *frame, size_t len, const struct meaning *m, uint64_t to, bool mend);

#endif
