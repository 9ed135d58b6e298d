// SPDX-License-Identifier: Apache-2.0
/*
 * The probe of targets: a good one, and the same with one fault each, which has to be
 * told with the verb.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "process/conform.h"
#include "process/node.h"
#include "process/target.h"
#include "spec/name.h"
#include "spec/target.h"
#include "tests/root.h"
#include "tests/tap.h"

static char folder[] = "/tmp/dupack-test-XXXXXX";
static char name[] = "fixture";
static struct choice carriage;
static char cap_rekey[] = "rekey-child", cap_dpd[] = "dpd";
static char *caps[] = { cap_rekey, cap_dpd };
static struct target target = { .name = name, .dir = folder, .caps = { caps, 2 } };
static struct node node = NODE_NONE;
static struct target_world world = {
	.case_id = "probe",
	.carriage = &carriage,
	.prefix = "/prefix",
	.log_dir = folder,
	.psk_file = "/psk",
	.cert_dir = "/certs",
	.keylog_dir = "/keys",
	.seed = 1,
};
static const struct endpoint client = { .target = &target,
					.world = &world,
					.node = &node,
					.name = "client",
					.role = "client",
					.local = "10.0.1.1",
					.remote = "10.0.3.2",
					.inner_nets = "10.0.4.0/24",
					.inner_local = "10.7.0.2/24" };

/* What a good target does, a line each verb; a fault replaces one */
static const struct verb {
	const char *pattern, *body;
} good[] = {
	{ "caps", "printf '%s\\n' dpd rekey-child" },
	{ "version", "echo fixture 1" },
	{ "run", "trap 'kill $c; exit 0' TERM; sleep 1000 & c=$!; echo READY >&$DUPACK_READY_FD; "
		 "wait" },
	{ "status", "echo '{\"state\": \"down\", \"peers\": []}'" },
	{ "rekey", "exit 1" },
	{ "*", "exit 127" },
};

static void write_target(const char *pattern, const char *body)
{
	AUTO_FREE char *path = io_printf("%s/target", folder);
	char text[4096] = "#!/bin/sh\ncase $1 in\n";
	size_t used = strlen(text);
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s) %s ;;\n",
					 good[i].pattern,
					 strcmp(good[i].pattern, pattern) ? good[i].body : body);
	used += (size_t)snprintf(text + used, sizeof(text) - used, "esac\n");
	unlink(path);
	if (io_write_file(path, text, used, &err) || chmod(path, 0755)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static const struct fault {
	const char *pattern, *body;
	const char *said; /* NULL: it conforms all the same */
	enum err_kind kind;
} faults[] = {
	{ "none", "", NULL, ERR_NONE },
	{ "caps", "printf '%s\\n' rekey-child dpd", NULL, ERR_NONE },
	{ "rekey", "exit 0", NULL, ERR_NONE },
	{ "run", "echo READY >&$DUPACK_READY_FD; exec sleep 1000", NULL, ERR_NONE },

	{ "caps", "exit 1", "verb 'caps': exited with 1, not 0", ERR_TARGET },
	{ "caps", "date +%N; printf '%s\\n' dpd rekey-child",
	  "verb 'caps': said something else when it was asked again", ERR_TARGET },
	{ "caps", "echo dpd", "verb 'caps': does not say 'rekey-child', which target.yaml declares",
	  ERR_TARGET },
	{ "caps", "printf '%s\\n' dpd rekey-child mobike",
	  "verb 'caps': says 'mobike', which target.yaml does not declare", ERR_TARGET },
	{ "caps", "printf '%s\\n' dpd rekey-child dpd", "verb 'caps': says a word twice",
	  ERR_TARGET },
	{ "caps", "echo licence expired >&2; exit 99",
	  "verb 'caps' broke; see log/client-caps.log; it said: licence expired", ERR_TARGET },

	{ "version", ":", "verb 'version': printed nothing, not one line", ERR_TARGET },
	{ "version", "echo; echo 2", "verb 'version': printed several lines", ERR_TARGET },
	{ "version", "echo fixture; echo 1", "verb 'version': printed several lines", ERR_TARGET },
	{ "version", "printf '\\033[31mred\\033[0m\\n'",
	  "verb 'version': printed control characters", ERR_TARGET },
	{ "version", "echo fixture; exit 3", "verb 'version': exited with 3, not 0", ERR_TARGET },

	{ "*", "exit 0", ": exited with 0: a verb that it does not know gives 127", ERR_TARGET },
	{ "*", "exit 1", ": exited with 1: a verb that it does not know gives 127", ERR_TARGET },
	{ "*", "exec sleep 1000", "' did not end within 5 s", ERR_TARGET },

	{ "run", "echo no licence; exit 3",
	  "verb 'run': 'client' exited with status 3 before it was ready; see log/client.log; it "
	  "said: no licence",
	  ERR_TARGET },
	{ "run", "exit 77", "verb 'run': 'client' says that this machine lacks something",
	  ERR_SKIP },
	{ "run", "echo NOT YET >&$DUPACK_READY_FD; exec sleep 1000",
	  "misused its readiness descriptor", ERR_TARGET },
	{ "run", "echo READY >&$DUPACK_READY_FD; exit 4",
	  "verb 'run': exited with status 4 before it was told to", ERR_TARGET },
	{ "run", "trap : TERM; echo READY >&$DUPACK_READY_FD; while :; do sleep 1000; done",
	  "verb 'run': did not end within 5 s of SIGTERM and was killed", ERR_TARGET },
	{ "run", "(setsid sleep 1000 &); echo READY >&$DUPACK_READY_FD; exec sleep 1000",
	  "verb 'run': left the process", ERR_TARGET },

	{ "status", "echo up", "verb 'status': printed no JSON object but 'up", ERR_TARGET },
	{ "status", "echo '[1]'", "verb 'status': printed no JSON object but '[1]", ERR_TARGET },
	{ "status", "echo '{\"state\": true}'", "verb 'status': printed no text 'state'",
	  ERR_TARGET },
	{ "status", "head -c 1000000 /dev/urandom", "verb 'status': printed no JSON object",
	  ERR_TARGET },
	{ "status", "exit 1", "verb 'status': exited with 1, not 0", ERR_TARGET },

	{ "rekey", "exit 127",
	  "verb 'rekey': exited with 127, though 'caps' declares 'rekey-child'", ERR_TARGET },
	{ "rekey", "[ $2 = child ] || exit 127", NULL, ERR_NONE },
};

static void check_fault(const struct fault *f)
{
	static const char *const keep[] = { folder, NULL };
	struct err err = { 0 };

	if (node_create("client", NULL, NULL, keep, &node, &err)) {
		tap_ok(false, "a node: %s", err.text);
		return;
	}
	write_target(f->pattern, f->body);
	tap_is(conform_check(&client, &err), f->said ? -1 : 0, "%s) %.60s", f->pattern, f->body);
	tap_ok(!f->said || strstr(err.text, f->said), "says: %s (%s)", f->said ? f->said : "-",
	       err.text);
	tap_ok(!f->said || (strstr(err.text, "target 'fixture'") == err.text &&
			    strstr(err.text, "verb '")),
	       "and names target and verb");
	tap_ok(err.kind == f->kind, "whose fault it is");
	node_destroy(&node);
}

static void remove_folder(void)
{
	AUTO_CLOSEDIR DIR *files = opendir(folder);
	const struct dirent *entry;

	while (files && (entry = readdir(files)))
		unlinkat(dirfd(files), entry->d_name, 0);
	rmdir(folder);
}

int main(void)
{
	struct err err = { 0 };

	if (choice_parse("esp", &carriage, &err))
		abort();
	if (!root_become() || !mkdtemp(folder)) {
		puts("1..0 # SKIP not root, nor a user namespace");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		check_fault(&faults[i]);
	choice_release(&carriage);
	remove_folder();
	return tap_done();
}
