# SPDX-License-Identifier: MIT
"""What scripts/demo installs is enough to configure and build everything."""

import os
import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(os.environ["CWSHIM_SOURCE"])
ASKED = re.compile(r"pkg_check_modules\(\w+ REQUIRED (?:IMPORTED_TARGET )?([^)]+)\)")
# What find_package() looks for comes with these.
PACKAGES = {"OpenSSL": "libssl-dev", "PkgConfig": "pkg-config", "Threads": "libc6-dev"}


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def recipes(root):
    return [path.read_text(encoding="utf-8") for path in root.glob("**/CMakeLists.txt")
            if "build" not in path.relative_to(root).parts]


def asked_modules(root):
    return {module for text in recipes(root) for names in ASKED.findall(text)
            for module in names.split()}


def asked_packages(root):
    return {name for text in recipes(root) for name in re.findall(r"find_package\((\w+)", text)}


def installed(root):
    """The packages of the group build."""
    text = (root / "scripts/packages.list").read_text(encoding="utf-8")
    return set(re.findall(r"^build\t(\S+)$", text, re.MULTILINE))


def package_of(module):
    """The Debian package that has its .pc file."""
    folder = pathlib.Path(output("pkg-config", "--variable=pcfiledir", module).strip())
    owner = output("dpkg-query", "-S", str(folder.resolve() / f"{module}.pc"))
    return owner.split(":")[0]


@pytest.mark.parametrize("module", sorted(asked_modules(SOURCE)))
def test_modules_are_installed_for_the_build(module):
    assert package_of(module) in installed(SOURCE)


def test_packages_are_installed_for_the_build():
    assert {PACKAGES[name] for name in asked_packages(SOURCE)} <= installed(SOURCE)


def test_a_module_that_only_tests_install_is_found(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/packages.list").write_text("build\tcmake\ntest\tlibcurl4-openssl-dev\n")
    (tmp_path / "CMakeLists.txt").write_text(
        "pkg_check_modules(LIBCURL REQUIRED IMPORTED_TARGET libcurl)\n")
    assert asked_modules(tmp_path) == {"libcurl"}
    assert package_of("libcurl") not in installed(tmp_path)
