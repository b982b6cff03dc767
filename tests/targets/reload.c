/* SPDX-License-Identifier: MIT */
/*
 * A library is loaded, used, and replaced by another version of it, at the same addresses, whose
 * frame is of another size.  A stack walked by what was known of the first one would show decoy().
 */
#include "target.h"

#include <dlfcn.h>

typedef int (*call_framed)(int (*function)(int), int argument, void *decoy);

static void decoy(void)
{
}

static void *load(const char *path, call_framed *ret_call)
{
	void *library = dlopen(path, RTLD_NOW);

	if (!library)
		fprintf(stderr, "target: %s\n", dlerror());
	TARGET_CHECK(library);
	*ret_call = (call_framed)dlsym(library, "call_framed");
	TARGET_CHECK(*ret_call);
	return library;
}

static int take(int listener)
{
	return accept(listener, NULL, NULL);
}

static int take_through(call_framed call, int listener)
{
	struct sockaddr_in address = target_address(target_port(listener));
	int peer = socket(AF_INET, SOCK_STREAM, 0), fd;

	TARGET_CHECK(connect(peer, (struct sockaddr *)&address, sizeof(address)) == 0);
	fd = call(take, listener, (char *)decoy + 1);
	TARGET_CHECK(fd >= 0 && close(peer) == 0);
	return fd;
}

int main(void)
{
	call_framed first, second;
	void *library;
	int listener;

	target_begin();
	listener = target_listen(0);
	library = load("$ORIGIN/libframes3.so", &first);
	for (int i = 0; i < 3; i++)
		TARGET_CHECK(close(take_through(first, listener)) == 0);
	TARGET_CHECK(dlclose(library) == 0);
	load("$ORIGIN/libframes9.so", &second);
	puts(first == second ? "PLACE same" : "PLACE other");
	target_wait_fin(take_through(second, listener));
	target_hold();
	return 0;
}
