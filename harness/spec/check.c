// SPDX-License-Identifier: Apache-2.0
#include "spec/check.h"

#include <libgen.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "spec/case.h"
#include "spec/target.h"

static int check_target(const char *path, struct err *err)
{
	AUTO_FREE char *copy = io_printf("%s", path);
	AUTO_TARGET struct target *t = spec_target_load(dirname(copy), err);

	return t ? 0 : -1;
}

static int check_case(const char *path, const struct spec_checks *checks, struct err *err)
{
	AUTO_CASE struct spec_case *c = spec_case_load(path, err);

	if (!c)
		return -1;
	if (checks->metric && spec_case_check_metrics(c, checks->metric, err))
		return -1;
	if (checks->middlebox && spec_case_check_middleboxes(c, checks->middlebox, err))
		return -1;
	if (checks->targets_dir && spec_case_check_targets(c, checks->targets_dir, err))
		return -1;
	return 0;
}

/**
 * spec_check_file() - Validate a case, or a target if the file is target.yaml
 * @path:	The file
 * @checks:	The names that other folders know
 * @err:	Set on failure: ERR_USAGE, lines of file:line:column
 *
 * Return: 0 or -1
 */
int spec_check_file(const char *path, const struct spec_checks *checks, struct err *err)
{
	const char *slash = strrchr(path, '/');

	if (strcmp(slash ? slash + 1 : path, "target.yaml") == 0)
		return check_target(path, err);
	return check_case(path, checks, err);
}
