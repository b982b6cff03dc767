# SPDX-License-Identifier: MIT
"""Taking any row out of the table of functions is noticed by the test of that row."""

import importlib.machinery
import importlib.util
import subprocess

import pytest

from lab import BUILD, SOURCE
from rows import FUNCTIONS

SCRIPT = SOURCE / "scripts/check-rows"


@pytest.fixture(name="script", scope="module")
def fixture_script():
    loader = importlib.machinery.SourceFileLoader("check_rows", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_rows", loader))
    loader.exec_module(module)
    return module


def test_every_removal_is_noticed():
    done = subprocess.run([SCRIPT, f"--build={BUILD}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for function in FUNCTIONS:
        assert f"\n{function} " in "\n" + done.stdout


def test_a_removal_that_the_test_does_not_notice(script):
    """The row of connect has nothing to do with sendfile."""
    assert not script.is_noticed(BUILD, "sendfile", "test_rows.py::test_row_is_intercepted[connect]")


def test_a_test_that_cannot_be_run_proves_nothing(script):
    with pytest.raises(script.Trouble, match="could not be run"):
        script.is_noticed(BUILD, "connect", "test_rows.py::no_such_test")


def test_a_function_that_is_not_in_the_table_is_refused():
    done = subprocess.run([SCRIPT, f"--build={BUILD}", "no_such_function"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2 and "no_such_function" in done.stderr
