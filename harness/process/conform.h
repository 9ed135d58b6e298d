/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe of a target: does it keep the contract of targets/README.md, as far as that
 * can be told without a tunnel?
 */
#ifndef DUPACK_PROCESS_CONFORM_H
#define DUPACK_PROCESS_CONFORM_H

struct endpoint;
struct err;

int conform_check(const struct endpoint *e, struct err *err);

#endif
