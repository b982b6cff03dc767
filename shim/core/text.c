/* SPDX-License-Identifier: MIT */
/*
 * Text without stdio.  Nothing here allocates, locks or touches errno.
 */
#include "core/text.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "core/raw.h"
#include "core/sandbox.h"

#include "core/poison.h"

void cw_text_add_n(struct cw_text *text, const char *more, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text->len + 1 >= text->size) {
			text->is_cut = true;
			break;
		}
		text->data[text->len++] = more[i];
	}
	text->data[text->len] = '\0';
}

void cw_text_add(struct cw_text *text, const char *more)
{
	cw_text_add_n(text, more, cw_strlen(more));
}

static void add_base(struct cw_text *text, uint64_t value, unsigned int base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	cw_text_add_n(text, digits + at, sizeof(digits) - at);
}

void cw_text_add_dec(struct cw_text *text, int64_t value)
{
	if (value < 0)
		cw_text_add(text, "-");
	add_base(text, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

void cw_text_add_hex(struct cw_text *text, uint64_t value)
{
	add_base(text, value, 16);
}

bool cw_is_connection(int fd)
{
	int domain = -1;
	socklen_t len = sizeof(domain);

	cw_raw(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	return domain == AF_INET || domain == AF_INET6;
}

void cw_message(const char *part, ...)
{
	char line[1024];
	struct cw_text text = CW_TEXT(line);
	va_list ap;

	cw_text_add(&text, "cwshim: ");
	va_start(ap, part);
	for (; part; part = va_arg(ap, const char *))
		cw_text_add(&text, part);
	va_end(ap);
	if (text.is_cut)
		text.len--;
	text.data[text.len++] = '\n';
	if (!cw_is_sandboxed && !cw_is_connection(2))
		cw_raw(SYS_write, 2, line, text.len);
}

uint64_t cw_scan_uint(const char *text, const char **ret_end)
{
	uint64_t value = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		if (value > (UINT64_MAX - 9) / 10)
			break;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*ret_end = text;
	return value;
}

bool cw_parse_uint(const char *text, uint64_t max, uint64_t *ret_value)
{
	const char *end;
	uint64_t value = cw_scan_uint(text, &end);

	if (end == text || *end || value > max)
		return false;
	*ret_value = value;
	return true;
}

bool cw_streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

size_t cw_strlen(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

long cw_read_file(const char *path, char *buffer, size_t size)
{
	long fd = cw_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	long got;

	if (fd < 0)
		return fd;
	do {
		got = cw_raw(SYS_read, fd, buffer + len, size - 1 - len);
		if (got > 0)
			len += (size_t)got;
	} while (got > 0 && len < size - 1);
	cw_raw(SYS_close, fd);
	buffer[len] = '\0';
	return got < 0 ? got : (long)len;
}
