/* SPDX-License-Identifier: Apache-2.0 */
/* The implementations of a pair on a built path: start, bring up, stop. */
#ifndef DUPACK_LAB_PAIR_H
#define DUPACK_LAB_PAIR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/topology.h"
#include "process/target.h"
#include "spec/target.h"

struct capability;
struct err;
struct lab;

/** Each that runs: a carrier on both nodes if the carriage has one, then the two ends. */
enum member {
	MEMBER_HEADEND_CARRIER,
	MEMBER_CLIENT_CARRIER,
	MEMBER_HEADEND,
	MEMBER_CLIENT,
	MEMBER_COUNT
};

/** Long enough for an inner address. */
#define PAIR_ADDRESS_MAX 64

struct pair_run {
	struct pair_targets targets;
	struct target_world world;
	char *psk_file, *cert_dir, *key_dir; /* owned */
	char local[32], remote[32]; /* outer addresses of client and head-end */
	struct endpoint ends[MEMBER_COUNT]; /* .target NULL: not there */
	struct proc procs[MEMBER_COUNT];
	bool revived[MEMBER_COUNT]; /* started again, and nobody has awaited that it is ready */
	char inner[PAIR_ADDRESS_MAX];
};

/** Who plays which member: @t as @role on the node of an end. */
struct pair_member {
	const char *name, *role; /* "client-carrier", "client" */
	enum pair_role target;
	enum pair_role end;
};
extern const struct pair_member pair_members[MEMBER_COUNT];

const struct target *pair_member_target(const struct pair_targets *t, enum member m);

void pair_init(struct pair_run *p);
int pair_prepare(struct pair_run *p, const struct lab *lab, struct err *err);
int pair_check_requires(const struct pair_run *p, const struct lab *lab, enum member m,
			struct err *err);
int pair_start(struct pair_run *p, const struct lab *lab, json_t *versions, struct err *err);
int pair_up(struct pair_run *p, uint64_t timeout_ns, bool *ret_up, struct err *err);
int pair_down(struct pair_run *p, bool *ret_orderly, struct err *err);
void pair_crash(struct pair_run *p, enum node_id node);
int pair_revive(struct pair_run *p, enum node_id node, struct err *err);
int pair_await_revived(struct pair_run *p, struct err *err);
int pair_ask(struct pair_run *p, enum node_id node, const struct capability *what, struct proc *ret,
	     struct err *err);
void pair_diagnose(struct pair_run *p);
int pair_check_alive(struct pair_run *p, struct err *err);
int pair_stop(struct pair_run *p, struct err *err);
void pair_close(struct pair_run *p);

#endif
