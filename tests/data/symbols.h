/* SPDX-License-Identifier: MIT */
/* What symbols.cc knows of itself. */
#ifndef CWSHIM_TESTS_SYMBOLS_H
#define CWSHIM_TESTS_SYMBOLS_H

struct symbols_truth {
	void *address;		  /* a return address inside shop::Cart::add() */
	unsigned int inner_line;  /* in add(), inlined into fill() */
	unsigned int middle_line; /* in fill(), inlined into checkout() */
	unsigned int outer_line;  /* in checkout() */
};

#ifdef __cplusplus
extern "C"
#endif
	void
	symbols_probe(struct symbols_truth *truth);

typedef void (*symbols_probe_fn)(struct symbols_truth *truth);

#endif
