/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP intercept: above the embryonic limit the device does the handshake with
 * the client by SYN cookies, and the one with the server only for who brings
 * a cookie back.
 */
#ifndef DUPACK_MIDDLEBOX_INTERCEPT_H
#define DUPACK_MIDDLEBOX_INTERCEPT_H

#include <stdbool.h>

#include "base/units.h"

struct arrival;
struct engine;
struct engine_out;
struct flow;
struct flow_key;

#define INTERCEPT_AGAIN_NS NS_PER_S /* how often the server is asked */

bool intercept_due(const struct engine *e);
void intercept_syn(struct engine *e, const struct flow_key *key, const struct arrival *a,
		   const struct engine_out *out);
bool intercept_ack(struct engine *e, const struct flow_key *key, const struct arrival *a,
		   const struct engine_out *out);
void intercept_segment(struct engine *e, struct flow *f, struct arrival *a,
		       const struct engine_out *out);
void intercept_send_syn(struct engine *e, const struct flow *f, const struct engine_out *out);

#endif
