/* SPDX-License-Identifier: Apache-2.0 */
/* Files for the tests of spec/: a folder of its own, removed at the end. */
#ifndef DUPACK_TESTS_SPEC_FILES_H
#define DUPACK_TESTS_SPEC_FILES_H

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "tests/tap.h"

/* Six good lines: a test replaces one of them or adds a seventh */
#define GOOD_LINES 6
static const char *const good_lines[GOOD_LINES] = {
	"title: A title", "requirement: It works", "clause: RFC 9293 section 3.8.1",
	"pairs: [null]",  "middleboxes: [router]", "expect: [{metric: tunnel.up, is: yes}]",
};

static char files_dir[64];

static inline int files_remove_one(const char *path, const struct stat *st, int flag,
				   struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline void files_remove(void)
{
	nftw(files_dir, files_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/** files_begin() - Make the folder and work in it */
static inline void files_begin(void)
{
	snprintf(files_dir, sizeof(files_dir), "/tmp/dupack-test-XXXXXX");
	if (!mkdtemp(files_dir) || chdir(files_dir))
		abort();
	atexit(files_remove);
}

/** files_write() - Write bytes to a file, making its folders */
static inline void files_write(const char *path, const char *text, size_t len)
{
	AUTO_FREE char *folder = io_printf("%s", path);
	char *slash = strrchr(folder, '/');
	struct err err = { 0 };

	if (slash) {
		*slash = '\0';
		if (io_mkdirs(folder, &err))
			abort();
	}
	if (io_write_file(path, text, len, &err))
		abort();
}

static inline void files_text(const char *path, const char *text)
{
	files_write(path, text, strlen(text));
}

/** files_case() - Write the good case with line @n (from 1) replaced; 7 adds one, 0 neither */
static inline void files_case(const char *path, unsigned n, const char *with)
{
	char text[4096] = "";
	size_t used = 0;

	for (unsigned i = 1; i <= GOOD_LINES + 1; i++) {
		const char *line = i == n ? with : i <= GOOD_LINES ? good_lines[i - 1] : "";

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", line,
					 *line ? "\n" : "");
	}
	files_text(path, text);
}

/** files_matches() - Is @got FILE:@want, or, if @want ends in "...", does it begin so? */
static inline bool files_matches(const char *got, const char *file, const char *want)
{
	AUTO_FREE char *full = io_printf("%s:%s", file, want);
	size_t len = strlen(full);
	bool ok;

	if (len > 3 && strcmp(full + len - 3, "...") == 0)
		ok = strncmp(got, full, len - 3) == 0;
	else
		ok = strcmp(got, full) == 0;
	if (!ok)
		printf("# got    '%s'\n# wanted '%s'\n", got, full);
	return ok;
}

#endif
