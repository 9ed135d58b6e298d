/* SPDX-License-Identifier: Apache-2.0 */
/* What a link did to frames besides losing them, seen by captures at both its ends. */
#ifndef DUPACK_DECODE_DAMAGE_H
#define DUPACK_DECODE_DAMAGE_H

#include <stdint.h>

#include "decode/match.h"
#include "decode/trace.h"

int damage_find(const struct trace *sender, const struct trace *receiver, struct match *m);

#endif
