// SPDX-License-Identifier: Apache-2.0
#include "runtime.h"

#include "guest/guest.h"
#include "lab/lab.h"
#include "net/userns.h"

static int execute_in_guest(const struct runtime_job *job, const struct lab_job *lab,
			    struct err *err)
{
	const struct guest_job guest = {
		.lab = lab,
		.home = job->home,
		.parts = job->parts,
		.targets = job->targets,
		.wall_limit_ns = job->wall_limit_ns,
	};

	return guest_execute(&guest, err);
}

static int execute_lab(void *ctx, struct err *err)
{
	const struct lab_job *const *lab = ctx;

	return (*lab)->probe ? lab_probe(*lab, err) : lab_execute(*lab, err);
}

static int execute_here(const struct runtime_job *job, const struct lab_job *lab, struct err *err)
{
	(void)job;
	return userns_run(execute_lab, &lab, err);
}

static const struct {
	bool guest;
	int (*execute)(const struct runtime_job *job, const struct lab_job *lab, struct err *err);
} runtimes[RUNTIME_COUNT] = {
	[RUNTIME_VIRTUAL] = { true, execute_in_guest },
	[RUNTIME_GUEST] = { true, execute_in_guest },
	[RUNTIME_HOST] = { false, execute_here },
};

const char *const runtime_names[RUNTIME_COUNT] = {
	[RUNTIME_VIRTUAL] = "virtual",
	[RUNTIME_GUEST] = "guest",
	[RUNTIME_HOST] = "host",
};

/** runtime_has_guest() - Does it need the kernel and the root of a guest? */
bool runtime_has_guest(enum runtime runtime)
{
	return runtimes[runtime].guest;
}

/**
 * runtime_execute() - Let a laboratory run, an execution or a probe
 * @job:	Where
 * @lab:	What
 * @err:	Set if there is no execution.json
 *
 * It may become root of a user namespace: call it in a process of its own.
 *
 * Return: 0 or -1
 */
int runtime_execute(const struct runtime_job *job, const struct lab_job *lab, struct err *err)
{
	return runtimes[job->runtime].execute(job, lab, err);
}
