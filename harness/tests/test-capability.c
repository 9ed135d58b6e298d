// SPDX-License-Identifier: Apache-2.0
/* spec/capability: what a case needs against what the targets of a pair declare. */
#include "spec/capability.h"
#include "spec/case.h"
#include "spec/target.h"
#include "tests/spec-files.h"

#define FILE_NAME "cases/k/case.yaml"

struct declared {
	const char *client, *headend, *carrier; /* caps: "[dpd]"; NULL: there is no carrier */
};

static struct target *make(const char *name, const char *role, const char *caps)
{
	AUTO_FREE char *dir = io_printf("targets/%s", name);
	AUTO_FREE char *file = io_printf("%s/target.yaml", dir);
	AUTO_FREE char *program = io_printf("%s/target", dir);
	AUTO_FREE char *text =
		io_printf("name: %s\nroles: [%s]\ncarriages: [esp]\ncaps: %s\n", name, role, caps);
	struct target *t;
	struct err err = { 0 };

	files_text(file, text);
	files_text(program, "#!/bin/sh\n");
	if (chmod(program, 0755))
		abort();
	t = spec_target_load(dir, &err);
	if (!t)
		printf("Bail out! %s\n", err.text);
	return t;
}

/* What is said, or "" */
static void check(const char *lines, const struct declared *d, const char *want, const char *name)
{
	AUTO_PAIR_TARGETS struct pair_targets t = { {
		make("alice", "client", d->client),
		make("bob", "headend", d->headend),
		d->carrier ? make("horse", "carrier", d->carrier) : NULL,
	} };
	struct err err = { 0 }, said = { 0 };

	files_case(FILE_NAME, 7, lines);

	AUTO_CASE struct spec_case *c = spec_case_load(FILE_NAME, &err);

	if (!tap_ok(c, "%s: the case is valid %s", name, err.text))
		return;
	tap_is(capability_check(c, &t, &said), *want ? -1 : 0, "%s", name);
	tap_str(said.text, want, "what is said");
	tap_ok(said.kind == (*want ? ERR_UNSUPPORTED : ERR_NONE), "whose fault it is");
}

static void check_refused(const char *line, const char *want)
{
	struct err err = { 0 };

	files_case(FILE_NAME, 7, line);

	AUTO_CASE struct spec_case *c = spec_case_load(FILE_NAME, &err);

	tap_ok(!c && files_matches(err.text, FILE_NAME, want), "%s", line);
}

int main(void)
{
	const struct declared none = { "[]", "[]", "[]" },
			      all = { "[dpd, ipv6, inner-ipv6]", "[dpd, ipv6, inner-ipv6]",
				      "[ipv6]" };

	files_begin();
	check("", &none, "", "who needs nothing gets it");
	check("needs: [dpd]", &none, "the case needs 'dpd', which target 'alice' does not declare",
	      "none has it");
	check("needs: [dpd]", &(struct declared){ "[dpd]", "[]", NULL },
	      "the case needs 'dpd', which target 'bob' does not declare", "one end has it");
	check("needs: [dpd]", &(struct declared){ "[rekey-ike, dpd]", "[dpd]", "[]" }, "",
	      "both ends have it, and a carrier need not");
	check("needs: [dpd, mobike]", &all,
	      "the case needs 'mobike', which target 'alice' does not declare", "the second");
	check("family: ipv6", &all, "", "IPv6 outside");
	check("family: ipv6", &(struct declared){ "[ipv6]", "[ipv6]", "[]" },
	      "the case needs 'ipv6', which target 'horse' does not declare", "and of the carrier");
	check("family: ipv6", &(struct declared){ "[inner-ipv6]", "[ipv6]", NULL },
	      "the case needs 'ipv6', which target 'alice' does not declare", "the other one");
	check("inner: ipv6", &(struct declared){ "[inner-ipv6]", "[inner-ipv6]", "[]" }, "",
	      "IPv6 inside is nothing to a carrier");
	check("inner: ipv6", &(struct declared){ "[ipv6]", "[ipv6]", "[ipv6]" },
	      "the case needs 'inner-ipv6', which target 'alice' does not declare", "inside");

	check_refused("needs: [mobik]", "7:9: no capability 'mobik': did you mean 'mobike'?");
	check_refused("needs: [telepathy]", "7:9: no capability 'telepathy': there are: ...");
	check_refused("needs: dpd", "7:8: 'needs' must be a list...");
	check_refused("needs: [[dpd]]", "7:9: no capability '': there are: ...");

	for (size_t i = 0; capability_at(i); i++)
		tap_ok(capability_find(capability_at(i)->word) == capability_at(i), "%s is itself",
		       capability_at(i)->word);
	tap_ok(!capability_find("") && !capability_find("dp"), "and nothing else is one");
	return tap_done();
}
