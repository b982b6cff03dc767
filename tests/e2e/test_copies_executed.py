# SPDX-License-Identifier: MIT
"""Connections that executed programs hold, however those were started."""

import re

import pytest

import copies
from lab import innermost

SHAPES = [("kept_by_program", f"--shape={shape}")
          for shape in ("fork", "vfork", "spawn", "system", "popen", "daemon", "bare")]


def name_of(target):
    return target[1]


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
@pytest.mark.parametrize("children", [1, 2])
@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_while_it_lives_and_at_its_end(lab, target, children, more):
    with copies.started(lab, (*target, f"--children={children}", *more)) as running:
        copies.check_living(lab, running)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_under_cwshim_run(lab, target):
    with copies.started(lab, (*target, "--children=2"), run=True) as running:
        copies.check_run(lab, running)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_after_it_was_killed(lab, target):
    """The programs live on, so the kernel confirms what they hold."""
    with copies.started(lab, (*target, "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        copies.check(report, running)
        assert all(finding["confirmed"] for finding in report["findings"])


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_close_on_exec_is_the_cure(lab, target):
    with copies.started(lab, (*target, "--children=2", "--fixed")) as running:
        copies.check_living(lab, running)


@pytest.mark.parametrize("more", [(), ("--killed",)], ids=["", "killed"])
def test_of_five_hundred(lab, more):
    with copies.started(lab, (*SHAPES[0], "--children=500", *more), at_exit=0) as running:
        copies.check_once(lab, running)


@pytest.mark.parametrize("target", SHAPES, ids=name_of)
def test_the_programs_command_line_and_the_careless_line(lab, target):
    with copies.started(lab, target) as running:
        [(pid, _, _)] = copies.said_holders(running)
        report, _ = lab.report(running.pid)
        [finding] = report["findings"]
        [process] = [process for process in report["processes"] if process["pid"] == pid]
        assert process["exe"].endswith("/holder")
        assert process["cmdline"][0].endswith("/holder")
        assert process["cmdline"][1].startswith("--tell=")
        text = re.sub(r"\s+", " ", lab.cwshim("report", "--min-age=0", str(running.pid)).stdout)
        assert " ".join(process["cmdline"]) in text
        _, line = innermost(finding, "created").split(":")
        assert "SOCK_CLOEXEC" in finding["advice"]
        assert f"at kept_by_program.c:{line}" in finding["advice"]
        assert running.finish() == 0
