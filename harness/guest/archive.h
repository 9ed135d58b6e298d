/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An initramfs: archives in the format newc, one behind the other in a memfd
 * (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
 * The same input gives the same bytes.
 */
#ifndef DUPACK_GUEST_ARCHIVE_H
#define DUPACK_GUEST_ARCHIVE_H

#include <stddef.h>
#include <sys/types.h>

struct err;

struct archive {
	int fd; /* owned */
	unsigned int inode; /* of the last entry */
	char **folders; /* made already; owned, each too */
	size_t folders_len;
};

int archive_open(struct archive *a, const char *base, struct err *err);
int archive_folder(struct archive *a, const char *path, struct err *err);
int archive_bytes(struct archive *a, const char *path, mode_t mode, const void *bytes, size_t len,
		  struct err *err);
int archive_file(struct archive *a, const char *path, const char *from, struct err *err);
/** Which files of a folder. */
enum archive_filter { ARCHIVE_ALL, ARCHIVE_PROGRAMS };

int archive_tree(struct archive *a, const char *path, const char *from, enum archive_filter filter,
		 struct err *err);
int archive_nest(struct archive *a, const char *path, const char *base, struct err *err);
int archive_finish(struct archive *a, struct err *err);
void archive_release(struct archive *a);

#define AUTO_ARCHIVE __attribute__((cleanup(archive_release)))

#endif
