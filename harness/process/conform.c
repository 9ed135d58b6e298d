// SPDX-License-Identifier: Apache-2.0
/*
 * The order of the steps: what needs nothing that runs; `run`; what is asked while it
 * runs; its end, and what is left of it.  The first that is wrong is told, with the verb
 * and what the target said last.
 */
#include "process/conform.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/prng.h"
#include "base/units.h"
#include "process/node.h"
#include "process/target.h"
#include "spec/capability.h"
#include "spec/target.h"

#define UNKNOWN_NS (5 * NS_PER_S) /* to say that a verb is unknown */
#define LEFT_NS	   (1 * NS_PER_S) /* for what `run` started to end after it */

/* It is the target's fault: say so, and what the log of the verb ends with */
__attribute__((format(printf, 4, 5))) static int blame(const struct endpoint *e, const char *verb,
						       struct err *err, const char *fmt, ...)
{
	AUTO_FREE char *process =
		strcmp(verb, "run") ? io_printf("%s-%s", e->name, verb) : io_printf("%s", e->name);
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set_kind(err, ERR_TARGET, "target '%s', verb '%s': %s; see log/%s.log", e->target->name,
		     verb, what, process);
	return endpoint_quote(e, process, err);
}

/* What a verb prints, or NULL; exit status 0 is wanted */
static char *output(const struct endpoint *e, const char *verb, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s-%s.txt", e->world->log_dir, e->name, verb);
	int code = -1;

	if (endpoint_print(e, verb, path, &code, err))
		return NULL;
	if (code == TARGET_YES)
		return io_read_file(path, NULL, err);
	blame(e, verb, err, "exited with %d, not 0", code);
	return NULL;
}

/* --- the steps ------------------------------------------------------------------------ */

static bool has_line(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") == len && strncmp(text, word, len) == 0)
			return true;
	return false;
}

static int check_caps(const struct endpoint *e, struct err *err)
{
	const struct strings *caps = &e->target->caps;
	AUTO_FREE char *first = output(e, "caps", err);
	AUTO_FREE char *second = first ? output(e, "caps", err) : NULL;
	size_t lines = 0;

	if (!second)
		return -1;
	if (strcmp(first, second) != 0)
		return blame(e, "caps", err, "said something else when it was asked again");
	for (size_t i = 0; i < caps->len; i++)
		if (!has_line(first, caps->v[i]))
			return blame(e, "caps", err,
				     "does not say '%s', which target.yaml declares", caps->v[i]);
	for (char *line = first; *line; lines++) {
		size_t len = strcspn(line, "\n");
		char *next = line + len + (line[len] == '\n');

		line[len] = '\0';
		if (!strings_have(caps, line))
			return blame(e, "caps", err,
				     "says '%.60s', which target.yaml does not declare", line);
		line = next;
	}
	return lines == caps->len ? 0 : blame(e, "caps", err, "says a word twice");
}

static int check_version(const struct endpoint *e, struct err *err)
{
	AUTO_FREE char *text = output(e, "version", err);
	size_t len;

	if (!text)
		return -1;
	len = strcspn(text, "\n");
	if (len == 0 || (text[len] == '\n' && text[len + 1]))
		return blame(e, "version", err, "printed %s, not one line",
			     *text ? "several lines, or an empty one" : "nothing");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return blame(e, "version", err, "printed control characters");
	return 0;
}

/* A verb that no version of this contract has */
static int check_unknown(const struct endpoint *e, struct err *err)
{
	struct prng prng;
	char verb[32];
	int code = -1;

	prng_init(&prng, e->world->seed, "probe");
	snprintf(verb, sizeof(verb), "probe-%08" PRIx32, (uint32_t)prng_u64(&prng));
	if (endpoint_verb(e, verb, NULL, UNKNOWN_NS, &code, err))
		return -1;
	if (code == TARGET_UNSUPPORTED)
		return 0;
	return blame(e, verb, err, "exited with %d: a verb that it does not know gives 127", code);
}

static int check_status(const struct endpoint *e, struct err *err)
{
	AUTO_FREE char *text = output(e, "status", err);
	json_t *json = text ? json_loads(text, 0, NULL) : NULL;
	bool is_object = json_is_object(json);
	bool has_state = json_is_string(json_object_get(json, "state"));

	json_decref(json);
	if (!text)
		return -1;
	if (!is_object)
		return blame(e, "status", err, "printed no JSON object but '%.*s'",
			     (int)strcspn(text, "\n") > 60 ? 60 : (int)strcspn(text, "\n"), text);
	return has_state ? 0 : blame(e, "status", err, "printed no text 'state'");
}

/* What is declared must be there; that it cannot be done without a tunnel is no fault */
static int check_declared(const struct endpoint *e, struct err *err)
{
	const struct capability *c;
	int code = -1;

	for (size_t i = 0; (c = capability_at(i)); i++) {
		const char *arg = c->arg ? c->arg : strcmp(c->word, "roam") ? NULL : e->local;

		if (!c->verb || !strings_have(&e->target->caps, c->word))
			continue;
		if (endpoint_verb(e, c->verb, arg, TARGET_VERB_NS, &code, err))
			return -1;
		if (code == TARGET_UNSUPPORTED)
			return blame(e, c->verb, err,
				     "exited with 127, though 'caps' declares '%s'", c->word);
	}
	return 0;
}

static int check_end(const struct endpoint *e, struct proc *p, struct err *err)
{
	char who[64] = "", how[64];

	if (proc_await(p, 0))
		return blame(e, "run", err, "%s before it was told to",
			     proc_describe(p, how, sizeof(how)));
	proc_stop(p, TARGET_GRACE_NS);
	if (WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGKILL)
		return blame(e, "run", err, "did not end within %llu s of SIGTERM and was killed",
			     TARGET_GRACE_NS / NS_PER_S);
	if (node_await_empty(e->node, LEFT_NS, who, sizeof(who), err))
		return -1;
	return *who ? blame(e, "run", err, "left the process '%s' behind", who) : 0;
}

static int check_run(const struct endpoint *e, struct err *err)
{
	struct proc p = PROC_NONE;
	int rc;

	if (endpoint_run(e, &p, err))
		return -1;
	rc = proc_await_ready(&p, TARGET_READY_NS, err);
	if (rc) {
		err_wrap(err, "target '%s', verb 'run'", e->target->name);
		endpoint_quote(e, e->name, err);
	} else {
		rc = check_status(e, err) || check_declared(e, err) || check_end(e, &p, err) ? -1
											     : 0;
	}
	proc_release(&p);
	return rc;
}

/**
 * conform_check() - Probe one end
 * @e:		A target with a role in a node where nothing else runs
 * @err:	Set if it does not conform, ERR_TARGET, with the verb and its last words; or
 *		ERR_SKIP if it says that this machine lacks something
 *
 * Return: 0 or -1.  What it left behind is ended with its node
 */
int conform_check(const struct endpoint *e, struct err *err)
{
	return check_caps(e, err) || check_version(e, err) || check_unknown(e, err) ||
			       check_run(e, err)
		       ? -1
		       : 0;
}
