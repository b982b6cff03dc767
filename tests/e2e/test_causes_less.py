# SPDX-License-Identifier: MIT
"""With facts taken away one or several at a time a report becomes less sure, and never false.

All targets of the matrix; each is started once with all facts, of which then some are taken away,
and once for each way to unwind less.
"""

import mmap
import shutil
import struct
import subprocess

import pytest

from lab import COMMAND, Lab, load_report
from test_causes_matrix import TARGETS, UNKNOWN

# How the reporter is started so that it lacks something.  It may not go back to where it came from.
LOCKED_IN = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
WITHOUT = {
    "sock_diag": ["unshare", "--net", "--", *LOCKED_IN],
    "proc": ["unshare", "--mount", "--", "sh", "-c",
             'mount -t tmpfs none /proc && exec "$0" "$@"'],
    "proc and sock_diag": ["unshare", "--mount", "--net", "--", "sh", "-c",
                           'mount -t tmpfs none /proc && exec "$0" "$@"', *LOCKED_IN],
}
UNWIND = ["none", "caller", "fp"]
CONFIDENCE = ["low", "medium", "high"]

# shim/include/cwshim/session.h: the sections' places in the header, and the start of a slot.
SECTION, SECTION_AT, SLOTS = struct.Struct("<QQII"), 24, 9
ROLE_AND_VIA, CREATED = slice(4, 6), slice(16, 28)


def name_of(target):
    return " ".join(target)


def report_by(lab, wrapper, pid):
    path = lab.root / "report.json"
    done = subprocess.run([*wrapper, COMMAND, "report", "--format=json", "--min-age=0",
                           f"--output={path}", f"--session-dir={lab.session_dir}", str(pid)],
                          capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode in (0, 1), done.stderr
    return load_report(path)


def forget_creations(lab):
    """As if the shim had come when the sockets were there already."""
    for path in lab.session_dir.glob("*.cws"):
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as session:
            at, _, size, used = SECTION.unpack_from(session, SECTION_AT + SLOTS * SECTION.size)
            for slot in range(at, at + used * size, size):
                session[slot + ROLE_AND_VIA.start:slot + ROLE_AND_VIA.stop] = bytes(2)
                session[slot + CREATED.start:slot + CREATED.stop] = bytes(12)


# What else is true of a target: an alert that comes too late is answered by a reset.
AS_TRUE = {cause: {"reset-not-closed"} for cause in ("tls-not-closed", "eof-read-not-closed")}


def assert_nothing_false(report, running, what):
    counts = {expect["cause"]: int(expect["count"]) for expect in running.expects}
    true = {*counts, *UNKNOWN}.union(*(AS_TRUE.get(cause, set()) for cause in counts))
    for finding in report["findings"]:
        assert finding["cause"] in true, f"without {what}"
    for cause, count in counts.items():
        named = [f for f in report["findings"] if f["cause"] == cause]
        assert sum(f["count"] for f in named) <= count, f"without {what}"


def surest(report):
    return max((CONFIDENCE.index(f["confidence"]) for f in report["findings"]), default=0)


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_with_facts_taken_away(lab, target):
    assert shutil.which("unshare")
    running = lab.start(*target, at_exit=0).wait_ready()
    sure = surest(report_by(lab, [], running.pid))
    for what, wrapper in WITHOUT.items():
        report = report_by(lab, wrapper, running.pid)
        assert_nothing_false(report, running, what)
        assert surest(report) <= sure, f"surer without {what}"
    forget_creations(lab)
    for what, wrapper in ({"": []} | WITHOUT).items():
        assert_nothing_false(report_by(lab, wrapper, running.pid), running, f"creations {what}")
    assert running.finish() == 0


def labs(root):
    for unwind in UNWIND:
        place = root / unwind
        place.mkdir()
        yield unwind, Lab(place)


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_without_stacks(tmp_path, target):
    started = [(unwind, lab, lab.start(*target, at_exit=0, unwind=unwind))
               for unwind, lab in labs(tmp_path)]
    try:
        for unwind, lab, running in started:
            running.wait_ready()
            for what, wrapper in ({"": []} | (WITHOUT if unwind == "none" else {})).items():
                assert_nothing_false(report_by(lab, wrapper, running.pid), running,
                                     f"stacks (unwind={unwind}) {what}")
            assert running.finish() == 0
    finally:
        for _, lab, _ in started:
            lab.destroy()
