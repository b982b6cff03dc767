# SPDX-License-Identifier: MIT
"""CPython's own tests of sockets, processes, signals and polling: the same outcomes under the shim.

Each module runs bare and under the shim at the same time.  What differs is run again, both ways, for
some of these tests depend on timing: only what differs every time is a difference.  The outcomes are
listed, test by test, in cpython/MODULE.txt below the build directory.
"""
import os
import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
PYTHON = "/usr/bin/python3"
ROUNDS = 3
TIMEOUT_S = 400
# Without a hypervisor's help these wait for ever, also bare.
IGNORED = ["*VSOCK*", "*Vsock*"]
RESOURCES = {"test_socketserver": ["-u", "network"]}  # its network is the loopback
MODULES = ["test_socket", "test_socketserver", "test_asyncio", "test_subprocess",
           "test_multiprocessing_fork", "test_ssl", "test_httpservers", "test_selectors", "test_os",
           "test_posix", "test_signal", "test_threading", "test_epoll", "test_poll", "test_select"]


def start(module, directory, is_shimmed):
    directory.mkdir()
    env = dict(os.environ, TMPDIR=str(directory))
    if is_shimmed:
        env["LD_PRELOAD"] = str(BUILD / "libcwshim.so")
        env["CWSHIM_OPTIONS"] = f"session_dir={directory}/sessions:log_path={directory}/%p.log"
    argv = [PYTHON, "-m", "test", f"--junit-xml={directory}/outcomes.xml",
            f"--tempdir={directory}", *RESOURCES.get(module, [])]
    for pattern in IGNORED:
        argv += ["-i", pattern]
    with open(directory / "output", "wb") as output:
        return subprocess.Popen(argv + [module], env=env, cwd=directory, stdout=output,
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def outcome(case):
    for kind in ("failure", "error", "skipped"):
        if case.find(kind) is not None:
            return kind
    return "passed"


def outcomes(directory):
    """By the test's name; a test with several results (subtests) has them all."""
    path = directory / "outcomes.xml"
    assert path.exists(), (directory / "output").read_text(errors="replace")[-3000:]
    found = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name = case.get("name").split(" ", 1)[0]
        found.setdefault(name, set()).add(outcome(case))
    return {name: "+".join(sorted(kinds)) for name, kinds in found.items()}


def run_both(module, directory):
    directory.mkdir(parents=True)
    running = [start(module, directory / name, name == "shim") for name in ("bare", "shim")]
    try:
        for process in running:
            process.wait(TIMEOUT_S)
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
    return outcomes(directory / "bare"), outcomes(directory / "shim")


def differences(bare, shim):
    return {name: (bare.get(name), shim.get(name)) for name in bare.keys() | shim.keys()
            if bare.get(name) != shim.get(name)}


def write_list(module, bare, shim):
    directory = BUILD / "cpython"
    directory.mkdir(exist_ok=True)
    lines = [f"{name}: {bare.get(name)} {shim.get(name)}\n" for name in sorted(bare | shim)]
    (directory / f"{module}.txt").write_text("test: bare shim\n" + "".join(lines))


@pytest.mark.parametrize("module", MODULES)
def test_outcomes_are_the_same(module, tmp_path):
    differing = None
    for number in range(ROUNDS):
        bare, shim = run_both(module, tmp_path / str(number))
        found = differences(bare, shim)
        differing = found if differing is None else \
            {name: found[name] for name in differing if name in found}
        if not differing:
            break
    write_list(module, bare, shim)
    assert differing == {}
    assert sum(kind == "passed" for kind in shim.values()) > 1
