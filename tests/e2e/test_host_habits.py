# SPDX-License-Identifier: MIT
"""Hosts that change their user, limits and signals after the start: unharmed, their leak found."""

import os
import signal
import socket
import subprocess

import pytest

from lab import BUILD, REPORT_SIGNAL, assert_report

STATUS = 7
NOBODY = 65534


@pytest.fixture(name="shared")
def fixture_shared(lab):
    """A session directory as /tmp is, which everybody can reach."""
    lab.session_dir.mkdir()
    lab.session_dir.chmod(0o1777)
    for parent in lab.session_dir.parents:
        if parent.stat().st_mode & 0o011 != 0o011 and parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    return lab


def test_a_sticky_directory_serves_all_users(shared):
    running = shared.start("host", "nobody").wait_ready()
    [session] = shared.session_dir.iterdir()
    assert session.stat().st_uid == NOBODY
    report, status = shared.report(running.pid)
    assert status == 1
    assert_report(report, running.expects)
    assert running.finish() == STATUS


def test_a_worker_keeps_the_session_it_made_as_root(lab):
    running = lab.start("host", "worker").wait_ready()
    report, status = lab.report(running.pid)
    assert status == 1
    assert_report(report, running.expects)
    assert running.finish() == STATUS


def user_of(pid):
    """Its real, effective, saved and file system user; and whose its entry in /proc is, which is
    root's if it may not be dumped."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        [users] = [line.split()[1:] for line in status if line.startswith("Uid:")]
    return users, os.stat(f"/proc/{pid}/status").st_uid


def test_a_worker_that_can_be_root_again_has_its_report(lab):
    """The reporter goes back, to reach the session; the worker stays who it is."""
    running = lab.start("host", "worker-for-a-while").wait_ready()
    before = user_of(running.pid)
    assert before == ([str(NOBODY), str(NOBODY), "0", str(NOBODY)], NOBODY)
    running.send(REPORT_SIGNAL)
    report = lab.log_of(running)
    assert report["reason"] == "signal"
    assert_report(report, running.expects)
    assert user_of(running.pid) == before
    assert running.finish() == STATUS
    assert running.stderr == ""


def test_a_worker_that_can_be_root_again_has_its_report_at_exit(lab):
    running = lab.start("host", "worker-for-a-while").wait_ready()
    assert running.finish() == STATUS
    report = lab.only_log()
    assert report["reason"] == "exit"
    assert_report(report, running.expects)


def test_a_worker_that_is_nobody_for_good_reports_plainly(lab):
    running = lab.start("host", "worker").wait_ready()
    assert running.finish() == STATUS
    refusal, *report = running.stderr.splitlines()
    assert refusal.startswith("cwshim: no reporter could be started")
    assert "cwshim: 1 socket, fd" in report[0] and "eof-read-not-closed" in report[0]


def drop_privileges():
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def test_a_directory_that_nobody_may_write_to(lab):
    running = lab.start("host", "plain", session_dir="/proc/1/task", preexec_fn=drop_privileges)
    assert running.wait_ready().finish() == STATUS
    refusal, *report = running.stderr.splitlines()
    assert refusal.startswith("cwshim: recording in memory only: ")
    assert report and all(line.startswith("cwshim: ") for line in report)


def test_signals_blocked_in_every_thread(lab):
    running = lab.start("host", "block-signals").wait_ready()
    running.send(REPORT_SIGNAL)
    assert_report(lab.log_of(running), running.expects)
    assert running.finish() == STATUS


def test_a_small_alternate_stack(lab):
    """Reports are made on a stack of ours, once and again; the signal kills as it does bare."""
    running = lab.start("host", "small-stack").wait_ready()
    for _ in range(2):
        running.send(REPORT_SIGNAL)
        assert_report(lab.log_of(running), running.expects)
        lab.logs()[0].unlink()
    running.send(signal.SIGTERM)
    assert running.finish() == -signal.SIGTERM
    assert_report(lab.only_log(), running.expects)


def test_a_handler_that_jumps(lab):
    """It may leave what it came upon, but not the death of its program."""
    running = lab.start("host", "jumps").wait_ready()
    running.send(REPORT_SIGNAL)
    assert_report(lab.log_of(running), running.expects)
    lab.logs()[0].unlink()
    running.send(signal.SIGTERM)
    assert running.process.wait(60) == -signal.SIGTERM
    assert_report(lab.only_log(), running.expects)


def test_no_handler_of_ours_is_shown(lab):
    """Counted while there is a session, so while the deadly signals are ours too."""
    bare = lab.start("host", "show-signals", preload=False).wait_ready()
    running = lab.start("host", "show-signals").wait_ready()
    assert running.fact("STRANGE") == bare.fact("STRANGE")
    with open(f"/proc/{running.pid}/status", encoding="ascii") as status:
        [caught] = [int(line.split()[1], 16) for line in status if line.startswith("SigCgt")]
    assert caught >> (REPORT_SIGNAL - 1) & 1
    assert running.finish() == bare.finish() == STATUS


def test_a_limit_of_file_size_that_comes_later(lab):
    running = lab.start("host", "small-files-later").wait_ready()
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    assert running.finish() == STATUS
    assert running.stderr == ""


def test_the_report_stays_out_of_a_clients_connection(lab):
    """Not only lines of the library's own: a leak is found here, and there is a report to write."""
    env = lab.environment(log_path=None, verbose=1, format="text")
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as ours:
        theirs, _ = listener.accept()
        with theirs:
            host = subprocess.Popen([BUILD / "targets" / "host", "plain"], env=env,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=theirs)
        assert host.wait(60) == STATUS
        ours.settimeout(60)
        assert ours.recv(1000) == b""


def test_the_sandbox_of_the_tests_kills(lab):
    """Else what test_host.py sees of a locked-in server would prove nothing."""
    assert lab.start("sandbox", "forbidden", preload=False).finish() == -signal.SIGSYS
    assert lab.start("sandbox", "prctl", preload=False).finish() == STATUS
