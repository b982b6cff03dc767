/* SPDX-License-Identifier: MIT */
/*
 * Fingerprints of stacks that are equal over runs of the same build: made from each frame's module,
 * by build-id where it has one, and its offset there; never from addresses or process numbers.
 */
#ifndef CWR_FINGERPRINT_H
#define CWR_FINGERPRINT_H

#include "model/model.h"

#define CWR_FINGERPRINT_START 0xcbf29ce484222325u

/* Each folds something into a fingerprint; NULL is fine and differs from anything else. */
uint64_t cwr_fingerprint_text(uint64_t fingerprint, const char *text);
uint64_t cwr_fingerprint_stack(uint64_t fingerprint, const struct cwr_stack *stack);

/* The same, of a symbolized stack, by function and source line where they are known. */
uint64_t cwr_fingerprint_source(uint64_t fingerprint, const struct cwr_stack *stack);

#endif
