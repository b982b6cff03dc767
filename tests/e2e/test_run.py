# SPDX-License-Identifier: MIT
"""cwshim run: the process tree, its exit status, and what it leaves behind."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

BUILD = os.environ["CWSHIM_BUILD"]
CWSHIM = os.path.join(BUILD, "cwshim")
FORKSERVER = os.path.join(BUILD, "targets", "forkserver")
DEADLINE = 20


@pytest.fixture
def sessions(tmp_path):
    path = tmp_path / "sessions"
    path.mkdir(mode=0o700)
    return path


def run(sessions, *words, **others):
    """Runs `cwshim run` to its end."""
    return subprocess.run([CWSHIM, "run", f"--session-dir={sessions}", *words], text=True,
                          capture_output=True, timeout=DEADLINE, stdin=subprocess.DEVNULL, **others)


def wait_until(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("script, status", [
    ("exit 7", 7), ("kill -KILL $$", 128 + 9), ("kill -TERM $$", 128 + 15)])
def test_the_status_is_the_commands_own(sessions, script, status):
    done = run(sessions, "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (status, "")
    assert os.listdir(sessions) == []


@pytest.mark.parametrize("program, status", [("/nowhere/x", 127), ("/etc/passwd", 126)])
def test_what_cannot_be_executed_is_one_line(sessions, program, status):
    done = run(sessions, "--", program)
    assert done.returncode == status
    assert re.fullmatch(rf"cwshim: {program}: .*\n", done.stderr)
    assert os.listdir(sessions) == []


def test_a_signal_is_passed_on(sessions, tmp_path):
    with subprocess.Popen([CWSHIM, "run", f"--session-dir={sessions}", "--", FORKSERVER],
                          stdout=subprocess.PIPE, text=True) as process:
        while "READY" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 128 + signal.SIGTERM
    assert os.listdir(sessions) == []


def test_the_command_does_not_get_our_fifo(sessions):
    done = run(sessions, "--", "ls", "-l", "/proc/self/fd")
    assert done.returncode == 0
    assert "notify" not in done.stdout and "signalfd" not in done.stdout


def test_a_descendant_that_lives_on_is_named(sessions, tmp_path):
    """A background server: reported as running, its session kept, and removed when it is gone."""
    fifo, report = tmp_path / "input", tmp_path / "report.json"
    os.mkfifo(fifo)
    keep_open = os.open(fifo, os.O_RDWR)
    script = f'{FORKSERVER} --clients=3 <{fifo} >{tmp_path}/output 2>&1 & echo $!; ' \
             f'until grep -q READY {tmp_path}/output; do sleep 0.05; done'
    done = run(sessions, "--min-age=0", "--format=json", "-o", str(report), "--", "sh", "-c", script)
    pid = int(done.stdout)
    try:
        assert done.returncode == 0
        facts = json.loads(report.read_text())
        assert facts["reason"] == "run" and facts["summary"]["leak"] == 3
        server = [p for p in facts["processes"] if p["pid"] == pid]
        assert len(server) == 1 and server[0]["ended"] is None
        assert facts["findings"][0]["confirmed"]
        assert len(os.listdir(sessions)) == 1
    finally:
        os.close(keep_open)
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid))
    subprocess.run([CWSHIM, "clean", f"--session-dir={sessions}"], check=True, capture_output=True)
    assert os.listdir(sessions) == []


def test_all_descendants_are_waited_for(sessions, tmp_path):
    report = tmp_path / "report.json"
    script = f"({FORKSERVER} --clients=2 </dev/null >/dev/null) & exit 4"
    done = run(sessions, "--wait-all", "--min-age=0", "--format=json", "-o", str(report), "--",
               "sh", "-c", script)
    assert done.returncode == 4
    facts = json.loads(report.read_text())
    assert facts["summary"]["leak"] == 2
    assert all(process["ended"] for process in facts["processes"])
    assert os.listdir(sessions) == []


def test_without_a_finding_only_the_file_asked_for_is_written(sessions, tmp_path):
    report = tmp_path / "report.json"
    clean = ["--min-age=0", "--", FORKSERVER, "--fixed", "--clients=2"]
    done = run(sessions, *clean)
    assert done.returncode == 0 and done.stderr == ""
    done = run(sessions, "--format=json", "-o", str(report), *clean)
    assert done.returncode == 0 and done.stderr == ""
    facts = json.loads(report.read_text())
    assert facts["findings"] == [] and facts["summary"]["leak"] == 0
