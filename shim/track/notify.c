/* SPDX-License-Identifier: MIT */
/*
 * The lines to a `cwshim run`; see notify.h.  The FIFO, or a socket, is opened for each: no
 * descriptor is kept.
 */
#include "track/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/options.h"
#include "core/raw.h"
#include "core/text.h"
#include "core/thread.h"
#include "cwshim/session.h"

#include "core/poison.h"

/* One write of less than PIPE_BUF bytes is not mixed with another's (pipe(7)). */
bool cw_notify(const char *line, size_t n)
{
	long fd = cw_raw(SYS_openat, AT_FDCWD, cw_options.notify.text,
			 O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	bool is_written;

	if (fd < 0)
		return false;
	is_written = cw_raw(SYS_write, fd, line, n) == (long)n;
	cw_raw(SYS_close, fd);
	return is_written;
}

/* "/a/run-x/notify": the socket "cwshim/run-x".  Returns the size of the address. */
static socklen_t address_of(struct sockaddr_un *address, const char *path)
{
	struct cw_text name = {.data = address->sun_path + 1,
			       .size = sizeof(address->sun_path) - 1};
	size_t end = cw_strlen(path), start;

	while (end && path[end - 1] != '/')
		end--;
	start = end -= end != 0;
	while (start && path[start - 1] != '/')
		start--;
	cw_text_add(&name, CW_NOTIFY_SOCKET);
	cw_text_add_n(&name, path + start, end - start);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + name.len);
}

static bool send_line(const char *line, size_t n)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = address_of(&address, cw_options.notify.text);
	long fd = cw_raw(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_sent;

	if (fd < 0)
		return false;
	is_sent = cw_raw(SYS_sendto, fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL, &address, size) ==
		  (long)n;
	cw_raw(SYS_close, fd);
	return is_sent;
}

bool cw_notify_refused(void)
{
	char line[64];
	struct cw_text text = CW_TEXT(line);

	if (!*cw_options.notify.text)
		return true;
	cw_text_add(&text, CW_NOTIFY_REFUSED);
	cw_text_add_dec(&text, cw_process_id());
	cw_text_add(&text, "\n");
	return cw_notify(line, text.len) || send_line(line, text.len);
}

void cw_notify_memory(void)
{
	static const char line[] = CW_NOTIFY_MEMORY "\n";

	if (*cw_options.notify.text)
		cw_notify(line, sizeof(line) - 1);
}

void cw_notify_filtered(void)
{
	char path[CW_PATH_MAX + sizeof(CW_NOTIFY_FILTERED)];
	struct cw_text text = CW_TEXT(path);
	long fd;

	if (!*cw_options.notify.text)
		return;
	cw_text_add(&text, cw_options.session_dir.text);
	cw_text_add(&text, "/" CW_NOTIFY_FILTERED);
	fd = cw_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		cw_raw(SYS_close, fd);
}
