# SPDX-License-Identifier: MIT
"""A program holds a connection that it was executed with."""

import pytest

from lab import assert_report

WAYS = [(), ("--background",)]


@pytest.mark.parametrize("way", WAYS, ids=["forked", "background"])
def test_a_program_holds_what_was_open(lab, way):
    running = lab.start("leaked_through_exec", *way, at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert status == 1
    assert running.finish() == 0


@pytest.mark.parametrize("way", WAYS, ids=["forked", "background"])
def test_close_on_exec_is_the_cure(lab, way):
    running = lab.start("leaked_through_exec", *way, "--fixed", at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert not running.expects
    assert report["findings"] == []
    assert status == 0
    assert running.finish() == 0
