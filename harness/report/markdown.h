/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as a table of Markdown: what a README or a merge request shows. */
#ifndef DUPACK_REPORT_MARKDOWN_H
#define DUPACK_REPORT_MARKDOWN_H

#include <jansson.h>
#include <stdio.h>

void markdown_report(FILE *out, const json_t *verdicts);

#endif
