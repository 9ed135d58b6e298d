/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML file in memory, whose nodes know their line and column, and the list
 * of what is wrong in it: reading goes on after an error, so that the user
 * sees all of them at once.
 *
 * What YAML has and a case does not need is refused here: anchors, aliases,
 * tags, several documents, NUL characters.
 *
 * Why libyaml and not libcyaml: the latter gives no position to errors that
 * it does not find itself (a unit, a dangling name).
 */
#ifndef DUPACK_SPEC_DOCUMENT_H
#define DUPACK_SPEC_DOCUMENT_H

#include <stdbool.h>
#include <yaml.h>

#include "base/err.h"
#include "spec/name.h"

struct document {
	const char *file; /* as given; the caller's, outlives the document */
	yaml_document_t yaml;
	bool loaded;
	char errors[sizeof(((struct err *)0)->text) - 64]; /* a line each, ended by a newline */
	unsigned errors_len, unsaid; /* how many; and how many had no room */
};

int document_open(struct document *ret, const char *path, struct err *err);
void document_close(struct document *doc);

yaml_node_t *document_root(struct document *doc);
yaml_node_t *document_node(struct document *doc, int id);
yaml_node_t *document_find(struct document *doc, const yaml_node_t *mapping, const char *key);
size_t document_items(const yaml_node_t *list);
yaml_node_t *document_item(struct document *doc, const yaml_node_t *list, size_t i);
const char *document_text(const yaml_node_t *node);
struct place document_place(const yaml_node_t *node);

bool document_error(struct document *doc, const yaml_node_t *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int document_verdict(const struct document *doc, struct err *err);

#define AUTO_DOCUMENT __attribute__((cleanup(document_close)))

#endif
