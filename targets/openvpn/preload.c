// SPDX-License-Identifier: Apache-2.0
/*
 * A preload library for programs that use OpenSSL and cannot write their keys: the
 * secrets of each session are appended to the file that SSLKEYLOGFILE names, in
 * NSS's format, which Wireshark reads.  Without the variable it does nothing.
 */
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

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
