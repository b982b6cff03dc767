# SPDX-License-Identifier: MIT
"""The library exports the function table and nothing else, and depends on libc alone."""

import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])
LIBRARY = pathlib.Path(os.environ["CWSHIM_BUILD"]) / "libcwshim.so"
LIBC = {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def run(*argv, **options):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=True,
                          **options).stdout


def table(path):
    """The names of the rows, as the preprocessor sees them."""
    program = f'#define CW_FN(name, ...) ROW name\n#include "{path}"\n'
    text = run("cc", "-E", "-P", "-x", "c", "-", input=program)
    return re.findall(r"ROW (\w+)", text)


def exports(library):
    """Defined dynamic symbols, with their version if they have one (name@@VERSION)."""
    return [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()]


def needed(library):
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", "-W", library)))


def export_violations(library, names):
    found = [f"missing: {name}" for name in names if name not in exports(library)]
    return found + [f"not in the table: {name}" for name in exports(library) if name not in names]


def test_the_library_exports_exactly_the_table():
    names = table(SOURCE / "shim/core/functions.h")
    assert len(names) == len(set(names)) >= 20
    assert export_violations(LIBRARY, names) == []


def test_the_library_needs_libc_alone():
    assert "libc.so.6" in needed(LIBRARY)
    assert needed(LIBRARY) - LIBC == set()


@pytest.fixture(name="build")
def fixture_build(tmp_path):
    def build(text, *options):
        library = tmp_path / "made.so"
        run("cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library, *options, input=text)
        return library
    return build


def test_a_missing_row_is_found(build):
    assert export_violations(build("int a(void) { return 0; }"), ["a", "b"]) == ["missing: b"]


def test_a_foreign_export_is_found(build):
    library = build("int a(void) { return 0; } int helper(void) { return 0; }")
    assert export_violations(library, ["a"]) == ["not in the table: helper"]


def test_a_versioned_export_is_found(build, tmp_path):
    """A version of our own would not satisfy a program bound to GLIBC_2.2.5."""
    versions = tmp_path / "versions.map"
    versions.write_text("MADE { global: a; local: *; };")
    library = build("int a(void) { return 0; }", f"-Wl,--version-script={versions}")
    assert "missing: a" in export_violations(library, ["a"])


def test_a_second_dependency_is_found(build):
    library = build("int a(void) { return 0; }", "-Wl,--no-as-needed", "-lm")
    assert needed(library) - LIBC == {"libm.so.6"}


def test_a_row_under_a_condition_is_read_as_compiled(tmp_path):
    header = tmp_path / "functions.h"
    header.write_text("CW_FN(a, int, (int))\n#if 0\nCW_FN(b, int, (int))\n#endif\n")
    assert table(header) == ["a"]


def section(name):
    """Address and size of a section of the library."""
    for line in run("readelf", "-S", "-W", LIBRARY).splitlines():
        found = re.search(r"\s" + re.escape(name) + r"\s+\w+\s+(\w+)\s+\w+\s+(\w+)\s", line)
        if found:
            return int(found[1], 16), int(found[2], 16)
    return None


def test_a_forked_child_writes_to_one_page():
    """What it writes, and the bits of the lowest 16,384 descriptors, lie in one page."""
    start, size = section(".sbss.cw_forked")
    table, _ = section(".sbss.cw_forked_table")
    assert start % 4096 == 0
    assert start + size <= table <= start + 2048
