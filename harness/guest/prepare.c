// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel and the root of a guest are made by scripts, which print the folder in
 * the cache: building is a matter of package tools and make, not of C.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/home.h"
#include "base/io.h"
#include "guest/guest.h"
#include "guest/script.h"
#include "middlebox/middlebox.h"
#include "spec/name.h"
#include "spec/target.h"

#define PACKAGES_MAX 64

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A list for argv, with room for the NULL behind it */
struct packages {
	char **list;
	size_t len;
};

static int add(struct packages *p, const char *package, struct err *err)
{
	if (p->len == PACKAGES_MAX)
		return err_set(err, 0, "more than %d packages for one guest", PACKAGES_MAX);
	p->list[p->len++] = (char *)package;
	return 0;
}

/* The packages of some targets, which may be NULL, and of a device, sorted, each once */
static int packages_of(const struct target *const targets[PAIR_TARGETS], const char *const *device,
		       char **list, struct err *err)
{
	struct packages p = { list, 0 };
	size_t kept = 0;

	for (int t = 0; t < PAIR_TARGETS; t++) {
		const struct target *target = targets[t];

		for (size_t i = 0; target && i < target->packages.len; i++)
			if (add(&p, target->packages.v[i], err))
				return -1;
	}
	for (; device && *device; device++)
		if (add(&p, *device, err))
			return -1;
	qsort(list, p.len, sizeof(*list), by_name);
	for (size_t i = 0; i < p.len; i++)
		if (i == 0 || strcmp(list[i], list[i - 1]) != 0)
			list[kept++] = list[i];
	list[kept] = NULL;
	return 0;
}

static char *name_of(const struct target *client, const struct target *headend, const char *device)
{
	bool two = client && headend && strcmp(client->name, headend->name) != 0;
	const char *first = client ? client->name : headend ? headend->name : "base";

	return io_printf("%s%s%s%s%s", first, two ? "-" : "", two ? headend->name : "",
			 device ? "-" : "", device ? device : "");
}

/* @middlebox may be NULL: not in this root */
static char *prepare_root(const struct home *home, const struct target *const targets[PAIR_TARGETS],
			  const struct choice *middlebox, int interrupt_fd, struct err *err)
{
	const char *const *device = middlebox ? middlebox_packages(middlebox) : NULL;
	AUTO_FREE char *script = io_printf("%s/image.sh", home->scripts);
	AUTO_FREE char *name = name_of(targets[PAIR_CLIENT], targets[PAIR_HEADEND],
				       device ? middlebox->name : NULL);
	char *argv[PACKAGES_MAX + 4] = { (char *)"/bin/sh", script, name };

	if (packages_of(targets, device, argv + 3, err))
		return NULL;
	return script_run(argv, interrupt_fd, err);
}

/* The root of the guest is for all that have none of their own; a carrier runs on both nodes */
static int prepare_roots(const struct home *home, const struct pair_targets *targets,
			 const struct choice *middlebox, int interrupt_fd, struct guest_parts *p,
			 struct err *err)
{
	const struct target *shared[PAIR_TARGETS] = { [PAIR_CARRIER] = targets->v[PAIR_CARRIER] };

	for (enum pair_role end = 0; end < PAIR_ENDS; end++) {
		const struct target *own[PAIR_TARGETS] = { [PAIR_CARRIER] = shared[PAIR_CARRIER] };

		if (!pair_has_own_root(targets, end)) {
			shared[end] = targets->v[end];
			continue;
		}
		own[end] = targets->v[end];
		p->own_roots[end] = prepare_root(home, own, NULL, interrupt_fd, err);
		if (!p->own_roots[end])
			return -1;
	}
	p->root = prepare_root(home, shared, middlebox, interrupt_fd, err);
	return p->root ? 0 : -1;
}

static json_t *load(const char *folder, const char *name, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/%s", folder, name);
	json_error_t why;
	json_t *json = json_load_file(path, 0, &why);

	if (!json)
		err_set(err, 0, "cannot read '%s': %s", path, why.text);
	return json;
}

/* What is in all of the roots; they are of one suite, so a package has one version */
static json_t *load_packages(const struct guest_parts *p, struct err *err)
{
	json_t *all = load(p->root, "packages.json", err);

	for (int end = 0; all && end < PAIR_ENDS; end++) {
		json_t *own = p->own_roots[end] ? load(p->own_roots[end], "packages.json", err)
						: json_object();

		if (!own || json_object_update(all, own)) {
			json_decref(all);
			all = NULL;
		}
		json_decref(own);
	}
	return all;
}

/**
 * guest_prepare() - Have the kernel and the root for a pair and a device
 * @home:	Where the scripts are
 * @targets:	The pair
 * @middlebox:	The device, which may bring packages of its own
 * @interrupt_fd: When it is readable, stop; -1: none
 * @ret:	Set on success; release it with guest_parts_release()
 * @err:	Set on failure; what the scripts say goes to standard error
 *
 * Return: 0 or -1
 */
int guest_prepare(const struct home *home, const struct pair_targets *targets,
		  const struct choice *middlebox, int interrupt_fd, struct guest_parts *ret,
		  struct err *err)
{
	AUTO_FREE char *script = io_printf("%s/kernel.sh", home->scripts);
	char *argv[] = { (char *)"/bin/sh", script, NULL };
	struct guest_parts p = { 0 };

	p.kernel = script_run(argv, interrupt_fd, err);
	if (p.kernel && !prepare_roots(home, targets, middlebox, interrupt_fd, &p, err))
		p.kernel_version = load(p.kernel, "version.json", err);
	p.packages = p.kernel_version ? load_packages(&p, err) : NULL;
	if (!p.packages) {
		guest_parts_release(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

/** guest_parts_release() - Release it; idempotent */
void guest_parts_release(struct guest_parts *p)
{
	free(p->kernel);
	free(p->root);
	for (int end = 0; end < PAIR_ENDS; end++)
		free(p->own_roots[end]);
	json_decref(p->kernel_version);
	json_decref(p->packages);
	*p = (struct guest_parts){ 0 };
}
