/* SPDX-License-Identifier: MIT */
/*
 * A server that restarts itself by exec, as for an upgrade, and has forgotten connections open: the
 * new image makes a socket of its own and knows nothing of them.
 */
#include "serve.h"

enum { CLIENTS = 2 };

int main(int argc, char **argv)
{
	int listener;
	pid_t clients;

	target_begin();
	if (target_has_option(argc, argv, "--again")) {
		target_listen(0);
		target_hold();
		return 0;
	}
	listener = target_listen(0);
	clients = target_start_clients(target_port(listener), CLIENTS, TARGET_DROP);
	for (int i = 0; i < CLIENTS; i++)
		read_to_end(take_inheritable(listener));
	target_end_clients(clients);
	close(listener);
	execl("/proc/self/exe", argv[0], "--again", (char *)NULL);
	return 1;
}
