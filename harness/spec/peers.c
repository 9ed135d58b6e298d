// SPDX-License-Identifier: Apache-2.0
/* Linear searches throughout: there are some dozens of targets. */
#include "spec/peers.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/io.h"
#include "spec/name.h"
#include "spec/target.h"

/* --- protocols ---------------------------------------------------------------- */

static const char *const protocols[] = { "ikev2", "ikev1-xauth", "anyconnect", "openvpn",
					 "wireguard" };

/**
 * protocol_ok() - Can a target say that it speaks this?
 * @protocol:	One that is known here, or the name of a target beside @t: what that one speaks
 * @t:		The target, with name and folder
 * @err:	Set if not
 *
 * Return: true if so
 */
bool protocol_ok(const char *protocol, const struct target *t, struct err *err)
{
	AUTO_FREE char *beside = io_printf("%s/../%s/target.yaml", t->dir, protocol);
	AUTO_FREE char *known = name_list(protocols, ARRAY_SIZE(protocols));
	const char *near = name_near(protocol, protocols, ARRAY_SIZE(protocols));

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strcmp(protocols[i], protocol) == 0)
			return true;
	if (strcmp(protocol, t->name) == 0 || (!strchr(protocol, '/') && access(beside, F_OK) == 0))
		return true;
	if (near)
		err_set_kind(err, ERR_USAGE, "unknown protocol '%.60s': did you mean '%s'?",
			     protocol, near);
	else
		err_set_kind(err, ERR_USAGE,
			     "unknown protocol '%.60s': write one of %s, or the name of a target "
			     "that speaks it",
			     protocol, known);
	return false;
}

/**
 * peers_speak() - Can two targets speak this protocol with each other?
 * @client:	One end
 * @headend:	The other
 * @protocol:	Which
 *
 * Return: true if so
 */
bool peers_speak(const struct target *client, const struct target *headend, const char *protocol)
{
	return strings_have(&client->speaks, protocol) &&
	       (strings_have(&headend->speaks, protocol) ||
		strings_have(&headend->answers, protocol));
}

static bool understand(const struct target *client, const struct target *headend)
{
	for (size_t i = 0; i < client->speaks.len; i++)
		if (peers_speak(client, headend, client->speaks.v[i]))
			return true;
	return false;
}

/**
 * peers_check() - Have two targets a protocol in common?
 * @client:	One end
 * @headend:	The other
 * @err:	Set to what each speaks if not
 *
 * Return: 0 or -1
 */
int peers_check(const struct target *client, const struct target *headend, struct err *err)
{
	AUTO_FREE char *ones = NULL;
	AUTO_FREE char *others = NULL;

	if (understand(client, headend))
		return 0;
	ones = name_list((const char *const *)client->speaks.v, client->speaks.len);
	others = name_list((const char *const *)headend->speaks.v, headend->speaks.len);
	return err_set_kind(err, ERR_USAGE, "'%.60s' speaks %s, and '%.60s' speaks %s: no pair",
			    client->name, ones, headend->name, others);
}

/* --- profiles ----------------------------------------------------------------- */

const char *const profile_names[PROFILES] = {
	"any", "ctcp", "iketcp", "ike", "esp", "cstp", "dtls", "wg", "ovu", "ovt",
};

/* In the order of the names; no protocol, or no carriage: all of them */
static const struct {
	const char *protocols[3], *carriages[3];
} profiles[PROFILES] = {
	{ { NULL }, { NULL } }, /* any */
	{ { NULL }, { "ctcp" } },
	{ { NULL }, { "iketcp" } },
	{ { "ikev2" }, { "esp", "udp" } }, /* ike: the exchanges of version 2 as datagrams */
	{ { "ikev2", "ikev1-xauth" }, { "esp", "udp" } }, /* esp: bare, or in UDP */
	{ { "anyconnect" }, { "cstp" } },
	{ { "anyconnect" }, { "dtls" } },
	{ { "wireguard" }, { NULL } },
	{ { "openvpn" }, { "udp" } },
	{ { "openvpn" }, { "tcp" } },
};

static bool has_protocol(size_t profile, const struct target *client, const struct target *headend)
{
	const char *const *wanted = profiles[profile].protocols;

	for (size_t i = 0; wanted[i]; i++)
		if (peers_speak(client, headend, wanted[i]))
			return true;
	return !wanted[0];
}

static bool has_carriage(size_t profile, const char *carriage)
{
	const char *const *wanted = profiles[profile].carriages;

	for (size_t i = 0; wanted[i]; i++)
		if (strcmp(wanted[i], carriage) == 0)
			return true;
	return !wanted[0];
}

/**
 * peers_profiles() - Which profiles a pair is of
 * @targets:	Its ends
 * @carriage:	The name of its carriage
 *
 * Return: a bit for each profile, in the order of profile_names
 */
uint32_t peers_profiles(const struct pair_targets *targets, const char *carriage)
{
	uint32_t set = 0;

	for (size_t i = 0; i < PROFILES; i++)
		if (has_protocol(i, targets->v[PAIR_CLIENT], targets->v[PAIR_HEADEND]) &&
		    has_carriage(i, carriage))
			set |= UINT32_C(1) << i;
	return set;
}

/* --- a folder of targets ------------------------------------------------------- */

/**
 * target_list_load() - Every folder with a target.yaml, by name
 * @targets_dir: The folder of targets
 * @ret:	Release it with target_list_release(), also after a failure
 * @err:	Set on failure: an invalid target.yaml, or no folder
 *
 * Return: 0 or -1
 */
int target_list_load(const char *targets_dir, struct target_list *ret, struct err *err)
{
	struct dirent **found = NULL;
	int n = scandir(targets_dir, &found, NULL, alphasort), rc = 0;

	*ret = (struct target_list){ 0 };
	if (n < 0)
		return err_set(err, 0, "cannot read the folder of targets '%s'", targets_dir);
	ret->v = calloc((size_t)n + 1, sizeof(struct target *));
	if (!ret->v)
		abort();
	for (int i = 0; i < n; i++) {
		AUTO_FREE char *dir = io_printf("%s/%s", targets_dir, found[i]->d_name);
		AUTO_FREE char *file = io_printf("%s/target.yaml", dir);

		free(found[i]);
		if (rc || access(file, F_OK))
			continue;
		ret->v[ret->len] = spec_target_load(dir, err);
		if (ret->v[ret->len])
			ret->len++;
		else
			rc = -1;
	}
	free(found);
	return rc;
}

/** target_list_release() - Free the targets; a zeroed list is fine */
void target_list_release(struct target_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		spec_target_free(list->v[i]);
	free(list->v);
	*list = (struct target_list){ 0 };
}

static bool can_carry(const struct target_list *targets, const char *carriage, bool all)
{
	for (size_t i = 0; i < targets->len; i++)
		if (strcmp(targets->v[i]->name, carriage) == 0)
			return strings_have(&targets->v[i]->roles, "carrier") &&
			       (all || targets->v[i]->matrix);
	return true; /* the implementations do it themselves */
}

static void add_pair(struct pair_list *list, const struct target *client,
		     const struct target *headend, const char *carriage)
{
	bool same = strcmp(client->name, headend->name) == 0;
	AUTO_FREE char *text = io_printf("%s%s%s@%s", client->name, same ? "" : ":",
					 same ? "" : headend->name, carriage);
	struct err ignored;
	struct pair pair;

	if (pair_parse(text, &pair, &ignored)) /* a name that cannot be written in a pair */
		return;
	list->v = reallocarray(list->v, list->len + 1, sizeof(*list->v));
	if (!list->v)
		abort();
	list->v[list->len++] = pair;
}

static void add_pairs(struct pair_list *list, const struct target_list *targets,
		      const struct target *client, const struct target *headend, bool all)
{
	if (!strings_have(&client->roles, "client") || !strings_have(&headend->roles, "headend") ||
	    !understand(client, headend))
		return;
	for (size_t i = 0; i < client->carriages.len; i++) {
		const char *carriage = client->carriages.v[i];

		if (strings_have(&headend->carriages, carriage) &&
		    can_carry(targets, carriage, all))
			add_pair(list, client, headend, carriage);
	}
}

/**
 * pair_list_form() - The pairs that targets form: client by client, then head-ends
 * @targets:	The targets
 * @all:	Those too that are in a matrix only if they are named
 * @ret:	Filled in; release it with pair_list_release()
 */
void pair_list_form(const struct target_list *targets, bool all, struct pair_list *ret)
{
	*ret = (struct pair_list){ 0 };
	for (size_t c = 0; c < targets->len; c++)
		for (size_t h = 0; h < targets->len; h++)
			if (all || (targets->v[c]->matrix && targets->v[h]->matrix))
				add_pairs(ret, targets, targets->v[c], targets->v[h], all);
}

/** pair_list_release() - Free the pairs; a zeroed list is fine */
void pair_list_release(struct pair_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		pair_release(&list->v[i]);
	free(list->v);
	*list = (struct pair_list){ 0 };
}
