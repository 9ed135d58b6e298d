/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine as a bump in the path of a node: the node's kernel routes what it
 * would forward through two TUNs, and a loop carries it from one to the other.
 *
 *            rule: iif outside                     main table
 *   outside ─────────────────▶ fw-out ──▶ engine ──▶ fw-in ──────▶ inside
 *   outside ◀───────────────── fw-out ◀── engine ◀── fw-in ◀────── inside
 *            main table                            rule: iif inside
 *
 * A packet crosses the node's routing twice and loses two hops; the loop gives
 * one back, so the device is one hop like any router.  What is for the node
 * itself never takes this way: the kernel's local table comes first.  What the
 * node itself says by ICMP does: an error is about a packet that left the engine.
 */
#ifndef DUPACK_MIDDLEBOX_DEVICE_H
#define DUPACK_MIDDLEBOX_DEVICE_H

#include <stdint.h>

struct choice;
struct err;

int device_setup_routes(int *ret_tun_outside, int *ret_tun_inside, struct err *err);
int device_run(const struct choice *device, uint64_t seed, int tun_outside, int tun_inside,
	       int stop_fd, int counters_fd, struct err *err);

#endif
