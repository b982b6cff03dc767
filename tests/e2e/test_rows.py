# SPDX-License-Identifier: MIT
"""Each row of the table of functions is intercepted: the report knows what only it could tell.

That a symbol is exported proves nothing (a named version node in the linker script switches
interposition off without a word), so each function is called and its effect looked for.
"""

import re
import subprocess

import pytest

from lab import BUILD, REPORT_SIGNAL, SOURCE, assert_report

TABLE = (SOURCE / "shim/core/functions.h").read_text()
FUNCTIONS = re.findall(r"^CW_FN\((\w+)", TABLE, re.MULTILINE)

# Rows that are no business of the rows programs, and the tests that fail without them.
ELSEWHERE = {
    "__libc_start_main": "test_ending.py (return)",
    "exit": "test_ending.py",
    "_exit": "test_ending.py",
    "_Exit": "test_ending.py",
    "quick_exit": "test_ending.py",
    "pipe2": "test_guest.py (unwind_trap)",
}
# The site of these forks does not reach the report yet.
UNTOLD = {"clone", "__clone", "daemon"}
ROWS = [name for name in FUNCTIONS if name not in ELSEWHERE]
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


def report_of(lab, running):
    """Asked for from outside; by the signal where the row is about that."""
    if "SIGNAL arrives" in running.lines:
        running.send(REPORT_SIGNAL)
        return lab.log_of(running)
    report, _ = lab.report(running.pid)
    return report


def knows_nothing_of_sockets(running):
    return not running.expects and not any(line.startswith("TRACKED") for line in running.lines)


def assert_ended(report, running):
    """One of the process's sessions ended as the row says."""
    if any(line.startswith("ENDED") for line in running.lines):
        assert running.fact("ENDED") in [process["ended"] for process in report["processes"]]


@pytest.mark.parametrize("function", [row for row in ROWS if row not in UNTOLD])
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


@pytest.mark.parametrize("function", ["clone", "__clone"])
def test_what_a_clone_did_is_told(lab, function):
    running = lab.start("rows_processes", function, at_exit=0).wait_ready()
    report, _ = lab.report(running.pid)
    [finding] = report["findings"]
    assert finding["cause"] == "parent-kept-copy"
    assert finding["stacks"]["eof"][0]["function"] == "be_child"
    assert running.finish() == 0


def test_what_a_daemon_holds_is_told(lab):
    """The process that was started ends; its child is the program, and ends with its input."""
    running = lab.start("rows_processes", "daemon", at_exit=0).wait_ready()
    report, _ = lab.report()
    holders = [holder["pid"] for sock in report["findings"][0]["sockets"]
               for holder in sock["holders"]]
    assert int(running.fact("PID")) in holders
    assert running.finish() == 0
