// SPDX-License-Identifier: Apache-2.0
/*
 * Written into a folder: psk (text), ca.pem, and for each end headend.pem,
 * headend.key, client.pem, client.key.  The randomness is OpenSSL's, that is the
 * kernel's: in virtual time it follows from the seed.  The keys guard a laboratory
 * of one case and are thrown away.
 */
#include "process/credentials.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

#define VALID_SECONDS (30L * 24 * 3600)

static void cleanup_x509(X509 **x)
{
	X509_free(*x);
}

static void cleanup_key(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}
#define AUTO_X509 __attribute__((cleanup(cleanup_x509)))
#define AUTO_KEY  __attribute__((cleanup(cleanup_key)))

static int extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return ok ? 0 : -1;
}

/* An unsigned certificate with its names, dates and key; NULL on failure */
static X509 *certificate(const char *name, long serial, X509 *issuer, EVP_PKEY *key)
{
	AUTO_X509 X509 *cert = X509_new();
	X509_NAME *subject;

	if (!cert || !X509_set_version(cert, 2) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), VALID_SECONDS) ||
	    !X509_set_pubkey(cert, key))
		return NULL;
	subject = X509_get_subject_name(cert);
	if (!X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
					-1, -1, 0) ||
	    !X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject))
		return NULL;
	return steal_ptr(&cert);
}

static int write_certificate(const char *dir, const char *file, X509 *cert, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s", dir, file);
	AUTO_FCLOSE FILE *f = fopen(path, "we");

	if (!f || !PEM_write_X509(f, cert) || fflush(f))
		return err_set(err, 0, "cannot write '%s'", path);
	return 0;
}

static int write_key(const char *dir, const char *file, EVP_PKEY *key, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s", dir, file);
	AUTO_FCLOSE FILE *f = fopen(path, "we");

	if (!f || fchmod(fileno(f), 0600) ||
	    !PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) || fflush(f))
		return err_set(err, 0, "cannot write '%s'", path);
	return 0;
}

static int write_psk(const char *dir, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/psk", dir);
	unsigned char bytes[24];
	char text[2 * sizeof(bytes) + 1];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return err_set(err, 0, "cannot draw a pre-shared key");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return io_write_file(path, text, strlen(text), err);
}

static int create_end(const char *dir, const char *name, long serial, const char *usage,
		      const char *alt_name, X509 *ca, EVP_PKEY *ca_key, struct err *err)
{
	AUTO_KEY EVP_PKEY *key = EVP_EC_gen("P-256");
	AUTO_FREE char *cert_file = io_printf("%s.pem", name);
	AUTO_FREE char *key_file = io_printf("%s.key", name);
	AUTO_X509 X509 *cert = key ? certificate(name, serial, ca, key) : NULL;

	if (!cert || extend(cert, ca, NID_basic_constraints, "critical,CA:FALSE") ||
	    extend(cert, ca, NID_ext_key_usage, usage) ||
	    extend(cert, ca, NID_subject_alt_name, alt_name) ||
	    extend(cert, ca, NID_authority_key_identifier, "keyid") ||
	    !X509_sign(cert, ca_key, EVP_sha256()))
		return err_set(err, 0, "cannot make the certificate of the %s", name);
	if (write_certificate(dir, cert_file, cert, err) || write_key(dir, key_file, key, err))
		return -1;
	return 0;
}

/**
 * credentials_create() - Make the secrets of one execution
 * @dir:	Existing folder for psk, ca.pem, and a certificate with key for each end
 * @headend_address: Outer address of the head-end, for its certificate
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int credentials_create(const char *dir, const char *headend_address, struct err *err)
{
	AUTO_KEY EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	AUTO_FREE char *san = io_printf("IP:%s,DNS:headend", headend_address);
	AUTO_X509 X509 *ca = NULL;

	if (!ca_key)
		return err_set(err, 0, "cannot make keys");
	ca = certificate("dupack laboratory CA", 1, NULL, ca_key);
	if (!ca || extend(ca, ca, NID_basic_constraints, "critical,CA:TRUE") ||
	    extend(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") ||
	    extend(ca, ca, NID_subject_key_identifier, "hash") ||
	    !X509_sign(ca, ca_key, EVP_sha256()))
		return err_set(err, 0, "cannot make the certificate authority");
	if (write_certificate(dir, "ca.pem", ca, err) ||
	    create_end(dir, "headend", 2, "serverAuth", san, ca, ca_key, err) ||
	    create_end(dir, "client", 3, "clientAuth", "DNS:client", ca, ca_key, err))
		return -1;
	return write_psk(dir, err);
}
