// SPDX-License-Identifier: Apache-2.0
/*
 * The schema of target.yaml (targets/README.md says it for people), and whether
 * targets fit together into a pair.
 */
#include "spec/target.h"

#include <ctype.h>
#include <dirent.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "base/units.h"
#include "spec/capability.h"
#include "spec/peers.h"
#include "spec/schema.h"

static const char *const role_names[] = { "client", "headend", "carrier" };

static bool read_role(struct document *doc, yaml_node_t *node, void *out)
{
	static const struct schema_key key = {
		.kind = SCHEMA_WORD,
		.words = role_names,
		.words_len = ARRAY_SIZE(role_names),
	};
	int word;

	if (!schema_value(doc, node, &key, &word))
		return false;
	*(char **)out = io_printf("%s", role_names[word]);
	return true;
}

/* A step of a retransmission schedule: kept as text, but it must be a duration */
static bool read_timer(struct document *doc, yaml_node_t *node, void *out)
{
	uint64_t ns;

	if (!schema_value(doc, node, &(struct schema_key){ .kind = SCHEMA_DURATION }, &ns))
		return false;
	*(char **)out = io_printf("%s", document_text(node));
	return true;
}

static bool read_date(struct document *doc, yaml_node_t *node, void *out)
{
	const char *text = document_text(node);
	struct tm tm = { 0 };
	char again[16] = "";

	/* strptime() takes 2024-2-31 too: only what strftime() writes back is a date */
	if (text && strptime(text, "%Y-%m-%d", &tm)) {
		time_t t = timegm(&tm);

		strftime(again, sizeof(again), "%Y-%m-%d", gmtime_r(&t, &tm));
	}
	if (!text || strcmp(text, again) != 0)
		return document_error(doc, node, "'%.60s' is not a date: write YYYY-MM-DD",
				      text ? text : "");
	*(char **)out = io_printf("%s", text);
	return true;
}

static bool read_option(struct document *doc, yaml_node_t *node, void *out)
{
	const char *text = document_text(node);
	const char *equals = text ? strchr(text, '=') : NULL;

	if (!equals || equals == text || !equals[1])
		return document_error(doc, node, "'%.60s' is not an option: write KEY=VALUE",
				      text ? text : "");
	*(char **)out = io_printf("%s", text);
	return true;
}

static const struct schema_key role_item = { .kind = SCHEMA_OWN, .read = read_role };
static const struct schema_key name_item = { .kind = SCHEMA_NAME };
static const struct schema_key capability_item = { .kind = SCHEMA_OWN, .read = capability_read };
static const struct schema_key timer_item = { .kind = SCHEMA_OWN, .read = read_timer };

/*
 * A key whose value is a list of texts in a struct strings
 * NOLINTBEGIN(bugprone-macro-parentheses): a designator and a member take none
 */
#define STRINGS(key, type, member, each)                                                           \
	.name = key, .kind = SCHEMA_LIST, .offset = offsetof(type, member.v),                      \
	.len_offset = offsetof(type, member.len), .item = &(each), .item_size = sizeof(char *)
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct schema_key requires_keys[] = {
	{ STRINGS("binaries", struct target, needs_bin, name_item) },
	{ STRINGS("kernel", struct target, needs_kernel, name_item) },
	{ 0 },
};

static const struct schema_key deviation_keys[] = {
	{ .name = "case",
	  .kind = SCHEMA_NAME,
	  .required = true,
	  .offset = offsetof(struct deviation, case_id) },
	{ .name = "middlebox",
	  .kind = SCHEMA_NAME,
	  .offset = offsetof(struct deviation, middlebox) },
	{ .name = "finding", .kind = SCHEMA_NAME, .offset = offsetof(struct deviation, finding) },
	{ .name = "unless",
	  .kind = SCHEMA_OWN,
	  .offset = offsetof(struct deviation, unless),
	  .read = read_option },
	{ .name = "reason",
	  .kind = SCHEMA_TEXT,
	  .required = true,
	  .offset = offsetof(struct deviation, reason) },
	{ .name = "issue", .kind = SCHEMA_TEXT, .offset = offsetof(struct deviation, issue) },
	{ .name = "expires",
	  .kind = SCHEMA_OWN,
	  .required = true,
	  .offset = offsetof(struct deviation, expires),
	  .read = read_date },
	{ 0 },
};

static const struct schema_key deviation_item = { .kind = SCHEMA_MAPPING, .keys = deviation_keys };

static const struct schema_key target_keys[] = {
	{ .name = "name",
	  .kind = SCHEMA_NAME,
	  .required = true,
	  .offset = offsetof(struct target, name) },
	{ .name = "vendor", .kind = SCHEMA_TEXT, .offset = offsetof(struct target, vendor) },
	{ STRINGS("roles", struct target, roles, role_item), .required = true },
	{ STRINGS("carriages", struct target, carriages, name_item) },
	{ STRINGS("own-carriages", struct target, own_carriages, name_item) },
	{ STRINGS("speaks", struct target, speaks, name_item) },
	{ STRINGS("answers", struct target, answers, name_item) },
	{ .name = "matrix",
	  .kind = SCHEMA_YESNO,
	  .fallback = "yes",
	  .offset = offsetof(struct target, matrix) },
	{ STRINGS("packages", struct target, packages, name_item) },
	{ .name = "own-root", .kind = SCHEMA_YESNO, .offset = offsetof(struct target, own_root) },
	{ .name = "requires", .kind = SCHEMA_MAPPING, .keys = requires_keys },
	{ STRINGS("caps", struct target, caps, capability_item) },
	{ .name = "wire", .kind = SCHEMA_TEXT, .offset = offsetof(struct target, wire) },
	{ STRINGS("timers", struct target, timers, timer_item) },
	{ .name = "deviations",
	  .kind = SCHEMA_LIST,
	  .offset = offsetof(struct target, deviations),
	  .len_offset = offsetof(struct target, deviations_len),
	  .item = &deviation_item,
	  .item_size = sizeof(struct deviation) },
	{ 0 },
};

/** strings_have() - Is a word in a list? */
bool strings_have(const struct strings *list, const char *word)
{
	for (size_t i = 0; i < list->len; i++)
		if (strcmp(list->v[i], word) == 0)
			return true;
	return false;
}

static bool is_end(const struct target *t)
{
	return strings_have(&t->roles, "client") || strings_have(&t->roles, "headend");
}

/* A protocol that is misspelt would be a protocol that nobody else speaks */
static void check_protocols(struct document *doc, const struct target *t, const char *key,
			    const struct strings *list)
{
	yaml_node_t *node = document_find(doc, document_root(doc), key);

	for (size_t i = 0; i < list->len; i++) {
		struct err err;

		if (!protocol_ok(list->v[i], t, &err))
			document_error(doc, document_item(doc, node, i), "%s", err.text);
	}
	if (list->len && !is_end(t))
		document_error(doc, node, "only a client or a head-end has a protocol: remove it");
}

/* What must fit between the file and its folder */
static void check_target(struct document *doc, const struct target *t)
{
	yaml_node_t *root = document_root(doc);
	AUTO_FREE char *real = realpath(t->dir, NULL);
	AUTO_FREE char *program = io_printf("%s/target", t->dir);
	const char *folder = real ? basename(real) : t->dir;
	struct stat st;

	if (strcmp(folder, t->name) != 0)
		document_error(doc, document_find(doc, root, "name"),
			       "'%.60s' is not the name of the folder: write '%.60s'", t->name,
			       folder);
	if (is_end(t) && !t->carriages.len)
		document_error(doc, document_find(doc, root, "roles"),
			       "a client or head-end carries something: write 'carriages'");
	for (size_t i = 0; i < t->own_carriages.len; i++)
		if (!strings_have(&t->carriages, t->own_carriages.v[i]))
			document_error(doc, document_find(doc, root, "own-carriages"),
				       "'%.60s' is not among the carriages: write it there too",
				       t->own_carriages.v[i]);
	check_protocols(doc, t, "speaks", &t->speaks);
	check_protocols(doc, t, "answers", &t->answers);
	if (stat(program, &st) || !S_ISREG(st.st_mode))
		document_error(doc, root,
			       "the program '%s' is missing: write it (see "
			       "targets/README.md)",
			       program);
	else if (!(st.st_mode & 0111))
		document_error(doc, root, "'%s' is not executable: chmod +x it", program);
}

/* Who says nothing speaks with nobody but itself */
static void fill_in(struct target *t)
{
	if (t->speaks.len || !is_end(t))
		return;
	free(t->speaks.v);
	t->speaks = (struct strings){ .v = calloc(1, sizeof(char *)), .len = 1 };
	if (!t->speaks.v)
		abort();
	t->speaks.v[0] = io_printf("%s", t->name);
}

static struct target *target_new(const char *dir)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->dir = io_printf("%s", dir);
	return t;
}

/**
 * spec_target_load() - Read and validate DIR/target.yaml
 * @dir:	The folder of the target
 * @err:	Set on failure: ERR_USAGE, lines of file:line:column
 *
 * Return: the target, to be freed by spec_target_free(), or NULL
 */
struct target *spec_target_load(const char *dir, struct err *err)
{
	AUTO_FREE char *path = io_printf("%s/target.yaml", dir);
	AUTO_DOCUMENT struct document doc = { 0 };
	AUTO_TARGET struct target *t = target_new(dir);

	if (document_open(&doc, path, err))
		return NULL;
	if (schema_read(&doc, document_root(&doc), target_keys, t))
		check_target(&doc, t);
	if (document_verdict(&doc, err))
		return NULL;
	fill_in(t);
	return steal_ptr(&t);
}

static void strings_release(struct strings *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->v[i]);
	free(s->v);
}

static void deviation_release(struct deviation *d)
{
	free(d->case_id);
	free(d->middlebox);
	free(d->finding);
	free(d->unless);
	free(d->reason);
	free(d->issue);
	free(d->expires);
}

/** spec_target_free() - Free a target; NULL is fine */
void spec_target_free(struct target *t)
{
	if (!t)
		return;
	strings_release(&t->roles);
	strings_release(&t->carriages);
	strings_release(&t->own_carriages);
	strings_release(&t->speaks);
	strings_release(&t->answers);
	strings_release(&t->packages);
	strings_release(&t->needs_bin);
	strings_release(&t->needs_kernel);
	strings_release(&t->caps);
	strings_release(&t->timers);
	for (size_t i = 0; i < t->deviations_len; i++)
		deviation_release(&t->deviations[i]);
	free(t->deviations);
	free(t->name);
	free(t->vendor);
	free(t->dir);
	free(t->wire);
	free(t);
}

static int is_target(const struct dirent *e)
{
	return e->d_name[0] != '.' && e->d_type != DT_REG;
}

static int unknown_target(const char *name, const char *targets_dir, struct err *err)
{
	struct dirent **found = NULL;
	int n = scandir(targets_dir, &found, is_target, alphasort);
	const char **names = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof(*names));
	AUTO_FREE char *list = NULL;

	if (!names)
		abort();
	for (int i = 0; i < n; i++)
		names[i] = found[i]->d_name;
	list = name_list(names, (size_t)(n > 0 ? n : 0));
	err_set_kind(err, ERR_USAGE, "no target '%.60s' in '%s': there are: %s", name, targets_dir,
		     *list ? list : "none");
	for (int i = 0; i < n; i++)
		free(found[i]);
	free(found);
	free(names);
	return -1;
}

static int no_role(const struct target *t, const char *role, struct err *err)
{
	AUTO_FREE char *list = name_list((const char *const *)t->roles.v, t->roles.len);

	return err_set_kind(err, ERR_USAGE, "'%.60s' is not a %s: its roles are: %s", t->name, role,
			    list);
}

static struct target *load_named(const char *name, const char *targets_dir, struct err *err)
{
	AUTO_FREE char *dir = io_printf("%s/%s", targets_dir, name);
	AUTO_FREE char *file = io_printf("%s/target.yaml", dir);

	if (access(file, F_OK) == 0)
		return spec_target_load(dir, err);
	unknown_target(name, targets_dir, err);
	return NULL;
}

/* Can it play @role over @carriage? */
static int check_side(const struct target *t, const char *role, const char *carriage,
		      struct err *err)
{
	AUTO_FREE char *list = NULL;

	if (!strings_have(&t->roles, role))
		return no_role(t, role, err);
	if (strings_have(&t->carriages, carriage))
		return 0;
	list = name_list((const char *const *)t->carriages.v, t->carriages.len);
	return err_set_kind(err, ERR_USAGE,
			    "'%.60s' has no carriage '%.60s': its carriages are: %s", t->name,
			    carriage, list);
}

/**
 * pair_has_own_root() - Does one end need another root than the rest of its pair?
 * @t:		The pair
 * @role:	PAIR_CLIENT or PAIR_HEADEND
 *
 * The same target at both ends conflicts with nobody.
 */
bool pair_has_own_root(const struct pair_targets *t, enum pair_role role)
{
	const struct target *end = t->v[role];
	const struct target *other = t->v[role == PAIR_CLIENT ? PAIR_HEADEND : PAIR_CLIENT];

	return end->own_root && strcmp(end->name, other->name) != 0;
}

/** pair_targets_release() - Free them; idempotent */
void pair_targets_release(struct pair_targets *t)
{
	for (size_t i = 0; i < PAIR_TARGETS; i++) {
		spec_target_free(t->v[i]);
		t->v[i] = NULL;
	}
}

/**
 * spec_pair_members() - Load the targets that a pair names, whatever they can
 * @p:		The pair
 * @targets_dir: The folder of targets
 * @ret:	Set on success; release it with pair_targets_release()
 * @err:	Set on failure: ERR_USAGE, without the place of the pair
 *
 * A target that has the name of the carriage is its carrier.
 *
 * Return: 0 or -1
 */
int spec_pair_members(const struct pair *p, const char *targets_dir, struct pair_targets *ret,
		      struct err *err)
{
	AUTO_FREE char *dir = io_printf("%s/%s", targets_dir, p->carriage.name);
	AUTO_FREE char *file = io_printf("%s/target.yaml", dir);
	AUTO_PAIR_TARGETS struct pair_targets t = { 0 };

	t.v[PAIR_CLIENT] = load_named(p->client, targets_dir, err);
	t.v[PAIR_HEADEND] = t.v[PAIR_CLIENT] ? load_named(p->headend, targets_dir, err) : NULL;
	if (!t.v[PAIR_HEADEND])
		return -1;
	if (access(file, F_OK) == 0) { /* else the implementations carry it themselves */
		t.v[PAIR_CARRIER] = spec_target_load(dir, err);
		if (!t.v[PAIR_CARRIER])
			return -1;
	}
	*ret = t;
	t = (struct pair_targets){ 0 };
	return 0;
}

/**
 * spec_pair_targets() - Load the targets of a pair that can be formed
 *
 * As spec_pair_members(); client and head-end must have the role, and list the carriage,
 * and a carrier must be one.
 *
 * Return: 0 or -1
 */
int spec_pair_targets(const struct pair *p, const char *targets_dir, struct pair_targets *ret,
		      struct err *err)
{
	AUTO_PAIR_TARGETS struct pair_targets t = { 0 };
	const char *carriage = p->carriage.name;

	if (spec_pair_members(p, targets_dir, &t, err) ||
	    check_side(t.v[PAIR_CLIENT], "client", carriage, err) ||
	    check_side(t.v[PAIR_HEADEND], "headend", carriage, err) ||
	    peers_check(t.v[PAIR_CLIENT], t.v[PAIR_HEADEND], err))
		return -1;
	if (t.v[PAIR_CARRIER] && !strings_have(&t.v[PAIR_CARRIER]->roles, "carrier"))
		return no_role(t.v[PAIR_CARRIER], "carrier", err);
	*ret = t;
	t = (struct pair_targets){ 0 };
	return 0;
}

/**
 * spec_pair_check() - Can this pair be formed of the targets in a folder?
 *
 * As spec_pair_targets(), without keeping them.
 *
 * Return: 0 or -1
 */
int spec_pair_check(const struct pair *p, const char *targets_dir, struct err *err)
{
	AUTO_PAIR_TARGETS struct pair_targets t = { 0 };

	return spec_pair_targets(p, targets_dir, &t, err);
}
