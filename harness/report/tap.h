/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as TAP 13, a test line each: what prove reads. */
#ifndef DUPACK_REPORT_TAP_H
#define DUPACK_REPORT_TAP_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

void tap_begin(FILE *out, size_t plan);
void tap_skip_all(FILE *out, const char *why);
void tap_result(FILE *out, size_t number, const json_t *verdict);
void tap_comment(FILE *out, const char *text);
void tap_bail_out(FILE *out, const char *why);

#endif
