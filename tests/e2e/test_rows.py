# SPDX-License-Identifier: MIT
"""Each row of the table of functions is intercepted: the report knows what only it could tell.

That a symbol is exported proves nothing (a named version node in the linker script switches
interposition off without a word), so each function is called and its effect looked for.
"""

import pathlib
import re
import subprocess

import pytest

from lab import BUILD, REPORT_SIGNAL, SOURCE, assert_report
from rows import ELSEWHERE, FUNCTIONS, ROWS

PROGRAMS = sorted(path.stem for path in (SOURCE / "tests/targets").glob("rows_*.c"))


def listing(program):
    done = subprocess.run([BUILD / "targets" / program], capture_output=True, text=True, check=False)
    return done.stdout.split()


def program_of(function):
    [program] = [program for program in PROGRAMS if function in listing(program)]
    return program


def test_every_function_has_one_row():
    assert sorted(name for program in PROGRAMS for name in listing(program)) == sorted(ROWS)
    assert set(ELSEWHERE) <= set(FUNCTIONS)


def is_blocked(pid, number):
    """Does the mask of the process's first thread keep that signal away?"""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    mask = int(re.search(r"^SigBlk:\s*(\w+)", status, re.MULTILINE).group(1), 16)
    return bool(mask >> (number - 1) & 1)


def report_of(lab, running):
    """Asked for from outside; by the signal where the row is about that."""
    if "SIGNAL arrives" in running.lines:
        assert not is_blocked(running.pid, REPORT_SIGNAL), "it would be waited for in vain"
        running.send(REPORT_SIGNAL)
        return lab.log_of(running)
    if "REPORT comes" in running.lines:
        return lab.log_of(running)
    report, _ = lab.report(running.pid)
    return report


def knows_nothing_of_sockets(running):
    return not running.expects and not any(line.startswith("TRACKED") for line in running.lines)


def assert_ended(report, running):
    """One of the process's sessions ended as the row says."""
    if any(line.startswith("ENDED") for line in running.lines):
        assert running.fact("ENDED") in [process["ended"] for process in report["processes"]]


@pytest.mark.parametrize("function", ROWS)
def test_row_is_intercepted(lab, function):
    program = program_of(function)
    # The shim stands behind the default actions of signals only where it reports at the end.
    running = lab.start(program, function, at_exit=int(program == "rows_signals")).wait_ready()
    assert "ACTION other" not in running.lines
    if not knows_nothing_of_sockets(running):
        report = report_of(lab, running)
        assert_report(report, running.expects)
        assert_ended(report, running)
        if not running.expects:
            assert report["summary"]["tracked"] == int(running.fact("TRACKED"))
    assert running.finish() == 0
    assert running.stderr == ""


def test_a_daemon_is_found_by_its_number(lab):
    """The process that was started ends; its child, without a session, is the program."""
    running = lab.start("rows_processes", "daemon", at_exit=0).wait_ready()
    daemon = int(running.fact("PID"))
    report, _ = lab.report(daemon)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert daemon in [holder["pid"] for sock in finding["sockets"] for holder in sock["holders"]]
    assert running.finish() == 0


@pytest.mark.parametrize("number", listing("numbers"))
def test_a_call_by_its_number_is_seen(lab, number):
    """What syscall() is asked for."""
    running = lab.start("numbers", number, at_exit=0).wait_ready()
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    assert running.finish() == 0 and running.stderr == ""
