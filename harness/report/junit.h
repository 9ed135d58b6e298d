/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts as JUnit XML, for CI systems. */
#ifndef DUPACK_REPORT_JUNIT_H
#define DUPACK_REPORT_JUNIT_H

#include <jansson.h>
#include <stdio.h>

void junit_report(FILE *out, const json_t *verdicts);

#endif
