// SPDX-License-Identifier: Apache-2.0
/*
 * Entries have the date 0, the owner root and a number of their own, so that
 * nothing of the machine is in them.  A folder is written before what is in it.
 */
#include "guest/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

/**
 * archive_open() - Begin an archive
 * @a:		Filled in; release it with archive_release() whatever is returned
 * @base:	An archive that comes first
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int archive_open(struct archive *a, const char *base, struct err *err)
{
	AUTO_CLOSE int from = open(base, O_RDONLY | O_CLOEXEC);
	struct stat st;
	off_t done = 0;

	*a = (struct archive){ .fd = memfd_create("initramfs", MFD_CLOEXEC) };
	if (a->fd < 0)
		return err_set(err, errno, "cannot make room for an initramfs");
	if (from < 0 || fstat(from, &st))
		return err_set(err, errno, "cannot read '%s'", base);
	while (done < st.st_size) {
		ssize_t n = sendfile(a->fd, from, &done, (size_t)(st.st_size - done));

		if (n <= 0)
			return err_set(err, n < 0 ? errno : EIO, "cannot copy '%s'", base);
	}
	return 0;
}

static int pad(struct archive *a, size_t len, struct err *err)
{
	return io_write_all(a->fd, "\0\0\0", -len & 3, err);
}

static int entry(struct archive *a, const char *path, mode_t mode, const void *bytes, size_t len,
		 struct err *err)
{
	size_t name_len = strlen(path) + 1;
	char header[111];

	snprintf(header, sizeof(header),
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", ++a->inode,
		 (unsigned int)mode, 0U, 0U, S_ISDIR(mode) ? 2U : 1U, 0U, (unsigned int)len, 0U, 0U,
		 0U, 0U, (unsigned int)name_len, 0U);
	if (io_write_all(a->fd, header, 110, err) || io_write_all(a->fd, path, name_len, err) ||
	    pad(a, 110 + name_len, err) || io_write_all(a->fd, bytes, len, err) || pad(a, len, err))
		return err_wrap(err, "cannot add '%s' to the initramfs", path);
	return 0;
}

/* Linear: an archive has few folders */
static int folder(struct archive *a, const char *path, struct err *err)
{
	char **more;

	for (size_t i = 0; i < a->folders_len; i++)
		if (strcmp(a->folders[i], path) == 0)
			return 0;
	more = realloc(a->folders, (a->folders_len + 1) * sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "cannot make an initramfs");
	a->folders = more;
	a->folders[a->folders_len++] = strdup(path);
	return entry(a, path, S_IFDIR | 0755, "", 0, err);
}

static int parents(struct archive *a, const char *path, struct err *err)
{
	AUTO_FREE char *part = strdup(path);

	if (!part)
		return err_set(err, ENOMEM, "cannot make an initramfs");
	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (folder(a, part, err))
			return -1;
		*slash = '/';
	}
	return 0;
}

/**
 * archive_folder() - Add an empty folder
 * @a:		The archive
 * @path:	In it, as for archive_bytes(); one that is there already stays
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int archive_folder(struct archive *a, const char *path, struct err *err)
{
	return parents(a, path, err) ? -1 : folder(a, path, err);
}

/**
 * archive_bytes() - Add a file that is in memory
 * @a:		The archive
 * @path:	In it, without a "/" at the front; its folders are made
 * @mode:	Permissions
 * @bytes:	The content
 * @len:	Its length in bytes
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int archive_bytes(struct archive *a, const char *path, mode_t mode, const void *bytes, size_t len,
		  struct err *err)
{
	if (parents(a, path, err))
		return -1;
	return entry(a, path, S_IFREG | (mode & 0777), bytes, len, err);
}

/**
 * archive_file() - Add a file of this machine
 * @a:		The archive
 * @path:	In it, as for archive_bytes()
 * @from:	Here; whether it is executable is kept
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int archive_file(struct archive *a, const char *path, const char *from, struct err *err)
{
	AUTO_FREE char *bytes = NULL;
	size_t len;

	bytes = io_read_file(from, &len, err);
	if (!bytes)
		return -1;
	return archive_bytes(a, path, access(from, X_OK) ? 0644 : 0755, bytes, len, err);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int add_any(struct archive *a, const char *path, const char *from,
		   enum archive_filter filter, struct err *err)
{
	struct stat st;

	if (stat(from, &st))
		return err_set(err, errno, "cannot read '%s'", from);
	if (S_ISDIR(st.st_mode))
		return archive_tree(a, path, from, filter, err);
	if (!S_ISREG(st.st_mode) || (filter == ARCHIVE_PROGRAMS && !(st.st_mode & S_IXUSR)))
		return 0;
	return archive_file(a, path, from, err);
}

/**
 * archive_tree() - Add a folder of this machine and all that is in it, sorted
 * @a:		The archive
 * @path:	In it, as for archive_bytes()
 * @from:	Here; names that begin with a dot stay here
 * @filter:	Which of the files
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int archive_tree(struct archive *a, const char *path, const char *from, enum archive_filter filter,
		 struct err *err)
{
	struct dirent **names;
	int len = scandir(from, &names, visible, alphasort), rc = 0;

	if (len < 0)
		return err_set(err, errno, "cannot read the folder '%s'", from);
	for (int i = 0; i < len; i++) {
		AUTO_FREE char *in = io_printf("%s/%s", path, names[i]->d_name);
		AUTO_FREE char *here = io_printf("%s/%s", from, names[i]->d_name);

		if (!rc)
			rc = add_any(a, in, here, filter, err);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* --- an archive inside another ------------------------------------------------- */

#define HEADER_LEN ((size_t)110)
#define FIELD_LEN  ((size_t)8) /* hexadecimal digits */
#define FIELD_SIZE 6 /* of the content: number of the field behind the magic, from 0 */
#define FIELD_NAME 11 /* length of the name with its end */

/* A field of a header, or SIZE_MAX */
static size_t field(const char *header, size_t number)
{
	char text[FIELD_LEN + 1] = "";
	char *end;
	size_t value;

	memcpy(text, header + 6 + number * FIELD_LEN, FIELD_LEN);
	value = strtoul(text, &end, 16);
	return end == text + FIELD_LEN ? value : SIZE_MAX;
}

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* One entry under another name.  Return: its length in @bytes, 0 after the last, or -1 */
static ssize_t nest_entry(struct archive *a, const char *path, const char *bytes, size_t len,
			  struct err *err)
{
	size_t size = 0, name_len = 0, data = 0;
	char header[HEADER_LEN], digits[16];
	const char *name = bytes + HEADER_LEN;
	AUTO_FREE char *longer = NULL;

	if (len >= HEADER_LEN && memcmp(bytes, "070701", 6) == 0) {
		size = field(bytes, FIELD_SIZE);
		name_len = field(bytes, FIELD_NAME);
		data = padded(HEADER_LEN + name_len);
	}
	if (name_len == 0 || name_len > len || data > len || size > len - data ||
	    name[name_len - 1] != '\0')
		return err_set(err, 0, "it is no archive, or not all of one");
	if (strcmp(name, "TRAILER!!!") == 0)
		return 0;
	name += strncmp(name, "./", 2) == 0 ? 2 : 0;
	longer = io_printf("%s%s%s", path, strcmp(name, ".") ? "/" : "",
			   strcmp(name, ".") ? name : "");
	snprintf(digits, sizeof(digits), "%08X", (unsigned int)strlen(longer) + 1);
	memcpy(header, bytes, HEADER_LEN);
	memcpy(header + 6 + FIELD_NAME * FIELD_LEN, digits, FIELD_LEN);
	if (io_write_all(a->fd, header, HEADER_LEN, err) ||
	    io_write_all(a->fd, longer, strlen(longer) + 1, err) ||
	    pad(a, HEADER_LEN + strlen(longer) + 1, err) ||
	    io_write_all(a->fd, bytes + data, size, err) || pad(a, size, err))
		return -1;
	return (ssize_t)(padded(data + size) < len ? padded(data + size) : len);
}

/**
 * archive_nest() - Add all of another archive below a folder
 * @a:		The archive
 * @path:	The folder, as for archive_bytes()
 * @base:	An archive of this machine in the format newc
 * @err:	Set on failure
 *
 * Hard links stay what they are: the end of @base is kept too, behind which the kernel
 * forgets the numbers of its files.
 *
 * Return: 0 or -1
 */
int archive_nest(struct archive *a, const char *path, const char *base, struct err *err)
{
	AUTO_FREE char *slash = io_printf("%s/", path);
	AUTO_CLOSE int from = open(base, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;
	char *bytes;

	if (parents(a, slash, err))
		return -1;
	if (from < 0 || fstat(from, &st))
		return err_set(err, errno, "cannot read '%s'", base);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	if (bytes == MAP_FAILED)
		return err_set(err, errno, "cannot read '%s'", base);
	for (size_t at = 0; n; at += (size_t)n) {
		n = nest_entry(a, path, bytes + at, (size_t)st.st_size - at, err);
		if (n < 0)
			break;
	}
	munmap(bytes, (size_t)st.st_size);
	if (n < 0)
		return err_wrap(err, "cannot add '%s' to the initramfs", base);
	return entry(a, "TRAILER!!!", 0, "", 0, err);
}

/**
 * archive_finish() - Write its end and make it ready to be read
 *
 * Return: 0, or -1 with @err set
 */
int archive_finish(struct archive *a, struct err *err)
{
	if (entry(a, "TRAILER!!!", 0, "", 0, err))
		return -1;
	if (lseek(a->fd, 0, SEEK_SET) < 0)
		return err_set(err, errno, "cannot finish the initramfs");
	return 0;
}

/** archive_release() - Release it; idempotent */
void archive_release(struct archive *a)
{
	for (size_t i = 0; i < a->folders_len; i++)
		free(a->folders[i]);
	free(a->folders);
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct archive){ .fd = -1 };
}
