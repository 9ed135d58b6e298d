// SPDX-License-Identifier: Apache-2.0
/*
 * The probe of targets in the sandbox of an execution: the same path, nodes, secrets and
 * environment, and no traffic.  Each target is alone: its peer does not run.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "lab/lab.h"
#include "lab/pair.h"
#include "process/conform.h"
#include "spec/name.h"

/* {target, role, error}: error {kind, text}, or null if it conforms */
static json_t *probe_member(const struct pair_run *p, const struct lab *lab, enum member m)
{
	struct err why = { 0 };
	json_t *error = NULL;

	if (pair_check_requires(p, lab, m, &why) || conform_check(&p->ends[m], &why))
		error = json_pack("{s:s, s:s}", "kind", err_kind_name(why.kind), "text", why.text);
	return json_pack("{s:s, s:s, s:i, s:o?}", "target", p->ends[m].target->name, "role",
			 p->ends[m].role, "member", (int)m, "error", error);
}

static int probe_members(const struct lab *lab, struct pair_run *p, json_t *list, struct err *err)
{
	if (spec_pair_members(lab->job->pair, lab->job->targets_dir, &p->targets, err) ||
	    pair_prepare(p, lab, err))
		return -1;
	for (int m = 0; m < MEMBER_COUNT; m++)
		if (p->ends[m].target && lab->job->probe & 1U << m)
			json_array_append_new(list, probe_member(p, lab, m));
	return 0;
}

static int write_result(const struct lab_job *job, const json_t *list, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/execution.json", job->folder);
	AUTO_FREE char *text = json_dumps(list, JSON_INDENT(2));

	if (!text)
		return err_set(err, ENOMEM, "cannot write the result");
	return io_write_file(path, text, strlen(text), err);
}

/**
 * lab_probe() - Probe targets of a pair
 * @job:	With @job->probe; it has no case
 * @err:	Set if the probe itself failed
 *
 * Return: 0 if the folder holds execution.json, an array of {target, role, member, error}; or -1
 */
int lab_probe(const struct lab_job *job, struct err *err)
{
	const struct spec_case nothing = { .id = (char *)"probe", .series = (char *)"probe" };
	struct lab_job ours = *job;
	struct lab lab = { 0 };
	struct pair_run pair;
	json_t *list = json_array();
	int rc;

	ours.c = &nothing;
	pair_init(&pair);
	rc = lab_build(&lab, &ours, err) || probe_members(&lab, &pair, list, err) ? -1 : 0;
	pair_close(&pair);
	lab_close(&lab);
	if (!rc)
		rc = write_result(job, list, err);
	json_decref(list);
	return rc;
}
