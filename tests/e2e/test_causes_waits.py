# SPDX-License-Identifier: MIT
"""Causes that only a living process tells: what its threads are blocked in, what it polls, and how
its connections stand to each other.

While it lives they are named; of one that ends or was killed less is known, and then a report may
know less, but nothing false.
"""

import os
import pathlib
import signal

import pytest

from lab import REPORT_SIGNAL, assert_report, load_report, wait_until

CLIENTS = ("reconnect", "abandoned", "pooled", "reused", "goodbye", "reset")
TARGETS = [
    *(("event_loop", f"--shape={shape}")
      for shape in ("paused", "removed", "edge", "oneshot", "stopped", "forgotten")),
    ("libevent_server", "--shape=stopped"),
    ("libevent_server", "--shape=removed"),
    ("libevent_server", "--shape=paused"),
    *(("microhttpd_server", f"--shape={shape}") for shape in ("suspended", "upgraded")),
    *(("reset_not_closed", f"--shape={shape}") for shape in ("told", "untold")),
    ("libcurl_client", "--shape=pooled"),
    ("libcurl_client", "--shape=abandoned"),
    *(("stuck_thread", f"--shape={shape}") for shape in ("mutex", "upstream", "polled", "connect", "sleep", "child", "send")),
    *(("client_sockets", f"--shape={shape}") for shape in CLIENTS),
    ("half_close_relay",),
    *(("half_close_relay", f"--shape={shape}") for shape in ("loop", "threads")),
    *(("backlog", f"--shape={shape}") for shape in ("never", "stopped", "worker")),
    ("own_client",),
    ("never_used",),
]
# The end of a child that inherited the listener is not the listener's end.
QUEUED = [("backlog", "--shape=worker")]
# What a thread is stuck in is known of the living alone: nobody looks twice at one that ends.
STUCK = ("--shape=stopped", "--shape=upgraded")
TOLD_AT_EXIT = [t for t in TARGETS if t[0] not in ("stuck_thread", "backlog") and not {*t} & {*STUCK}]
UNKNOWN = {"unread-not-closed", "eof-read-not-closed"}


def name_of(target):
    return " ".join(target)


def assert_not_false(report, running):
    """Each finding is the expected one or says that it does not know."""
    [expect] = running.expects
    assert {finding["cause"] for finding in report["findings"]} <= {expect["cause"]} | UNKNOWN


def calls_of(pid):
    """The numbers of the calls that its threads are in; "running" if one has not come to rest."""
    return sorted(task.read_text().split()[0]
                  for task in pathlib.Path(f"/proc/{pid}/task").glob("*/syscall"))


@pytest.mark.parametrize("shape", ["polled", "sleep"])
def test_after_it_was_stopped_and_continued(lab, shape):
    """The kernel goes on with such calls under the number of restart_syscall()."""
    running = lab.start("stuck_thread", f"--shape={shape}", at_exit=0).wait_ready()
    before = calls_of(running.pid)
    os.kill(running.pid, signal.SIGSTOP)
    os.waitpid(running.pid, os.WUNTRACED)
    os.kill(running.pid, signal.SIGCONT)
    wait_until(lambda: "running" not in calls_of(running.pid), "it waits again")
    assert calls_of(running.pid) != before
    assert_report(lab.report(running.pid)[0], running.expects)
    assert running.finish() == 0


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_by_cwshim_report_of_the_living(lab, target):
    running = lab.start(*target, at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert status == (running.expects[0]["verdict"] != "idle")
    assert running.finish() == 0


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_on_the_signal(lab, target):
    running = lab.start(*target, at_exit=0).wait_ready()
    running.send(REPORT_SIGNAL)
    assert_report(lab.log_of(running), running.expects)
    assert running.finish() == 0


@pytest.mark.parametrize("target", [t for t in TARGETS if t not in QUEUED], ids=name_of)
def test_at_its_normal_end(lab, target):
    running = lab.start(*target).wait_ready()
    assert running.finish() == 0
    report = lab.only_log()
    assert report["findings"]
    assert_not_false(report, running)


@pytest.mark.parametrize("target", TOLD_AT_EXIT, ids=name_of)
def test_under_cwshim_run(lab, target):
    """It is looked at before its end, and that is kept for the report."""
    running = lab.run(*target).wait_ready()
    assert running.finish() == 0
    assert_report(load_report(lab.run_output), running.expects)


@pytest.mark.parametrize("shape", ("never", "stopped"))
def test_not_accepted_under_cwshim_run(lab, shape):
    """The kernel resets what waits when the listener goes: it was looked at before."""
    running = lab.run("backlog", f"--shape={shape}").wait_ready()
    assert running.finish() == 0
    report = load_report(lab.run_output)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert finding["confirmed"] and all(s["holders"] == [] for s in finding["sockets"])


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_killed(lab, target):
    running = lab.start(*target).wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    report, _ = lab.report(running.pid)
    assert_not_false(report, running)


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_the_correct_twin_is_silent(lab, target):
    running = lab.start(*target, "--fixed").wait_ready()
    report, status = lab.report(running.pid)
    assert running.finish() == 0
    assert report["findings"] == [] and status == 0
    assert lab.logs() == []


def causes_of(report):
    return [finding["cause"] for finding in report["findings"]]


def report_after_a_while(lab, running):
    """Threads are looked at twice, half a second apart."""
    report, _ = lab.report(running.pid, "--min-age=500ms")
    return report


def test_a_loop_that_computes_has_stopped(lab):
    """One tick that falls into an interrupt, on a busy machine, and a report knows less."""
    running = lab.start("event_loop", "--shape=busy", at_exit=0).wait_ready()

    def told():
        report = report_after_a_while(lab, running)
        causes = {finding["cause"] for finding in report["findings"]}
        assert causes <= {"loop-stopped", "unread-not-closed"}
        return "loop-stopped" in causes and report

    assert_report(wait_until(told, "loop-stopped"), running.expects)


def test_a_loop_that_spins_has_not_stopped(lab):
    """It polls all the time, though it is hardly ever seen in that call."""
    running = lab.start("event_loop", "--shape=spinning", at_exit=0).wait_ready()
    wait_until(lambda: report_after_a_while(lab, running)["findings"], "old enough")
    for _ in range(3):
        assert_report(report_after_a_while(lab, running), running.expects)


def test_unsent_data_that_shrinks_is_in_use(lab):
    """The peer reads slowly; nothing was written since its end, but what was is still going out.

    Each of its acknowledgements makes the end look young, so that it is left alone; in between it
    is looked at twice.
    """
    running = lab.start("draining", at_exit=0).wait_ready()
    wait_until(lambda: causes_of(lab.report("--min-age=150ms", running.pid)[0])
               == ["half-open-in-use"], "a look before and after an acknowledgement")
    assert running.finish() == 0


def test_writes_that_nobody_sees_are_a_use(lab):
    """They come from inside libc; the kernel tells when data was last sent."""
    running = lab.start("half_open_in_use", "--unseen", at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert status == 0
    wait_until(lambda: causes_of(lab.report("--in-use=0s", running.pid)[0])
               == ["eof-read-not-closed"], "a look at which the last line is no use any more")
    assert running.finish() == 0


def test_a_connection_reset_before_it_was_accepted(lab):
    """getpeername() tells nothing of it any more; accept() told who it was."""
    running = lab.start("reset_not_closed", "--shape=early", at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert status == 1
    [finding] = report["findings"]
    peers = [socket["peer"] for socket in finding["sockets"]]
    assert len(set(peers)) == 3 and all(peer.startswith("127.0.0.1:") for peer in peers)
    assert running.finish() == 0
