// SPDX-License-Identifier: Apache-2.0
#include "carrier/command.h"

#include <getopt.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "carrier/control.h"
#include "carrier/program.h"

struct said {
	const char *role, *ask;
	struct command_ends ends;
};

enum { FLAG_FIRST = 0x100 };

static const struct option common[] = {
	{ "role", required_argument, NULL, 'R' },   { "local", required_argument, NULL, 'l' },
	{ "remote", required_argument, NULL, 'r' }, { "option", required_argument, NULL, 'o' },
	{ "ask", required_argument, NULL, 'a' },    { "help", no_argument, NULL, 'h' },
};

/* All flags, ended by zeros */
static void list_flags(const struct command *c,
		       struct option ret[ARRAY_SIZE(common) + COMMAND_FLAGS_MAX + 1])
{
	size_t n = ARRAY_SIZE(common);

	memset(ret, 0, (n + COMMAND_FLAGS_MAX + 1) * sizeof(*ret));
	memcpy(ret, common, sizeof(common));
	for (int i = 0; c->flags && i < COMMAND_FLAGS_MAX && c->flags[i].name; i++)
		ret[n++] = (struct option){ c->flags[i].name, required_argument, NULL,
					    FLAG_FIRST + i };
}

static int ask(const struct command *c, const char *word, struct err *err)
{
	AUTO_FREE char *text = NULL;

	for (const struct command_question *q = c->questions; q->word; q++) {
		if (strcmp(q->word, word) != 0)
			continue;
		if (control_ask(c->name, word, q->timeout_ms, &text, err))
			return -1;
		fputs(text, stdout);
		return 0;
	}
	return err_set_kind(err, ERR_USAGE, "--ask knows no '%s' (see --help)", word);
}

static int run(const struct command *c, void *ctx, struct said *said, struct err *err)
{
	if (!said->role ||
	    (strcmp(said->role, "client") != 0 && strcmp(said->role, "headend") != 0))
		return err_set_kind(err, ERR_USAGE, "--role is 'client' or 'headend', not '%s'",
				    said->role ? said->role : "");
	said->ends.client = strcmp(said->role, "client") == 0;
	return c->run(ctx, &said->ends, err);
}

static void help(const struct command *c)
{
	fputs(c->usage, stdout);
	printf("%s\nOptions:\n", c->purpose);
	c->options_help(stdout);
}

/* The exit status, or -1: go on */
static int read_flags(const struct command *c, void *ctx, struct said *said, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(common) + COMMAND_FLAGS_MAX + 1];
	struct err err = { 0 };
	int flag;

	list_flags(c, longs);
	while ((flag = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (flag >= FLAG_FIRST)
			*c->flags[flag - FLAG_FIRST].value = optarg;
		else if (flag == 'R')
			said->role = optarg;
		else if (flag == 'l')
			said->ends.local = optarg;
		else if (flag == 'r')
			said->ends.remote = optarg;
		else if (flag == 'a')
			said->ask = optarg;
		else if (flag == 'o' && !c->option(ctx, optarg, &err))
			continue;
		else if (flag == 'o')
			return program_fail(c->name, &err);
		else if (flag == 'h') {
			help(c);
			return 0;
		} else {
			fputs(c->usage, stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fputs(c->usage, stderr);
	return 2;
}

/**
 * command_main() - Be a carrier, or ask one
 * @c:		Which
 * @ctx:	Given to its functions
 * @argc:	Of main()
 * @argv:	Of main()
 *
 * Return: the exit status: 0, 2 for what cannot be meant, else as program_fail() says
 */
int command_main(const struct command *c, void *ctx, int argc, char **argv)
{
	struct said said = { 0 };
	struct err err = { 0 };
	int status = read_flags(c, ctx, &said, argc, argv);

	if (status >= 0)
		return status;
	if (said.ask ? ask(c, said.ask, &err) : run(c, ctx, &said, &err))
		return program_fail(c->name, &err);
	return 0;
}
