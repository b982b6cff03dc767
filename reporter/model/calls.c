/* SPDX-License-Identifier: MIT */
/*
 * What the names of recorded calls mean; see calls.h.
 */
#include "model/calls.h"

#include <stddef.h>
#include <string.h>

static const char *const sending[] = {
	"write",   "writev",   "pwritev2", "pwritev64v2", "send",   "sendto",
	"sendmsg", "sendmmsg", "sendfile", "sendfile64",  "splice",
};

bool cwr_call_sends(const char *op)
{
	if (!op)
		return false;
	op += strspn(op, "_"); /* __write and its like are the same call */
	for (size_t i = 0; i < sizeof(sending) / sizeof(sending[0]); i++)
		if (!strcmp(op, sending[i]))
			return true;
	return false;
}
