// SPDX-License-Identifier: MIT
//
// A library whose addresses test_symbolize.c asks for: a call inlined twice, in C++.  It records
// where the innermost call came from and which lines a correct answer names.

#include "symbols.h"

extern "C" __attribute__((noinline)) void *symbols_return_address(void)
{
	return __builtin_return_address(0);
}

namespace shop
{
namespace
{
struct Cart {
	static inline __attribute__((always_inline)) void *add(struct symbols_truth *truth)
	{
		truth->inner_line = __LINE__ + 1;
		void *address = symbols_return_address();
		asm volatile("" : : : "memory");
		return address;
	}

	static inline __attribute__((always_inline)) void *fill(struct symbols_truth *truth, int)
	{
		truth->middle_line = __LINE__ + 1;
		return add(truth);
	}
};
} // namespace

__attribute__((noinline)) void checkout(struct symbols_truth *truth)
{
	truth->outer_line = __LINE__ + 1;
	truth->address = Cart::fill(truth, 3);
}
} // namespace shop

extern "C" void symbols_probe(struct symbols_truth *truth)
{
	shop::checkout(truth);
}
