/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that targets gave, into the captures of their execution. */
#ifndef DUPACK_OBSERVE_SECRETS_H
#define DUPACK_OBSERVE_SECRETS_H

struct err;

int secrets_embed(const char *folder, const char *keylog, struct err *err);

#endif
