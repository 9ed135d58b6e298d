/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files and whole writes. */
#ifndef DUPACK_BASE_IO_H
#define DUPACK_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

struct err;

int io_write_all(int fd, const void *buf, size_t len, struct err *err);
char *io_read_file(const char *path, size_t *ret_len, struct err *err);
char *io_last_line(const char *path);
int io_write_file(const char *path, const void *buf, size_t len, struct err *err);
int io_copy_file(const char *from, const char *to, struct err *err);
int io_mkdirs(const char *path, struct err *err);
int io_remove_tree(const char *path, struct err *err);
char *io_sha256(const void *bytes, size_t len, char ret_hex[65]);
char *io_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
