/* SPDX-License-Identifier: MIT */
/*
 * A socket that the shim cannot see come: accepted by the system call instruction itself.  The
 * kernel still tells that it is there and that its peer has gone.
 * --fixed: it is closed, unseen as well.
 */
#include "raw_call.h"
#include "target.h"

#include <sys/syscall.h>

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	int listener, fd;
	pid_t clients;

	target_begin();
	target_expect(is_fixed ? NULL : "opened-elsewhere", "leak", 1);
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), 1, TARGET_SILENT);
	fd = (int)raw_call(SYS_accept4, listener, 0, 0, 0);
	TARGET_CHECK(fd >= 0);
	target_wait_fin(fd);
	if (is_fixed)
		raw_call(SYS_close, fd, 0, 0, 0);
	target_end_clients(clients);
	target_hold();
	return 0;
}
