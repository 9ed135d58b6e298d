// SPDX-License-Identifier: Apache-2.0
/*
 * The bytes of a capture file against ones written by hand from the specification,
 * and against tshark's reading of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "observe/pcapng.h"
#include "observe/secrets.h"
#include "tests/tap.h"

static const unsigned char golden[] =
	/* section header: type, length 68, byte order, version 1.0, length unknown */
	"\x0a\x0d\x0d\x0a\x44\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"
	/* hardware, os, application; end */
	"\x02\0\x06\0dupack\0\0\x03\0\x06\0dupack\0\0\x04\0\x06\0dupack\0\0\0\0\0\0"
	"\x44\0\0\0"
	/* interface: type, length 44, Ethernet, no limit; name, resolution 9; end */
	"\x01\0\0\0\x2c\0\0\0\x01\0\0\0\0\0\0\0\x02\0\x05\0a-lan\0\0\0\x09\0\x01\0\x09\0\0\0"
	"\0\0\0\0\x2c\0\0\0"
	/* packet: type, length 64, interface 0, 2^32 + 2 ns, 17 of 1000 bytes */
	"\x06\0\0\0\x40\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x11\0\0\0\xe8\x03\0\0"
	"0123456789abcdefg\0\0\0"
	"\x02\0\x04\0\x02\0\0\0\0\0\0\0\x40\0\0\0";

/* Run a program; its output in memory, NULL if it is not there or fails */
static char *output_of(const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	char path[] = "/tmp/dupack-test-XXXXXX";
	AUTO_CLOSE int fd = mkostemp(path, O_CLOEXEC);
	struct err err = { 0 };
	int status = -1;
	pid_t pid = -1;
	char *text;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	text = status == 0 ? io_read_file(path, NULL, &err) : NULL;
	unlink(path);
	return text;
}

static void test_golden(const char *path)
{
	AUTO_FREE char *got = NULL;
	struct err err = { 0 };
	struct pcapng w;
	size_t len = 0, head = 68 + 44;

	tap_is(pcapng_open(&w, path, "a-lan", &err), 0, "a file is begun");
	pcapng_write(&w, (1ULL << 32) + 2, PCAPNG_OUTBOUND, "0123456789abcdefg", 17, 1000);
	tap_is(w.frames, 1, "a frame is counted");
	tap_is(w.bytes, 1000, "with all its bytes");
	tap_is(pcapng_close(&w, &err), 0, "the file is finished");
	tap_is(pcapng_close(&w, &err), 0, "twice does no harm");
	got = io_read_file(path, &len, &err);
	tap_is(len, sizeof(golden) - 1, "its length");
	tap_ok(got && len >= head && !memcmp(got, golden, head), "its headers, byte for byte");
	tap_ok(got && len == sizeof(golden) - 1 && !memcmp(got + head, golden + head, len - head),
	       "its packet, byte for byte");
}

static void test_tshark(const char *path)
{
	static const unsigned char frame[] =
		"\x02\0\0\0\x01\x02\x02\0\0\0\x01\x01\x08\0"
		"\x45\0\0\x1d\0\0\0\0\x40\x11\x62\xcd\x0a\0\x01\x01\x0a\0\x03\x02"
		"\x1b\x5f\x1b\x5f\0\x09\0\0x";
	const char *const argv[] = { "tshark",
				     "-r",
				     path,
				     "-T",
				     "fields",
				     "-e",
				     "frame.time_epoch",
				     "-e",
				     "frame.packet_flags_direction",
				     "-e",
				     "frame.interface_name",
				     "-e",
				     "udp.dstport",
				     "-e",
				     "frame.len",
				     NULL };
	AUTO_FREE char *text = NULL;
	struct err err = { 0 };
	struct pcapng w;

	if (pcapng_open(&w, path, "client-access", &err))
		return;
	for (unsigned int i = 0; i < 3; i++)
		pcapng_write(&w, 1500000000123456789ULL + i,
			     i % 2 ? PCAPNG_INBOUND : PCAPNG_OUTBOUND, frame, sizeof(frame) - 1,
			     sizeof(frame) - 1);
	pcapng_close(&w, &err);
	text = output_of(argv);
	if (!text) {
		tap_skip("tshark is not there");
		return;
	}
	tap_str(text,
		"1500000000.123456789\t0x00000002\tclient-access\t7007\t43\n"
		"1500000000.123456790\t0x00000001\tclient-access\t7007\t43\n"
		"1500000000.123456791\t0x00000002\tclient-access\t7007\t43\n",
		"tshark reads times, directions, interface and frames");
}

/* One block of secrets in front of the packet; 5 bytes are padded to 8 */
static void test_secrets(const char *path)
{
	static const unsigned char block[] =
		"\x0a\0\0\0\x1c\0\0\0KSLT\x05\0\0\0key 1\0\0\0\x1c\0\0\0";
	const struct pcapng_secrets secrets = { PCAPNG_SECRETS_TLS, "key 1", 5 };
	const size_t head = 68 + 44, added = sizeof(block) - 1;
	AUTO_FREE char *got = NULL;
	struct err err = { 0 };
	struct pcapng w;
	size_t len = 0;

	if (pcapng_open(&w, path, "a-lan", &err))
		return;
	pcapng_write(&w, (1ULL << 32) + 2, PCAPNG_OUTBOUND, "0123456789abcdefg", 17, 1000);
	pcapng_close(&w, &err);
	tap_is(pcapng_add_secrets(path, &secrets, 1, &err), 0, "secrets are added %s", err.text);
	got = io_read_file(path, &len, &err);
	tap_is(len, sizeof(golden) - 1 + added, "its length");
	if (!got || len != sizeof(golden) - 1 + added)
		return;
	tap_ok(!memcmp(got, golden, head), "the headers are as they were");
	tap_ok(!memcmp(got + head, block, added), "behind them the block, byte for byte");
	tap_ok(!memcmp(got + head + added, golden + head, sizeof(golden) - 1 - head),
	       "then the packet");
}

/* What a full disk left: nothing is added, and it is no failure of ours */
static void test_cut_short(const char *path)
{
	const struct pcapng_secrets secrets = { PCAPNG_SECRETS_WIREGUARD, "k", 1 };
	AUTO_FREE char *got = NULL;
	struct err err = { 0 };
	size_t len = 0;

	io_write_file(path, golden, 100, &err);
	tap_is(pcapng_add_secrets(path, &secrets, 1, &err), 0, "a capture without its head");
	got = io_read_file(path, &len, &err);
	tap_ok(got && len == 100 && !memcmp(got, golden, len), "stays as it is");
	tap_is(pcapng_add_secrets("/nowhere/x.pcapng", &secrets, 1, &err), -1, "none at all: %s",
	       err.text);
}

/* Which files of a key log go into which of a folder */
static void test_embed(void)
{
	static const struct {
		const char *name, *text;
	} files[] = {
		{ "a.pcapng", NULL },	    { "other.txt", "other" }, { "b.tls", "CLIENT" },
		{ "c.wireguard", "LOCAL" }, { "empty.tls", "" },      { "esp_sa", "IPv4" },
	};
	static const unsigned char blocks[] = /* in the order of their names */
		"\x0a\0\0\0\x1c\0\0\0KSLT\x06\0\0\0CLIENT\0\0\x1c\0\0\0"
		"\x0a\0\0\0\x1c\0\0\0LKGW\x05\0\0\0LOCAL\0\0\0\x1c\0\0\0";
	char folder[] = "/tmp/dupack-test-XXXXXX";
	const size_t head = 68 + 44, added = sizeof(blocks) - 1;
	AUTO_FREE char *got = NULL;
	AUTO_FREE char *capture = NULL, *link = NULL;
	struct err err = { 0 };
	size_t len = 0;

	if (!mkdtemp(folder))
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_FREE char *path = io_printf("%s/%s", folder, files[i].name);

		if (files[i].text)
			io_write_file(path, files[i].text, strlen(files[i].text), &err);
		else
			io_write_file(path, golden, sizeof(golden) - 1, &err);
	}
	capture = io_printf("%s/a.pcapng", folder);
	link = io_printf("%s/d.tls", folder);
	tap_is(symlink("/etc/passwd", link), 0, "a link out of the folder");
	tap_is(secrets_embed(folder, folder, &err), 0, "keys are put into a capture %s", err.text);
	got = io_read_file(capture, &len, &err);
	tap_is(len, sizeof(golden) - 1 + added, "those of two files: no empty one, no link");
	tap_ok(got && len > head + added && !memcmp(got + head, blocks, added),
	       "each with its type");
	tap_is(secrets_embed(folder, "/nowhere", &err), 0, "no key logs are no failure");
	unlink(link);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO_FREE char *path = io_printf("%s/%s", folder, files[i].name);

		unlink(path);
	}
	rmdir(folder);
}

static void test_full_disk(void)
{
	struct err err = { 0 };
	struct pcapng w;

	tap_is(pcapng_open(&w, "/dev/full", "x", &err), 0, "a full disk");
	pcapng_write(&w, 0, PCAPNG_INBOUND, "x", 1, 1);
	tap_is(pcapng_close(&w, &err), -1, "is noticed in the end");
	tap_ok(strstr(err.text, strerror(ENOSPC)) != NULL, "%s", err.text);
	tap_is(pcapng_open(&w, "/nowhere/x", "x", &err), -1, "a folder that is not there: %s",
	       err.text);
}

int main(void)
{
	char path[] = "/tmp/dupack-test-XXXXXX";
	AUTO_CLOSE int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		abort();
	test_golden(path);
	test_tshark(path);
	test_secrets(path);
	test_cut_short(path);
	test_embed();
	test_full_disk();
	unlink(path);
	return tap_done();
}
