# SPDX-License-Identifier: MIT
"""What is known of a family of processes when most of it is gone."""

import signal

import pytest

from lab import assert_report

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
