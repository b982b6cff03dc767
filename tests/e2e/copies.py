# SPDX-License-Identifier: MIT
"""Runs the targets of tests/targets/copies.h and compares who holds their sockets."""

import contextlib
import os
import signal

from lab import REPORT_SIGNAL, assert_report, load_report, parse_expect


@contextlib.contextmanager
def leash():
    """Children live until its other end is closed: longer than the program that made them."""
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)
    try:
        yield read_end
    finally:
        os.close(write_end)
        os.close(read_end)


@contextlib.contextmanager
def started(lab, target, run=False, **changes):
    """The target in its state, with the words that it takes for the leash."""
    with leash() as end:
        words = (*target, f"--leash={end}")
        way = lab.run if run else lab.start
        yield way(*words, pass_fds=(end,), **changes).wait_ready()


def said_holders(running):
    """Who has what open, as the target says."""
    lines = [parse_expect(line) for line in running.lines if line.startswith("HOLDER")]
    return sorted((int(line["pid"]), int(line["fd"]), line["via"]) for line in lines)


def found_holders(report):
    return sorted((holder["pid"], holder["fd"], holder["via"])
                  for finding in report["findings"] for sock in finding["sockets"]
                  for holder in sock["holders"])


def check(report, running):
    """Cause, count, lines and holders are those that the target said, and no others."""
    assert_report(report, running.expects)
    found, said = found_holders(report), said_holders(running)
    assert found == said, f"found {found}, said {said}"


def check_living(lab, running, at_exit=True):
    """By the signal, from outside, and, of what it made itself, at the end of the process."""
    running.send(REPORT_SIGNAL)
    if running.expects:
        check(lab.log_of(running), running)
        (lab.log_dir / f"{running.pid}.log").unlink()
    report, status = lab.report(running.pid)
    check(report, running)
    assert status == bool(running.expects)
    assert running.finish() == 0
    if running.expects and at_exit:
        check(lab.only_log(), running)
    else:
        assert lab.logs() == []
    assert running.stderr == ""


def check_once(lab, running):
    """From outside; a report of 500 sessions takes seconds."""
    report, status = lab.report(running.pid)
    check(report, running)
    assert status == bool(running.expects)
    assert running.finish() == 0


def check_run(lab, running):
    assert running.finish() == 0
    check(load_report(lab.run_output), running)
    assert running.stderr == ""


def kill(running):
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
