# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from lab import Lab  # noqa: E402 (found through the line above)


@pytest.fixture(name="lab")
def fixture_lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    lab.destroy()
