/* SPDX-License-Identifier: MIT */
/*
 * A shape is a function that calls shape_next() in its own way, from a frame of its own form.
 */
#ifndef CWSHIM_WALK_SHAPES_H
#define CWSHIM_WALK_SHAPES_H

#ifdef __cplusplus
extern "C" {
#endif

typedef void shape(int depth);

/* Calls a shape chosen at random, or at depth 0 getppid(), where walk/compare.c looks. */
void shape_next(int depth);

/* walk/shapes-cxx.cc */
void shape_lambda(int depth);
void shape_catch(int depth);
void shape_destructor(int depth);
void shape_rethrow(int depth);

#ifdef __cplusplus
}
#endif

#endif
