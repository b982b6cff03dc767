# SPDX-License-Identifier: MIT
"""closed-late: what was closed long after its end is told, however it is asked; what was not, is not."""

import signal
import subprocess

import pytest

from lab import LIBRARY, REPORT_SIGNAL, assert_report, command_of, innermost, load_report

LATE = "200ms"  # the targets wait twice as long
SHAPES = ["sweep", "shutdown", "idle"]


@pytest.mark.parametrize("shape", SHAPES)
def test_at_its_normal_end(lab, shape):
    running = lab.start("closed_late", f"--shape={shape}", late=LATE).wait_ready()
    assert running.finish() == 0
    report = lab.only_log()
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert finding["confirmed"] and finding["confidence"] == "high"
    assert finding["oldest_s"] >= 0.2 and finding["site_stats"]["closed"] == 3


def test_by_cwshim_report_of_the_living(lab):
    running = lab.start("closed_late", "--shape=sweep", at_exit=0, late=LATE).wait_ready()
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert status == 1
    assert lab.report("--late=1h", running.pid)[0]["findings"] == []
    assert running.finish() == 0


def test_on_the_signal(lab):
    running = lab.start("closed_late", "--shape=sweep", at_exit=0, late=LATE).wait_ready()
    running.send(REPORT_SIGNAL)
    assert_report(lab.log_of(running), running.expects)
    assert running.finish() == 0


def test_killed(lab):
    running = lab.start("closed_late", "--shape=sweep", late=LATE).wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    assert_report(lab.report(running.pid)[0], running.expects)


def test_what_nobody_read(lab):
    """The kernel says at the close how long the peer had been gone."""
    running = lab.start("closed_late", "--shape=idle", late=LATE).wait_ready()
    assert running.finish() == 0
    [finding] = lab.only_log()["findings"]
    assert set(finding["stacks"]) == {"created", "closed_elsewhere"}
    assert innermost(finding, "closed_elsewhere").startswith("give_up:")
    assert "nobody read that" in finding["explanation"]


def test_nothing_is_asked_of_a_young_connection(lab):
    """Only the close of one older than the limit costs a call."""
    trace = lab.root / "trace"
    calls = {}
    for late in ("1h", LATE):
        subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=getsockopt", "-E",
                        f"LD_PRELOAD={LIBRARY}", "-E", f"CWSHIM_OPTIONS={lab.options(late=late, at_exit=0)}",
                        *command_of("closed_late"), "--shape=idle"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
                       timeout=60)
        calls[late] = trace.read_text().count('TCP_INFO, "')  # of sockets
    assert calls == {"1h": 0, LATE: 3}


@pytest.mark.parametrize("shape", SHAPES)
def test_under_cwshim_run(lab, shape):
    running = lab.run("closed_late", f"--shape={shape}", options=[f"--late={LATE}"]).wait_ready()
    assert running.finish() == 0
    assert_report(load_report(lab.run_output), running.expects)


def test_a_minute_is_late_unless_said(lab):
    running = lab.start("closed_late", "--shape=sweep").wait_ready()
    assert running.finish() == 0 and lab.logs() == []


def test_the_correct_twin_is_silent(lab):
    running = lab.start("closed_late", "--fixed", late=LATE).wait_ready()
    assert running.finish() == 0 and lab.logs() == []
