# SPDX-License-Identifier: MIT
"""Processes that can have no session file: unharmed, one line, and their leak is found while they live."""

import json
import subprocess

import pytest

from test_host import LEAK, PYTHON, SERVE, TIMEOUT_S, cwshim, environment

HOLD = "print('READY', flush=True); import sys; sys.stdin.read()\n"
SIZE = "int(open('/proc/self/statm').read().split()[0]) * 4096"

# What is done before the first socket, so that the file cannot be made or mapped.
BEFORE = {
    "size-of-files": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n",
    "address-space": "import resource, socket\n"
                     f"resource.setrlimit(resource.RLIMIT_AS, ({SIZE} + (8 << 20),) * 2)\n",
    "descriptors": "import os, resource, socket\n"
                   "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
                   "filled = []\n"
                   "try:\n    while True: filled.append(os.dup(2))\n"
                   "except OSError: pass\n"
                   "os.close(filled.pop())\n"
                   "first = socket.socket()\n"  # the last one there is
                   "for fd in filled: os.close(fd)\n",
    "chroot": "import encodings.idna, os, socket, tempfile\n"
              "jail = tempfile.mkdtemp(); os.chroot(jail); os.chdir('/')\n",
    "locked-memory": "import ctypes, encodings.idna, os, resource, socket\n"
                     "most = min(8 << 20, resource.getrlimit(resource.RLIMIT_MEMLOCK)[1])\n"
                     "resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))\n"
                     "os.setgid(65534); os.setuid(65534)\n"
                     "assert ctypes.CDLL(None).mlockall(2) == 0\n",  # MCL_FUTURE
    "address-space": "import encodings.idna, resource, socket\n"
                     "most = int(open('/proc/self/statm').read().split()[0]) * 4096 + (24 << 20)\n"
                     "resource.setrlimit(resource.RLIMIT_AS, (most, most))\n",
}


class Host:
    """A script under the shim that holds still."""

    def __init__(self, tmp_path, script, prefix=()):
        self.sessions = tmp_path / "s"
        self.stderr = tmp_path / "stderr"
        with open(self.stderr, "wb") as stderr:
            self.process = subprocess.Popen([*prefix, PYTHON, "-c", script], text=True, stderr=stderr,
                                            env=environment(self.sessions, at_exit=0),
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = []
        while (line := self.process.stdout.readline()) != "READY\n":
            assert line, self.stderr.read_text()
            self.lines.append(line)

    def ask(self, *words):
        return json.loads(cwshim(*words, "--format=json", f"--session-dir={self.sessions}").stdout)

    def row(self):
        [row] = [row for row in self.ask("list")["sessions"] if row["pid"] == self.process.pid]
        return row

    def report(self):
        return self.ask("report", "--min-age=0", str(self.process.pid))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        self.process.stdin.close()
        self.process.stdout.close()


def limits(report):
    [process] = report["processes"]
    return " ".join(process["limits"])


@pytest.mark.parametrize("way", BEFORE)
def test_a_leak_is_found_without_a_file(tmp_path, way):
    with Host(tmp_path, BEFORE[way] + LEAK + HOLD) as host:
        assert host.lines == ["hello\n"]
        [line] = host.stderr.read_text().splitlines()
        assert line.startswith("cwshim: recording in memory only: ")
        assert (host.row()["off"], host.row()["session"]) == ("memory only: no session", None)
        report = host.report()
        assert [f["cause"] for f in report["findings"]] == ["eof-read-not-closed"]
        assert "memory alone" in limits(report)
        host.process.stdin.close()
        assert host.process.wait(TIMEOUT_S) == 0


def test_more_sockets_than_there_is_room_for(tmp_path):
    """The first ones are recorded; the loss is told."""
    many = ("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3000, 3000))\n"
            + LEAK + "more = [socket.socket() for _ in range(2500)]\n")
    (tmp_path / "s").write_text("")
    with Host(tmp_path, "import socket\n" + many + HOLD) as host:
        (tmp_path / "s").unlink()
        report = host.report()
        assert [f["cause"] for f in report["findings"]] == ["eof-read-not-closed"]
        assert "descriptor above the table" in limits(report)


def test_a_child_records_in_its_own_memory(tmp_path):
    script = SERVE + ("serve()\nimport os\nif os.fork(): os.wait(); os._exit(0)\n"
                      + LEAK + "print(os.getpid(), flush=True)\n" + HOLD)
    (tmp_path / "s").write_text("")
    with Host(tmp_path, script) as host:
        (tmp_path / "s").unlink()
        child = host.lines[-1].strip()
        try:
            report = host.ask("report", "--min-age=0", child)
            [finding] = report["findings"]
            assert finding["cause"] == "eof-read-not-closed" and finding["count"] == 1
            [sock] = finding["sockets"]
            assert [(h["pid"], h["via"]) for h in sock["holders"]] == [(int(child), "accept")]
        finally:
            host.process.stdin.close()
            host.process.wait(TIMEOUT_S)


def test_a_disk_that_fills_up_later(tmp_path):
    """What was recorded until then is reported, with the reason why no more was."""
    sessions = tmp_path / "s"
    sessions.mkdir(mode=0o700)
    mount = f"mount -t tmpfs -o size=400k,mode=700 none {sessions} && exec \"$@\""
    many = LEAK + "more = [serve() for _ in range(400)]\n" + HOLD
    with Host(tmp_path, many, ("unshare", "-m", "sh", "-c", mount, "sh")) as host:
        report = host.report()
        assert "there was no room for its session" in limits(report)
        assert "eof-read-not-closed" in [finding["cause"] for finding in report["findings"]]
        host.process.stdin.close()
        assert host.process.wait(TIMEOUT_S) == 0


def test_more_stacks_than_there_is_room_for(lab):
    lab.session_dir.write_text("")
    running = lab.start("many_stacks", at_exit=0).wait_ready()
    lab.session_dir.unlink()
    report, status = lab.report(running.pid)
    assert status == 1 and [f["cause"] for f in report["findings"]] == ["eof-read-not-closed"]
    assert "stacks were not recorded" in limits(report)
    assert running.finish() == 0
