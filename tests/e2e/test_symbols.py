# SPDX-License-Identifier: MIT
"""Frames of a report: inlined C++ functions by their full names, files, lines and build-ids."""

import pathlib
import re
import shutil
import subprocess

from lab import BUILD, Running, assert_report


def created_frames(report):
    [finding] = report["findings"]
    return finding["stacks"]["created"]


def test_inlined_functions_are_frames_of_their_own(lab):
    running = lab.start("cxx_inlined").wait_ready()
    assert running.finish() == 0
    frames = created_frames(lab.only_log())[:4]  # those below main are libc's
    names = [frame["function"].replace("(anonymous namespace)::", "") for frame in frames]
    assert names == ["shop::Server::take", "shop::Server::next", "shop::serve_one", "main"]
    assert [frame["inlined"] for frame in frames] == [True, True, False, False]
    assert {pathlib.Path(frame["file"]).name for frame in frames} == {"cxx_inlined.cc"}
    lines = [frame["line"] for frame in frames]
    assert len(set(lines)) == 4 and min(lines) > 0


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    return re.search(r"Build ID: (\w+)", notes.stdout).group(1)


def test_modules_are_named_with_their_build_id(lab):
    running = lab.start("eof_not_closed").wait_ready()
    assert running.finish() == 0
    frame = created_frames(lab.only_log())[0]
    path = BUILD / "targets/eof_not_closed"
    assert frame["module"] == str(path)
    assert frame["build_id"] == build_id(path)


def test_a_replaced_program_gives_no_wrong_lines(lab):
    """The file was rebuilt after the process died: lines would lie."""
    program = lab.root / "server"
    shutil.copy(BUILD / "targets/eof_not_closed", program)
    running = Running([program], lab.environment(), lab.root / "stderr")
    lab.started.append(running)
    running.wait_ready().send(9)
    assert running.finish() == -9
    program.unlink()
    shutil.copy(BUILD / "targets/unread_not_closed", program)
    report, _ = lab.report(running.pid)
    frame = created_frames(report)[0]
    assert frame["module"] == str(program)
    assert frame["file"] is None and frame["line"] is None and frame["function"] is None
    [process] = report["processes"]
    assert any(str(program) in limit for limit in process["limits"])


def test_a_program_renamed_since_is_still_the_same(lab):
    """As an upgrade does that keeps the old file: no other program was executed by that."""
    program = lab.root / "server"
    shutil.copy(BUILD / "targets/eof_not_closed", program)
    running = Running([program], lab.environment(at_exit=0), lab.root / "stderr")
    lab.started.append(running)
    running.wait_ready()
    program.rename(lab.root / "server.old")
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    assert all(finding["confirmed"] for finding in report["findings"])
    [process] = report["processes"]
    assert process["shim"] and process["ended"] is None
    assert running.finish() == 0


def test_a_stripped_program_names_what_is_left(lab):
    program = lab.root / "stripped"
    subprocess.run(["strip", "-o", program, BUILD / "targets/eof_not_closed"], check=True)
    running = Running([program], lab.environment(), lab.root / "stderr")
    lab.started.append(running)
    assert running.wait_ready().finish() == 0
    frame = created_frames(lab.only_log())[0]
    assert frame["module"] == str(program)
    assert frame["file"] is None
