# SPDX-License-Identifier: MIT
"""Dependencies run one way: the rule holds in the tree, and a tree that breaks it is caught."""

import os
import pathlib

import pytest

import structure

SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])


def make_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_every_layer_is_there():
    for half, layers in structure.LAYERS.items():
        for layer in layers:
            assert list((SOURCE / half / layer).glob("*.[ch]")), f"{half}/{layer} is empty"


@pytest.mark.parametrize("rule", [
    structure.layer_violations,
    structure.library_violations,
    structure.diagnose_violations,
    structure.poison_violations,
    structure.size_violations,
    structure.opening_violations,
    structure.word_violations,
])
def test_the_tree_keeps_the_rule(rule):
    assert rule(SOURCE) == []


# What stands in the tree besides the file under test: one header a layer.
HEADERS = {
    "shim/include/cwshim/session.h": "",
    "shim/core/core.h": "",
    "shim/track/track.h": "",
    "shim/interpose/close.h": "",
    "shim/interpose/interpose.h": "",
    "shim/trigger/trigger.h": "",
    "reporter/util/util.h": "",
    "reporter/model/model.h": "",
    "reporter/session/session.h": "",
    "reporter/kernel/kernel.h": "",
    "reporter/diagnose/diagnose.h": "",
    "reporter/render/render.h": "",
    "reporter/render/json.h": "",
    "reporter/cmd/cmd.h": "",
}


@pytest.mark.parametrize("path, include", [
    ("shim/interpose/read.c", "track/track.h"),
    ("shim/interpose/close.c", "close.h"),
    ("shim/interpose/read.c", "interpose/interpose.h"),
    ("shim/trigger/exit.c", "track/track.h"),
    ("shim/core/raw.c", "cwshim/session.h"),
    ("reporter/render/text.c", "render/render.h"),
    ("reporter/render/json.c", "json.h"),
    ("reporter/session/load.c", "cwshim/session.h"),
    ("reporter/session/load.c", "session/session.h"),
    ("reporter/cmd/report.c", "kernel/kernel.h"),
    ("reporter/main.c", "cmd/cmd.h"),
])
def test_a_right_include_is_left_alone(tmp_path, path, include):
    tree = make_tree(tmp_path, {**HEADERS, path: f'#include "{include}"\n'})
    assert structure.layer_violations(tree) == []


@pytest.mark.parametrize("path, include", [
    ("shim/track/table.c", "interpose/interpose.h"),
    ("shim/track/table.c", "../interpose/close.h"),
    ("shim/track/table.c", "trigger/trigger.h"),
    ("shim/core/raw.c", "track/track.h"),
    ("shim/trigger/exit.c", "interpose/close.h"),
    ("shim/interpose/read.c", "close.h"),
    ("shim/interpose/read.c", "interpose/close.h"),
    ("shim/core/raw.c", "../../reporter/util/util.h"),
    ("shim/stray.c", "core/core.h"),
    ("reporter/util/text.c", "model/model.h"),
    ("reporter/model/model.c", "session/session.h"),
    ("reporter/diagnose/rules.c", "kernel/kernel.h"),
    ("reporter/kernel/proc.c", "session/session.h"),
    ("reporter/render/text.c", "render/json.h"),
    ("reporter/render/text.c", "diagnose/diagnose.h"),
    ("reporter/session/load.c", "../../shim/core/core.h"),
    ("reporter/main.c", "model/model.h"),
])
def test_a_wrong_include_is_found(tmp_path, path, include):
    tree = make_tree(tmp_path, {**HEADERS, path: f'#include "{include}"\n'})
    found = structure.layer_violations(tree)
    assert len(found) == 1 and path in found[0]


@pytest.mark.parametrize("path, include, rule", [
    ("reporter/kernel/proc.c", "elfutils/libdwfl.h", structure.library_violations),
    ("reporter/model/model.c", "jansson.h", structure.library_violations),
    ("shim/interpose/read.c", "libunwind.h", structure.library_violations),
    ("reporter/diagnose/rules.c", "unistd.h", structure.diagnose_violations),
    ("reporter/diagnose/rules.c", "sys/socket.h", structure.diagnose_violations),
    ("reporter/diagnose/rules.c", "cwshim/session.h", structure.diagnose_violations),
])
def test_a_foreign_library_is_found(tmp_path, path, include, rule):
    tree = make_tree(tmp_path, {path: f"#include <{include}>\n"})
    found = rule(tree)
    assert len(found) == 1 and path in found[0]


@pytest.mark.parametrize("text", [
    "",
    "#include <errno.h>\n",
    '#include "core/poison.h"\n#include <errno.h>\n',
])
def test_a_source_without_poison_is_found(tmp_path, text):
    tree = make_tree(tmp_path, {"shim/core/a.c": text})
    assert len(structure.poison_violations(tree)) == 1


def test_a_long_file_is_found(tmp_path):
    tree = make_tree(tmp_path, {"shim/core/a.c": "\n" * 499, "shim/core/b.c": "\n" * 500})
    assert structure.size_violations(tree) == ["shim/core/b.c: 500 lines"]


def test_a_file_without_opening_is_found(tmp_path):
    spdx = "/* SPDX-License-Identifier: MIT */\n"
    tree = make_tree(tmp_path, {
        "shim/core/good.c": spdx + "/*\n * What it does.\n */\n",
        "shim/core/no_spdx.c": "/* What it does. */\n",
        "shim/core/no_paragraph.c": spdx + "#define A 1\nint a;\n",
    })
    found = structure.opening_violations(tree)
    assert [line.split(":")[0] for line in found] == [
        "shim/core/no_paragraph.c", "shim/core/no_spdx.c"]


@pytest.mark.parametrize("line", ["/* TO" "DO: later */", "cd /wo" "rk/somewhere"])
def test_an_unwanted_word_is_found(tmp_path, line):
    tree = make_tree(tmp_path, {"shim/core/a.c": f"int a;\n{line}\n"})
    assert structure.word_violations(tree) == [f"shim/core/a.c:2: {line}"]
