/* SPDX-License-Identifier: MIT */
/* A C++ library behind a C interface. */
#ifndef CWSHIM_THROWER_H
#define CWSHIM_THROWER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Calls function(i) for i = 0 ... count - 1 and returns how many of the calls threw. */
int thrower_count_caught(int count, void (*function)(int number));
void thrower_throw(int number);

#ifdef __cplusplus
}
#endif

#endif
