# SPDX-License-Identifier: MIT
"""Out of descriptors: the finding stands beside the causes that led to it, whichever way it is asked."""

import signal

import pytest

from lab import REPORT_SIGNAL, assert_report, load_report

SHAPES = ["accept", "socket"]
# The kernel's word alone: a killed process cannot be asked, and one without a descriptor cannot open
# the FIFO on which it would tell `cwshim run` of its end.
QUEUED = "unaccepted-backlog"


def find(report, cause):
    [finding] = [f for f in report["findings"] if f["cause"] == cause]
    return finding


def assert_exhausted(report, running, without=()):
    assert_report(report, [e for e in running.expects if e["cause"] not in without])
    finding = find(report, "fd-exhaustion")
    others = [f["id"] for f in report["findings"] if f is not finding]
    assert sorted(finding["related"]) == sorted(others)
    assert "EMFILE" in finding["explanation"]


@pytest.mark.parametrize("shape", SHAPES)
def test_by_cwshim_report_of_the_living(lab, shape):
    running = lab.start("exhausted", f"--shape={shape}", at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert_exhausted(report, running)
    assert status == 1 and find(report, "fd-exhaustion")["confidence"] == "high"
    assert running.finish() == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_on_the_signal(lab, shape):
    """The report at the first EMFILE has the same name, so it is over when this one is asked for."""
    running = lab.start("exhausted", f"--shape={shape}", at_exit=0).wait_ready()
    lab.log_of(running)
    (lab.log_dir / f"{running.pid}.log").unlink()
    running.send(REPORT_SIGNAL)
    assert_exhausted(lab.log_of(running), running)
    assert running.finish() == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_under_cwshim_run(lab, shape):
    running = lab.run("exhausted", f"--shape={shape}").wait_ready()
    assert running.finish() == 0
    assert_exhausted(load_report(lab.run_output), running, without=[QUEUED])


@pytest.mark.parametrize("shape", SHAPES)
def test_killed(lab, shape):
    """Its limit is not known any more: less sure, but the leaks are there."""
    running = lab.start("exhausted", f"--shape={shape}", at_exit=0).wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    report, _ = lab.report(running.pid)
    assert_exhausted(report, running, without=[QUEUED])
    assert find(report, "fd-exhaustion")["confidence"] == "medium"


def test_a_program_that_recovered_is_left_with_a_note(lab):
    running = lab.start("exhausted", "--fixed").wait_ready()
    report, status = lab.report(running.pid)
    assert report["findings"] == [] and status == 0
    assert running.finish() == 0
