// SPDX-License-Identifier: Apache-2.0
/*
 * The binary is <tree>/build/.../dupack or <prefix>/bin/dupack; the first folder
 * above it that holds the scripts of the guest decides which.
 */
#include "base/home.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"

/* Cut the last part off a path; false if there is none */
static bool parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

static bool has(const char *folder, const char *name)
{
	AUTO_FREE char *path = io_printf("%s/%s", folder, name);

	return access(path, F_OK) == 0;
}

static int in_tree(struct home *h, const char *tree, const char *built, struct err *err)
{
	h->cases = io_printf("%s/cases", tree);
	h->targets = io_printf("%s/targets", tree);
	h->scripts = io_printf("%s/harness/guest", tree);
	h->built = strdup(built);
	h->results = io_printf("%s/results", tree);
	(void)err;
	return 0;
}

static int installed(struct home *h, const char *prefix, struct err *err)
{
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof(cwd)))
		return err_set(err, errno, "cannot find the current folder");
	h->cases = io_printf("%s/share/dupack/cases", prefix);
	h->targets = io_printf("%s/share/dupack/targets", prefix);
	h->scripts = io_printf("%s/share/dupack/guest", prefix);
	h->built = io_printf("%s/lib/dupack", prefix);
	h->results = io_printf("%s/results", cwd);
	return 0;
}

/**
 * home_find() - Find the parts of dupack from where its binary is
 * @ret:	Filled in; release it with home_release()
 * @err:	Set if there is nothing around the binary
 *
 * Return: 0 or -1
 */
int home_find(struct home *ret, struct err *err)
{
	char path[PATH_MAX], built[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	*ret = (struct home){ 0 };
	if (n < 0)
		return err_set(err, errno, "cannot find this program by /proc/self/exe");
	path[n] = '\0';
	ret->binary = strdup(path);
	parent(path);
	memcpy(built, path, sizeof(built));
	do {
		if (has(path, "share/dupack/targets"))
			return installed(ret, path, err);
		if (has(path, "harness/guest/kernel.sh"))
			return in_tree(ret, path, built, err);
	} while (parent(path));
	return err_set_kind(
		err, ERR_HARNESS,
		"no source tree and no share/dupack above '%s': run it in its source tree or by 'make install'",
		ret->binary);
}

/** home_release() - Free the paths; idempotent */
void home_release(struct home *home)
{
	char **parts[] = { &home->binary,  &home->cases, &home->targets,
			   &home->scripts, &home->built, &home->results };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char **part = parts[i];

		free(*part);
		*part = NULL;
	}
}
