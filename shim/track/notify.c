/* SPDX-License-Identifier: MIT */
/*
 * The lines to a `cwshim run`; see notify.h.  The FIFO is opened for each: no descriptor is kept.
 */
#include "track/notify.h"

#include <fcntl.h>

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

void cw_notify_refused(void)
{
	char line[64];
	struct cw_text text = CW_TEXT(line);

	if (!*cw_options.notify.text)
		return;
	cw_text_add(&text, CW_NOTIFY_REFUSED);
	cw_text_add_dec(&text, cw_process_id());
	cw_text_add(&text, "\n");
	cw_notify(line, text.len);
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
