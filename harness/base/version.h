/* SPDX-License-Identifier: Apache-2.0 */
/* The version of dupack: in every verdict. */
#ifndef DUPACK_BASE_VERSION_H
#define DUPACK_BASE_VERSION_H

#define DUPACK_VERSION "0.1.0"

#endif
