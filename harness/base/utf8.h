/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign bytes as text.  Targets, logs and file names hold what they like; JSON
 * takes only UTF-8, and a text that it refuses would be missing from a verdict.
 */
#ifndef DUPACK_BASE_UTF8_H
#define DUPACK_BASE_UTF8_H

void utf8_clean(char *text);

#endif
