/* SPDX-License-Identifier: Apache-2.0 */
/* The sysctls that a run must not inherit from the machine: pinned, and recorded. */
#ifndef DUPACK_NET_SYSCTL_H
#define DUPACK_NET_SYSCTL_H

#include <jansson.h>

struct err;

/** What a namespace is for: decides whether it forwards, and whether it has addresses. */
enum sysctl_role { ROLE_HOST, ROLE_ROUTER, ROLE_WAN, ROLE_COUNT };

/** Most hold for interfaces made later; a few must wait until the links are there. */
enum sysctl_phase { BEFORE_LINKS, AFTER_LINKS };

int sysctl_pin(int netns_fd, enum sysctl_role role, enum sysctl_phase phase, json_t *record,
	       struct err *err);
int sysctl_set(const char *name, const char *value, json_t *record, struct err *err);

#endif
