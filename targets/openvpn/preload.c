// SPDX-License-Identifier: Apache-2.0
/*
 * A preload library for programs that use OpenSSL and cannot write their keys: the
 * secrets of each session are appended to the file that SSLKEYLOGFILE names, in
 * NSS's format, which Wireshark reads.  Without the variable it writes nothing.
 *
 * OpenVPN asks for the time thirty times a packet, and in a guest each is a system call.
 * Where time stands still while anything runs (DUPACK_TIME=virtual) only a wait makes it
 * later, so it is asked for once after each; that halves the wall time of a transfer.
 */
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef SSL_CTX *new_fn(const SSL_METHOD *method);
typedef SSL_CTX *new_ex_fn(OSSL_LIB_CTX *lib, const char *properties, const SSL_METHOD *method);
typedef void set_callback_fn(SSL_CTX *ctx, SSL_CTX_keylog_cb_func callback);

/* Opened for each line: in append mode a line is whole, whoever else writes */
static void append(const SSL *ssl, const char *line)
{
	const char *path = getenv("SSLKEYLOGFILE");
	FILE *file = path ? fopen(path, "ae") : NULL;

	(void)ssl;
	if (!file)
		return;
	fprintf(file, "%s\n", line);
	fclose(file);
}

/* The library is asked for by the program, not by us: it is the one that the program has */
static SSL_CTX *watched(SSL_CTX *ctx)
{
	set_callback_fn *set = (set_callback_fn *)dlsym(RTLD_NEXT, "SSL_CTX_set_keylog_callback");

	if (ctx && set && getenv("SSLKEYLOGFILE"))
		set(ctx, append);
	return ctx;
}

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
	new_fn *next = (new_fn *)dlsym(RTLD_NEXT, "SSL_CTX_new");

	return next ? watched(next(method)) : NULL;
}

SSL_CTX *SSL_CTX_new_ex(OSSL_LIB_CTX *lib, const char *properties, const SSL_METHOD *method)
{
	new_ex_fn *next = (new_ex_fn *)dlsym(RTLD_NEXT, "SSL_CTX_new_ex");

	return next ? watched(next(lib, properties, method)) : NULL;
}

/* --- the time -------------------------------------------------------------------------- */

typedef int gettimeofday_fn(struct timeval *restrict now, void *restrict zone);
typedef int poll_fn(struct pollfd *fds, nfds_t len, int timeout);
typedef int select_fn(int len, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout);
typedef unsigned int sleep_fn(unsigned int seconds);

static struct timeval last;
static bool waited = true; /* since it was asked for */

static bool stands_still(void)
{
	static enum { UNKNOWN, STILL, REAL } time_is;

	if (time_is == UNKNOWN) {
		const char *text = getenv("DUPACK_TIME");

		time_is = text && strcmp(text, "virtual") == 0 ? STILL : REAL;
	}
	return time_is == STILL;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	static gettimeofday_fn *next;

	if (!next)
		next = (gettimeofday_fn *)dlsym(RTLD_NEXT, "gettimeofday");
	if (!stands_still())
		return next(now, zone);
	if (waited && next(&last, NULL))
		return -1;
	waited = false;
	*now = last;
	return 0;
}

time_t time(time_t *seconds)
{
	struct timeval now = last;

	gettimeofday(&now, NULL);
	if (seconds)
		*seconds = now.tv_sec;
	return now.tv_sec;
}

int poll(struct pollfd *fds, nfds_t len, int timeout)
{
	static poll_fn *next;

	if (!next)
		next = (poll_fn *)dlsym(RTLD_NEXT, "poll");
	waited = true;
	return next(fds, len, timeout);
}

int select(int len, fd_set *in, fd_set *out, fd_set *other, struct timeval *timeout)
{
	static select_fn *next;

	if (!next)
		next = (select_fn *)dlsym(RTLD_NEXT, "select");
	waited = true;
	return next(len, in, out, other, timeout);
}

unsigned int sleep(unsigned int seconds)
{
	static sleep_fn *next;

	if (!next)
		next = (sleep_fn *)dlsym(RTLD_NEXT, "sleep");
	waited = true;
	return next(seconds);
}
