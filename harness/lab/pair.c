// SPDX-License-Identifier: Apache-2.0
/*
 * The members of a pair are a table: carriers first, since the implementations
 * need them from their first packet on; the head-end before the client.  They are
 * stopped in the other order.
 */
#include "lab/pair.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "lab/lab.h"
#include "process/credentials.h"
#include "spec/capability.h"
#include "spec/name.h"

#define LAN	 "10.0.4.0/24"
#define LAN_IPV6 "2001:db8:4::/64"

/* Of each end, where nobody assigns one: [IPv6][client] */
static const char *const inner_local[2][2] = {
	{ "10.7.0.1/24", "10.7.0.2/24" },
	{ "2001:db8:7::1/64", "2001:db8:7::2/64" },
};

const struct pair_member pair_members[MEMBER_COUNT] = {
	[MEMBER_HEADEND_CARRIER] = { "headend-carrier", "headend", PAIR_CARRIER, PAIR_HEADEND },
	[MEMBER_CLIENT_CARRIER] = { "client-carrier", "client", PAIR_CARRIER, PAIR_CLIENT },
	[MEMBER_HEADEND] = { "headend", "headend", PAIR_HEADEND, PAIR_HEADEND },
	[MEMBER_CLIENT] = { "client", "client", PAIR_CLIENT, PAIR_CLIENT },
};

static enum node_id node_of(enum member m)
{
	return pair_members[m].end == PAIR_CLIENT ? NODE_CLIENT : NODE_HEADEND;
}

/* --- what a target requires of the machine ------------------------------------- */

/**
 * pair_check_requires() - Has this machine what a member requires?
 * @p:		Prepared
 * @lab:	Built
 * @m:		Who
 * @err:	Set if not: ERR_SKIP with what is missing
 *
 * Return: 0 or -1
 */
int pair_check_requires(const struct pair_run *p, const struct lab *lab, enum member m,
			struct err *err)
{
	const struct target *t = p->ends[m].target;
	AUTO_FREE char *root = lab_node_root(lab->job, node_of(m));

	for (size_t i = 0; i < t->needs_bin.len; i++) {
		AUTO_FREE char *path = proc_find_program(root ? root : "", t->needs_bin.v[i]);

		if (!path)
			return err_set_kind(
				err, ERR_SKIP,
				"target '%s' needs the program '%s', which this machine lacks",
				t->name, t->needs_bin.v[i]);
	}
	if (strings_have(&t->needs_kernel, "tun") && access("/dev/net/tun", R_OK | W_OK))
		return err_set_kind(err, ERR_SKIP,
				    "target '%s' needs TUN, which this kernel lacks (/dev/net/tun)",
				    t->name);
	return 0;
}

/* --- start ------------------------------------------------------------------ */

static int make_secrets(struct pair_run *p, const struct lab *lab, struct err *err)
{
	p->cert_dir = io_printf("%s/keys", lab->job->folder);
	p->psk_file = io_printf("%s/psk", p->cert_dir);
	p->key_dir = io_printf("%s/keylog", lab->job->folder);
	if (io_mkdirs(p->cert_dir, err) || io_mkdirs(p->key_dir, err))
		return -1;
	return credentials_create(p->cert_dir, p->remote, err);
}

/**
 * pair_member_target() - Who plays a member
 * @t:		The pair
 * @m:		The member
 *
 * Return: borrowed; NULL: nobody has to carry for an end that does it itself
 */
const struct target *pair_member_target(const struct pair_targets *t, enum member m)
{
	const struct target *carrier = t->v[PAIR_CARRIER];

	if (pair_members[m].target == PAIR_CARRIER && carrier &&
	    strings_have(&t->v[pair_members[m].end]->own_carriages, carrier->name))
		return NULL;
	return t->v[pair_members[m].target];
}

static void describe(struct pair_run *p, const struct lab *lab)
{
	p->world = (struct target_world){
		.case_id = lab->job->c->id,
		.carriage = &lab->job->pair->carriage,
		.prefix = lab->job->built_dir,
		.log_dir = lab->log_dir,
		.psk_file = p->psk_file,
		.cert_dir = p->cert_dir,
		.keylog_dir = p->key_dir,
		.seed = lab->job->seed,
		.dpd_ns = lab->job->c->dpd_ns,
		.rekey_ns = lab->job->c->rekey_ns,
		.virtual_time = lab->job->virtual_time,
		.ipv6 = lab->job->c->ipv6,
	};
	for (int m = 0; m < MEMBER_COUNT; m++) {
		bool client = pair_members[m].end == PAIR_CLIENT;

		p->ends[m] = (struct endpoint){
			.target = pair_member_target(&p->targets, m),
			.world = &p->world,
			.node = &lab->nodes[node_of(m)],
			.name = pair_members[m].name,
			.role = pair_members[m].role,
			.local = client ? p->local : p->remote,
			.remote = client ? p->remote : p->local,
			.inner_nets = lab->job->c->inner_ipv6 ? LAN_IPV6 : LAN,
			.inner_local = inner_local[lab->job->c->inner_ipv6][client],
		};
	}
}

static int note_version(const struct endpoint *e, json_t *versions, struct err *err)
{
	AUTO_FREE char *version = NULL;

	if (json_object_get(versions, e->target->name))
		return 0;
	version = endpoint_version(e, err);
	if (!version)
		return -1;
	json_object_set_new(versions, e->target->name, json_string(version));
	return 0;
}

static int await_member(struct pair_run *p, enum member m, struct err *err)
{
	const struct endpoint *e = &p->ends[m];

	if (!proc_await_ready(&p->procs[m], TARGET_READY_NS, err))
		return 0;
	err_wrap(err, "target '%s', verb 'run'", e->target->name);
	return endpoint_quote(e, e->name, err);
}

static int start_member(struct pair_run *p, const struct lab *lab, int m, json_t *versions,
			struct err *err)
{
	const struct endpoint *e = &p->ends[m];

	if (pair_check_requires(p, lab, m, err) || note_version(e, versions, err) ||
	    endpoint_run(e, &p->procs[m], err))
		return -1;
	return await_member(p, m, err);
}

/** pair_init() - Nobody is there yet */
void pair_init(struct pair_run *p)
{
	const struct proc no_proc = PROC_NONE;

	*p = (struct pair_run){ 0 };
	for (int m = 0; m < MEMBER_COUNT; m++)
		p->procs[m] = no_proc;
}

/**
 * pair_prepare() - Give the members their addresses, secrets and folders
 * @p:		From pair_init(), with its targets
 * @lab:	Built
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int pair_prepare(struct pair_run *p, const struct lab *lab, struct err *err)
{
	char address[TOPOLOGY_ADDRESS_MAX];

	snprintf(p->local, sizeof(p->local), "%s",
		 topology_address(LINK_ACCESS, SIDE_CLIENT, lab->job->c->ipv6, address));
	snprintf(p->remote, sizeof(p->remote), "%s",
		 topology_address(LINK_INSIDE, SIDE_SERVER, lab->job->c->ipv6, address));
	if (make_secrets(p, lab, err))
		return -1;
	describe(p, lab);
	return 0;
}

/**
 * pair_start() - Start the members of a pair and await that each is ready
 * @p:		From pair_init(); give it to pair_close() whatever is returned
 * @lab:	Built
 * @versions:	Gets the version of each target
 * @err:	Set on failure: ERR_TARGET, ERR_SKIP
 *
 * Return: 0 or -1
 */
int pair_start(struct pair_run *p, const struct lab *lab, json_t *versions, struct err *err)
{
	if (spec_pair_targets(lab->job->pair, lab->job->targets_dir, &p->targets, err) ||
	    pair_prepare(p, lab, err))
		return -1;
	for (int m = 0; m < MEMBER_COUNT; m++)
		if (p->ends[m].target && start_member(p, lab, m, versions, err))
			return -1;
	return 0;
}

/**
 * pair_up() - Bring the tunnel up
 * @p:		Started
 * @timeout_ns:	How long it may take
 * @ret_up:	Set on success: did the client say that it is up?
 * @err:	Set if a target broke its contract, or says that the machine lacks something
 *
 * Return: 0 or -1
 */
int pair_up(struct pair_run *p, uint64_t timeout_ns, bool *ret_up, struct err *err)
{
	const struct endpoint *client = &p->ends[MEMBER_CLIENT];
	int code = -1;

	if (endpoint_up(client, timeout_ns, &code, err))
		return -1;
	if (code == TARGET_SKIP) {
		err_set_kind(err, ERR_SKIP,
			     "target '%s', verb 'up': it says that this machine lacks something; "
			     "see log/client-up.log",
			     client->target->name);
		return endpoint_quote(client, "client-up", err);
	}
	if (code == TARGET_UNSUPPORTED)
		return err_set_kind(err, ERR_TARGET, "target '%s' does not know the verb 'up'",
				    client->target->name);
	*ret_up = code == TARGET_YES;
	if (!*ret_up)
		return 0;
	if (endpoint_inner_address(client, p->inner, sizeof(p->inner), err))
		return -1;
	if (!strchr(p->inner, ':') == !strchr(client->inner_nets, ':'))
		return 0;
	return err_set_kind(err, ERR_TARGET,
			    "target '%s' has the inner address %s, which is not of the family of "
			    "%s; see log/client-status.json",
			    client->target->name, p->inner, client->inner_nets);
}

/**
 * pair_down() - Take the tunnel down
 * @p:		Up
 * @ret_orderly: Set on success: did the client say that it is down?
 * @err:	Set if it broke its contract
 *
 * Return: 0 or -1
 */
int pair_down(struct pair_run *p, bool *ret_orderly, struct err *err)
{
	int code = -1;

	if (endpoint_verb(&p->ends[MEMBER_CLIENT], "down", NULL, TARGET_VERB_NS, &code, err))
		return -1;
	*ret_orderly = code == TARGET_YES;
	return 0;
}

/**
 * pair_crash() - Kill what runs on a node, as it is: nothing is closed in order
 * @p:		Started
 * @node:	Whose target and carrier; what they left in the kernel stays
 */
void pair_crash(struct pair_run *p, enum node_id node)
{
	for (int m = 0; m < MEMBER_COUNT; m++)
		if (p->ends[m].target && node_of(m) == node)
			proc_kill_group(&p->procs[m]);
}

/**
 * pair_revive() - Start again what was killed
 * @p:		After pair_crash()
 * @node:	Whose
 * @err:	Set on failure
 *
 * That they are ready is awaited by pair_await_revived(): meanwhile the path lives on.
 *
 * Return: 0 or -1
 */
int pair_revive(struct pair_run *p, enum node_id node, struct err *err)
{
	for (int m = 0; m < MEMBER_COUNT; m++)
		if (p->ends[m].target && node_of(m) == node) {
			if (endpoint_run(&p->ends[m], &p->procs[m], err))
				return -1;
			p->revived[m] = true;
		}
	return 0;
}

/**
 * pair_await_revived() - Are those that were started again ready?
 * @p:		Started
 * @err:	Set if one is not, in its time
 *
 * Return: 0 or -1
 */
int pair_await_revived(struct pair_run *p, struct err *err)
{
	for (int m = 0; m < MEMBER_COUNT; m++) {
		if (!p->revived[m])
			continue;
		p->revived[m] = false;
		if (p->procs[m].pid && await_member(p, m, err))
			return -1;
	}
	return 0;
}

/**
 * pair_ask() - Ask the target of a node to do something now
 * @p:		Started
 * @node:	Whose
 * @what:	Has a verb, which the target declares
 * @ret:	The verb's process: whether it could is its exit status
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int pair_ask(struct pair_run *p, enum node_id node, const struct capability *what, struct proc *ret,
	     struct err *err)
{
	enum member m = node == NODE_CLIENT ? MEMBER_CLIENT : MEMBER_HEADEND;

	return endpoint_ask(&p->ends[m], what->verb, what->arg, ret, err);
}

/** pair_diagnose() - Let every member write its state to the logs, if it can */
void pair_diagnose(struct pair_run *p)
{
	struct err ignored = { 0 };
	int code;

	for (int m = 0; m < MEMBER_COUNT; m++)
		if (p->ends[m].target && p->procs[m].pid)
			endpoint_verb(&p->ends[m], "diag", NULL, TARGET_VERB_NS, &code, &ignored);
}

/**
 * pair_check_alive() - Do all members still run?
 *
 * Return: 0, or -1 with @err set to ERR_TARGET
 */
int pair_check_alive(struct pair_run *p, struct err *err)
{
	char how[64];

	for (int m = 0; m < MEMBER_COUNT; m++)
		if (p->procs[m].pid && proc_await(&p->procs[m], 0)) {
			err_set_kind(err, ERR_TARGET,
				     "target '%s', verb 'run': '%s' %s while it was needed; "
				     "see log/%s.log",
				     p->ends[m].target->name, pair_members[m].name,
				     proc_describe(&p->procs[m], how, sizeof(how)),
				     pair_members[m].name);
			return endpoint_quote(&p->ends[m], pair_members[m].name, err);
		}
	return 0;
}

/**
 * pair_stop() - Ask the members to end, the client first
 * @p:		Started, or not
 * @err:	Set to ERR_TARGET if one had to be killed: the first of them
 *
 * Return: 0 or -1; they have ended in either case
 */
int pair_stop(struct pair_run *p, struct err *err)
{
	int rc = 0;

	for (int m = MEMBER_COUNT - 1; m >= 0; m--) {
		struct proc *proc = &p->procs[m];

		if (proc_await(proc, 0))
			continue;
		proc_stop(proc, TARGET_GRACE_NS);
		if (rc || !WIFSIGNALED(proc->status) || WTERMSIG(proc->status) != SIGKILL)
			continue;
		rc = err_set_kind(err, ERR_TARGET,
				  "target '%s', verb 'run': '%s' did not end within %llu s of "
				  "SIGTERM and was killed; see log/%s.log",
				  p->ends[m].target->name, pair_members[m].name,
				  (unsigned long long)(TARGET_GRACE_NS / NS_PER_S),
				  pair_members[m].name);
		endpoint_quote(&p->ends[m], pair_members[m].name, err);
	}
	return rc;
}

/** pair_close() - Release a pair; idempotent */
void pair_close(struct pair_run *p)
{
	for (int m = 0; m < MEMBER_COUNT; m++)
		proc_release(&p->procs[m]);
	pair_targets_release(&p->targets);
	free(p->psk_file);
	free(p->cert_dir);
	free(p->key_dir);
	p->psk_file = p->cert_dir = p->key_dir = NULL;
}
