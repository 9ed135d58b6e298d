// SPDX-License-Identifier: Apache-2.0
/* The subcommands.  What each does is in cmd/. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/version.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "guest/guest.h"
#include "spec/name.h"

static const struct {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "run cases and print what came out", cmd_run },
	{ "case", "run one case as TAP 13, for prove", cmd_case },
	{ "list", "list cases, pairs, targets, middleboxes or metrics", cmd_list },
	{ "check", "check case and target files, offline", cmd_check },
	{ "report", "show the results of a run, or write JUnit or Markdown", cmd_report },
	{ "doctor", "what this machine can do, what will be skipped, how to mend it", cmd_doctor },
};

static void usage(FILE *out)
{
	fputs("usage: dupack COMMAND [ARGUMENT...]\n\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n'dupack COMMAND --help' explains one, dupack(1) all of them.\n", out);
}

static int unknown(const char *word)
{
	const char *names[ARRAY_SIZE(commands)];
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	near = name_near(word, names, ARRAY_SIZE(names));
	fprintf(stderr, "dupack: no command '%.60s'", word);
	fprintf(stderr, near ? ": did you mean '%s'?\n" : ": see 'dupack --help'\n", near);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (getpid() == 1 && strcmp(argv[0], "/init") == 0) /* the kernel's words for it */
		return agent_main();
	argp_err_exit_status = EXIT_USAGE;
	argp_program_version = "dupack " DUPACK_VERSION;
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		usage(stdout);
		return cmd_finish(0);
	}
	if (strcmp(word, "--version") == 0) {
		puts(argp_program_version);
		return cmd_finish(0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(word, commands[i].name) != 0)
			continue;
		argv[1] = io_printf("dupack %s", word); /* by which argp calls it; never freed */
		return commands[i].run(argc - 1, argv + 1);
	}
	if (*word)
		return unknown(word);
	usage(stderr);
	return EXIT_USAGE;
}
