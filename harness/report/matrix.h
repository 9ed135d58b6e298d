/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts as a matrix: a row for each pair, a column for each middlebox (or, behind only
 * one, for each case).  results/README.md has the JSON.
 */
#ifndef DUPACK_REPORT_MATRIX_H
#define DUPACK_REPORT_MATRIX_H

#include <jansson.h>
#include <stdio.h>

#include "report/verdict.h"

struct terminal_style;

json_t *report_matrix(const json_t *verdicts);
const json_t *matrix_cell(const json_t *matrix, const char *pair, const char *column);
void matrix_terminal(FILE *out, const json_t *matrix, const struct terminal_style *style);

#endif
