# SPDX-License-Identifier: MIT
"""A forked child pays for each page that it touches: how many page faults the library adds.

Counted by the kernel (getrusage(2), ru_minflt) in the fork-per-connection server of the benchmark and
its children, which the server waits for.  Their number does not depend on how busy the machine is.
"""

import os
import pathlib
import platform
import re
import subprocess

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
CONNECTIONS = 1000  # so many that the start of the program does not count
DEADLINE_S = 120
WITH_GUARD_PAGES = 6  # at most, for each connection; 1.6 to 2.6 were seen
WITHOUT = 16  # Linux before 6.15; 12.6 were seen, and 23.4 when nothing was done about it


def kernel():
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", platform.release()).groups())


def faults(connections, env):
    server = subprocess.Popen([BUILD / "bench/server", "fork", str(connections)], env=env,
                              stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().split()[1]
        subprocess.run([BUILD / "bench/client", port, str(connections), "each", "5"], input=b"hello",
                       timeout=DEADLINE_S, check=True)
        _, status, usage = os.wait4(server.pid, 0)
        server.returncode = status
    finally:
        if server.returncode is None:
            server.kill()
            server.wait()
        server.stdout.close()
    assert status == 0
    return usage.ru_minflt


def test_the_faults_that_a_connection_of_a_forking_server_adds(tmp_path):
    bare = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    shim = {**bare, "LD_PRELOAD": str(BUILD / "libcwshim.so"),
            "CWSHIM_OPTIONS": f"at_exit=0:session_dir={tmp_path}"}
    added = (faults(CONNECTIONS, shim) - faults(CONNECTIONS, bare)) / CONNECTIONS
    assert added <= (WITH_GUARD_PAGES if kernel() >= (6, 15) else WITHOUT)
