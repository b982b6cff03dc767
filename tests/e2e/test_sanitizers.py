# SPDX-License-Identifier: MIT
"""Programs built with gcc's sanitizers, which intercept the same functions as the shim does.

They find what they find, the shim finds the socket.  AddressSanitizer refuses to start behind another
library, which cwshim run permits and cwshim doctor tells.
"""
import os
import subprocess

import pytest

from lab import BUILD, load_report

SOURCE = """
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, fd;
	char *text = malloc(8);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		return 90;
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (struct sockaddr *)&address, size))
		return 91;
	fd = accept(listener, NULL, NULL);
	close(client);
	if (read(fd, text, 8) != 0)
		return 92;
	if (argc > 1)
		memset(text, argc, 7 + (size_t)argc);
	free(text);
	return 0;
}
"""


@pytest.fixture(name="build")
def fixture_build(tmp_path):
    def build(*flags):
        (tmp_path / "server.c").write_text(SOURCE)
        subprocess.run(["gcc", "-g", *flags, "-o", tmp_path / "server", tmp_path / "server.c"],
                       check=True)
        return tmp_path / "server"
    return build


def run(tmp_path, *command, **variables):
    env = {k: v for k, v in os.environ.items() if not k.endswith("SAN_OPTIONS")} | variables
    done = subprocess.run([BUILD / "cwshim", "run", f"--session-dir={tmp_path}/sessions",
                           "--format=json", f"--output={tmp_path}/report", "--", *command],
                          env=env, text=True, capture_output=True, check=False, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize("sanitizer", ["address", "thread", "undefined", "address,undefined"])
def test_under_cwshim_run(build, tmp_path, sanitizer):
    status, said = run(tmp_path, build(f"-fsanitize={sanitizer}"))
    assert (status, said) == (0, "")
    [finding] = load_report(tmp_path / "report")["findings"]
    assert (finding["cause"], finding["count"]) == ("eof-read-not-closed", 1)
    assert "main" in [frame["function"] for frame in finding["stacks"]["created"]]


def test_the_sanitizer_still_finds_what_it_is_for(build, tmp_path):
    status, said = run(tmp_path, build("-fsanitize=address"), "overflow", ASAN_OPTIONS="exitcode=55")
    assert status == 55 and "heap-buffer-overflow" in said
    assert load_report(tmp_path / "report")["findings"]


def test_what_the_user_says_of_it_stays(build, tmp_path):
    status, said = run(tmp_path, build("-fsanitize=address"), ASAN_OPTIONS="verify_asan_link_order=1")
    assert status != 0 and "ASan runtime does not come first" in said


def test_doctor_tells(build):
    for flags, is_told in (["-fsanitize=address"], True), ([], False):
        done = subprocess.run([BUILD / "cwshim", "doctor", build(*flags)], text=True,
                              capture_output=True, check=True)
        assert ("verify_asan_link_order=0" in done.stdout) == is_told and ": yes: " in done.stdout
