# SPDX-License-Identifier: MIT
"""The causes in other languages and their libraries: tests/targets/scripts.

An interpreter may call the same function from several places of its own, so that one mistake of the
script is more than one finding; they are taken together here.
"""

import signal

import pytest

from lab import REPORT_SIGNAL, wait_until

TARGETS = [
    *(("socket_server.py", f"--shape={shape}") for shape in ("forgotten", "shutdown", "forking")),
    *(("copies_server.py", f"--shape={shape}") for shape in ("sent", "helper", "program")),
    *(("handlers_server.py", f"--shape={shape}") for shape in ("fork", "forkserver", "spawn")),
    *(("http_client.py", f"--shape={shape}") for shape in ("pooled", "abandoned")),
    *(("tls_server.py", f"--shape={shape}")
      for shape in ("unwrap", "first", "freed", "handshake")),
    *(("select_server.py", f"--shape={shape}")
      for shape in ("poll", "select", "paused", "forgotten", "send", "reset")),
    ("forking_server.pl",),
    ("reconnecting_client.rb",),
    ("stream_server.php",),
    ("channel_server.tcl",),
    ("Swallow.java",),
    ("paused_server.js",),
    ("sending_server.js",),
    ("asyncio_server.py",),
]
UNKNOWN = {"unread-not-closed", "eof-read-not-closed"}
# What these leave is closed when they end: they wait for the child that has the copy.
CLOSED_UNSEEN = {("copies_server.py", f"--shape={shape}") for shape in ("helper", "program")}


def name_of(target):
    return " ".join(target)


def assert_as_expected(report, running):
    [expect] = running.expects
    findings = report["findings"]
    assert {(f["cause"], f["verdict"]) for f in findings} == {(expect["cause"], expect["verdict"])}
    assert sum(f["count"] for f in findings) == int(expect["count"])


def assert_not_false(report, running):
    [expect] = running.expects
    assert {finding["cause"] for finding in report["findings"]} <= {expect["cause"]} | UNKNOWN


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_while_it_lives(lab, target):
    running = lab.start(*target, at_exit=0).wait_ready()
    assert_as_expected(lab.report(running.pid)[0], running)
    running.send(REPORT_SIGNAL)
    assert_as_expected(lab.log_of(running), running)
    assert running.finish() == 0
    assert running.stderr == ""


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_at_its_normal_end(lab, target):
    running = lab.start(*target).wait_ready()
    assert running.finish() == 0
    if target in CLOSED_UNSEEN:
        assert lab.logs() == []
    else:
        report = lab.only_log()
        assert report["findings"]
        assert_not_false(report, running)


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_killed(lab, target):
    running = lab.start(*target).wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    assert_not_false(lab.report(running.pid)[0], running)


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_the_correct_twin_is_silent(lab, target):
    running = lab.start(*target, "--fixed").wait_ready()
    report, status = lab.report(running.pid)
    assert report["findings"] == [] and status == 0
    assert running.finish() == 0
    assert running.stderr == "" and lab.logs() == []


def test_in_use_is_named_and_fails_nothing(lab):
    running = lab.start("select_server.py", "--shape=stream").wait_ready()
    report, status = lab.report(running.pid)
    assert_as_expected(report, running)
    assert status == 0
    assert running.finish() == 0
    assert running.stderr == "" and lab.logs() == []


def test_a_runtime_polls_on_beside_its_stopped_loop(lab):
    """Threads are looked at twice, half a second apart, of what is older than that."""
    running = lab.start("busy_server.js", at_exit=0).wait_ready()
    wait_until(lambda: lab.report("--min-age=500ms", running.pid)[0]["findings"], "old enough")
    assert_as_expected(lab.report("--min-age=500ms", running.pid)[0], running)
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL


def test_a_server_that_goes_on_has_not_stopped(lab):
    running = lab.start("busy_server.js", "--fixed").wait_ready()
    report, status = lab.report(running.pid)
    assert report["findings"] == [] and status == 0
    assert running.finish() == 0
    assert running.stderr == "" and lab.logs() == []


@pytest.mark.parametrize("manner, causes", [
    ((), {"not-polled"}),
    # Before it raises the signal again it may have taken out what it was to close.
    (("--handled",), {"unread-not-closed"}),
], ids=["default", "handled"])
def test_taken_out_before_a_signal_ends_it(lab, manner, causes):
    running = lab.start("asyncio_server.py", *manner).wait_ready()
    running.send(signal.SIGTERM)
    assert running.finish() == -signal.SIGTERM
    assert {f["cause"] for f in lab.only_log()["findings"]} == causes
