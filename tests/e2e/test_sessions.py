# SPDX-License-Identifier: MIT
"""Sessions: read while the process lives and after, damaged, missing, listed and cleaned."""

import os
import re
import signal
import stat

import pytest

from lab import BUILD, assert_report

LEAKING = ("eof_not_closed", "--clients=1")


def killed_session(lab):
    """The file of a process that was killed with a leak, and its pid."""
    running = lab.start(*LEAKING).wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    [path] = lab.session_dir.glob(f"{running.pid}-*.cws")
    return path, running


def refused(done):
    """Exit status 3 and exactly one line."""
    assert done.returncode == 3
    assert done.stdout == ""
    assert re.fullmatch(r"cwshim: [^\n]+\n", done.stderr), done.stderr
    return done.stderr


def test_a_session_file_is_reported(lab):
    path, running = killed_session(lab)
    report, status = lab.report(path)
    assert_report(report, running.expects)
    assert status == 1
    [process] = report["processes"]
    assert process["pid"] == running.pid and process["exe"].endswith("/eof_not_closed")


def test_what_the_shim_cannot_ask_is_not_told(lab):
    """It learns the unread bytes at the end, but not whether the end-of-file is among them."""
    running = lab.start("unread_not_closed").wait_ready()
    running.send(signal.SIGTERM)
    running.finish()
    [path] = lab.session_dir.glob(f"{running.pid}-*.cws")
    report, _ = lab.report(path)
    [finding] = report["findings"]
    for socket in finding["sockets"]:
        assert socket["eof"] == "unknown" and socket["eof_consumed"] is None
        assert socket["recv_q"] is None


def test_a_living_process_without_a_session(lab):
    """The one line says where to go on; of one that is not there, nothing can be said."""
    said = refused(lab.cwshim("report", str(os.getpid())))
    assert f"cwshim doctor {os.getpid()} " in said
    said = refused(lab.cwshim("report", "99999999"))
    assert "no session of process 99999999" in said and "doctor" not in said


def test_descriptors_above_a_million(lab):
    """RLIMIT_NOFILE at 2^20, or so it is made to seem: the table is that large, and sparse."""
    running = lab.start("million").wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    [path] = lab.session_dir.glob(f"{running.pid}-*.cws")
    report, _ = lab.report(path)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    [holder] = finding["sockets"][0]["holders"]
    assert 1000000 <= holder["fd"] < 1 << 20 and not finding["confirmed"]
    stats = finding["site_stats"]
    assert (stats["created"], stats["closed"], stats["leaked"]) == (2, 1, 1)
    assert path.stat().st_size > 1 << 26 > 16 * 512 * path.stat().st_blocks


def test_without_arguments_all_sessions_are_reported(lab):
    path, running = killed_session(lab)
    report, _ = lab.report()
    assert_report(report, running.expects)
    assert path.exists()


def test_missing_sessions(lab):
    assert "nowhere.cws" in refused(lab.cwshim("report", lab.root / "nowhere.cws"))
    assert str(os.getpid()) in refused(lab.cwshim("report", os.getpid()))


@pytest.mark.parametrize("size", [0, 1, 8, 100])
def test_a_session_cut_in_its_header(lab, size):
    path, _ = killed_session(lab)
    os.truncate(path, size)
    assert str(path) in refused(lab.cwshim("report", path))


def test_a_session_cut_anywhere_is_said_to_be_damaged(lab):
    """What can still be read is reported; that something is missing is said."""
    path, _ = killed_session(lab)
    size = path.stat().st_size
    for part in range(15, 0, -1):
        os.truncate(path, size * part // 16)
        done = lab.cwshim("report", "--format=json", path)
        assert done.returncode in (0, 1, 3)
        assert "damaged" in done.stderr + done.stdout or "cut" in done.stderr + done.stdout


def test_garbage_is_refused(lab):
    path, _ = killed_session(lab)
    path.write_bytes(bytes(range(256)) * 4096)
    assert str(path) in refused(lab.cwshim("report", path))


def overwrite(path, offset, data):
    """Returns what was there; the file stays sparse."""
    with open(path, "r+b") as file:
        file.seek(offset)
        old = file.read(len(data))
        file.seek(offset)
        file.write(data)
    return old


def test_every_number_of_the_header_may_be_wrong(lab):
    """No crash, no sanitizer's word, always a documented status."""
    path, _ = killed_session(lab)
    for offset in range(0, 1024, 4):
        old = overwrite(path, offset, b"\xff\xff\xff\xff")
        done = lab.cwshim("report", "--format=json", path)
        assert done.returncode in (0, 1, 3), (offset, done)
        assert len(done.stderr.splitlines()) <= 1, (offset, done.stderr)
        overwrite(path, offset, old)


def test_another_version_is_refused(lab):
    path, _ = killed_session(lab)
    overwrite(path, 8, b"\xff\xff\x00\x00")
    assert "version" in refused(lab.cwshim("report", path))


def test_wrong_usage(lab):
    for arguments in (["report", "--no-such-option"], ["report", "-x"], ["no-such-command"], [],
                      ["report", "--output"], ["report", "--format=smoke"], ["run"],
                      ["report", "--s"], ["--no-such-option"]):
        done = lab.cwshim(*arguments, session_dir=False)
        assert done.returncode == 2, arguments
        assert re.fullmatch(r"cwshim: [^\n]+\n", done.stderr), done.stderr
        assert (arguments or ["command"])[-1].split("=")[-1] in done.stderr
        assert done.stdout == ""


def test_list_and_clean(lab):
    path, ended = killed_session(lab)
    living = lab.start(*LEAKING).wait_ready()
    rows = lab.cwshim("list").stdout
    assert re.search(rf"^\s*{ended.pid}\b", rows, re.MULTILINE)
    assert re.search(rf"^\s*{living.pid}\b", rows, re.MULTILINE)
    assert lab.cwshim("clean").returncode == 0
    assert not path.exists()
    assert list(lab.session_dir.glob(f"{living.pid}-*.cws"))
    assert living.finish() == 0


def test_the_session_directory_is_private(lab):
    lab.start(*LEAKING).wait_ready()
    assert stat.S_IMODE(lab.session_dir.stat().st_mode) == 0o700


def test_sessions_of_processes_with_nothing_to_tell_go_away(lab):
    assert lab.start(*LEAKING, "--fixed").wait_ready().finish() == 0
    assert not list(lab.session_dir.glob("*.cws"))


def test_neither_do_forked_children_that_opened_and_closed_leave_one(lab):
    """They have sessions of their own, which the program outlives."""
    running = lab.start_command([BUILD / "bench/forks", "10", "200", "serve"])
    printed = [running.process.stdout.readline().split()[0] for _ in range(2)]
    assert printed == [b"GREW", b"FIGURE"]
    [session] = lab.session_dir.glob("*.cws")
    assert session.name.startswith(f"{running.pid}-")
    report, status = lab.report(running.pid)
    assert status == 0 and not any(process["limits"] for process in report["processes"])
    assert running.finish() == 0
    assert not list(lab.session_dir.glob("*.cws"))
