/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are inside a guest: guest.c puts them there, agent.c finds them. */
#ifndef DUPACK_GUEST_PATHS_H
#define DUPACK_GUEST_PATHS_H

#define GUEST_JOB     "dupack/job.json"
#define GUEST_CASES   "dupack/cases"
#define GUEST_TARGETS "dupack/targets"
#define GUEST_BUILT   "dupack/built"
#define GUEST_ROOTS   "dupack/roots" /* <target>/: a root of its own */
#define GUEST_FOLDER  "dupack/run" /* the run folder, until it leaves */
#define GUEST_HOST    "dupack/host" /* where the host's folder is mounted after the end */

#endif
