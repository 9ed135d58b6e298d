/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run list: cases x pairs x middleboxes x seeds, in an order that depends
 * on nothing but the request and the files.
 *
 * A selector names cases: a series ("seed"), one of its cases ("seed/clean"),
 * a file, or a folder.
 *
 * In a matrix a case with profiles is applied to every pair that is of one of them,
 * and behind every device that was asked for.  One without is for the pairs and the
 * devices that it names: for those of them that were asked for.
 */
#ifndef DUPACK_SPEC_RUNLIST_H
#define DUPACK_SPEC_RUNLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/case.h"
#include "spec/name.h"

/** One execution. */
struct run_item {
	const struct spec_case *c;
	const struct pair *pair;
	const struct choice *middlebox;
	uint64_t seed;
	char *folder; /* below results/<run>/: PAIR/MIDDLEBOX/CASE; owned by the list */
};

/** What the user asked for; all of it is the caller's. */
struct run_request {
	const char *cases_dir;
	const char *targets_dir; /* for a matrix, and for pairs that are patterns */
	const char *const *selectors; /* none: every case of every series */
	size_t selectors_len;
	const char *const *pairs; /* instead of the cases' own; none: theirs.  With '*' or '?'
				   * all of the targets' pairs that it fits */
	size_t pairs_len;
	bool matrix; /* no pairs: all; a case is applied where it says that it can be */
	const char *const *middleboxes; /* likewise */
	size_t middleboxes_len;
	uint64_t seed; /* the first one */
	unsigned repeat; /* with so many seeds, each one more; 0 is 1 */
	unsigned shard, shards; /* part I of N, from 1; shards 0: all */
};

struct run_list {
	struct run_item *items;
	size_t len;
	char *nothing; /* why not one case applies to any pair of the matrix; NULL; owned */
	/* what the items point to, owned */
	struct spec_case **cases;
	size_t cases_len;
	struct pair *pairs;
	size_t pairs_len;
	uint32_t *profiles; /* of a matrix: which each pair is of */
	struct choice *middleboxes;
	size_t middleboxes_len;
};

int run_list_build(const struct run_request *request, struct run_list *ret, struct err *err);
void run_list_release(struct run_list *list);

int run_list_shard_parse(const char *text, unsigned *ret_shard, unsigned *ret_shards,
			 struct err *err);
char *run_folder_name(const char *text);

#define AUTO_RUN_LIST __attribute__((cleanup(run_list_release)))

#endif
