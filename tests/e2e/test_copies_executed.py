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


def test_an_image_after_a_restart_holds_what_came_through_exec(lab):
    """Its session has not been told of those descriptors yet: they are not its own."""
    running = lab.start("restarted", at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert running.finish() == 0
    [finding] = report["findings"]
    assert (finding["cause"], finding["count"], status) == ("leaked-through-exec", 2, 1)
    assert {holder["via"] for socket in finding["sockets"] for holder in socket["holders"]
            if holder["pid"] == running.pid} == {"exec"}
    assert "executed" in finding["stacks"]
