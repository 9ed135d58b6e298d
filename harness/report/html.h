/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as one self-contained page, for who would rather look. */
#ifndef DUPACK_REPORT_HTML_H
#define DUPACK_REPORT_HTML_H

#include <jansson.h>
#include <stdio.h>

void html_report(FILE *out, const json_t *verdicts);

#endif
