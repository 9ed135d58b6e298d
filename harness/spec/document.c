// SPDX-License-Identifier: Apache-2.0
#include "spec/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"

#define FILE_MAX  (1 << 20) /* bytes: a case is a page */
#define DEPTH_MAX 16 /* libyaml's time is quadratic in the depth */

static void cleanup_parser(yaml_parser_t *parser)
{
	yaml_parser_delete(parser);
}

static int error_at(const char *file, struct place at, struct err *err, const char *what)
{
	return err_set_kind(err, ERR_USAGE, "%s:%u:%u: %s", file, at.line, at.column, what);
}

static struct place mark_place(yaml_mark_t mark)
{
	return (struct place){ (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* The place behind one byte; columns count characters, as libyaml's do */
static void step(struct place *at, char byte)
{
	if (byte == '\n')
		*at = (struct place){ at->line + 1, 1 };
	else if ((byte & 0xc0) != 0x80)
		at->column++;
}

static struct place offset_place(const char *text, size_t offset)
{
	struct place at = { 1, 1 };

	for (size_t i = 0; i < offset; i++)
		step(&at, text[i]);
	return at;
}

/* The byte at a place, 0 if the text has none there */
static char byte_at(const char *text, struct place at)
{
	struct place here = { 1, 1 };

	for (; *text; step(&here, *text++))
		if (here.line == at.line && here.column == at.column && (*text & 0xc0) != 0x80)
			return *text;
	return '\0';
}

/* What libyaml says, in our words where its own do not say what to do */
static int syntax_error(const yaml_parser_t *parser, const char *file, const char *text,
			struct err *err)
{
	struct place at = mark_place(parser->problem_mark);
	size_t offset = parser->problem_offset;
	AUTO_FREE char *what = NULL;

	switch (parser->error) {
	case YAML_MEMORY_ERROR:
		return err_set(err, 0, "out of memory while reading '%s'", file);
	case YAML_READER_ERROR:
		if (strstr(parser->problem, "trailing")) /* point at the first byte of it */
			do
				offset--;
			while ((text[offset] & 0xc0) == 0x80);
		at = offset_place(text, offset);
		what = strstr(parser->problem, "control")
			       ? io_printf("control characters are not allowed: remove byte 0x%02x",
					   (unsigned)parser->problem_value)
			       : io_printf("this is not UTF-8 (%s): save the file as UTF-8",
					   parser->problem);
		break;
	case YAML_NO_ERROR:
	case YAML_SCANNER_ERROR:
	case YAML_PARSER_ERROR:
	case YAML_COMPOSER_ERROR:
	case YAML_WRITER_ERROR:
	case YAML_EMITTER_ERROR:
	default:
		if (byte_at(text, at) == '\t')
			what = io_printf("a tab cannot indent in YAML: use spaces");
		else
			what = io_printf("not valid YAML: %s%s%s",
					 parser->context ? parser->context : "",
					 parser->context ? ", " : "", parser->problem);
	}
	return error_at(file, at, err, what);
}

static const char *refused_properties(const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return "anchors are not allowed: write each value where it is needed";
	if (tag)
		return "tags are not allowed: write the value alone";
	return NULL;
}

/* Why an event is not allowed in our files, or NULL */
static const char *refused(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return "aliases are not allowed: write the value out";
	case YAML_SCALAR_EVENT:
		if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
			return "a NUL character inside a text: remove it";
		return refused_properties(event->data.scalar.anchor, event->data.scalar.tag);
	case YAML_SEQUENCE_START_EVENT:
		return refused_properties(event->data.sequence_start.anchor,
					  event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return refused_properties(event->data.mapping_start.anchor,
					  event->data.mapping_start.tag);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
	default:
		return NULL;
	}
}

static bool opens(const yaml_event_t *event)
{
	return event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
}

static bool closes(const yaml_event_t *event)
{
	return event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT;
}

static void parser_start(yaml_parser_t *parser, const char *text, size_t len)
{
	if (!yaml_parser_initialize(parser))
		abort();
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, len);
}

/*
 * First pass, over the events: the loader of the second would follow aliases
 * silently, which is how a page of YAML becomes gigabytes.
 */
static int vet(const char *file, const char *text, size_t len, struct err *err)
{
	__attribute__((cleanup(cleanup_parser))) yaml_parser_t parser;
	unsigned documents = 0, depth = 0;

	parser_start(&parser, text, len);
	for (;;) {
		yaml_event_t event;
		const char *why;
		struct place at;
		bool end;

		if (!yaml_parser_parse(&parser, &event))
			return syntax_error(&parser, file, text, err);
		why = refused(&event);
		if (event.type == YAML_DOCUMENT_START_EVENT && documents++)
			why = "a second document begins here: one file holds one";
		depth += opens(&event);
		depth -= closes(&event);
		if (depth > DEPTH_MAX)
			why = "lists and mappings are nested too deep: close one";
		end = event.type == YAML_STREAM_END_EVENT;
		at = mark_place(event.start_mark);
		yaml_event_delete(&event);
		if (why)
			return error_at(file, at, err, why);
		if (end)
			break;
	}
	if (!documents)
		return error_at(file, (struct place){ 1, 1 }, err,
				"the file is empty: see cases/README.md for what to write");
	return 0;
}

/**
 * document_open() - Read a YAML file
 * @ret:	Initialised, also on failure; close with document_close()
 * @path:	The file; must outlive the document
 * @err:	Set on failure: the first syntax error, or that the file cannot be read
 *
 * Return: 0 or -1
 */
int document_open(struct document *ret, const char *path, struct err *err)
{
	__attribute__((cleanup(cleanup_parser))) yaml_parser_t parser = { 0 };
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len;

	memset(ret, 0, sizeof(*ret));
	ret->file = path;
	if (stat(path, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX))
		return err_set_kind(err, ERR_USAGE, "'%s' is not a regular file of at most 1 MiB",
				    path);
	text = io_read_file(path, &len, err);
	if (!text) {
		err->kind = ERR_USAGE;
		return -1;
	}
	if (vet(path, text, len, err))
		return -1;
	parser_start(&parser, text, len);
	if (!yaml_parser_load(&parser, &ret->yaml))
		return syntax_error(&parser, path, text, err);
	ret->loaded = true;
	return 0;
}

/** document_close() - Free a document and all its nodes */
void document_close(struct document *doc)
{
	if (doc->loaded)
		yaml_document_delete(&doc->yaml);
	doc->loaded = false;
}

/** document_root() - The outermost node; never NULL */
yaml_node_t *document_root(struct document *doc)
{
	return yaml_document_get_root_node(&doc->yaml);
}

/** document_node() - The node with an id */
yaml_node_t *document_node(struct document *doc, int id)
{
	return yaml_document_get_node(&doc->yaml, id);
}

/** document_find() - The value of a key of a mapping, or NULL */
yaml_node_t *document_find(struct document *doc, const yaml_node_t *mapping, const char *key)
{
	const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;

	for (; pair < mapping->data.mapping.pairs.top; pair++) {
		const char *text = document_text(document_node(doc, pair->key));

		if (text && strcmp(text, key) == 0)
			return document_node(doc, pair->value);
	}
	return NULL;
}

/** document_items() - How many items a list has */
size_t document_items(const yaml_node_t *list)
{
	return (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
}

/** document_item() - Item @i of a list, from 0 */
yaml_node_t *document_item(struct document *doc, const yaml_node_t *list, size_t i)
{
	return document_node(doc, list->data.sequence.items.start[i]);
}

/** document_text() - The text of a scalar, owned by the document; NULL for a list or mapping */
const char *document_text(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/** document_place() - Where a node begins */
struct place document_place(const yaml_node_t *node)
{
	return mark_place(node->start_mark);
}

/**
 * document_error() - Note that something is wrong; reading may go on
 * @doc:	The document
 * @node:	Where
 * @fmt:	What is wrong, and what to do
 *
 * The same text at the same place is noted once.
 *
 * Return: false, so that it can be returned in one statement
 */
bool document_error(struct document *doc, const yaml_node_t *node, const char *fmt, ...)
{
	struct place at = document_place(node);
	size_t used = strlen(doc->errors), room = sizeof(doc->errors) - used;
	AUTO_FREE char *line = NULL;
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (char *c = what; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	line = io_printf("%s:%u:%u: %s\n", doc->file, at.line, at.column, what);
	if (strstr(doc->errors, line))
		return false;
	doc->errors_len++;
	if (used && strlen(line) >= room)
		doc->unsaid++;
	else
		snprintf(doc->errors + used, room, "%s", line);
	return false;
}

/**
 * document_verdict() - All the errors that were noted
 * @doc:	The document
 * @err:	Set if there are any: a line each
 *
 * Return: 0 if there are none, else -1
 */
int document_verdict(const struct document *doc, struct err *err)
{
	int len = (int)strlen(doc->errors);

	if (!doc->errors_len)
		return 0;
	if (doc->unsaid)
		return err_set_kind(err, ERR_USAGE, "%s... and %u more", doc->errors, doc->unsaid);
	return err_set_kind(err, ERR_USAGE, "%.*s", len - 1, doc->errors);
}
