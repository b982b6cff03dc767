# SPDX-License-Identifier: MIT
"""The documents speak of what is there: files, options, servers."""

import ast
import os
import pathlib
import re

import pytest

SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])
MENTION = re.compile(r"\b((?:docs|scripts|shim|reporter|tests)/[\w./*-]*\w|[A-Z]+\.md)\b")


def documents(root):
    return sorted([*root.glob("*.md"), *root.glob("docs/*.md")])


def exists(root, name):
    """Is there such a file?  A word in capitals, as in rows_FAMILY.c, stands for anything."""
    return any(root.glob(name)) or any(root.glob(re.sub(r"[A-Z]{2,}", "*", name)))


def missing_files(root):
    """Files of the tree that a document names and that are not there."""
    return [f"{document.relative_to(root)}: {name}"
            for document in documents(root)
            for name in MENTION.findall(document.read_text(encoding="utf-8"))
            if not exists(root, name)]


def rows(path):
    """First cells of the rows of a document's tables, split at commas."""
    cells = re.findall(r"^\| ([^|]+?) \|", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name for cell in cells for name in cell.split(", ")}


def options(root):
    text = (root / "shim/core/option-table.h").read_text(encoding="utf-8")
    return set(re.findall(r"^CW_OPTION\((\w+),", text, re.MULTILINE))


def compared(root):
    """The names under which the interop tests note what they compared."""
    names = set()
    for path in (root / "tests/interop").glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "compare":
                names.add(node.args[1].value)
    return names


def test_documents_name_files_that_exist():
    assert len(documents(SOURCE)) >= 8
    assert missing_files(SOURCE) == []


def test_a_missing_file_is_found(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/one.md").write_text("see docs/two.md, and docs/one.md\n")
    assert missing_files(tmp_path) == ["docs/one.md: docs/two.md"]


# Explained elsewhere, not to users: how `cwshim run` gets its reports, and what later causes need.
NOT_IN_README = {"notify", "filters", "late"}


def test_the_readme_has_every_option():
    assert options(SOURCE) - rows(SOURCE / "README.md") - NOT_IN_README == set()
    assert NOT_IN_README < options(SOURCE)


def test_the_compatibility_table_has_every_server():
    assert rows(SOURCE / "docs/compatibility.md") - {"server"} == compared(SOURCE)
    assert len(compared(SOURCE)) >= 3


@pytest.mark.parametrize("text, expected", [
    ("| a, b | c |\n| --- | --- |\n", {"a", "b", "---"}),
    ("no table\n", set()),
])
def test_rows_are_read(tmp_path, text, expected):
    path = tmp_path / "a.md"
    path.write_text(text)
    assert rows(path) == expected
