/* SPDX-License-Identifier: MIT */
/*
 * A client on libcurl, whose connections live in the pool of their handle:
 * --shape=pooled: one handle for all requests keeps its one connection, and the server gave it up;
 * abandoned: a handle for each request that is never cleaned up.
 * --fixed: each handle is cleaned up when its answer is there.
 */
#include "target_upstream.h"

#include <curl/curl.h>

static const struct shape {
	const char *option, *cause, *verdict;
	int handles;
} shapes[] = {
	{"--shape=pooled", "idle-pooled-client", "idle", 1},
	{"--shape=abandoned", "abandoned-client", "leak", 4},
};

static const struct shape *shape;

static size_t drop(char *data, size_t size, size_t n, void *unused)
{
	(void)data;
	(void)unused;
	return size * n;
}

static CURL *make_handle(int port)
{
	CURL *handle = curl_easy_init();
	char url[64];

	TARGET_CHECK(handle);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	curl_easy_setopt(handle, CURLOPT_URL, url);
	curl_easy_setopt(handle, CURLOPT_PROXY, "");
	curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, drop);
	return handle;
}

static void choose(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (target_has_option(argc, argv, shapes[i].option))
			shape = &shapes[i];
	TARGET_CHECK(shape);
}

/* Waits until the server has hung up on all that the handles keep. */
static void wait_for_the_end(CURL *const *handles)
{
	for (int i = 0; i < shape->handles; i++) {
		curl_socket_t fd;

		TARGET_CHECK(curl_easy_getinfo(handles[i], CURLINFO_ACTIVESOCKET, &fd) == 0);
		target_wait_fin(fd);
	}
}

int main(int argc, char **argv)
{
	bool is_fixed = target_has_option(argc, argv, "--fixed");
	CURL *handles[TARGET_UPSTREAM_MAX];
	struct target_upstream upstream;

	target_begin();
	choose(argc, argv);
	target_expect(is_fixed ? NULL : shape->cause, shape->verdict, shape->handles);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	upstream = target_upstream_start(shape->handles, 0);
	for (int i = 0; i < shape->handles; i++) {
		handles[i] = make_handle(upstream.port);
		TARGET_CHECK(curl_easy_perform(handles[i]) == CURLE_OK);
		if (is_fixed)
			curl_easy_cleanup(handles[i]);
		poll(NULL, 0, 100); /* the next request is clearly later */
	}
	TARGET_CHECK(write(upstream.word, "x", 1) == 1);
	if (!is_fixed)
		wait_for_the_end(handles);
	target_hold();
	return 0;
}
