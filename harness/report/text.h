/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of strangers on its way to a terminal or into a file: logs of targets and
 * names from cases may hold anything.
 */
#ifndef DUPACK_REPORT_TEXT_H
#define DUPACK_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

uint32_t text_next(const char **at);
void text_put(FILE *out, uint32_t c);
bool text_is_control(uint32_t c);
unsigned text_columns(uint32_t c);

size_t text_width(const char *text);
char *text_clean(const char *text);
char *text_fit(const char *text, size_t width);
void text_put_xml(FILE *out, const char *text);
void text_wrap(FILE *out, const char *text, size_t indent, size_t width);

#endif
