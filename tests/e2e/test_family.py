# SPDX-License-Identifier: MIT
"""What is known of a family of processes when most of it is gone."""

import os
import signal
import time

import pytest

from lab import DEADLINE_S, assert_report, wait_until

CHILDREN = 256  # CW_CHILDREN: so many sessions of ended children are kept


def sessions_of_others(lab, running):
    return [path for path in lab.session_dir.glob("*.cws")
            if not path.name.startswith(f"{running.pid}-")]


def test_a_grandchild_is_told_of_after_the_child_between_has_gone(lab):
    running = lab.start("middleman", "--clients=3", at_exit=0).wait_ready()
    assert sessions_of_others(lab, running) == []
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    assert running.finish() == 0


def test_a_grandchild_is_told_of_by_a_child_that_was_killed(lab):
    running = lab.start("middleman", "--clients=3", "--kill", at_exit=0).wait_ready()
    assert len(sessions_of_others(lab, running)) == 3
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    assert running.finish() == 0


def test_sessions_of_killed_children_are_folded_in_when_they_are_too_many(lab):
    running = lab.start("middleman", "--clients=3", "--kill", f"--killed={CHILDREN + 40}",
                        at_exit=0).wait_ready()
    assert len(sessions_of_others(lab, running)) <= CHILDREN
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    [server] = [p for p in report["processes"] if p["pid"] == running.pid]
    assert any("43 sessions of forked children" in limit for limit in server["limits"])
    assert running.finish() == 0


@pytest.mark.parametrize("options", [(), ("--kill",)])
def test_nothing_is_told_of_a_server_that_closes_its_copy(lab, options):
    running = lab.start("middleman", "--clients=3", "--fixed", *options, at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert report["findings"] == [] and status == 0
    assert running.finish() == 0


def test_sessions_of_the_killed_are_cleaned(lab):
    running = lab.start("middleman", "--clients=2", "--kill", at_exit=0).wait_ready()
    assert lab.cwshim("clean").returncode == 0
    assert sessions_of_others(lab, running) == []
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    assert lab.cwshim("clean").returncode == 0
    assert list(lab.session_dir.glob("*.cws")) == []


SHARED = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
client.send(b"x")
server.recv(1)
copy = os.dup(server.fileno())
child = os.fork()
if child == 0:
    server.close()
    os.read(0, 1)
    os._exit(0)
print("FACTS", server.fileno(), copy, child, flush=True)
print("READY", flush=True)
os.read(0, 1)
os.waitpid(child, 0)
"""


def test_all_open_sockets_are_listed_with_all_their_holders(lab):
    running = lab._start(["/usr/bin/python3", "-c", SHARED],
                         lab.environment(at_exit=0)).wait_ready()
    fd, copy, child = map(int, running.fact("FACTS").split())
    wait_until(lambda: not os.path.exists(f"/proc/{child}/fd/{fd}"), "the child closes one copy")
    report, status = lab.report("--all", running.pid)
    assert report["findings"] == [] and status == 0
    [accepted] = [s for s in report["sockets"] if s["role"] == "accepted"]
    assert f"socket:[{accepted['inode']}]" == os.readlink(f"/proc/{running.pid}/fd/{fd}")
    assert not accepted["in_flight"]
    holders = {(h["pid"], h["fd"], h["via"]): h["last"]["op"] for h in accepted["holders"]}
    assert set(holders) == {(running.pid, fd, "accept"), (running.pid, copy, "dup"),
                            (child, copy, "fork")}
    assert holders[running.pid, fd, "accept"] == "recv"
    assert holders[running.pid, copy, "dup"] in ("fcntl", "fcntl64")
    without, _ = lab.report(running.pid)
    assert "sockets" not in without
    assert running.finish() == 0


SENT = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
ours, theirs = socket.socketpair()
socket.send_fds(ours, [b"x"], [server.fileno()])
server.close()
print("FACTS %s:%d" % client.getsockname(), flush=True)
print("READY", flush=True)
os.read(0, 1)
received = socket.recv_fds(theirs, 1, 1)[1]
print("RECEIVED", *received, flush=True)
os.read(0, 1)
"""


def connection(report, peer):
    return [s for s in report["sockets"] if s["peer"] == peer and s["role"] != "connected"]


def test_a_descriptor_in_flight_has_no_holder(lab):
    running = lab._start(["/usr/bin/python3", "-c", SENT],
                         lab.environment(at_exit=0)).wait_ready()
    report, status = lab.report("--all", running.pid)
    [sent] = connection(report, running.fact("FACTS"))
    assert sent["in_flight"] and sent["holders"] == [] and sent["tcp_state"] == "ESTABLISHED"
    [process] = report["processes"]
    assert [limit for limit in process["limits"] if "in flight" in limit]
    assert report["findings"] == [] and status == 0
    running.process.stdin.write(b"\n")
    running.process.stdin.flush()
    while not any(line.startswith("RECEIVED") for line in running.lines):
        assert running._read_more(time.monotonic() + DEADLINE_S)
    report, _ = lab.report("--all", running.pid)
    [received] = connection(report, running.fact("FACTS"))
    assert not received["in_flight"]
    assert [(h["pid"], h["fd"], h["via"]) for h in received["holders"]] == [
        (running.pid, int(running.fact("RECEIVED")), "passed")]
    assert report["processes"][0]["limits"] == []
    assert running.finish() == 0


FLAGS = """
import ctypes, fcntl, os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
clients = [socket.create_connection(listener.getsockname()) for _ in range(4)]
servers = [listener.accept()[0] for _ in clients]
numbers = [s.fileno() for s in servers]
libc = ctypes.CDLL(None, use_errno=True)
for fd in numbers:
    fcntl.fcntl(fd, fcntl.F_SETFD, 0)
fcntl.fcntl(numbers[0], fcntl.F_SETFD, fcntl.FD_CLOEXEC)
if libc.close_range(numbers[1], numbers[1], 4):
    sys.exit("close_range: " + os.strerror(ctypes.get_errno()))
SYS_FCNTL = {"x86_64": 72, "aarch64": 25}[os.uname().machine]
libc.syscall(SYS_FCNTL, numbers[2], fcntl.F_SETFD, fcntl.FD_CLOEXEC)
for client, server in zip(clients, servers):
    client.close()
    server.recv(1)
print("FACTS", *numbers, flush=True)
print("READY", flush=True)
os.read(0, 1)
"""


def close_on_exec(report):
    return {holder["fd"]: holder["cloexec"] for finding in report["findings"]
            for socket in finding["sockets"] for holder in socket["holders"]}


def test_close_on_exec_is_known_of_a_killed_process(lab):
    running = lab._start(["/usr/bin/python3", "-c", FLAGS],
                         lab.environment(at_exit=0)).wait_ready()
    numbers = list(map(int, running.fact("FACTS").split()))
    expected = dict(zip(numbers, (True, True, True, False)))
    report, _ = lab.report(running.pid)
    assert close_on_exec(report) == expected
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    report, _ = lab.report()
    assert close_on_exec(report) == expected
