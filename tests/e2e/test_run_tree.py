# SPDX-License-Identifier: MIT
"""cwshim run follows the tree of processes, whatever they do: double fork, setsid, re-exec, an
emptied environment, and daemons left behind."""

import os
import signal

import pytest

from lab import BUILD, DEADLINE_S, load_report, wait_until

# Leaks one connection; what is done before and around it is the test's.
LEAK = """
import os, socket, sys, time
def leak():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.close()
    assert server.recv(1) == b""
    keep.append((listener, server))
keep = []
def tell(name):
    with open(os.environ["FACTS"], "a") as file:
        file.write("%s %d\\n" % (name, os.getpid()))
"""

DOUBLE_FORK = LEAK + """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        leak()
        tell("LEAKER")
        time.sleep(0 if len(sys.argv) < 2 else 1000)
        sys.exit(0)
    os._exit(0)
os.wait()
while not os.path.exists(os.environ["FACTS"]):
    time.sleep(0.01)
"""

REEXEC = LEAK + """
if len(sys.argv) > 1:
    tell("AGAIN")
    time.sleep(1000)
if os.fork() == 0:
    leak()
    os.set_inheritable(keep[0][1].fileno(), True)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:], "again"])
while not os.path.exists(os.environ["FACTS"]):
    time.sleep(0.01)
"""


class Tree:
    """Runs a Python program by `cwshim run`."""

    def __init__(self, lab):
        self.lab = lab
        self.facts_path = lab.root / "facts"

    def run(self, script, *args, options=()):
        argv = [BUILD / "cwshim", "run", f"--session-dir={self.lab.session_dir}", "--min-age=0",
                "--format=json", f"--output={self.lab.run_output}", *options, "--",
                "/usr/bin/python3", "-c", script, *args]
        env = self.lab.environment(preload=False, options="")
        env["FACTS"] = str(self.facts_path)
        running = self.lab._start(argv, env)
        # A daemon that is left behind keeps the standard output open.
        assert running.process.wait(DEADLINE_S) == 0, running.stderr
        return load_report(self.lab.run_output)

    def pid(self, name):
        lines = [line.split() for line in self.facts_path.read_text().splitlines()]
        return [int(pid) for word, pid in lines if word == name][-1]


@pytest.fixture
def tree(lab):
    return Tree(lab)


def leaks(report):
    return [(f["cause"], f["pid"]) for f in report["findings"] if f["verdict"] == "leak"]


def process(report, pid):
    [found] = [p for p in report["processes"] if p["pid"] == pid][-1:]
    return found


def is_gone(pid):
    try:
        return open(f"/proc/{pid}/stat", encoding="ascii").read().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_a_double_fork_is_waited_for(tree):
    report = tree.run(DOUBLE_FORK, options=["--wait-all"])
    assert leaks(report) == [("eof-read-not-closed", tree.pid("LEAKER"))]
    assert process(report, tree.pid("LEAKER"))["ended"] == "exited:0"


def test_a_daemon_left_behind_is_named(tree):
    report = tree.run(DOUBLE_FORK, "stay")
    daemon = tree.pid("LEAKER")
    try:
        assert leaks(report) == [("eof-read-not-closed", daemon)]
        assert process(report, daemon)["ended"] is None
        assert report["findings"][0]["confirmed"]
    finally:
        os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: is_gone(daemon), "the daemon ends")


def test_what_a_daemon_took_through_its_own_exec_is_found(tree):
    report = tree.run(REEXEC)
    pid = tree.pid("AGAIN")
    try:
        [finding] = report["findings"]
        assert finding["verdict"] == "leak" and finding["confirmed"]
        assert [(h["pid"], h["via"]) for s in finding["sockets"] for h in s["holders"]] == [
            (pid, "exec")]
        assert {p["ended"] for p in report["processes"] if p["pid"] == pid} == {"exec", None}
    finally:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid), "the daemon ends")


EMPTIED = LEAK + """
leak()
server = keep[0][1]
os.set_inheritable(server.fileno(), True)
if os.fork() == 0:
    tell("HOLDER")
    os.execve("/usr/bin/python3", ["python3", "-c", "import os, time; time.sleep(1000)"], {})
server.close()
while not os.path.exists(os.environ["FACTS"]):
    time.sleep(0.01)
environ = "/proc/%s/environ" % open(os.environ["FACTS"]).read().split()[1]
while b"LD_PRELOAD" in open(environ, "rb").read():
    time.sleep(0.01)
"""


def test_an_emptied_environment_is_said(tree):
    """env -i takes the library away: the process is a holder still, and it is said that no more is
    known of it."""
    report = tree.run(EMPTIED)
    holder = tree.pid("HOLDER")
    try:
        found = process(report, holder)
        assert not found["shim"]
        assert [limit for limit in found["limits"] if "without the library" in limit]
        [finding] = report["findings"]
        assert [h["pid"] for s in finding["sockets"] for h in s["holders"]] == [holder]
        assert finding["cause"] == "leaked-through-exec"
    finally:
        os.kill(holder, signal.SIGKILL)
    wait_until(lambda: is_gone(holder), "the holder ends")


QUIET = LEAK + """
if os.fork() == 0:
    os.setsid()
    listener = socket.create_server(("127.0.0.1", 0))
    tell("DAEMON")
    time.sleep(1000)
while not os.path.exists(os.environ["FACTS"]):
    time.sleep(0.01)
"""


def test_a_clean_daemon_is_named_without_a_finding(tree):
    report = tree.run(QUIET)
    daemon = tree.pid("DAEMON")
    try:
        assert report["findings"] == []
        assert process(report, daemon)["ended"] is None
    finally:
        os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: is_gone(daemon), "the daemon ends")
