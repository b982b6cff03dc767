# SPDX-License-Identifier: MIT
"""Servers under a seccomp filter that kills: no call of ours, and their leaks are found from outside."""

import json
import re
import subprocess

import pytest

from lab import BUILD, DEADLINE_S, LIBRARY, assert_report

WAYS = ("launch", "under", "thread", "later", "child", "strict")
IN_MEMORY = ("launch", "under", "thread", "child")


def pid_of_server(running, way):
    """The process that serves: a child where the program made one."""
    if way not in ("under", "child"):
        return running.pid
    with open(f"/proc/{running.pid}/task/{running.pid}/children", encoding="ascii") as children:
        [child] = children.read().split()
    return int(child)


@pytest.fixture(name="lab")
def fixture_lab_with_directory(lab):
    lab.session_dir.mkdir(mode=0o700)
    return lab


@pytest.mark.parametrize("way", WAYS)
def test_a_leak_under_a_filter_is_found(lab, way):
    running = lab.start("sandbox_leak", way).wait_ready()
    report, status = lab.report(pid_of_server(running, way))
    assert status == 1
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert {holder["via"] for sock in finding["sockets"] for holder in sock["holders"]} == {"accept"}
    assert running.finish() == 0 and running.stderr == ""


@pytest.mark.parametrize("way", [way for way in WAYS if way != "strict"])
def test_a_clean_server_under_a_filter_has_no_finding(lab, way):
    running = lab.start("sandbox_leak", way, "--fixed").wait_ready()
    report, status = lab.report(pid_of_server(running, way))
    assert status == 0 and report["findings"] == []
    assert running.finish() == 0 and running.stderr == ""


@pytest.mark.parametrize("way", WAYS)
def test_list_and_report_say_how_it_is_recorded(lab, way):
    running = lab.start("sandbox_leak", way).wait_ready()
    server = pid_of_server(running, way)
    rows = json.loads(lab.cwshim("list", "--format=json").stdout)["sessions"]
    [row] = [row for row in rows if row["pid"] == server]
    in_memory = way in IN_MEMORY
    assert row["off"] == ("memory only: sandbox" if in_memory else "limited: sandbox")
    assert row["state"] == "running" and row["fin_seen"] == 3 and row["created"] >= 3
    report, _ = lab.report()
    assert_report(report, running.expects)
    [process] = [process for process in report["processes"] if process["pid"] == server]
    assert any("seccomp filter" in limit for limit in process["limits"])
    assert running.finish() == 0


def test_the_filters_of_the_tests_kill(lab):
    """Each lets the bare program through."""
    for way in WAYS:
        assert lab.start("sandbox_leak", way, preload=False).wait_ready().finish() == 0


def test_what_a_locked_in_child_does_is_told_to_its_parent(lab):
    """The child asks for no cookie: what its parent had under that number at the fork is meant."""
    running = lab.start("sandbox_fork", "privsep").wait_ready()
    report, status = lab.report(running.pid)
    assert status == 1
    assert_report(report, running.expects)
    assert running.finish() == 0 and running.stderr == ""


def test_a_forking_server_under_a_filter(lab):
    """Its children end with what they had in memory; that they ended is enough."""
    running = lab.start("sandbox_fork", "launch").wait_ready()
    report, status = lab.report(running.pid)
    [expect] = running.expects
    assert status == 1
    assert_report(report, [{key: expect[key] for key in expect if key != "eof"}])
    assert report["findings"][0]["confidence"] == "medium"
    assert running.finish() == 0 and running.stderr == ""


@pytest.mark.parametrize("way", ["privsep", "launch"])
def test_a_clean_forking_server_under_a_filter(lab, way):
    running = lab.start("sandbox_fork", way, "--fixed").wait_ready()
    report, status = lab.report()
    assert status == 0 and report["findings"] == []
    assert running.finish() == 0 and running.stderr == ""


def calls_of(lab, way, preload):
    """What each process calls from where its filter is on: after the exec, or after the prctl."""
    env = lab.environment(preload=False)
    argv = ["strace", "-f", "-qq", "-e", "signal=none", "-o", lab.root / "calls"]
    argv += ["-E", f"LD_PRELOAD={LIBRARY}"] if preload else []
    done = subprocess.run([*argv, BUILD / "targets" / "sandbox_leak", way], env=env, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S)
    assert done.returncode == 0 and done.stdout.endswith(b"READY\n") and done.stderr == b""
    calls = {}
    for line in (lab.root / "calls").read_text().splitlines():
        pid, call = re.match(r"(\d+) +(.*)", line).groups()
        if not call.startswith(("<...", "+++")):
            calls.setdefault(int(pid), []).append(re.match(r"\w+", call).group())
    return [since_filter(names) for _, names in sorted(calls.items())]


def since_filter(names):
    """The loader and the constructor read files, which is looked at elsewhere; main begins by alarm."""
    for last in ("alarm", "prctl"):
        if last in names:
            names = names[len(names) - names[::-1].index(last):]
    return names


@pytest.mark.parametrize("way", WAYS)
def test_no_call_more_than_bare(lab, way):
    bare, watched = (calls_of(lab, way, preload) for preload in (False, True))
    if way == "child":  # its parent is under no filter
        bare, watched = bare[1:], watched[1:]
    assert watched == bare and bare[-1][-1].startswith("exit")


def test_a_sandbox_in_another_pid_namespace(lab):
    """As in a container: the number in /proc is another than its own."""
    target = BUILD / "targets" / "sandbox_leak"
    running = lab._start(["unshare", "--pid", "--fork", "--mount-proc", target, "launch"],
                         lab.environment(seccomp="avoid")).wait_ready()
    server = pid_of_server(running, "child")
    report, status = lab.report(server)
    assert status == 1
    assert_report(report, running.expects)
    assert [process["pid"] for process in report["processes"]] == [server]
    assert running.finish() == 0
