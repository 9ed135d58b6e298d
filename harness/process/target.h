/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plug-in contract of targets/README.md, from the harness's side: one end
 * of a pair is a target's executable, called with a verb and an environment.
 */
#ifndef DUPACK_PROCESS_TARGET_H
#define DUPACK_PROCESS_TARGET_H

#include <stdint.h>

#include "base/units.h"
#include "process/proc.h"

struct choice;
struct target;

/** Exit statuses of a verb. */
#define TARGET_YES	   0
#define TARGET_NO	   1
#define TARGET_SKIP	   77
#define TARGET_BROKEN	   99
#define TARGET_UNSUPPORTED 127

/** How long a target has: for `run` to be ready, for other verbs, and from SIGTERM to its end. */
#define TARGET_READY_NS (20 * NS_PER_S)
#define TARGET_VERB_NS	(10 * NS_PER_S)
#define TARGET_GRACE_NS (5 * NS_PER_S)

/** What all targets of an execution are told. */
struct target_world {
	const char *case_id;
	const struct choice *carriage;
	const char *prefix; /* folder with targets/<name>/ of built things */
	const char *log_dir, *psk_file, *cert_dir, *keylog_dir;
	uint64_t seed, dpd_ns, rekey_ns; /* 0: as the target does by default */
	bool ipv6; /* of the outer path */
	bool virtual_time;
};

/** One end: who, where, as what. */
struct endpoint {
	const struct target *target;
	const struct target_world *world;
	const struct node *node;
	const char *name; /* of its processes: "client", "client-ctcp" */
	const char *role; /* "client" or "headend" */
	const char *local, *remote; /* outer addresses */
	const char *inner_nets; /* what is protected behind the head-end */
	const char *inner_local; /* its address in the tunnel, if nobody assigns one */
};

int endpoint_run(const struct endpoint *e, struct proc *ret, struct err *err);
int endpoint_verb(const struct endpoint *e, const char *verb, const char *arg, uint64_t timeout_ns,
		  int *ret_code, struct err *err);
int endpoint_ask(const struct endpoint *e, const char *verb, const char *arg, struct proc *ret,
		 struct err *err);
int endpoint_print(const struct endpoint *e, const char *verb, const char *path, int *ret_code,
		   struct err *err);
int endpoint_up(const struct endpoint *e, uint64_t timeout_ns, int *ret_code, struct err *err);
int endpoint_quote(const struct endpoint *e, const char *process, struct err *err);
char *endpoint_version(const struct endpoint *e, struct err *err);
int endpoint_inner_address(const struct endpoint *e, char *ret, unsigned int size, struct err *err);

#endif
