# SPDX-License-Identifier: MIT
"""Makes the table of docs/compatibility.md from what the interop tests noted when they passed.

    compatibility.py BUILD_DIRECTORY > docs/compatibility.md
"""

import json
import pathlib
import sys

HEAD = """\
# Compatibility

Servers that are run, by the tests of the label `interop`, once bare and once under the shim. In each the
clients saw the same, the server ended in the same way, no report (asked for while it lived, and made when its
processes ended) named a leak or a stall, and no process stopped recording.

This table is made by the tests: `tests/interop/compatibility.py build/release > docs/compatibility.md`.

| server | version | work |
|---|---|---|
"""


def rows(build):
    """What passed, sorted by name."""
    found = [json.loads(path.read_text()) for path in (pathlib.Path(build) / "interop").glob("*.json")]
    return sorted(found, key=lambda row: row["name"])


def table(build):
    return HEAD + "".join(f"| {row['name']} | {row['version']} | {row['work']} |\n"
                          for row in rows(build))


CPYTHON = """
## CPython's own tests

Each module ran bare and under the shim, with the same outcome of each test (`tests/interop/test_cpython.py`;
the outcomes stand, test by test, in `cpython/` below the build directory):

"""


def cpython(build):
    """One line a module, from the lists of outcomes."""
    text = ""
    for path in sorted((pathlib.Path(build) / "cpython").glob("*.txt")):
        kinds = [line.split()[-1] for line in path.read_text().splitlines()[1:]]
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
        text += f"- {path.stem}: {len(kinds)} tests, {counts}\n"
    return CPYTHON + text if text else ""


if __name__ == "__main__":
    sys.stdout.write(table(sys.argv[1]) + cpython(sys.argv[1]))
