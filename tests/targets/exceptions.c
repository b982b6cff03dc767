/* SPDX-License-Identifier: MIT */
/*
 * C++ exceptions go through the unwinder that the C++ runtime came with, whatever the shim loads.
 * This program is C, so libgcc_s comes in at the second level only: were libunwind.so.8 among the
 * dependencies of a preloaded library, its _Unwind_RaiseException would be found first.  Sockets
 * are made and closed between the throws, so that the shim walks stacks meanwhile.
 */
#include "target.h"

#include <dlfcn.h>

#include "lib/thrower.h"

enum { THROWS = 10000 };

static int listener;

static void use_a_socket(void)
{
	struct sockaddr_in address = target_address(target_port(listener));
	int client = socket(AF_INET, SOCK_STREAM, 0), server;

	TARGET_CHECK(client >= 0);
	TARGET_CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
	server = accept(listener, NULL, NULL);
	TARGET_CHECK(server >= 0);
	close(client);
	close(server);
}

static void fail(int number)
{
	if (number % 100 == 0)
		use_a_socket();
	thrower_throw(number);
}

static void print_unwinder(void)
{
	Dl_info info;
	void *raise_exception = dlsym(RTLD_DEFAULT, "_Unwind_RaiseException");

	TARGET_CHECK(raise_exception && dladdr(raise_exception, &info));
	printf("UNWINDER %s\n", info.dli_fname);
}

int main(void)
{
	const char *error = dlerror();

	target_begin();
	target_expect(NULL, NULL, 0);
	printf("DLERROR %s\n", error ? error : "none");
	listener = target_listen(0);
	printf("CAUGHT %d of %d\n", thrower_count_caught(THROWS, fail), THROWS);
	print_unwinder();
	target_hold();
	return 0;
}
