/* SPDX-License-Identifier: MIT */
/*
 * Ranges of addresses as suppressions write them: 10.0.0.0/8, 127.0.0.1:8080, ::1, [fe80::]/10:80.
 */
#ifndef CWR_RANGE_H
#define CWR_RANGE_H

#include "model/model.h"

struct cwr_range {
	sa_family_t family;
	uint8_t ip[16];
	unsigned int bits; /* of ip that count */
	uint16_t port;	   /* 0: any */
};

/* Returns false if text is no range. */
bool cwr_range_parse(const char *text, struct cwr_range *ret_range);

bool cwr_range_contains(const struct cwr_range *range, const struct cwr_addr *addr);

#endif
