/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the parts of dupack are: beside the binary in a source tree, or below
 * the prefix that it was installed to.
 */
#ifndef DUPACK_BASE_HOME_H
#define DUPACK_BASE_HOME_H

struct err;

struct home { /* all absolute, owned */
	char *binary; /* this program */
	char *cases; /* cases/<series>/<id>.yaml */
	char *targets; /* targets/<name>/target.yaml */
	char *scripts; /* kernel.sh, image.sh */
	char *built; /* shim.so, targets/<name>/<program> */
	char *results; /* where runs go by default: results/ of the source tree, else of the
			* current folder */
};

int home_find(struct home *ret, struct err *err);
void home_release(struct home *home);

#define AUTO_HOME __attribute__((cleanup(home_release)))

#endif
