/* SPDX-License-Identifier: Apache-2.0 */
/* The first four bytes of what the harness's own traffic carries, by which it is known again. */
#ifndef DUPACK_DECODE_MARKS_H
#define DUPACK_DECODE_MARKS_H

#define PAYLOAD_PROBE	0x64706b65U /* "dpke" */
#define PAYLOAD_STREAM	0x64706b74U /* "dpkt" */
#define PAYLOAD_SEGMENT 0x64706b73U /* "dpks" */

#endif
