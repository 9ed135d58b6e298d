// SPDX-License-Identifier: Apache-2.0
/*
 * Calling targets.  Every call gets the same complete environment and nothing
 * of ours besides it.  What a verb prints goes to its log; `status` alone is
 * read, from a file in the log folder.
 */
#include "process/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "base/utf8.h"
#include "process/node.h"
#include "spec/name.h"
#include "spec/target.h"

#define ENV_MAX 40

struct environment {
	char *v[ENV_MAX + 1]; /* owned strings, a NULL behind the last */
	size_t len;
};

static void environment_release(struct environment *env)
{
	for (size_t i = 0; i < env->len; i++)
		free(env->v[i]);
}
#define AUTO_ENV __attribute__((cleanup(environment_release)))

static void put(struct environment *env, const char *key, const char *value)
{
	if (env->len == ENV_MAX)
		abort(); /* the table below is ours: make ENV_MAX larger */
	env->v[env->len++] = io_printf("%s=%s", key, value ? value : "");
	env->v[env->len] = NULL;
}

/* Options that every carriage has: they have an environment variable of their own */
static bool is_common(const char *key)
{
	return strcmp(key, "proposals") == 0 || strcmp(key, "timers") == 0;
}

/* "key=value,key=value", owned by the caller */
static char *options_text(const struct choice *c)
{
	char *text = io_printf("%s", "");

	for (size_t i = 0; i < c->options_len; i++) {
		char *longer;

		if (is_common(c->options[i].key))
			continue;
		longer = io_printf("%s%s%s=%s", text, *text ? "," : "", c->options[i].key,
				   c->options[i].value);
		free(text);
		text = longer;
	}
	return text;
}

static void fill_environment(const struct endpoint *e, struct environment *env)
{
	const struct target_world *w = e->world;
	AUTO_FREE char *options = options_text(w->carriage);
	AUTO_FREE char *seed = io_printf("%" PRIu64, w->seed);
	AUTO_FREE char *rekey =
		w->rekey_ns ? io_printf("%llu", (unsigned long long)(w->rekey_ns / NS_PER_S))
			    : NULL;
	AUTO_FREE char *dpd = io_printf("%llu", (unsigned long long)(w->dpd_ns / NS_PER_S));
	const struct {
		const char *key, *value;
	} all[] = {
		{ "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
		{ "HOME", "/run" },
		{ "LANG", "C" },
		{ "DUPACK_ROLE", e->role },
		{ "DUPACK_CASE", w->case_id },
		{ "DUPACK_CARRIAGE", w->carriage->name },
		{ "DUPACK_CARRIAGE_OPTIONS", options },
		{ "DUPACK_FAMILY", w->ipv6 ? "inet6" : "inet" },
		{ "DUPACK_LOCAL", e->local },
		{ "DUPACK_REMOTE", e->remote },
		{ "DUPACK_REMOTE_PORT", choice_option(w->carriage, "port") },
		{ "DUPACK_INNER_LOCAL", e->inner_local },
		{ "DUPACK_INNER_NETS", e->inner_nets },
		{ "DUPACK_IFNAME", "vpn0" },
		{ "DUPACK_PSK_FILE", w->psk_file },
		{ "DUPACK_CERT_DIR", w->cert_dir },
		{ "DUPACK_PROPOSALS", choice_option(w->carriage, "proposals") },
		{ "DUPACK_TIMERS", choice_option(w->carriage, "timers") },
		{ "DUPACK_REKEY_S", rekey },
		{ "DUPACK_DPD_S", dpd },
		{ "DUPACK_MTU", "1500" },
		{ "DUPACK_SEED", seed },
		{ "DUPACK_TIME", w->virtual_time ? "virtual" : "real" },
		{ "DUPACK_LOG_DIR", w->log_dir },
		{ "DUPACK_STATE_DIR", "/run" },
		{ "DUPACK_KEYLOG_DIR", w->keylog_dir },
		{ "DUPACK_READY_FD", "9" },
		{ "DUPACK_PREFIX", w->prefix },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		put(env, all[i].key, all[i].value);
}

/**
 * endpoint_quote() - Add what a process of a target said last to an error about it
 * @e:		The end
 * @process:	Its process, by which its log is called: "client", "client-up"
 * @err:	Set
 *
 * Return: -1
 */
int endpoint_quote(const struct endpoint *e, const char *process, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s.log", e->world->log_dir, process);
	AUTO_FREE char *line = io_last_line(path);
	size_t used = strlen(err->text);

	if (line)
		snprintf(err->text + used, sizeof(err->text) - used, "; it said: %s", line);
	utf8_clean(err->text);
	return -1;
}

static int start(const struct endpoint *e, const char *verb, const char *arg, const char *name,
		 const char *out_path, bool ready, struct proc *ret, struct err *err)
{
	AUTO_FREE char *program = io_printf("%s/target", e->target->dir);
	AUTO_ENV struct environment env = { .len = 0 };
	char *argv[] = { program, (char *)verb, (char *)arg, NULL };
	struct spawn spawn = {
		.name = name,
		.node = e->node,
		.log_dir = e->world->log_dir,
		.argv = argv,
		.env = env.v,
		.out_path = out_path,
		.ready_fd = ready,
	};

	fill_environment(e, &env);
	return proc_start(&spawn, ret, err);
}

/**
 * endpoint_run() - Start the verb `run`, which stays in the foreground
 * @e:		The end
 * @ret:	The process; proc_await_ready() tells when it is usable
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int endpoint_run(const struct endpoint *e, struct proc *ret, struct err *err)
{
	return start(e, "run", NULL, e->name, NULL, true, ret, err);
}

/* A verb that does not end in time has @late as its code, or is broken if that is 0 */
static int call(const struct endpoint *e, const char *verb, const char *arg, const char *out_path,
		uint64_t timeout_ns, int late, int *ret_code, struct err *err)
{
	AUTO_FREE char *name = io_printf("%s-%s", e->name, verb);
	struct proc p = PROC_NONE;
	int rc = 0;

	if (start(e, verb, arg, name, out_path, false, &p, err))
		return -1;
	if (!proc_await(&p, timeout_ns) && late)
		*ret_code = late;
	else if (!p.ended)
		rc = err_set_kind(
			err, ERR_TARGET,
			"target '%s': verb '%s' did not end within %llu s; see log/%s.log",
			e->target->name, verb, (unsigned long long)(timeout_ns / NS_PER_S), name);
	else if (!WIFEXITED(p.status) || WEXITSTATUS(p.status) == TARGET_BROKEN)
		rc = err_set_kind(err, ERR_TARGET, "target '%s': verb '%s' broke; see log/%s.log",
				  e->target->name, verb, name);
	else
		*ret_code = WEXITSTATUS(p.status);
	proc_release(&p);
	return rc ? endpoint_quote(e, name, err) : 0;
}

/**
 * endpoint_verb() - Call a verb and wait for its end
 * @e:		The end
 * @verb:	For example "up"
 * @arg:	Its argument, or NULL
 * @timeout_ns:	How long it may take
 * @ret_code:	Its exit status: TARGET_YES, TARGET_NO, TARGET_SKIP, TARGET_UNSUPPORTED
 * @err:	Set if it broke or did not end
 *
 * Return: 0 or -1
 */
int endpoint_verb(const struct endpoint *e, const char *verb, const char *arg, uint64_t timeout_ns,
		  int *ret_code, struct err *err)
{
	return call(e, verb, arg, NULL, timeout_ns, 0, ret_code, err);
}

/**
 * endpoint_ask() - Start a verb, and do not wait
 * @e:		The end
 * @verb:	For example "rekey"
 * @arg:	Its argument, or NULL
 * @ret:	The process; proc_await() tells when it has ended
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int endpoint_ask(const struct endpoint *e, const char *verb, const char *arg, struct proc *ret,
		 struct err *err)
{
	AUTO_FREE char *name = io_printf("%s-%s", e->name, verb);

	return start(e, verb, arg, name, NULL, false, ret, err);
}

/**
 * endpoint_print() - Call a verb for what it prints
 * @e:		The end
 * @verb:	"caps", "version" or "status"
 * @path:	Its standard output replaces this file
 * @ret_code:	Its exit status
 * @err:	Set if it broke or did not end
 *
 * Return: 0 or -1
 */
int endpoint_print(const struct endpoint *e, const char *verb, const char *path, int *ret_code,
		   struct err *err)
{
	return call(e, verb, NULL, path, TARGET_VERB_NS, 0, ret_code, err);
}

static bool is_address(const char *text)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/**
 * endpoint_inner_address() - Ask `status` for the inner address of the tunnel
 * @e:		A client whose tunnel is up
 * @ret:	The address as text
 * @size:	Size of @ret in bytes
 * @err:	Set if the status is not JSON or names no address
 *
 * Return: 0 or -1
 */
int endpoint_inner_address(const struct endpoint *e, char *ret, unsigned int size, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s-status.json", e->world->log_dir, e->name);
	AUTO_FREE char *said = NULL;
	json_t *status;
	const char *inner, *why;
	int code = 0;
	bool ok;

	if (endpoint_print(e, "status", path, &code, err))
		return -1;
	status = json_load_file(path, 0, NULL);
	inner = json_string_value(json_object_get(status, "inner"));
	ok = inner && is_address(inner) && strlen(inner) < size;
	if (ok)
		snprintf(ret, size, "%s", inner);
	why = !status ? "not JSON" : inner ? "'inner' is no address" : "no key 'inner'";
	json_decref(status);
	if (ok)
		return 0;
	said = io_last_line(path);
	return err_set_kind(err, ERR_TARGET,
			    "target '%s': verb 'status' exited with %d and gave no inner address "
			    "(%s); see log/%s-status.json; it said: %s",
			    e->target->name, code, why, e->name, said ? said : "nothing");
}

/**
 * endpoint_up() - Call the verb `up` of a client
 * @e:		The client
 * @timeout_ns:	How long the tunnel may take; later is as good as not at all
 * @ret_code:	TARGET_YES, TARGET_NO, TARGET_SKIP, TARGET_UNSUPPORTED
 * @err:	Set if it broke
 *
 * Return: 0 or -1
 */
int endpoint_up(const struct endpoint *e, uint64_t timeout_ns, int *ret_code, struct err *err)
{
	return call(e, "up", NULL, NULL, timeout_ns, TARGET_NO, ret_code, err);
}

/**
 * endpoint_version() - Ask for the version
 * @e:		An end
 * @err:	Set if it gives none
 *
 * Return: One line, owned by the caller, or NULL
 */
char *endpoint_version(const struct endpoint *e, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s-version.txt", e->world->log_dir, e->name);
	AUTO_FREE char *text = NULL;
	size_t len;
	int code = -1;

	if (endpoint_print(e, "version", path, &code, err))
		return NULL;
	text = io_read_file(path, &len, err);
	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	utf8_clean(text);
	if (code == TARGET_YES && *text)
		return steal_ptr(&text);
	err_set_kind(
		err, ERR_TARGET,
		"target '%s': verb 'version' exited with %d and said '%.100s'; see log/%s-version.log",
		e->target->name, code, text, e->name);
	return NULL;
}
