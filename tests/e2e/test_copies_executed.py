# SPDX-License-Identifier: MIT
"""Connections that executed programs hold: what is told of the program and of the careless line."""

import re

import pytest

import copies
from lab import innermost
from test_copies import EXECUTED, name_of


@pytest.mark.parametrize("target", EXECUTED, ids=name_of)
def test_the_kernel_confirms_what_programs_hold_after_all(lab, target):
    with copies.started(lab, (*target, "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        assert report["findings"]
        assert all(finding["confirmed"] for finding in report["findings"])


@pytest.mark.parametrize("target", EXECUTED, ids=name_of)
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
