/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine and its preload library agree on. */
#ifndef DUPACK_GUEST_SHIM_H
#define DUPACK_GUEST_SHIM_H

/** The value of uml_dir=: a folder that is never made */
#define SHIM_NO_FOLDER "/dupack-no-folder/"

/** Seeds all entropy of the guest; without it the host's is used */
#define SHIM_SEED "DUPACK_GUEST_SEED"

#endif
