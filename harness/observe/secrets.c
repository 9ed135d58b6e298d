// SPDX-License-Identifier: Apache-2.0
/*
 * Wireshark takes the keys of TLS, DTLS and WireGuard out of the capture itself; which
 * they are is told by the end of a file's name.  Files of other names stay where they
 * are: for IKE and ESP the format has no block, Wireshark reads them from a folder.
 */
#include "observe/secrets.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "observe/pcapng.h"

#define FILES_MAX 16
#define FILE_MAX  (1 << 20) /* bytes: some 1,500 sessions of TLS; a larger one is no key log */

static const struct {
	const char *suffix;
	uint32_t type;
} kinds[] = {
	{ ".tls", PCAPNG_SECRETS_TLS },
	{ ".wireguard", PCAPNG_SECRETS_WIREGUARD },
};

struct secrets {
	struct pcapng_secrets v[FILES_MAX];
	char *bytes[FILES_MAX]; /* owned */
	size_t len;
};

static void cleanup_secrets(struct secrets *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->bytes[i]);
}
#define AUTO_SECRETS __attribute__((cleanup(cleanup_secrets)))

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), want = strlen(suffix);

	return len > want && strcmp(name + len - want, suffix) == 0;
}

static int add(struct secrets *s, const char *path, uint32_t type, struct err *err)
{
	struct stat st;
	size_t len;

	/* what a target left here may be anything */
	if (s->len == FILES_MAX || lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0 ||
	    st.st_size > FILE_MAX)
		return 0;
	s->bytes[s->len] = io_read_file(path, &len, err);
	if (!s->bytes[s->len])
		return -1;
	s->v[s->len] = (struct pcapng_secrets){ type, s->bytes[s->len], len };
	s->len++;
	return 0;
}

/* Call @each for the files of a folder, by name; a folder that is not there has none */
static int for_files(const char *folder, int (*each)(void *ctx, const char *path, struct err *err),
		     void *ctx, struct err *err)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, NULL, alphasort), rc = 0;

	for (int i = 0; i < n; i++) {
		AUTO_FREE char *path = io_printf("%s/%s", folder, names[i]->d_name);

		if (!rc)
			rc = each(ctx, path, err);
		free(names[i]);
	}
	free(names);
	return rc;
}

static int add_if_known(void *ctx, const char *path, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (has_suffix(path, kinds[i].suffix))
			return add(ctx, path, kinds[i].type, err);
	return 0;
}

static int embed_if_capture(void *ctx, const char *path, struct err *err)
{
	const struct secrets *s = ctx;

	return has_suffix(path, ".pcapng") ? pcapng_add_secrets(path, s->v, s->len, err) : 0;
}

/**
 * secrets_embed() - Put the key logs of an execution into its captures
 * @folder:	With *.pcapng, all of them finished
 * @keylog:	Folder with *.tls and *.wireguard; what is empty or too large is left out
 * @err:	Set on failure
 *
 * Return: 0 or -1
 */
int secrets_embed(const char *folder, const char *keylog, struct err *err)
{
	AUTO_SECRETS struct secrets s = { .len = 0 };

	if (for_files(keylog, add_if_known, &s, err))
		return -1;
	return s.len ? for_files(folder, embed_if_capture, &s, err) : 0;
}
