/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of JSON as aligned columns of text: what every listing and report prints. */
#ifndef DUPACK_REPORT_TABLE_H
#define DUPACK_REPORT_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table_column {
	const char *key; /* of each row; absent, null and empty lists are empty cells */
	const char *heading;
	bool right; /* aligned to the right */
	/* SGR parameters for the cell of a row, or NULL; a function may be NULL too */
	const char *(*colour)(const json_t *row, const char *key);
};

struct table_style {
	size_t width; /* columns of the terminal; 0: unlimited */
	bool colour;
	size_t indent;
};

void table_print(FILE *out, const struct table_column *columns, size_t len, const json_t *rows,
		 const struct table_style *style);
char *table_text(const json_t *value);

#endif
