/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LM_MP_VERSION_H
#define LM_MP_VERSION_H

#define LM_VERSION "0.1"

#endif
