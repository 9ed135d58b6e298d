/* SPDX-License-Identifier: Apache-2.0 */
/* The secrets of one execution: a pre-shared key and a small PKI. */
#ifndef DUPACK_PROCESS_CREDENTIALS_H
#define DUPACK_PROCESS_CREDENTIALS_H

struct err;

int credentials_create(const char *dir, const char *headend_address, struct err *err);

#endif
