/* SPDX-License-Identifier: MIT */
/*
 * What event loops wait for.  What is in a set the kernel tells when a report is taken; who took a
 * socket out of one, only the call does.
 */
#include <sys/epoll.h>

#include "core/export.h"
#include "core/real.h"
#include "track/events.h"

#include "core/poison.h"

CW_EXPORT int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int ret = CW_REAL(epoll_ctl)(epfd, op, fd, event);

	return op == EPOLL_CTL_DEL ? cw_on_unpolled(CW_FN_epoll_ctl, ret, fd) : ret;
}
