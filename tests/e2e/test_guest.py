# SPDX-License-Identifier: MIT
"""The program under the shim cannot tell: same output, same descriptors, no allocations."""

import os
import shutil
import signal

import pytest

from lab import LIBRARY, REPORT_SIGNAL, assert_report, load_report

GUESTS = ["exceptions", "unwind_trap", "no_malloc"]


def output(running):
    status = running.wait_ready().finish()
    assert running.stderr == ""
    return status, running.lines


@pytest.mark.parametrize("name", GUESTS)
def test_output_is_the_same_as_without(lab, name):
    bare = output(lab.start(name, preload=False))
    assert output(lab.start(name)) == bare
    assert lab.logs() == []


def test_storm_does_not_allocate(lab):
    running = lab.start("no_malloc").wait_ready()
    assert running.fact("ALLOCATIONS") == "0"
    assert running.fact("MAPPINGS") == "0"
    assert running.finish() == 0


def test_exceptions_keep_their_unwinder(lab):
    running = lab.start("exceptions").wait_ready()
    assert running.fact("CAUGHT") == "10000 of 10000"
    assert "libgcc_s" in running.fact("UNWINDER")
    assert running.finish() == 0


def test_shim_unwinds_by_libunwind_in_the_trap(lab):
    """Else the test of the trap would prove nothing: the whole stack was walked, up to main."""
    running = lab.start("unwind_trap", "--leak").wait_ready()
    report, _ = lab.report(running.pid)
    [finding] = report["findings"]
    functions = [frame["function"] for frame in finding["stacks"]["created"]]
    assert functions[:4] == ["open_pair", "leak", "call_untold", "leak_at_depth"]
    assert "main" in functions
    assert running.finish() == 0


@pytest.mark.parametrize("place, mapped", [
    ("none", "unmapped"), ("handler", "unmapped"), ("other-stack", "unmapped"), ("child", "unmapped"),
    ("thread", "unmapped"), ("main", "mapped")])
def test_libunwind_is_loaded_only_where_it_is_wanted_and_safe(lab, place, mapped):
    running = lab.start("late_unwinder", place).wait_ready()
    assert running.fact("UNWINDER") == mapped
    if place == "child":
        assert running.fact("CHILD") == "unmapped"
    assert running.finish() == 0


def test_a_second_copy_of_the_library_is_silent(lab):
    """As from a build beside an installed one: the one that is loaded first tells all."""
    library = shutil.copy(LIBRARY, lab.root)
    env = lab.environment()
    env["LD_PRELOAD"] += f":{library}"
    running = lab.start("host", "plain", env=env).wait_ready()
    assert running.finish() == 7
    assert running.stderr == ""
    assert_report(lab.only_log(), running.expects)
    assert len([name for name in os.listdir(lab.session_dir) if name.endswith(".cws")]) == 1


def test_no_descriptor_of_ours_is_open(lab):
    bare = lab.start("eof_not_closed", preload=False).wait_ready()
    watched = lab.start("eof_not_closed").wait_ready()
    assert os.listdir(f"/proc/{watched.pid}/fd") == os.listdir(f"/proc/{bare.pid}/fd")
    watched.send(REPORT_SIGNAL)
    lab.log_of(watched)
    assert os.listdir(f"/proc/{watched.pid}/fd") == os.listdir(f"/proc/{bare.pid}/fd")


def test_reporter_is_no_child_of_the_host(lab):
    """After a report on the signal, wait() finds nothing and no SIGCHLD came."""
    running = lab.start("children").wait_ready()
    running.send(REPORT_SIGNAL)
    report = lab.log_of(running)
    assert [finding["cause"] for finding in report["findings"]] == ["eof-read-not-closed"]
    assert running.finish() == 0
    assert running.fact("SIGCHLD") == "0"
    assert running.fact("WAIT") == "ECHILD"


def test_no_core_of_a_crash_is_hidden(lab):
    """A crash is not ours: it kills as ever, and the session tells the rest."""
    running = lab.start("eof_not_closed").wait_ready()
    running.send(signal.SIGSEGV)
    assert running.finish() == -signal.SIGSEGV
    report, status = lab.report(running.pid)
    assert [finding["cause"] for finding in report["findings"]] == ["eof-read-not-closed"]
    assert status == 1


def test_descendants_have_sessions_of_their_own(lab):
    running = lab.run("forkserver", "--clients=3").wait_ready()
    assert running.finish() == 0
    report = load_report(lab.run_output)
    pids = [process["pid"] for process in report["processes"]]
    assert len(pids) == len(set(pids)) >= 1
