// SPDX-License-Identifier: Apache-2.0
/* A case file from anybody: read, or refused with the place and the reason. */
#include "base/err.h"
#include "base/io.h"
#include "fuzz/fuzz.h"
#include "spec/case.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static char *path; /* beside the program: the name of a case is the name of its file */

/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libFuzzer's */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	path = io_printf("%s.yaml", (*argv)[0]);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct spec_case *c;
	struct err err = { 0 };

	FUZZ_CHECK(io_write_file(path, (const char *)data, len, &err) == 0);
	c = spec_case_load(path, &err);
	if (!c)
		FUZZ_CHECK(err.kind == ERR_USAGE && err.text[0]);
	spec_case_free(c);
	return 0;
}
