/* SPDX-License-Identifier: Apache-2.0 */
/* Did what a case planned take place? */
#ifndef DUPACK_GRADE_WITNESS_H
#define DUPACK_GRADE_WITNESS_H

#include <jansson.h>

struct evidence;

json_t *grade_witness(const struct evidence *e);

#endif
