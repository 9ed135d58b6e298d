/* SPDX-License-Identifier: Apache-2.0 */
/* What the first payload of a flow says about its protocol.  No state. */
#ifndef DUPACK_MIDDLEBOX_DPI_H
#define DUPACK_MIDDLEBOX_DPI_H

#include <stdbool.h>

#include "middlebox/meddle-config.h"

struct packet;

bool dpi_matches(const struct meddle_config *config, const struct packet *p);

#endif
