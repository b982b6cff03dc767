# SPDX-License-Identifier: MIT
"""The rows of the shim's table of functions, and the one test of each that fails without it."""

import os
import pathlib
import re

SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])
TABLE = (SOURCE / "shim/core/functions.h").read_text()
FUNCTIONS = re.findall(r"^CW_FN\((\w+)", TABLE, re.MULTILINE)

# Rows that are no business of the rows programs.
_EXIT = "test_ending.py::test_exit_is_reported_before_the_teardown"
ELSEWHERE = {
    "__libc_start_main": f"{_EXIT}[return]",
    "exit": f"{_EXIT}[exit]",
    "_exit": f"{_EXIT}[_exit]",
    "_Exit": f"{_EXIT}[_Exit]",
    "quick_exit": f"{_EXIT}[quick_exit]",
    "pipe2": "test_guest.py::test_output_is_the_same_as_without[unwind_trap]",
    "dlclose": "test_walk.py::test_a_library_in_the_place_of_another",
}
ROWS = [name for name in FUNCTIONS if name not in ELSEWHERE]


def test_of(function):
    """As pytest names it, below tests/e2e."""
    return ELSEWHERE.get(function, f"test_rows.py::test_row_is_intercepted[{function}]")
