/* SPDX-License-Identifier: MIT */
/*
 * Ranges of addresses; see range.h.
 */
#include "diagnose/range.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Reads a number of at most max; moves *text behind it. */
static bool parse_number(const char **text, unsigned long max, unsigned long *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*ret_number = strtoul(*text, &end, 10);
	*text = end;
	return *ret_number <= max;
}

/* The address alone; moves *text behind it.  An IPv6 address needs brackets to have a port. */
static bool parse_ip(const char **text, struct cwr_range *range)
{
	bool in_brackets = **text == '[';
	const char *start = *text + in_brackets;
	bool is_v4 = !in_brackets && strcspn(start, ".") < strcspn(start, ":");
	size_t length = strcspn(start, in_brackets ? "]" : is_v4 ? "/:" : "/");
	char ip[INET6_ADDRSTRLEN];

	if (length >= sizeof(ip) || (in_brackets && start[length] != ']'))
		return false;
	memcpy(ip, start, length);
	ip[length] = '\0';
	*text = start + length + in_brackets;
	range->family = is_v4 ? AF_INET : AF_INET6;
	range->bits = is_v4 ? 32 : 128;
	return inet_pton(range->family, ip, range->ip) == 1;
}

bool cwr_range_parse(const char *text, struct cwr_range *ret_range)
{
	struct cwr_range range = {0};
	unsigned long number;

	if (!parse_ip(&text, &range))
		return false;
	if (*text == '/') {
		text++;
		if (!parse_number(&text, range.bits, &number))
			return false;
		range.bits = (unsigned int)number;
	}
	if (*text == ':') {
		text++;
		if (!parse_number(&text, UINT16_MAX, &number) || !number)
			return false;
		range.port = (uint16_t)number;
	}
	*ret_range = range;
	return !*text;
}

bool cwr_range_contains(const struct cwr_range *range, const struct cwr_addr *addr)
{
	unsigned int bytes = range->bits / 8, rest = range->bits % 8;

	if (addr->family != range->family || (range->port && addr->port != range->port))
		return false;
	if (memcmp(range->ip, addr->ip, bytes) != 0)
		return false;
	return !rest || (range->ip[bytes] ^ addr->ip[bytes]) >> (8 - rest) == 0;
}
