// SPDX-License-Identifier: Apache-2.0
/* Initramfs archives, read by another program: bsdtar. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "guest/archive.h"
#include "tests/spec-files.h"

static const char big[] = "0123456789abcdef0123456789abcde"; /* 31 bytes: needs padding */

static void make(struct archive *a)
{
	struct err err = { 0 };

	files_text("base.cpio", "");
	tap_is(archive_open(a, "base.cpio", &err), 0, "open");
	tap_is(archive_bytes(a, "one/two/three.txt", 0644, "x", 1, &err), 0, "a file two deep");
	tap_is(archive_bytes(a, "one/two/empty", 0600, "", 0, &err), 0, "an empty file");
	tap_is(archive_bytes(a, "one/run", 0755, big, sizeof(big) - 1, &err), 0, "a program");
	tap_is(archive_tree(a, "tree", "tree", ARCHIVE_ALL, &err), 0, "a folder");
	tap_is(archive_tree(a, "programs", "tree", ARCHIVE_PROGRAMS, &err), 0,
	       "the programs of a folder");
	tap_is(archive_finish(a, &err), 0, "finish");
}

static char *contents(const struct archive *a)
{
	struct stat st = { 0 };
	char *bytes = NULL;

	if (fstat(a->fd, &st) == 0 && (bytes = malloc((size_t)st.st_size + 1)))
		files_write("out.cpio", bytes, (size_t)pread(a->fd, bytes, (size_t)st.st_size, 0));
	return bytes;
}

/* What bsdtar prints, with spaces for line ends */
static bool says(const char *command, const char *want)
{
	char got[1024] = "";
	FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): the commands are all below */
	size_t n = f ? fread(got, 1, sizeof(got) - 1, f) : 0;

	if (f)
		pclose(f);
	for (size_t i = 0; i < n; i++)
		if (got[i] == '\n')
			got[i] = ' ';
	if (strcmp(got, want) == 0)
		return true;
	printf("# got    '%s'\n# wanted '%s'\n", got, want);
	return false;
}

/* What bsdtar made, and what we made, each below a folder */
static void check_nested(const char *ours, size_t len)
{
	static const size_t cuts[] = { 1, 109, 111, 200, 520 };
	AUTO_ARCHIVE struct archive a = { .fd = -1 };
	struct err err = { 0 };
	AUTO_FREE char *bytes = NULL;

	files_text("root/bin/sh", "shell");
	link("root/bin/sh", "root/bin/dash");
	symlink("sh", "root/bin/ash");
	says("cd root && bsdtar --format=newc -cf ../base.cpio .", "");
	files_write("ours.cpio", ours, len);
	archive_open(&a, "base.cpio", &err);
	tap_ok(!archive_nest(&a, "roots/x", "base.cpio", &err) &&
		       !archive_nest(&a, "roots/y", "ours.cpio", &err) && !archive_finish(&a, &err),
	       "archives below folders %s", err.text);
	bytes = contents(&a);
	tap_ok(says("mkdir un; bsdtar -xf out.cpio -C un; cat un/bin/dash", "shell"),
	       "the first comes out as it was");
	/* a reader other than the kernel stops at the first end: skip it */
	tap_ok(says("size=$(stat -c %s base.cpio); tail -c +$((size + 1)) out.cpio >rest.cpio;"
		    " mkdir two; bsdtar -xf rest.cpio -C two; cat two/roots/x/bin/dash;"
		    " stat -c %h two/roots/x/bin/sh; readlink two/roots/x/bin/ash",
		    "shell2 sh "),
	       "the second with its contents, hard links and symbolic links");
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		AUTO_ARCHIVE struct archive b = { .fd = -1 };

		files_text("empty.cpio", "");
		files_write("cut.cpio", ours, cuts[i]);
		archive_open(&b, "empty.cpio", &err);
		tap_ok(archive_nest(&b, "x", "cut.cpio", &err) && strstr(err.text, "cut.cpio"),
		       "cut after %zu bytes: an error that names it", cuts[i]);
	}
}

int main(void)
{
	AUTO_ARCHIVE struct archive a = { .fd = -1 }, b = { .fd = -1 };
	AUTO_FREE char *first = NULL;
	AUTO_FREE char *second = NULL;
	struct err err = { 0 };
	struct stat st = { 0 };

	files_begin();
	files_text("tree/b", "b");
	files_text("tree/a/deep", "deep");
	files_text("tree/.hidden", "no");
	files_text("tree/tool", "#!/bin/sh\n");
	chmod("tree/tool", 0755);
	make(&a);
	make(&b);
	first = contents(&a);
	second = contents(&b);
	tap_ok(fstat(a.fd, &st) == 0 && first && second &&
		       memcmp(first, second, (size_t)st.st_size) == 0,
	       "the same input gives the same bytes");
	if (access("/usr/bin/bsdtar", X_OK)) {
		tap_skip("bsdtar is not here");
		return tap_done();
	}
	tap_ok(says("bsdtar -tf out.cpio",
		    "one one/two one/two/three.txt one/two/empty one/run tree tree/a tree/a/deep "
		    "tree/b tree/tool programs programs/tool "),
	       "bsdtar lists all, folders before what is in them, sorted, without hidden files");
	tap_ok(says("bsdtar -xOf out.cpio one/run tree/a/deep",
		    "0123456789abcdef0123456789abcdedeep"),
	       "bsdtar reads the contents");
	tap_ok(says("bsdtar -tvf out.cpio one/two/empty one/run | cut -c1-10",
		    "-rw------- -rwxr-xr-x "),
	       "and the permissions");
	check_nested(first, (size_t)st.st_size);
	tap_ok(archive_file(&a, "x", "nowhere", &err) < 0 && strstr(err.text, "nowhere"),
	       "a file that is not there is named");
	return tap_done();
}
