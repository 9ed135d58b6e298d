// SPDX-License-Identifier: Apache-2.0
#include "base/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define LAST_BYTES 4096 /* of a log in which its last line is looked for */

/**
 * io_write_all() - Write a whole buffer to a descriptor
 * @fd:		Open for writing, blocking
 * @buf:	What to write
 * @len:	Bytes
 * @err:	Set on failure (a full disk says so)
 *
 * Return: 0 or -1
 */
int io_write_all(int fd, const void *buf, size_t len, struct err *err)
{
	const char *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return err_set(err, errno, "cannot write %zu bytes", len);
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/**
 * io_read_file() - Read a whole file into memory, with a NUL byte behind it
 * @path:	File
 * @ret_len:	Its length in bytes; may be NULL
 * @err:	Set on failure
 *
 * Return: the contents, to be freed by the caller, or NULL
 */
char *io_read_file(const char *path, size_t *ret_len, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *buf = NULL;
	size_t used = 0, room = 0;

	if (fd < 0) {
		err_set(err, errno, "cannot open '%s'", path);
		return NULL;
	}
	for (;;) {
		ssize_t n;

		if (used + 1 >= room) {
			char *grown = realloc(buf, room = room ? room * 2 : 4096);

			if (!grown) {
				err_set(err, ENOMEM, "cannot read '%s'", path);
				return NULL;
			}
			buf = grown;
		}
		n = read(fd, buf + used, room - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_set(err, errno, "cannot read '%s'", path);
			return NULL;
		}
		if (n == 0)
			break;
		used += (size_t)n;
	}
	buf[used] = '\0';
	if (ret_len)
		*ret_len = used;
	return steal_ptr(&buf);
}

/**
 * io_last_line() - The last line of a file that says something, for an error
 * @path:	A log
 *
 * Return: at most 200 bytes of it, or NULL; owned by the caller
 */
char *io_last_line(const char *path)
{
	char text[LAST_BYTES + 1];
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	off_t from = size > LAST_BYTES ? size - LAST_BYTES : 0;
	ssize_t got = size > 0 ? pread(fd, text, LAST_BYTES, from) : 0;
	size_t len = got < 0 ? 0 : (size_t)got;
	const char *line;

	for (size_t i = 0; i < len; i++)
		if (!text[i])
			text[i] = ' ';
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	if (!len)
		return NULL;
	text[len] = '\0';
	line = strrchr(text, '\n');
	return io_printf("%.200s", line ? line + 1 : text);
}

/**
 * io_write_file() - Replace a file by new contents, whole or not at all
 * @path:	File; the temporary beside it is renamed over it
 * @buf:	Contents
 * @len:	Bytes
 * @err:	Set on failure; the old file is untouched then
 *
 * Return: 0 or -1
 */
int io_write_file(const char *path, const void *buf, size_t len, struct err *err)
{
	AUTO_FREE char *tmp = io_printf("%s.%d.new", path, (int)getpid());
	AUTO_CLOSE int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_set(err, errno, "cannot create '%s'", tmp);
	if (io_write_all(fd, buf, len, err)) {
		unlink(tmp);
		return err_wrap(err, "'%s'", path);
	}
	if (rename(tmp, path)) {
		int saved = errno;

		unlink(tmp);
		return err_set(err, saved, "cannot rename '%s' to '%s'", tmp, path);
	}
	return 0;
}

/** io_copy_file() - Copy the contents of a file; the mode is 0644, or 0755 if executable */
int io_copy_file(const char *from, const char *to, struct err *err)
{
	AUTO_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int out = -1;
	char buf[65536];
	struct stat st;
	ssize_t n;

	if (in < 0 || fstat(in, &st))
		return err_set(err, errno, "cannot open '%s'", from);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0100 ? 0755 : 0644);
	if (out < 0)
		return err_set(err, errno, "cannot create '%s'", to);
	while ((n = read(in, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "cannot read '%s'", from);
		if (io_write_all(out, buf, (size_t)n, err))
			return err_wrap(err, "'%s'", to);
	}
	return 0;
}

/**
 * io_mkdirs() - Make a folder and those above it
 * @path:	Folder; it may exist
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int io_mkdirs(const char *path, struct err *err)
{
	AUTO_FREE char *part = strdup(path);

	for (char *p = part + 1; part; p++) {
		char kept = *p;

		if (kept != '/' && kept != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return err_set(err, errno, "cannot make folder '%s'", part);
		*p = kept;
		if (kept == '\0')
			return 0;
	}
	return err_set(err, ENOMEM, "cannot make folder '%s'", path);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

/**
 * io_remove_tree() - Remove a folder and all in it
 * @path:	Folder, or a file; links are removed, not followed
 * @err:	Set on failure; that it does not exist is none
 *
 * Return: 0 or -1
 */
int io_remove_tree(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) && errno == ENOENT)
		return 0;
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS)
		       ? err_set(err, errno, "cannot remove '%s'", path)
		       : 0;
}

/**
 * io_sha256() - SHA-256 of bytes
 * @bytes:	The bytes
 * @len:	How many
 * @ret_hex:	64 hexadecimal digits and a NUL
 *
 * Return: @ret_hex
 */
char *io_sha256(const void *bytes, size_t len, char ret_hex[65])
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };

	if (EVP_Digest(bytes, len, sum, NULL, EVP_sha256(), NULL) != 1)
		abort(); /* no memory */
	for (size_t i = 0; i < 32; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", sum[i]);
	return ret_hex;
}

/**
 * io_printf() - Format into fresh memory
 * @fmt:	As printf
 *
 * Return: a string that the caller frees; never NULL (memory exhausted aborts)
 */
char *io_printf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return text;
}
