// SPDX-License-Identifier: Apache-2.0
/*
 * Calling targets that the test writes itself: what each verb's end means, what
 * they are told, and the secrets that they are given.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "process/credentials.h"
#include "process/node.h"
#include "process/proc.h"
#include "process/target.h"
#include "spec/name.h"
#include "spec/target.h"
#include "tests/root.h"
#include "tests/tap.h"

#define PATIENCE (20 * NS_PER_S) /* only a test that fails waits so long */

static char folder[] = "/tmp/dupack-test-XXXXXX";
static char name[] = "fixture";
static struct choice carriage;
static struct target target = { .name = name, .dir = folder };
static struct node node = NODE_NONE;
static struct target_world world = {
	.case_id = "seed/one-loss",
	.carriage = &carriage,
	.prefix = "/prefix",
	.log_dir = folder,
	.psk_file = "/psk",
	.cert_dir = "/certs",
	.keylog_dir = "/keys",
	.seed = 18446744073709551615ULL,
	.dpd_ns = 30 * NS_PER_S,
	.rekey_ns = 3600 * NS_PER_S,
	.virtual_time = true,
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

/* The target is this line of shell; $1 is the verb, $2 its argument */
static void fixture(const char *line)
{
	AUTO_FREE char *path = io_printf("%s/target", folder);
	AUTO_FREE char *text = io_printf("#!/bin/sh\n%s\n", line);
	struct err err = { 0 };

	unlink(path);
	if (io_write_file(path, text, strlen(text), &err) || chmod(path, 0755)) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static void test_codes(void)
{
	static const struct {
		const char *line;
		int rc, code;
		const char *text;
	} all[] = {
		{ "exit 0", 0, TARGET_YES, "" },
		{ "exit 1", 0, TARGET_NO, "" },
		{ "exit 77", 0, TARGET_SKIP, "" },
		{ "exit 127", 0, TARGET_UNSUPPORTED, "" },
		{ "[ \"$1-$2\" = rekey-child ]", 0, TARGET_YES, "" },
		{ "exit 99", -1, -5,
		  "target 'fixture': verb 'rekey' broke; see log/client-rekey.log" },
		{ "kill -SEGV $$", -1, -5,
		  "target 'fixture': verb 'rekey' broke; see log/client-rekey.log" },
		{ "exec sleep 1000", -1, -5,
		  "target 'fixture': verb 'rekey' did not end within 1 s; see "
		  "log/client-rekey.log" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct err err = { 0 };
		int code = -5;

		fixture(all[i].line);
		tap_is(endpoint_verb(&client, "rekey", "child", NS_PER_S, &code, &err), all[i].rc,
		       "%s", all[i].line);
		tap_is(code, all[i].code, "its code");
		tap_str(err.text, all[i].text, "what is said");
		tap_ok(err.kind == (all[i].rc ? ERR_TARGET : ERR_NONE), "whose fault it is");
	}
}

static void test_missing(void)
{
	AUTO_FREE char *path = io_printf("%s/target", folder);
	struct proc p = PROC_NONE;
	struct err err = { 0 };
	int code = -5;

	unlink(path);
	tap_is(endpoint_verb(&client, "up", NULL, PATIENCE, &code, &err), 0, "no executable");
	tap_is(code, TARGET_SKIP, "is something that the machine lacks");
	tap_is(endpoint_run(&client, &p, &err), 0, "run, too %s", err.text);
	tap_is(proc_await_ready(&p, PATIENCE, &err), -1, "is not ready");
	tap_is(err.kind, ERR_SKIP, "but skipped: %s", err.text);
	proc_release(&p);
}

static void test_up(void)
{
	struct err err = { 0 };
	int code = -5;

	fixture("exec sleep 1000");
	tap_is(endpoint_up(&client, NS_PER_S / 5, &code, &err), 0, "a tunnel that is late");
	tap_is(code, TARGET_NO, "is none %s", err.text);
}

static void test_environment(void)
{
	static const char *const wanted[] = {
		"DUPACK_ROLE=client",
		"DUPACK_CASE=seed/one-loss",
		"DUPACK_CARRIAGE=ctcp",
		"DUPACK_CARRIAGE_OPTIONS=port=10000,retransmit=on",
		"DUPACK_FAMILY=inet",
		"DUPACK_LOCAL=10.0.1.1",
		"DUPACK_REMOTE=10.0.3.2",
		"DUPACK_REMOTE_PORT=10000",
		"DUPACK_INNER_LOCAL=10.7.0.2/24",
		"DUPACK_INNER_NETS=10.0.4.0/24",
		"DUPACK_IFNAME=vpn0",
		"DUPACK_PSK_FILE=/psk",
		"DUPACK_CERT_DIR=/certs",
		"DUPACK_PROPOSALS=aes128-sha256-ecp256",
		"DUPACK_TIMERS=1s_2s",
		"DUPACK_REKEY_S=3600",
		"DUPACK_DPD_S=30",
		"DUPACK_MTU=1500",
		"DUPACK_TIME=virtual",
		"DUPACK_SEED=18446744073709551615",
		"DUPACK_KEYLOG_DIR=/keys",
		"DUPACK_READY_FD=9",
		"DUPACK_PREFIX=/prefix",
	};
	AUTO_FREE char *path = io_printf("%s/client.log", folder);
	AUTO_FREE char *text = NULL;
	struct proc p = PROC_NONE;
	struct err err = { 0 };

	unlink(path);
	setenv("DUPACK_TEST_SECRET", "of ours", 1);
	fixture("echo; env; echo READY >&$DUPACK_READY_FD");
	tap_is(endpoint_run(&client, &p, &err), 0, "run %s", err.text);
	tap_is(proc_await_ready(&p, PATIENCE, &err), 0, "is ready %s", err.text);
	tap_ok(proc_await(&p, PATIENCE), "and ends");
	proc_release(&p);
	text = io_read_file(path, NULL, &err);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		AUTO_FREE char *line = io_printf("\n%s\n", wanted[i]);

		tap_ok(text && strstr(text, line), "it is told %s", wanted[i]);
	}
	tap_ok(text && !strstr(text, "SECRET"), "and nothing of our own environment");
}

static void test_inner(void)
{
	static const struct {
		const char *line, *inner, *text;
	} all[] = {
		{ "echo '{\"inner\": \"10.1.0.7\"}'", "10.1.0.7", "" },
		{ "echo '{\"inner\": \"2001:db8::7\"}'", "2001:db8::7", "" },
		{ "echo 'up, 10.1.0.7'", NULL, "exited with 0 and gave no inner address (" },
		{ ":", NULL, "exited with 0 and gave no inner address (" },
		{ "exit 1", NULL, "exited with 1 and gave no inner address (" },
		{ "echo '{\"inner\": 7}'", NULL, "(no key 'inner'" },
		{ "echo '[\"inner\"]'", NULL, "(no key 'inner'" },
		{ "echo '{\"inner\": \"10.1.0.7; reboot\"}'", NULL, "('inner' is no address)" },
		{ "echo '{\"inner\": \"\\u001b[31m\"}'", NULL, "('inner' is no address)" },
		{ "echo '{\"inner\": \"\"}'", NULL, "('inner' is no address)" },
		{ "head -c 1000000 /dev/zero | tr '\\0' '['", NULL, "gave no inner address (" },
		{ "head -c 1000000 /dev/urandom", NULL, "gave no inner address (" },
		{ "exit 99", NULL, "target 'fixture': verb 'status' broke; see log/client-status" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		char inner[64] = "";
		struct err err = { 0 };

		fixture(all[i].line);
		tap_is(endpoint_inner_address(&client, inner, sizeof(inner), &err),
		       all[i].inner ? 0 : -1, "status: %s", all[i].line);
		tap_str(inner, all[i].inner ? all[i].inner : "", "the address");
		tap_ok(strstr(err.text, all[i].text) &&
			       (all[i].inner || strstr(err.text, "target 'fixture'")),
		       "what is said: %s", err.text);
	}
}

static void test_version(void)
{
	struct err err = { 0 };
	AUTO_FREE char *first = NULL, *again = NULL, *none = NULL;

	fixture("echo \"fixture 1.2\"; echo more");
	first = endpoint_version(&client, &err);
	tap_str(first, "fixture 1.2", "the first line is the version");
	fixture("echo 'fixture 1.3'");
	again = endpoint_version(&client, &err);
	tap_str(again, "fixture 1.3", "asked again, it is what is said then");
	fixture("exit 0");
	none = endpoint_version(&client, &err);
	tap_ok(!none && strstr(err.text, "target 'fixture': verb 'version' exited with 0"),
	       "none: %s", err.text);
}

/* The exit status of openssl with these arguments; its output goes to a file */
static int openssl(const char *out, const char *const *arguments)
{
	const char *argv[12] = { "/usr/bin/openssl" }, *env[] = { NULL };
	struct spawn spawn = { .name = "openssl",
			       .log_dir = folder,
			       .out_path = out,
			       .argv = (char *const *)argv,
			       .env = (char *const *)env };
	struct proc p = PROC_NONE;
	struct err err = { 0 };
	int code = -1;

	for (size_t i = 0; i < 10 && arguments[i]; i++)
		argv[i + 1] = arguments[i];
	if (proc_start(&spawn, &p, &err) == 0 && proc_await(&p, PATIENCE))
		code = proc_exit_code(&p);
	proc_release(&p);
	return code;
}
#define OPENSSL(out, ...) openssl((out), (const char *const[]){ __VA_ARGS__, NULL })

static void test_credentials(void)
{
	AUTO_FREE char *ca = io_printf("%s/ca.pem", folder);
	AUTO_FREE char *cert = io_printf("%s/headend.pem", folder);
	AUTO_FREE char *key = io_printf("%s/headend.key", folder);
	AUTO_FREE char *client_cert = io_printf("%s/client.pem", folder);
	AUTO_FREE char *psk_path = io_printf("%s/psk", folder);
	AUTO_FREE char *of_cert = io_printf("%s/of-cert", folder);
	AUTO_FREE char *of_key = io_printf("%s/of-key", folder);
	AUTO_FREE char *psk = NULL, *second = NULL, *a = NULL, *b = NULL;
	struct err err = { 0 };
	struct stat st = { 0 };
	bool printable = true;
	size_t len = 0;

	tap_is(credentials_create(folder, "192.0.2.9", &err), 0, "credentials %s", err.text);
	psk = io_read_file(psk_path, &len, &err);
	for (size_t i = 0; i < len; i++)
		printable &= isalnum((unsigned char)psk[i]) != 0;
	tap_ok(psk && printable && len >= 32, "a pre-shared key that is printable, in one word");
	tap_ok(stat(key, &st) == 0 && (st.st_mode & 0777) == 0600, "a key that others cannot read");
	if (access("/usr/bin/openssl", X_OK)) {
		tap_skip("openssl is not installed");
		return;
	}
	tap_is(OPENSSL(NULL, "verify", "-x509_strict", "-CAfile", ca, "-purpose", "sslserver",
		       "-verify_ip", "192.0.2.9", cert),
	       0, "the chain is good for the address");
	tap_is(OPENSSL(NULL, "verify", "-CAfile", ca, "-verify_hostname", "headend", cert), 0,
	       "and for the name");
	tap_ok(OPENSSL(NULL, "verify", "-CAfile", ca, "-verify_ip", "192.0.2.10", cert) > 0,
	       "not for another address");
	tap_is(OPENSSL(NULL, "verify", "-x509_strict", "-CAfile", ca, "-purpose", "sslclient",
		       "-verify_hostname", "client", client_cert),
	       0, "the client's is good for a client");
	tap_ok(OPENSSL(NULL, "verify", "-CAfile", ca, "-purpose", "sslserver", client_cert) > 0,
	       "and not for a head-end");
	tap_is(OPENSSL(of_cert, "x509", "-pubkey", "-noout", "-in", cert), 0, "its public key");
	tap_is(OPENSSL(of_key, "pkey", "-pubout", "-in", key), 0, "that of the private key");
	a = io_read_file(of_cert, NULL, &err);
	b = io_read_file(of_key, NULL, &err);
	tap_str(a, b ? b : "", "are one");
	tap_is(credentials_create(folder, "192.0.2.9", &err), 0, "again %s", err.text);
	second = io_read_file(psk_path, NULL, &err);
	tap_ok(psk && second && strcmp(psk, second) != 0, "makes others");
	tap_is(credentials_create("/nowhere", "192.0.2.9", &err), -1, "no folder: %s", err.text);
	tap_is(credentials_create(folder, "not an address", &err), -1, "no address: %s", err.text);
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
	const char *keep[] = { folder, NULL };
	struct err err = { 0 };

	if (choice_parse("ctcp,timers=1s_2s,port=10000,proposals=aes128-sha256-ecp256,"
			 "retransmit=on",
			 &carriage, &err))
		abort();
	if (!root_become() || !mkdtemp(folder)) {
		puts("1..0 # SKIP not root, nor a user namespace");
		return 0;
	}
	if (node_create("client", NULL, NULL, keep, &node, &err)) {
		printf("1..0 # SKIP %s\n", err.text);
		remove_folder();
		return 0;
	}
	test_codes();
	test_missing();
	test_up();
	test_environment();
	test_inner();
	test_version();
	node_destroy(&node);
	test_credentials();
	choice_release(&carriage);
	remove_folder();
	return tap_done();
}
