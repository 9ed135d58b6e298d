// SPDX-License-Identifier: Apache-2.0
/* spec/target: target.yaml, each key, and each thing that can be wrong. */
#include "spec/check.h"
#include "spec/target.h"
#include "tests/spec-files.h"

#define FILE_NAME "targets/swan/target.yaml"

static const char every_key[] =
	"name: swan\n"
	"vendor: A vendor with spaces\n"
	"roles: [client, headend]\n"
	"carriages: [esp, udp, ctcp]\n"
	"packages: [strongswan-swanctl, charon-systemd]\n"
	"own-carriages: [ctcp]\n"
	"own-root: yes\n"
	"speaks: [ikev2, swan]\n"
	"answers: [ikev1-xauth]\n"
	"matrix: no\n"
	"requires: {binaries: [swanctl], kernel: [esp, xfrm-user]}\n"
	"caps: [mobike, rekey-child]\n"
	"wire: udp 500 4500\n"
	"timers: [4s, 7.2s, 12.96s]\n"
	"deviations:\n"
	"  - {case: problem, middlebox: asa-proxy, finding: no-retransmission, unless: retransmit=on,\n"
	"     reason: it is not TCP, issue: 113578, expires: 2030-02-28}\n"
	"  - {case: '*', reason: everything, expires: 2028-02-29}\n";

static void check_every_key(void)
{
	struct err err = { 0 };

	files_text(FILE_NAME, every_key);

	AUTO_TARGET struct target *t = spec_target_load("targets/swan", &err);

	if (!tap_ok(t, "every key is accepted")) {
		printf("# %s\n", err.text);
		return;
	}
	tap_str(t->name, "swan", "name");
	tap_str(t->dir, "targets/swan", "dir");
	tap_str(t->vendor, "A vendor with spaces", "vendor");
	tap_is(t->roles.len, 2, "roles");
	tap_str(t->roles.v[1], "headend", "the second role");
	tap_is(t->carriages.len, 3, "carriages");
	tap_ok(strings_have(&t->carriages, "udp"), "udp is among them");
	tap_ok(!strings_have(&t->carriages, "ud"), "ud is not");
	tap_str(t->packages.v[1], "charon-systemd", "packages");
	tap_ok(t->own_root, "own-root");
	tap_ok(t->speaks.len == 2 && strings_have(&t->speaks, "ikev2"), "speaks");
	tap_str(t->answers.v[0], "ikev1-xauth", "answers");
	tap_ok(!t->matrix, "matrix");
	tap_ok(t->own_carriages.len == 1 && strings_have(&t->own_carriages, "ctcp"),
	       "own-carriages");
	tap_str(t->needs_bin.v[0], "swanctl", "requires.binaries");
	tap_str(t->needs_kernel.v[1], "xfrm-user", "requires.kernel");
	tap_str(t->caps.v[0], "mobike", "caps");
	tap_str(t->wire, "udp 500 4500", "wire");
	tap_is(t->timers.len, 3, "timers");
	tap_str(t->timers.v[1], "7.2s", "a timer as written");
	tap_is(t->deviations_len, 2, "deviations");
	tap_str(t->deviations[0].case_id, "problem", "case");
	tap_str(t->deviations[0].middlebox, "asa-proxy", "middlebox");
	tap_str(t->deviations[0].finding, "no-retransmission", "finding");
	tap_str(t->deviations[0].unless, "retransmit=on", "unless");
	tap_str(t->deviations[0].reason, "it is not TCP", "reason");
	tap_str(t->deviations[0].issue, "113578", "issue");
	tap_str(t->deviations[0].expires, "2030-02-28", "expires");
	tap_ok(!t->deviations[1].middlebox && !t->deviations[1].unless, "what is not said is NULL");
	tap_str(t->deviations[1].expires, "2028-02-29", "a leap day");
}

static void check_errors(void)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
		{ "another name than the folder's", "name: swam\nroles: [carrier]\n",
		  "1:7: 'swam' is not the name of the folder: write 'swan'" },
		{ "missing name", "roles: [carrier]\n", "1:1: key 'name' is missing: write it" },
		{ "missing roles", "name: swan\n", "1:1: key 'roles' is missing: write it" },
		{ "no roles", "name: swan\nroles: []\n",
		  "2:8: 'roles' is empty: write at least one item" },
		{ "unknown role", "name: swan\nroles: [carrier, server]\n",
		  "2:18: unknown word 'server': known: client, headend, carrier" },
		{ "no carriages", "name: swan\nroles: [client]\n",
		  "2:8: a client or head-end carries something: write 'carriages'" },
		{ "own carriage that is none",
		  "name: swan\nroles: [client]\ncarriages: [esp]\nown-carriages: [tcp]\n",
		  "4:16: 'tcp' is not among the carriages: write it there too" },
		{ "a protocol that is misspelt",
		  "name: swan\nroles: [client]\ncarriages: [esp]\nspeaks: [ikev2, ikve2]\n",
		  "4:17: unknown protocol 'ikve2': did you mean 'ikev2'?" },
		{ "a protocol that nobody has",
		  "name: swan\nroles: [headend]\ncarriages: [esp]\nanswers: [quacking]\n",
		  "4:11: unknown protocol 'quacking': write one of ikev2, ikev1-xauth, anyconnect, "
		  "openvpn, wireguard, or the name of a target that speaks it" },
		{ "a carrier that speaks", "name: swan\nroles: [carrier]\nspeaks: [ikev2]\n",
		  "3:9: only a client or a head-end has a protocol: remove it" },
		{ "unknown key", "name: swan\nroles: [carrier]\nrequire: {}\n",
		  "3:1: unknown key 'require': did you mean 'requires'? known: ..." },
		{ "unknown requirement", "name: swan\nroles: [carrier]\nrequires: {bins: []}\n",
		  "3:12: unknown key 'bins': known: binaries, kernel" },
		{ "timer", "name: swan\nroles: [carrier]\ntimers: [4s, 7]\n",
		  "3:14: '7' is not a duration: write a number and ns, us, ms, s, min or h" },
		{ "package with a space", "name: swan\nroles: [carrier]\npackages: [a b]\n",
		  "3:12: 'a b' is not a name: it has a space" },
		{ "deviation without reason",
		  "name: swan\nroles: [carrier]\ndeviations:\n- {case: x, expires: 2030-01-01}\n",
		  "4:3: key 'reason' is missing: write it" },
		{ "deviation without expiry",
		  "name: swan\nroles: [carrier]\ndeviations:\n- {case: x, reason: y}\n",
		  "4:3: key 'expires' is missing: write it" },
		{ "deviation without case",
		  "name: swan\nroles: [carrier]\ndeviations:\n"
		  "- {reason: y, expires: 2030-01-01}\n",
		  "4:3: key 'case' is missing: write it" },
		{ "no such date",
		  "name: swan\nroles: [carrier]\ndeviations:\n"
		  "- {case: x, reason: y, expires: 2030-02-29}\n",
		  "4:33: '2030-02-29' is not a date: write YYYY-MM-DD" },
		{ "date of another form",
		  "name: swan\nroles: [carrier]\ndeviations:\n"
		  "- {case: x, reason: y, expires: 1.2.2030}\n",
		  "4:33: '1.2.2030' is not a date: write YYYY-MM-DD" },
		{ "unless without value",
		  "name: swan\nroles: [carrier]\ndeviations:\n"
		  "- {case: x, reason: y, expires: 2030-01-01, unless: retransmit}\n",
		  "4:53: 'retransmit' is not an option: write KEY=VALUE" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = { 0 };

		files_text(FILE_NAME, rows[i].text);
		tap_ok(!spec_target_load("targets/swan", &err) && err.kind == ERR_USAGE &&
			       files_matches(err.text, FILE_NAME, rows[i].want),
		       "%s", rows[i].name);
	}
}

/* What a stranger does not say */
static void check_defaults(void)
{
	struct err err = { 0 };

	files_text(FILE_NAME, "name: swan\nroles: [client, headend]\ncarriages: [tls]\n");

	AUTO_TARGET struct target *t = spec_target_load("targets/swan", &err);

	tap_ok(t && t->speaks.len == 1 && strings_have(&t->speaks, "swan"),
	       "who does not say what it speaks speaks with itself");
	tap_ok(t && t->matrix, "and is in a matrix");
}

static void check_own_root(void)
{
	struct target swan = { .name = (char *)"swan", .own_root = true };
	struct target goose = { .name = (char *)"goose" };
	const struct pair_targets alone = { { &swan, &swan, NULL } };
	const struct pair_targets mixed = { { &goose, &swan, NULL } };

	tap_ok(!pair_has_own_root(&alone, PAIR_CLIENT) && !pair_has_own_root(&alone, PAIR_HEADEND),
	       "a target does not conflict with itself");
	tap_ok(!pair_has_own_root(&mixed, PAIR_CLIENT) && pair_has_own_root(&mixed, PAIR_HEADEND),
	       "beside another it has its own root, and the other the common one");
}

static void check_program(void)
{
	struct err err = { 0 };

	files_text(FILE_NAME, every_key);
	chmod("targets/swan/target", 0644);
	tap_ok(!spec_target_load("targets/swan", &err) &&
		       files_matches(err.text, FILE_NAME,
				     "1:1: 'targets/swan/target' is not executable: chmod +x it"),
	       "a program that is not executable");
	unlink("targets/swan/target");
	tap_ok(!spec_target_load("targets/swan", &err) &&
		       files_matches(err.text, FILE_NAME,
				     "1:1: the program 'targets/swan/target' is missing: write it "
				     "(see targets/README.md)"),
	       "no program");
	tap_ok(!spec_target_load("targets/none", &err) && err.kind == ERR_USAGE, "no target.yaml");
}

/* From inside the folder its name is not in the path */
static void check_here(void)
{
	struct err err = { 0 };

	if (chdir("targets/swan"))
		abort();
	tap_is(spec_check_file("target.yaml", &(struct spec_checks){ 0 }, &err), 0,
	       "dupack check target.yaml, inside the folder");
	files_text("target.yaml", "name: swan\n");
	tap_is(spec_check_file("target.yaml", &(struct spec_checks){ 0 }, &err), -1,
	       "and it finds errors");
	if (chdir("../.."))
		abort();
}

int main(void)
{
	files_begin();
	files_text("targets/swan/target", "#!/bin/sh\n");
	chmod("targets/swan/target", 0755);
	check_every_key();
	check_errors();
	check_defaults();
	files_text(FILE_NAME, every_key);
	check_here();
	check_own_root();
	check_program();
	return tap_done();
}
