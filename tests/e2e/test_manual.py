# SPDX-License-Identifier: MIT
"""The manual page names every command and every option that the help names."""
import os
import re
import subprocess

import pytest

CWSHIM = os.path.join(os.environ["CWSHIM_BUILD"], "cwshim")
MANUAL = os.path.join(os.environ["CWSHIM_SOURCE"], "docs", "man", "cwshim.1.scd")
COMMANDS = ("run", "report", "list", "clean")


def output_of(*words):
    return subprocess.run([CWSHIM, *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def manual():
    with open(MANUAL, encoding="utf-8") as file:
        return file.read()


def test_every_command_is_there(manual):
    named = re.findall(r"^  ([a-z]+) ", output_of("--help"), re.M)
    assert set(named) >= set(COMMANDS)
    for name in named:
        assert f"*cwshim {name}*" in manual


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_there(manual, command):
    options = re.findall(r"^  (?:-.,|   ) (--[a-z-]+)", output_of(command, "--help"), re.M)
    assert "--session-dir" in options
    for option in options:
        assert option == "--help" or f"*{option}" in manual


def test_the_version_is_told():
    assert re.fullmatch(r"cwshim \d+\.\d+\.\d+\n", output_of("--version"))
